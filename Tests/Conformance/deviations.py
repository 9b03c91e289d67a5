"""Where other servers do not do what the RFC asks, so that the suite can be tried on them: each
case here fails on that server, and on no other of them for the same reason. weir has none."""

HAPROXY = {
    "9113 6.1 DATA with padding is received",
    "9113 6.1 DATA with padding, of a length that nobody has said, is received",
    "9113 6.9.2 a change that takes the window of a stream beyond 2^31-1 is an error",
    "9113 10.5 a field block of empty CONTINUATION frames is ended by the server",
    "9113 8.2.1 an empty field name is malformed",
    "9113 8.2.1 a field value that begins with a space is malformed",
    "9113 8.2.1 a field value that ends with a tab is malformed",
    "9113 8.3 a pseudo-field in trailers is malformed",
    "9113 8.3.1 Host that differs from :authority is refused",
    "9113 8.1.1 a Content-Length without a body is malformed",
    "8441 4 :protocol with a method other than CONNECT is malformed",
    "9113 5.1 half-closed (remote): HEADERS is a STREAM_CLOSED error",
}

# What is on its way to a closed stream it passes over without a word.
NGHTTPX = {
    "9113 8.3.1 Host that differs from :authority is refused",
    "9113 5.1 closed by RST_STREAM: DATA is a STREAM_CLOSED error",
    "9113 5.1 closed by RST_STREAM: HEADERS is a STREAM_CLOSED error",
    "9113 5.1 closed by END_STREAM: DATA is a STREAM_CLOSED error",
    "9113 5.1 closed by END_STREAM: HEADERS is a connection error",
    "9113 5.1.1 a stream identifier smaller than one before it is a connection error",
}

ALL: dict[str, set[str]] = {"haproxy": HAPROXY, "nghttpx": NGHTTPX}
