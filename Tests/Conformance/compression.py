"""RFC 7541: the compression of fields."""

import frames
from cases import case
from frames import Code, integer, text
from wire import Connection

METHOD_GET, SCHEME_HTTP, SCHEME_HTTPS, PATH_ROOT = 2, 6, 7, 4
DYNAMIC = 62
AGENT = 58



def huffman(value: str) -> bytes:
    """By way of the library, whose encoder is of no concern to what is tested here."""
    from hpack.huffman import HuffmanEncoder
    from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
    raw = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(value.encode())
    return integer(len(raw), 7, 0x80) + raw


def served(it: Connection, extra: bytes, front: bytes = b"") -> None:
    it.send(frames.headers(1, front + it.block() + extra))
    it.succeeds(1)


def broken(it: Connection, extra: bytes, front: bytes = b"") -> None:
    it.send(frames.headers(1, front + it.block() + extra))
    it.ends_with(Code.COMPRESSION_ERROR)


# Section 2.3.3: index addresses

@case("7541 2.3.3", "an index beyond both tables is a COMPRESSION_ERROR")
def index_beyond(it: Connection) -> None:
    broken(it, integer(DYNAMIC + 8, 7, 0x80))


@case("7541 2.3.3", "a literal whose name has an index beyond both tables is a COMPRESSION_ERROR")
def name_beyond(it: Connection) -> None:
    broken(it, integer(DYNAMIC + 8, 4) + text("weir"))


@case("7541 2.3.2", "an entry that was inserted is found again by its index")
def inserted(it: Connection) -> None:
    insert = b"\x40" + text("x-inserted") + text("1")
    it.send(frames.headers(1, it.block() + insert))
    it.succeeds(1)
    it.send(frames.headers(3, it.block() + integer(DYNAMIC, 7, 0x80)))
    it.succeeds(3)


@case("7541 2.3.2", "the table of a connection is kept though a request in between is refused")
def kept(it: Connection) -> None:
    it.send(frames.headers(1, it.block("GET", ("X-Upper", "1")) + b"\x40" + text("x-kept")
                           + text("1")))
    it.resets(1, Code.PROTOCOL_ERROR)
    if not it.is_closed:
        it.send(frames.headers(3, it.block() + integer(DYNAMIC, 7, 0x80)))
        it.succeeds(3)


# Section 4.2: the size of the dynamic table

@case("7541 4.2", "an update of the table size behind a field is a COMPRESSION_ERROR")
def late_update(it: Connection) -> None:
    broken(it, integer(0, 5, 0x20))


@case("7541 4.2", "an update of the table size at the front of a block is received")
def update(it: Connection) -> None:
    served(it, b"", front=integer(0, 5, 0x20))


@case("7541 4.2", "two updates of the table size at the front of a block are received")
def two_updates(it: Connection) -> None:
    served(it, b"", front=integer(0, 5, 0x20) + integer(1_024, 5, 0x20))


# Section 5.1 and 5.2: integers and strings

@case("7541 5.1", "an integer that does not end is a COMPRESSION_ERROR")
def endless_integer(it: Connection) -> None:
    broken(it, b"\xff" + b"\x80" * 20)


@case("7541 5.1", "an integer that is larger than any table is a COMPRESSION_ERROR")
def huge_integer(it: Connection) -> None:
    broken(it, b"\xff" + b"\xff" * 9 + b"\x7f")


@case("7541 5.2", "a string that is longer than its block is a COMPRESSION_ERROR")
def long_string(it: Connection) -> None:
    broken(it, b"\x00" + text("x-long") + integer(100, 7) + b"weir")


@case("7541 5.2", "Huffman padding of more than 7 bits is a COMPRESSION_ERROR")
def long_padding(it: Connection) -> None:
    broken(it, b"\x00" + text("x-weir") + padded_huffman(b"\xff"))


@case("7541 5.2", "Huffman padding with zeros is a COMPRESSION_ERROR")
def zero_padding(it: Connection) -> None:
    # `a` is 00011; three zeros follow, where three ones must.
    broken(it, b"\x00" + text("x-weir") + integer(1, 7, 0x80) + bytes([0b00011000]))


@case("7541 5.2", "a Huffman string with EOS in it is a COMPRESSION_ERROR")
def end_of_string(it: Connection) -> None:
    broken(it, b"\x00" + text("x-weir") + integer(4, 7, 0x80) + b"\xff\xff\xff\xff")


def padded_huffman(more: bytes) -> bytes:
    """`a` with its three ones, and then more of them."""
    raw = bytes([0b00011111]) + more
    return integer(len(raw), 7, 0x80) + raw


# Section 6: representations

@case("7541 6.1", "an indexed field of the static table is received")
def indexed(it: Connection) -> None:
    scheme = SCHEME_HTTPS if it.target.tls else SCHEME_HTTP
    it.send(frames.headers(1, bytes([0x80 | METHOD_GET, 0x80 | scheme]) + frames.block(
        [(":path", it.target.path), (":authority", it.target.name)])))
    it.succeeds(1)


@case("7541 6.1", "index 0 is a COMPRESSION_ERROR")
def index_zero(it: Connection) -> None:
    broken(it, b"\x80")


FORMS = [("6.2.1", "with incremental indexing", 6, 0x40), ("6.2.2", "without indexing", 4, 0x00),
         ("6.2.3", "never indexed", 4, 0x10)]


def register(section: str, form: str, bits: int, first: int) -> None:
    @case(f"7541 {section}", f"a literal {form} with an indexed name is received")
    def name(it: Connection) -> None:
        served(it, integer(AGENT, bits, first) + text("weir"))

    @case(f"7541 {section}", f"a literal {form} with an indexed name, in Huffman code, is received")
    def name_huffman(it: Connection) -> None:
        served(it, integer(AGENT, bits, first) + huffman("weir"))

    @case(f"7541 {section}", f"a literal {form} with a new name is received")
    def new(it: Connection) -> None:
        served(it, bytes([first]) + text("x-new") + text("weir"))

    @case(f"7541 {section}", f"a literal {form} with a new name, in Huffman code, is received")
    def new_huffman(it: Connection) -> None:
        served(it, bytes([first]) + huffman("x-new") + huffman("weir"))


for row in FORMS:
    register(*row)


@case("7541 6.3", "an update beyond SETTINGS_HEADER_TABLE_SIZE is a COMPRESSION_ERROR")
def large_update(it: Connection) -> None:
    limit = it.peer.get(1, 4_096)
    broken(it, b"", front=integer(limit + 1, 5, 0x20))
