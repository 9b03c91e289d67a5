"""Reads batches of spans by the schema of OpenTelemetry, and prints what it read as JSON.

Whatever the schema does not know is an error. Ids are in hexadecimal in JSON of OTLP, and in base64
in JSON of protobuf: that is all that is changed before.

    read.py FILE...
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = ("traceId", "spanId", "parentSpanId")


def convert(batch: dict) -> dict:
    for resource in batch["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in IDS:
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return batch


def values(attributes) -> dict:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def describe(span, service: str) -> dict:
    if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in (0, 8):
        raise SystemExit(f"an id has another length: {span}")
    return {"service": service, "trace": span.trace_id.hex(), "span": span.span_id.hex(),
            "parent": span.parent_span_id.hex(), "state": span.trace_state, "kind": span.kind,
            "name": span.name, "flags": span.flags, "start": span.start_time_unix_nano,
            "end": span.end_time_unix_nano, "status": span.status.code,
            "attributes": values(span.attributes)}


read = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        request = json_format.ParseDict(convert(json.load(file)), ExportTraceServiceRequest())
    for resource in request.resource_spans:
        service = values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            read += [describe(span, service) for span in scope.spans]
json.dump(read, sys.stdout)
