-- wrk's request and its report. Arguments: method, bytes of the request body, and the mode: "close"
-- for one request per connection, "pipeline" for eight requests at once.
function init(args)
    wrk.method = args[1] or "GET"
    local bytes = tonumber(args[2] or "0")
    if bytes > 0 then wrk.body = string.rep("x", bytes) end
    if args[3] == "close" then wrk.headers["Connection"] = "close" end
    if args[3] == "pipeline" then
        local requests = string.rep(wrk.format(), 8)
        request = function() return requests end
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'REPORT {"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"errors":%d}\n',
        summary.requests, summary.duration, summary.bytes,
        latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
