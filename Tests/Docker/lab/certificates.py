"""Certificates for tests, made by openssl."""

import ssl
from pathlib import Path

from .machine import run


def certificate(folder: Path, *names: str) -> tuple[Path, Path]:
    """A chain and a key for the names, signed by itself."""
    chain, key = folder / f"{names[0]}.pem", folder / f"{names[0]}.key"
    listed = ",".join(f"DNS:{name}" for name in names)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", str(key), "-out", str(chain), "-days", "2", "-subj", f"/CN={names[0]}",
        "-addext", f"subjectAltName={listed}")
    return chain, key


def client_context(*protocols: str) -> ssl.SSLContext:
    """Of a client that believes anybody, and offers the protocols by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def server_context(chain: Path, key: Path, *protocols: str) -> ssl.SSLContext:
    """Of a server that chooses among the protocols."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(list(protocols))
    return context
