"""One request after the other, as a client of any of the balancers."""

import asyncio
import json
import ssl
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from page import Asked
from town import SECRETS

SECONDS = 30
TIMES = 8
PLACE = "127.0.0.1"
# Whom a proxy before the balancer says it asks for.
CLIENT = "203.0.113.7"


class NotYet(Exception):
    """The balancer does not answer as it will when it knows its applications."""


async def ask(url: str, more: Sequence[str] = ()) -> tuple[int, list[str], bytes]:
    """The status, the fields and the body of what the URL answers, with cookies in `more`."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.hostname}", "Connection: close", *more]
    secure = {}
    if parts.scheme == "https":
        secure = {"ssl": ssl.create_default_context(cafile=str(SECRETS / "shop.pem")),
                  "server_hostname": parts.hostname}
    reader, writer = await asyncio.open_connection(PLACE, 443 if secure else 80, **secure)
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status, *fields = head.decode("latin-1").split("\r\n")
    return int(status.split()[1]) if status else 0, fields, body


def values(fields: list[str], name: str) -> list[str]:
    split = [field.split(":", 1) for field in fields]
    return [value.strip() for field, value in split if field.lower() == name]


async def get(url: str, jar: dict[str, str] | None = None, more: Sequence[str] = ()) -> dict:
    """What the application saw, with the status."""
    cookies = "; ".join(f"{name}={value}" for name, value in (jar or {}).items())
    code, fields, body = await ask(url, [*more, *([f"Cookie: {cookies}"] if cookies else [])])
    if jar is not None:
        jar |= dict(cookie.split(";")[0].split("=", 1) for cookie in values(fields, "set-cookie"))
    if code != 200:
        raise NotYet(f"{code}\n{body[:300]!r}")
    # A chunked body has its length around it.
    saw = json.loads(body[body.index(b"{"):body.rindex(b"}") + 1])
    return {"status": code, "hsts": values(fields, "strict-transport-security"), **saw}


async def echoed(port: int, before: bytes = b"") -> str:
    """What comes back through a tunnel, after the head of an answer where one was asked for."""
    reader, writer = await asyncio.open_connection(PLACE, port)
    try:
        head = b""
        if before:
            writer.write(before)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise NotYet(head.decode())
        writer.write(b"hello through it")
        said = await asyncio.wait_for(reader.readexactly(16), 5)
        return f"{'101 ' if head else ''}{said.decode()}"
    finally:
        writer.close()


async def answer(asked: Asked) -> object:
    """What is compared between the balancers."""
    if asked.kind == "tcp":
        return await echoed(int(asked.where))
    if asked.kind == "websocket":
        parts = urlsplit(asked.where)
        return await echoed(80, (
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.hostname}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
    if asked.how == "same":
        saw = await get(asked.where)
        # app1 and app2 are replicas of app.
        saw["application"] = saw["application"].rstrip("0123456789")
        keys = ["status", "application", "method", "target", "host"]
        if asked.where.startswith("https:"):
            keys += ["scheme", "hsts"]
        return {key: saw[key] for key in keys}
    if asked.how == "redirect":
        code, fields, _ = await ask(asked.where)
        return code, values(fields, "location")
    if asked.how == "client":
        saw = await get(asked.where, more=[f"X-Forwarded-For: {CLIENT}"])
        return f"the client is {saw['client'].split(',')[0]}"
    jar: dict[str, str] | None = {} if asked.how == "stays" else None
    names = [(await get(asked.where, jar))["application"] for _ in range(TIMES)]
    if asked.how == "stays":
        return f"{len(set(names))} application for {TIMES} requests"
    if asked.how == "spread":
        if set(names) != asked.applications:
            raise NotYet(f"only {set(names)} answered")
        return {name: names.count(name) for name in sorted(set(names))}
    if asked.applications and not set(names) <= asked.applications:
        raise NotYet(f"{set(names)} answered")
    return "it works"


async def settled(asked: Asked) -> object:
    """The answer, once the balancer knows its applications."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return await answer(asked)
        except (NotYet, OSError, EOFError, ValueError, TimeoutError) as error:
            if time.monotonic() > end:
                raise RuntimeError(f"no good answer to {asked.where} in {SECONDS} s:"
                                   f" {error!r}") from error
        await asyncio.sleep(0.1)
