"""HTTP/2 frames as bytes (RFC 9113 section 4.1), right ones and wrong ones alike."""

import struct
from dataclasses import dataclass
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW_MAXIMUM = 2**31 - 1
FRAME_BYTES = 2**14


class Kind(IntEnum):
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Code(IntEnum):
    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8


ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    def has(self, flag: int) -> bool:
        return bool(self.flags & flag)

    def __str__(self) -> str:
        kind = Kind(self.kind).name if self.kind in Kind._value2member_map_ else f"type {self.kind}"
        text = f"{kind} on stream {self.stream}"
        if self.kind == Kind.RST_STREAM:
            text += f" with {code_name(self.payload[:4])}"
        if self.kind == Kind.GOAWAY:
            text += f" with {code_name(self.payload[4:8])}"
        return text


def code_name(payload: bytes) -> str:
    number = int.from_bytes(payload, "big")
    return Code(number).name if number in Code._value2member_map_ else f"code {number}"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", length: int | None = None,
          ) -> bytes:
    """`length`, if given, is what the frame says of itself, whatever the payload."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def data(stream: int, payload: bytes = b"", end: bool = False, padding: int | None = None) -> bytes:
    flags = END_STREAM if end else 0
    if padding is not None:
        flags |= PADDED
        payload = bytes([padding]) + payload + bytes(padding)
    return frame(Kind.DATA, flags, stream, payload)


def headers(stream: int, block: bytes, *, end: bool = True, whole: bool = True,
            padding: int | None = None, priority: bytes = b"") -> bytes:
    flags = (END_STREAM if end else 0) | (END_HEADERS if whole else 0)
    payload = priority + block
    if priority:
        flags |= PRIORITY_FLAG
    if padding is not None:
        flags |= PADDED
        payload = bytes([padding]) + payload + bytes(padding)
    return frame(Kind.HEADERS, flags, stream, payload)


def continuation(stream: int, block: bytes, whole: bool = True) -> bytes:
    return frame(Kind.CONTINUATION, END_HEADERS if whole else 0, stream, block)


def dependency(stream: int, weight: int = 16, exclusive: bool = False) -> bytes:
    """The five bytes of a priority; the weight as people count it, from 1 to 256."""
    return struct.pack(">IB", stream | (exclusive << 31), weight - 1)


def priority(stream: int, on: int = 0, weight: int = 16, exclusive: bool = False) -> bytes:
    return frame(Kind.PRIORITY, 0, stream, dependency(on, weight, exclusive))


def reset(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(*pairs: tuple[int, int], flags: int = 0) -> bytes:
    payload = b"".join(struct.pack(">HI", name, value) for name, value in pairs)
    return frame(Kind.SETTINGS, flags, 0, payload)


def ping(payload: bytes = bytes(8), flags: int = 0) -> bytes:
    return frame(Kind.PING, flags, 0, payload)


def goaway(last: int = 0, code: int = 0, debug: bytes = b"") -> bytes:
    return frame(Kind.GOAWAY, 0, 0, struct.pack(">II", last, code) + debug)


def window_update(stream: int, increment: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


# Field blocks (RFC 7541). Literals without indexing leave no trace in either table.

def integer(value: int, bits: int, first: int = 0) -> bytes:
    """RFC 7541 section 5.1, with the other bits of the first byte in `first`."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def text(value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return integer(len(raw), 7) + raw


def literal(name: str | bytes, value: str | bytes) -> bytes:
    return b"\x00" + text(name) + text(value)


def block(fields: list[tuple[str | bytes, str | bytes]]) -> bytes:
    return b"".join(literal(name, value) for name, value in fields)
