"""RFC 9113 sections 6 and 7: what each kind of frame must be like."""

import frames
from cases import case
from frames import ACK, END_STREAM, PADDED, WINDOW_MAXIMUM, Code, Kind, Setting
from wire import Connection, Unmet


# Section 6.1: DATA

@case("9113 6.1", "a request body in one DATA frame is received")
def one_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.data(1, b"weir", True))
    it.succeeds(1)


@case("9113 6.1", "a request body in several DATA frames is received")
def several_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.data(1, b"we"),
            frames.data(1, b""), frames.data(1, b"ir"), frames.data(1, b"", True))
    it.succeeds(1)


@case("9113 6.1", "DATA with padding is received")
def padded_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "4")), end=False),
            frames.data(1, b"weir", True, padding=255))
    it.succeeds(1)


@case("9113 6.1", "DATA with padding, of a length that nobody has said, is received")
def padded_data_of_any_length(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.data(1, b"we", padding=0),
            frames.data(1, b"ir", True, padding=16))
    it.succeeds(1)


@case("9113 6.1", "DATA on stream 0 is a connection error")
def data_on_zero(it: Connection) -> None:
    it.send(frames.data(0, b"weir", True))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.1", "DATA on a stream that is not open is a STREAM_CLOSED error")
def data_not_open(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.data(1, b"weir"))
    it.resets(1, Code.STREAM_CLOSED)


@case("9113 6.1", "DATA with padding as long as its payload is a connection error")
def data_overpadded(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.frame(Kind.DATA, END_STREAM | PADDED, 1, b"\x06weir\0"))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.1", "padded DATA without a byte for its padding is a connection error")
def data_without_pad_length(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.frame(Kind.DATA, END_STREAM | PADDED, 1, b""))
    it.ends_with(Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR)


# Section 6.2: HEADERS

@case("9113 6.2", "HEADERS with padding are received")
def padded_headers(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), padding=17))
    it.succeeds(1)


@case("9113 6.2", "HEADERS with padding and priority are received")
def padded_priority_headers(it: Connection) -> None:
    payload = b"\x03" + frames.dependency(0) + it.block() + bytes(3)
    it.send(frames.frame(Kind.HEADERS, 0x2D, 1, payload))
    it.succeeds(1)


@case("9113 6.2", "a frame of another kind after HEADERS without END_HEADERS is a connection error")
def other_kind_after(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False), frames.priority(1))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.2", "HEADERS of another stream after HEADERS without END_HEADERS is an error")
def other_stream_after(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False), frames.headers(3, it.block()))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.2", "HEADERS on stream 0 are a connection error")
def headers_on_zero(it: Connection) -> None:
    it.send(frames.headers(0, it.block()))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.2", "HEADERS with padding longer than their payload are a connection error")
def headers_overpadded(it: Connection) -> None:
    block = it.block()
    it.send(frames.frame(Kind.HEADERS, 0x0D, 1, bytes([min(255, len(block) + 1)]) + block[:100]))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.2", "HEADERS too short for their priority are a connection error")
def headers_too_short(it: Connection) -> None:
    it.send(frames.frame(Kind.HEADERS, 0x25, 1, bytes(3)))
    it.ends_with(Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR)


# Section 6.3: PRIORITY

@case("9113 6.3", "PRIORITY on stream 0 is a connection error")
def priority_on_zero(it: Connection) -> None:
    it.send(frames.priority(0))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.3", "PRIORITY of a length other than 5 is a FRAME_SIZE_ERROR")
def priority_length(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.frame(Kind.PRIORITY, 0, 1, bytes(4)))
    it.resets(1, Code.FRAME_SIZE_ERROR)


@case("9113 6.3", "PRIORITY of any weight, on other streams and exclusive, is received")
def priorities(it: Connection) -> None:
    it.send(frames.priority(1, weight=1), frames.priority(1, weight=256),
            frames.priority(3, on=1), frames.priority(5, on=1, exclusive=True))
    it.answers_ping()


# Section 6.4: RST_STREAM

@case("9113 6.4", "RST_STREAM ends a stream, and the connection goes on")
def reset_ends(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.reset(1),
            frames.headers(3, it.block()))
    it.succeeds(3)


@case("9113 6.4", "RST_STREAM on stream 0 is a connection error")
def reset_on_zero(it: Connection) -> None:
    it.send(frames.reset(0))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.4", "RST_STREAM on an idle stream is a connection error")
def reset_on_idle(it: Connection) -> None:
    it.send(frames.reset(5))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.4", "RST_STREAM of a length other than 4 is a connection error")
def reset_length(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.frame(Kind.RST_STREAM, 0, 1, bytes(3)))
    it.ends_with(Code.FRAME_SIZE_ERROR)


# Section 6.5: SETTINGS

@case("9113 6.5", "SETTINGS are acknowledged")
def settings_acknowledged(it: Connection) -> None:
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 100_000)))
    it.until("SETTINGS with ACK", lambda found: found.kind == Kind.SETTINGS and found.has(ACK))


@case("9113 6.5", "SETTINGS with ACK and a payload are a connection error")
def ack_with_payload(it: Connection) -> None:
    it.send(frames.settings((Setting.ENABLE_PUSH, 0), flags=ACK))
    it.ends_with(Code.FRAME_SIZE_ERROR)


@case("9113 6.5", "SETTINGS on a stream other than 0 are a connection error")
def settings_on_stream(it: Connection) -> None:
    it.send(frames.frame(Kind.SETTINGS, 0, 1, b"\0\3\0\0\0\x64"))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.5", "SETTINGS of a length that is no multiple of 6 are a connection error")
def settings_length(it: Connection) -> None:
    it.send(frames.frame(Kind.SETTINGS, 0, 0, bytes(3)))
    it.ends_with(Code.FRAME_SIZE_ERROR)


@case("9113 6.5.2", "SETTINGS_ENABLE_PUSH other than 0 and 1 is a connection error")
def push_value(it: Connection) -> None:
    it.send(frames.settings((Setting.ENABLE_PUSH, 2)))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE beyond 2^31-1 is a connection error")
def window_value(it: Connection) -> None:
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 2**31)))
    it.ends_with(Code.FLOW_CONTROL_ERROR)


@case("9113 6.5.2", "SETTINGS_MAX_FRAME_SIZE below 2^14 is a connection error")
def frame_size_below(it: Connection) -> None:
    it.send(frames.settings((Setting.MAX_FRAME_SIZE, 2**14 - 1)))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.5.2", "SETTINGS_MAX_FRAME_SIZE beyond 2^24-1 is a connection error")
def frame_size_above(it: Connection) -> None:
    it.send(frames.settings((Setting.MAX_FRAME_SIZE, 2**24)))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.5.2", "an unknown setting is ignored")
def unknown_setting(it: Connection) -> None:
    it.send(frames.settings((0xFF, 1)))
    it.answers_ping()


@case("9113 6.5.3", "of several values of one setting the last one counts")
def last_value(it: Connection) -> None:
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 100), (Setting.INITIAL_WINDOW_SIZE, 1)),
            frames.headers(1, it.block()))
    it.sends_only(1, 1)


@case("9113 6.5.3", "each SETTINGS frame is acknowledged at once")
def each_acknowledged(it: Connection) -> None:
    it.send(frames.settings(), frames.settings(), frames.settings())
    for _ in range(3):
        it.until("SETTINGS with ACK", lambda found: found.kind == Kind.SETTINGS and found.has(ACK))


# Section 6.7: PING

@case("9113 6.7", "a PING is answered with the same bytes")
def ping(it: Connection) -> None:
    it.send(frames.ping(b"weirweir"))
    found = it.until("PING", lambda found: found.kind == Kind.PING)
    if not found.has(ACK) or found.payload != b"weirweir":
        raise Unmet(f"PING was answered with {found.payload!r}, flags {found.flags}")


@case("9113 6.7", "a PING with ACK is not answered")
def ping_ack(it: Connection) -> None:
    it.send(frames.ping(b"unasked!", flags=ACK), frames.ping(b"weirweir"))
    found = it.until("PING", lambda found: found.kind == Kind.PING)
    if found.payload != b"weirweir":
        raise Unmet("a PING with ACK was answered")


@case("9113 6.7", "a PING on a stream other than 0 is a connection error")
def ping_on_stream(it: Connection) -> None:
    it.send(frames.frame(Kind.PING, 0, 1, bytes(8)))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.7", "a PING of a length other than 8 is a connection error")
def ping_length(it: Connection) -> None:
    it.send(frames.frame(Kind.PING, 0, 0, bytes(6)))
    it.ends_with(Code.FRAME_SIZE_ERROR)


# Section 6.8: GOAWAY

@case("9113 6.8", "GOAWAY on a stream other than 0 is a connection error")
def goaway_on_stream(it: Connection) -> None:
    it.send(frames.frame(Kind.GOAWAY, 0, 1, bytes(8)))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.8", "after GOAWAY from the client its streams are served to the end")
def goaway_from_client(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.goaway(debug=b"good bye"))
    it.succeeds(1)


@case("9113 6.8", "GOAWAY too short for its fields is a connection error")
def goaway_length(it: Connection) -> None:
    it.send(frames.frame(Kind.GOAWAY, 0, 0, bytes(7)))
    it.ends_with(Code.FRAME_SIZE_ERROR)


# Section 6.9: WINDOW_UPDATE

@case("9113 6.9", "WINDOW_UPDATE for the connection and for a stream is received")
def window(it: Connection) -> None:
    it.send(frames.window_update(0, 1), frames.headers(1, it.block()), frames.window_update(1, 1))
    it.succeeds(1)


@case("9113 6.9", "WINDOW_UPDATE by 0 for the connection is a connection error")
def window_by_zero(it: Connection) -> None:
    it.send(frames.window_update(0, 0))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.9", "WINDOW_UPDATE by 0 for a stream is a stream error")
def stream_window_by_zero(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.window_update(1, 0))
    it.resets(1, Code.PROTOCOL_ERROR)


@case("9113 6.9", "WINDOW_UPDATE of a length other than 4 is a connection error")
def window_length(it: Connection) -> None:
    it.send(frames.frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3)))
    it.ends_with(Code.FRAME_SIZE_ERROR)


@case("9113 6.9.1", "no more DATA is sent than the window of the stream allows")
def within_window(it: Connection) -> None:
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 1)), frames.headers(1, it.block()))
    it.sends_only(1, 1)


@case("9113 6.9.1", "a window of the connection beyond 2^31-1 is a connection error")
def window_overflow(it: Connection) -> None:
    it.send(frames.window_update(0, WINDOW_MAXIMUM), frames.window_update(0, WINDOW_MAXIMUM))
    it.ends_with(Code.FLOW_CONTROL_ERROR)


@case("9113 6.9.1", "a window of a stream beyond 2^31-1 is a stream error")
def stream_window_overflow(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.window_update(1, WINDOW_MAXIMUM), frames.window_update(1, WINDOW_MAXIMUM))
    it.resets(1, Code.FLOW_CONTROL_ERROR)


@case("9113 6.9.2", "a change of SETTINGS_INITIAL_WINDOW_SIZE moves the window of open streams")
def moved_window(it: Connection) -> None:
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 0)), frames.headers(1, it.block()))
    it.answers_ping()
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 1)))
    it.sends_only(1, 1)


@case("9113 6.9.2", "a window that became negative is waited out")
def negative_window(it: Connection) -> None:
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 3)), frames.headers(1, it.block()))
    it.sends_only(1, 3)
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 2)), frames.window_update(1, 2))
    it.sends_only(1, 1)


@case("9113 6.9.2", "a change that takes the window of a stream beyond 2^31-1 is an error")
def moved_beyond(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "4")), end=False),
            frames.window_update(1, WINDOW_MAXIMUM - 65_535))
    it.answers_ping()
    it.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, WINDOW_MAXIMUM)))
    # A connection error by the letter; servers at large end the stream alone, which harms nobody.
    it.resets(1, Code.FLOW_CONTROL_ERROR)


# Section 6.10: CONTINUATION

@case("9113 6.10", "several CONTINUATION frames are received")
def continuations(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False),
            frames.continuation(1, frames.literal("x-one", "1"), whole=False),
            frames.continuation(1, b"", whole=False),
            frames.continuation(1, frames.literal("x-two", "2")))
    it.succeeds(1)


@case("9113 6.10", "a frame of another kind between CONTINUATION frames is a connection error")
def broken_continuation(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False),
            frames.continuation(1, frames.literal("x-one", "1"), whole=False),
            frames.data(1, b"weir", True))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.10", "CONTINUATION on stream 0 is a connection error")
def continuation_on_zero(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False),
            frames.continuation(0, frames.literal("x-one", "1")))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.10", "CONTINUATION of another stream is a connection error")
def continuation_elsewhere(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False),
            frames.continuation(3, frames.literal("x-one", "1")))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.10", "CONTINUATION after HEADERS with END_HEADERS is a connection error")
def continuation_after_end(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.continuation(1, frames.literal("x-one", "1")))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.10", "CONTINUATION after CONTINUATION with END_HEADERS is a connection error")
def continuation_after_last(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False, whole=False),
            frames.continuation(1, frames.literal("x-one", "1")),
            frames.continuation(1, frames.literal("x-two", "2")))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 6.10", "CONTINUATION after DATA is a connection error")
def continuation_after_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.data(1, b"weir"),
            frames.continuation(1, frames.literal("x-one", "1")))
    it.ends_with(Code.PROTOCOL_ERROR)


# Section 7

@case("9113 7", "GOAWAY with an unknown error code is received")
def unknown_goaway(it: Connection) -> None:
    it.send(frames.headers(1, it.block()), frames.goaway(code=0xFF))
    it.succeeds(1)


@case("9113 7", "RST_STREAM with an unknown error code is received")
def unknown_reset(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.reset(1, 0xFF))
    it.answers_ping()


# Section 8.4: PUSH_PROMISE

@case("9113 8.4", "PUSH_PROMISE from a client is a connection error")
def push_promise(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.frame(Kind.PUSH_PROMISE, 0x4, 1, b"\0\0\0\3" + it.block()))
    it.ends_with(Code.PROTOCOL_ERROR)
