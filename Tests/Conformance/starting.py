"""RFC 9113 sections 3 and 4: how a connection starts, and how frames are framed."""

import frames
from cases import case
from frames import FRAME_BYTES, PREFACE, Code, Kind
from wire import Connection, Unmet


@case("9113 3.4", "a client preface and SETTINGS are answered with SETTINGS and an ACK")
def preface(it: Connection) -> None:
    it.answers_ping()


@case("9113 3.4", "the server's first frame is SETTINGS, before anything is asked", is_bare=True)
def first_frame(it: Connection) -> None:
    it.send(PREFACE, frames.settings())
    found = it.next("SETTINGS")
    if found.kind != Kind.SETTINGS or found.has(frames.ACK) or found.stream != 0:
        raise Unmet(f"came {found}")


@case("9113 3.4", "an invalid preface ends the connection", is_bare=True)
def invalid_preface(it: Connection) -> None:
    it.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", frames.settings())
    ends_somehow(it)


@case("9113 3.4", "a preface that is not followed by SETTINGS is a connection error", is_bare=True)
def no_settings(it: Connection) -> None:
    it.send(PREFACE, frames.ping())
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 3.4", "requests that follow the preface at once are served", is_bare=True)
def eager(it: Connection) -> None:
    it.send(PREFACE, frames.settings(), frames.headers(1, it.block()))
    it.succeeds(1)


@case("9113 3.4", "a preface that comes byte by byte is understood", is_bare=True)
def piecemeal(it: Connection) -> None:
    for byte in PREFACE + frames.settings() + frames.headers(1, it.block()):
        it.send(bytes([byte]))
    it.succeeds(1)


def ends_somehow(it: Connection) -> None:
    """Anything may be said, an HTTP/1.1 error too, as long as the connection ends."""
    it.socket.settimeout(it.target.seconds)
    try:
        while it.socket.recv(65_536):
            pass
    except TimeoutError:
        raise Unmet("the connection was not closed") from None
    except OSError:
        pass


@case("9113 4.1", "a frame of an unknown type is ignored")
def unknown_type(it: Connection) -> None:
    it.send(frames.frame(0x16, 0, 0, bytes(8)))
    it.answers_ping()


@case("9113 4.1", "undefined flags are ignored")
def undefined_flags(it: Connection) -> None:
    payload = b"weirweir"
    it.send(frames.ping(payload, flags=0x16))
    it.until("PING with ACK", lambda found: found.kind == Kind.PING and found.payload == payload)


@case("9113 4.1", "the reserved bit of the stream identifier is ignored")
def reserved_bit(it: Connection) -> None:
    payload = b"weirweir"
    it.send(frames.frame(Kind.PING, 0, 0x8000_0000, payload))
    it.until("PING with ACK", lambda found: found.kind == Kind.PING and found.payload == payload)


@case("9113 4.1", "the reserved bit of the stream identifier of HEADERS is ignored")
def reserved_bit_of_headers(it: Connection) -> None:
    block = it.block()
    it.send(frames.frame(Kind.HEADERS, 0x5, 0x8000_0001, block))
    it.succeeds(1)


@case("9113 4.2", "a DATA frame of 2^14 bytes is received")
def largest_data(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.data(1, bytes(FRAME_BYTES), True))
    it.succeeds(1)


@case("9113 4.2", "a DATA frame larger than SETTINGS_MAX_FRAME_SIZE is a FRAME_SIZE_ERROR")
def too_large_data(it: Connection) -> None:
    size = it.peer.get(5, FRAME_BYTES)
    it.send(frames.headers(1, it.block("POST"), end=False), frames.data(1, bytes(size + 1), True))
    it.resets(1, Code.FRAME_SIZE_ERROR)


@case("9113 4.2", "a HEADERS frame larger than SETTINGS_MAX_FRAME_SIZE is a connection error")
def too_large_headers(it: Connection) -> None:
    size = it.peer.get(5, FRAME_BYTES)
    it.send(frames.headers(1, it.block("GET", ("x-large", "a" * (size + 1)))))
    it.ends_with(Code.FRAME_SIZE_ERROR)


@case("9113 4.2", "a SETTINGS frame larger than SETTINGS_MAX_FRAME_SIZE is a connection error")
def too_large_settings(it: Connection) -> None:
    size = it.peer.get(5, FRAME_BYTES)
    count = size // 6 + 1
    it.send(frames.settings(*[(0xFAFA, 0)] * count))
    it.ends_with(Code.FRAME_SIZE_ERROR)


@case("9113 4.3", "a field block that cannot be decoded is a COMPRESSION_ERROR")
def invalid_block(it: Connection) -> None:
    it.send(frames.headers(1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
    it.ends_with(Code.COMPRESSION_ERROR)


@case("9113 4.3", "a PRIORITY frame inside of a field block is a connection error")
def priority_inside(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False), frames.priority(1),
            frames.continuation(1, frames.literal("x-more", "1")))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 4.3", "HEADERS of another stream inside of a field block is a connection error")
def other_stream_inside(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False), frames.headers(3, it.block()))
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 4.3", "a PING inside of a field block is a connection error")
def ping_inside(it: Connection) -> None:
    it.send(frames.headers(1, it.block(), whole=False), frames.ping())
    it.ends_with(Code.PROTOCOL_ERROR)


@case("9113 4.3", "a field block that is cut at any byte into CONTINUATION frames is one block")
def block_in_pieces(it: Connection) -> None:
    block = it.block()
    pieces = [block[at:at + 16] for at in range(0, len(block), 16)]
    last = len(pieces) - 1
    it.send(frames.headers(1, pieces[0], whole=False),
            *(frames.continuation(1, piece, whole=at == last)
              for at, piece in enumerate(pieces) if at > 0))
    it.succeeds(1)


