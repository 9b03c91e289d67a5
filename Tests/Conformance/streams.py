"""RFC 9113 section 5: the states of streams, their identifiers, and errors."""

import frames
from cases import case
from frames import Code, Kind
from wire import Connection, Unmet


# Section 5.1: idle

@case("9113 5.1", "idle: DATA is a connection error")
def idle_data(it: Connection) -> None:
    it.send(frames.data(1, b"weir", True))
    it.ends_with(Code.PROTOCOL_ERROR, Code.STREAM_CLOSED)


@case("9113 5.1", "idle: RST_STREAM is a connection error")
def idle_reset(it: Connection) -> None:
    it.send(frames.reset(1))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 5.1", "idle: WINDOW_UPDATE is a connection error")
def idle_window(it: Connection) -> None:
    it.send(frames.window_update(1, 100))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 5.1", "idle: CONTINUATION is a connection error")
def idle_continuation(it: Connection) -> None:
    it.send(frames.continuation(1, it.block()))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 5.1", "idle: PRIORITY is ignored")
def idle_priority(it: Connection) -> None:
    it.send(frames.priority(1), frames.headers(1, it.block()))
    it.succeeds(1)


# Section 5.1: half-closed (remote)

@case("9113 5.1", "half-closed (remote): DATA is a STREAM_CLOSED error")
def half_closed_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.data(1, b"weir", True))
    it.resets(1, Code.STREAM_CLOSED)


@case("9113 5.1", "half-closed (remote): HEADERS is a STREAM_CLOSED error")
def half_closed_headers(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.headers(1, it.block()))
    it.resets(1, Code.STREAM_CLOSED)


@case("9113 5.1", "half-closed (remote): CONTINUATION is a connection error")
def half_closed_continuation(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.continuation(1, it.block()))
    it.resets(1, Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)


@case("9113 5.1", "half-closed (remote): WINDOW_UPDATE is received")
def half_closed_window(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.window_update(1, 1))
    it.succeeds(1)


@case("9113 5.1", "half-closed (remote): PRIORITY is received")
def half_closed_priority(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.priority(1))
    it.succeeds(1)


@case("9113 5.1", "half-closed (remote): RST_STREAM is received, and the connection goes on")
def half_closed_reset(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.reset(1))
    it.answers_ping()


# Section 5.1: closed

@case("9113 5.1", "closed by RST_STREAM: DATA is a STREAM_CLOSED error")
def reset_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.reset(1))
    it.send(frames.data(1, b"weir", True))
    it.resets(1, Code.STREAM_CLOSED)


@case("9113 5.1", "closed by RST_STREAM: HEADERS is a STREAM_CLOSED error")
def reset_headers(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.reset(1))
    it.send(frames.headers(1, it.block()))
    it.resets(1, Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)


@case("9113 5.1", "closed by RST_STREAM: CONTINUATION is a connection error")
def reset_continuation(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.reset(1))
    it.send(frames.continuation(1, it.block()))
    it.resets(1, Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)


@case("9113 5.1", "closed by END_STREAM: DATA is a STREAM_CLOSED error")
def closed_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    it.succeeds(1)
    it.send(frames.data(1, b"weir", True))
    it.resets(1, Code.STREAM_CLOSED)


@case("9113 5.1", "closed by END_STREAM: HEADERS is a connection error")
def closed_headers(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    it.succeeds(1)
    it.send(frames.headers(1, it.block()))
    it.ends_with(Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)


@case("9113 5.1", "closed by END_STREAM: CONTINUATION is a connection error")
def closed_continuation(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    it.succeeds(1)
    it.send(frames.continuation(1, it.block()))
    it.ends_with(Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)


@case("9113 5.1", "closed: PRIORITY is ignored")
def closed_priority(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    it.succeeds(1)
    it.send(frames.priority(1))
    it.answers_ping()


@case("9113 5.1", "closed: WINDOW_UPDATE and RST_STREAM that were on their way are ignored")
def closed_window(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    it.succeeds(1)
    it.send(frames.window_update(1, 100), frames.reset(1))
    it.answers_ping()


# Section 5.1.1

@case("9113 5.1.1", "an even stream identifier is a connection error")
def even_stream(it: Connection) -> None:
    it.send(frames.headers(2, it.block()))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 5.1.1", "a stream identifier smaller than one before it is a connection error")
def smaller_stream(it: Connection) -> None:
    it.send(frames.headers(5, it.block()))
    it.succeeds(5)
    it.send(frames.headers(3, it.block()))
    it.ends_with(Code.PROTOCOL_ERROR, Code.STREAM_CLOSED)


@case("9113 5.1.1", "the largest stream identifier is served")
def largest_stream(it: Connection) -> None:
    it.send(frames.headers(2**31 - 1, it.block()))
    it.succeeds(2**31 - 1)


# Section 5.1.2

@case("9113 5.1.2", "a stream beyond SETTINGS_MAX_CONCURRENT_STREAMS is refused")
def too_many_streams(it: Connection) -> None:
    limit = it.peer.get(3)
    if limit is None or limit > 10_000:
        return
    block = it.block("POST", ("content-length", "4"))
    for number in range(limit):
        it.send(frames.headers(1 + 2 * number, block, end=False))
    one_more = 1 + 2 * limit
    it.send(frames.headers(one_more, block, end=False))
    it.resets(one_more, Code.PROTOCOL_ERROR, Code.REFUSED_STREAM)


@case("9113 5.1.2", "a stream that ends makes room for another")
def room_again(it: Connection) -> None:
    limit = min(it.peer.get(3, 100), 200)
    for number in range(limit + 5):
        it.send(frames.headers(1 + 2 * number, it.block("HEAD")))
        it.succeeds(1 + 2 * number)


# Section 5.3 (priorities of RFC 7540; RFC 9113 section 5.3.2 has them parsed still)

@case("9113 5.3.2", "HEADERS with the priority of RFC 7540 are served, and so are PRIORITY frames")
def old_priority(it: Connection) -> None:
    it.send(frames.priority(1, weight=256), frames.priority(5, on=1, exclusive=True))
    it.send(frames.headers(1, it.block(), priority=frames.dependency(0, 1)),
            frames.headers(3, it.block(), priority=frames.dependency(1, 256, True)))
    it.succeeds(1)


@case("9113 5.3.2", "a PRIORITY frame on a large idle stream does not close smaller ones")
def priority_far_away(it: Connection) -> None:
    it.send(frames.priority(9, on=0), frames.headers(3, it.block()))
    it.succeeds(3)


@case("7540 5.3.1", "HEADERS that depend on their own stream are a PROTOCOL_ERROR")
def headers_on_itself(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), priority=frames.dependency(1)))
    it.resets(1, Code.PROTOCOL_ERROR)


@case("7540 5.3.1", "PRIORITY that depends on its own stream is a PROTOCOL_ERROR")
def priority_on_itself(it: Connection) -> None:
    it.send(frames.priority(1, on=1))
    it.resets(1, Code.PROTOCOL_ERROR)


# Section 5.4

@case("9113 5.4.1", "a connection error is told with GOAWAY that names the last stream")
def tells_goaway(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    it.succeeds(1)
    it.send(frames.frame(Kind.PING, 0, 0, bytes(6)))
    found = it.until("GOAWAY", lambda one: one.kind == Kind.GOAWAY)
    last = int.from_bytes(found.payload[:4], "big")
    if last != 1:
        raise Unmet(f"GOAWAY names stream {last} as the last one, not 1")


@case("9113 5.4.1", "after a connection error the connection is closed")
def closes_after_error(it: Connection) -> None:
    it.send(frames.frame(Kind.PING, 0, 0, bytes(6)))
    it.ends()


@case("9113 5.4.2", "a stream error leaves other streams alone")
def stream_error_is_local(it: Connection) -> None:
    it.send(frames.headers(1, it.block("GET", ("Upper-Case", "1"))), frames.headers(3, it.block()))
    it.resets(1, Code.PROTOCOL_ERROR)
    if not it.is_closed:
        it.succeeds(3)


# Section 5.5

@case("9113 5.5", "an unknown frame on a stream is ignored")
def unknown_on_stream(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.frame(0x17, 0xFF, 1, bytes(9)),
            frames.data(1, b"weir", True))
    it.succeeds(1)


@case("9113 5.5", "an unknown frame inside of a field block is a connection error")
def unknown_inside(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False), frames.frame(0x16, 0, 0, bytes(4)))
    it.ends_with(Code.PROTOCOL_ERROR)
