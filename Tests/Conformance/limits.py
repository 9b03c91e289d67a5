"""Floods: what the RFC leaves to the server (section 10.5), and what a server must survive."""

import frames
from cases import case
from frames import Code, Kind, Setting
from wire import Closed, Connection, Unmet

SECTION = "9113 10.5"
ENOUGH = 20_000


def ends_or_answers(it: Connection, flood: bytes, times: int) -> None:
    """The connection is ended for it, or is as good as before; the server is there in any case."""
    for _ in range(times):
        it.send(flood)
    try:
        it.answers_ping()
    except Closed:
        pass
    except Unmet as reason:
        if "GOAWAY" not in str(reason):
            raise
    other = Connection(it.target)
    try:
        other.open()
        other.send(frames.headers(1, other.block()))
        other.succeeds(1)
    finally:
        other.close()


@case(SECTION, "a field block without an end is ended by the server")
def endless_block(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False))
    piece = frames.continuation(1, frames.literal("x-more", "a" * 1_000), whole=False)
    for _ in range(2_000):
        it.send(piece)
    it.ends()


@case(SECTION, "a field block of empty CONTINUATION frames is ended by the server")
def empty_continuations(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False))
    it.send(frames.continuation(1, b"", whole=False) * ENOUGH)
    it.ends()


@case(SECTION, "a flood of PING harms nobody")
def pings(it: Connection) -> None:
    ends_or_answers(it, frames.ping() * 1_000, 20)


@case(SECTION, "a flood of SETTINGS harms nobody")
def settings(it: Connection) -> None:
    ends_or_answers(it, frames.settings((Setting.INITIAL_WINDOW_SIZE, 65_535)) * 1_000, 20)


@case(SECTION, "a flood of empty DATA harms nobody")
def empty_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False))
    ends_or_answers(it, frames.data(1, b"") * 1_000, 20)


@case(SECTION, "a flood of streams that are reset at once harms nobody")
def rapid_reset(it: Connection) -> None:
    block = it.block()
    for start in range(1, ENOUGH, 1_000):
        it.send(*(frames.headers(stream, block) + frames.reset(stream)
                  for stream in range(start, start + 1_000, 2)))
    ends_or_answers(it, b"", 1)


@case(SECTION, "a flood of PRIORITY on idle streams harms nobody")
def priorities(it: Connection) -> None:
    for start in range(1, ENOUGH, 2_000):
        it.send(*(frames.priority(stream) for stream in range(start, start + 2_000, 2)))
    ends_or_answers(it, b"", 1)


@case("9113 6.5.2", "a field section larger than the server takes is refused, and it goes on")
def large_section(it: Connection) -> None:
    fields = [(f"x-{number}", "a" * 4_000) for number in range(64)]
    block = it.block("GET", *fields)
    pieces = [block[at:at + 16_000] for at in range(0, len(block), 16_000)]
    it.send(frames.headers(1, pieces[0], whole=False),
            *(frames.continuation(1, piece, whole=piece is pieces[-1]) for piece in pieces[1:]))
    try:
        found = it.until("an end of stream 1", lambda one: one.stream == 1 or
                         one.kind == Kind.GOAWAY)
    except Closed:
        return
    if found.kind == Kind.HEADERS:
        status = dict(it.decode(found)).get(":status", "")
        if status not in ("400", "413", "431"):
            raise Unmet(f"it was answered with {status}")


@case("9113 6.9", "a client that sends beyond the window it was given is ended")
def beyond_window(it: Connection) -> None:
    """More than any server would have granted on its way: 64 MiB without a look at the windows."""
    it.send(frames.headers(1, it.block("POST"), end=False))
    piece = frames.data(1, bytes(16_384))
    window = it.peer.get(4, 65_535)
    if window > 4_000_000:
        return
    it.send(frames.settings())
    burst = piece * (window // 16_384 + 2)
    it.send(burst)
    try:
        it.resets(1, Code.FLOW_CONTROL_ERROR)
    except Unmet as reason:
        # What has been read meanwhile may have been granted again.
        if "WINDOW_UPDATE" not in str(reason):
            raise
