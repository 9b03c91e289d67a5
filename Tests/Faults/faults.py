"""What a replica or the way to it can do wrong, and what becomes of four requests that meet it: a
GET, the same over HTTP/2, a POST, and GETs whose pool has another replica."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import wires
from figures import until
from lab.report import Cases, Finding
from lane import CONNECT, HOLD, SLACK, TIME_OUT, Lane
from replicas import (OK, Script, dripping, early, ordinary, resetting, resetting_the_second,
                      saying)

cases = Cases()


@dataclass(frozen=True)
class Expected:
    """Several reasons: which of them is a race that nobody decides."""

    status: int
    reasons: tuple[str, ...] = ()
    end: str = "whole"

    def __str__(self) -> str:
        cut = " cut" if self.end == "cut" else ""
        return f"{self.status}{cut} {' or '.join(self.reasons)}".strip()


FINE = Expected(200)
# Of the pool with two replicas: both requests are answered, or one meets the fault.
RESCUED, SHARED, LEFT_OUT = "rescued", "shared", ""


@dataclass
class Fault:
    name: str
    expected: Expected
    script: Script = ordinary
    pair: str = SHARED
    post: Expected | None = None
    # Everybody has a kept connection to the replica before it happens.
    keeps: bool = False
    before: Callable[[Lane], Awaitable[None] | None] = lambda lane: None
    # Happens when so many heads have arrived at the replica, or parts of bodies at clients.
    when_arrived: Callable[[Lane], None] | None = None
    when_begun: Callable[[Lane], None] | None = None
    # What the log says of each attempt, where that is not the reason of the answer.
    outcome: str = ""
    # How long it may take as documented; at least so long if the reason is a time-out.
    seconds: float = 0.0


KINDS = {"GET": "get", "HTTP/2": "h2", "POST": "post", "pair": "pair"}


async def run(fault: Fault, lane: Lane) -> Finding:
    finding = Finding()
    await lane.begin(fault.script)
    if fault.keeps:
        await asyncio.gather(*(wires.ask(lane.web, "GET", f"/{pool}/kept")
                               for pool in ("get", "h2", "post", "pair", "pair")))
        lane.faulty.arrived = 0
    waiting = fault.before(lane)
    if waiting:
        await waiting
    triggers = asyncio.create_task(trigger(fault, lane))
    try:
        outcomes = await asyncio.gather(
            wires.ask(lane.web, "GET", "/get/1", on_part=lane.note_part),
            wires.ask_by_stream(lane.web, "/h2/1", on_part=lane.note_part),
            wires.ask(lane.web, "POST", "/post/1", b"hello", on_part=lane.note_part),
            *(wires.ask(lane.web, "GET", f"/pair/{number}", on_part=lane.note_part)
              for number in (1, 2) if fault.pair))
    finally:
        triggers.cancel()
        await asyncio.gather(triggers, return_exceptions=True)
    for kind, target, outcome in zip(("GET", "HTTP/2", "POST"), ("/get/1", "/h2/1", "/post/1"),
                                     outcomes):
        expected = fault.post or fault.expected if kind == "POST" else fault.expected
        finding.row[kind] = await judge(fault, lane, finding, kind, target, expected, outcome)
    if fault.pair:
        await judge_pair(fault, lane, finding, list(outcomes[3:]))
    finding.row["slowest"] = f"{max(outcome.seconds for outcome in outcomes):.1f} s"
    await lane.heal(finding)
    return finding


async def trigger(fault: Fault, lane: Lane) -> None:
    """What happens in the middle, to all that meet the replica at once."""
    number = 4 if fault.pair else 3
    if fault.when_arrived:
        await until(lambda: lane.faulty.arrived >= number, f"{number} heads arrive")
        fault.when_arrived(lane)
    if fault.when_begun:
        # The pair's other replica gives its part as well.
        await until(lambda: lane.parts >= number + bool(fault.pair), f"{number} answers begin")
        fault.when_begun(lane)


async def judge(fault: Fault, lane: Lane, finding: Finding, kind: str, target: str,
                expected: Expected, outcome: wires.Outcome) -> str:
    """What came of a request that has no other replica; everything that is wrong with it."""
    lines = await lane.record(target)
    finding.expect(len(lines) == 1, f"{kind}: {len(lines)} lines in the access log")
    line = lines[0]
    found = Expected(line["status"], tuple(filter(None, [line.get("reason")])), outcome.end)
    finding.expect(found.status == expected.status and found.end == expected.end
                   and (found.reasons[0] in expected.reasons if found.reasons
                        else not expected.reasons),
                   f"{kind}: {found}, not {expected}; {outcome}; {line}")
    if fault.outcome:
        said = {attempt["outcome"] for attempt in line["attempts"]}
        finding.expect(said == {fault.outcome}, f"{kind}: {line}")
        found = Expected(line["status"], (f"{line['reason']} ({fault.outcome})",))
    if expected == FINE:
        finding.expect(outcome.body == b"ok", f"{kind}: the body is {outcome.body!r}")
    if outcome.status:
        finding.expect(outcome.status == line["status"], f"{kind}: answered {outcome.status}")
    if outcome.status and outcome.end == "whole":
        finding.expect(outcome.reason == line.get("reason", ""),
                       f"{kind}: Proxy-Status says {outcome.reason}, the log {line}")
    expect_time(fault, finding, kind, line["duration_ms"] / 1_000,
                fault.seconds if expected.reasons else 0)
    return str(found)


def expect_time(fault: Fault, finding: Finding, kind: str, taken: float, least: float) -> None:
    finding.expect(least * 0.9 <= taken <= fault.seconds + SLACK,
                   f"{kind}: took {taken:.2f} s, documented are {fault.seconds:g}")


async def judge_pair(fault: Fault, lane: Lane, finding: Finding,
                     outcomes: list[wires.Outcome]) -> None:
    lines = [(await lane.record(f"/pair/{number}"))[0] for number in (1, 2)]
    good = [line["status"] == 200 and "reason" not in line for line in lines]
    wanted = 2 if fault.pair == RESCUED or fault.expected == FINE else 1
    finding.expect(sum(good) == wanted, f"of two GETs {sum(good)} are well: {lines}")
    if fault.pair == RESCUED:
        attempts = sum(len(line["attempts"]) for line in lines)
        finding.expect(attempts > 2, f"nobody has met the fault: {lines}")
    for line, outcome in zip(lines, outcomes):
        finding.expect((outcome.end, outcome.body) == ("whole", b"ok")
                       or "reason" in line, f"{outcome} of {line}")
        expect_time(fault, finding, "pair", line["duration_ms"] / 1_000, 0)
    finding.row["with another"] = fault.pair if wanted == 1 or fault.pair == RESCUED else "200"


def answer(status: int, *reasons: str) -> Expected:
    return Expected(status, reasons)


def cut(*reasons: str) -> Expected:
    return Expected(200, reasons, "cut")


def silence(lane: Lane) -> None:
    lane.silence(lane.faulty_address)


BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDED, LEFT = "upstream_closed_mid_response", "upstream_closed_before_headers"
# A connect that fails is tried again, as long as a request may wait.
IN_VAIN = answer(503, "no_ready_replica")

FAULTS = [
    # Packets vanish.
    Fault("it vanishes before the connect", answer(504, "connect_timeout"), before=silence,
          pair=RESCUED, seconds=CONNECT),
    Fault("it vanishes while its connection is idle", answer(504, "first_byte_timeout"),
          keeps=True, before=silence, pair=RESCUED, seconds=TIME_OUT),
    Fault("it vanishes with the head", answer(504, "first_byte_timeout"), saying(b""),
          when_arrived=silence, pair=RESCUED, seconds=TIME_OUT),
    Fault("it vanishes in the middle of its head", answer(504, "first_byte_timeout"),
          saying(b"HTTP/1.1 200 OK\r\nX-Half: "), when_arrived=silence, pair=RESCUED,
          seconds=TIME_OUT),
    Fault("it vanishes in the middle of its body", cut("body_timeout"), saying(BEGUN),
          when_begun=silence, seconds=TIME_OUT),
    # The way is closed.
    Fault("the link is down", IN_VAIN, before=lambda lane: lane.cut_link(), pair=LEFT_OUT,
          outcome="connect_unreachable", seconds=HOLD),
    Fault("the link goes down in the middle of its body", cut("body_timeout"), saying(BEGUN),
          when_begun=lambda lane: lane.cut_link(), pair=LEFT_OUT, seconds=TIME_OUT),
    Fault("ICMP says that there is no way", IN_VAIN, pair=RESCUED, seconds=HOLD,
          before=lambda lane: lane.refuse("icmp-host-unreachable"),
          outcome="connect_unreachable"),
    Fault("nobody listens", IN_VAIN, before=lambda lane: lane.refuse("tcp-reset"), pair=RESCUED,
          outcome="connect_refused", seconds=HOLD),
    Fault("its backlog is full", answer(504, "connect_timeout"),
          before=lambda lane: lane.faulty.fill(), pair=RESCUED, seconds=CONNECT),
    # It resets.
    Fault("RST at the accept", answer(502, LEFT, "connect_refused"), resetting, pair=RESCUED),
    Fault("RST after the head", answer(502, LEFT), saying(b"", "reset"), pair=RESCUED),
    Fault("FIN after the head", answer(502, LEFT), saying(b"", "end"), pair=RESCUED),
    Fault("RST in the middle of its head", answer(502, ENDED),
          saying(b"HTTP/1.1 200 OK\r\nX-Half: ", "reset")),
    Fault("FIN in the middle of its head", answer(502, ENDED),
          saying(b"HTTP/1.1 200 OK\r\nX-Half: ", "end")),
    Fault("RST in the middle of its body", cut(ENDED), saying(BEGUN, "reset")),
    Fault("RST in the middle of a chunk", cut(ENDED), saying(CHUNKED + b"64\r\nhalf", "reset")),
    Fault("RST of a body that ends with the connection", cut(ENDED),
          saying(b"HTTP/1.1 200 OK\r\n\r\nhalf", "reset")),
    Fault("RST between two requests", FINE, keeps=True,
           before=lambda lane: end_kept(lane)),
    Fault("RST with the second request", FINE, resetting_the_second, keeps=True, pair=RESCUED,
          post=answer(502, LEFT)),
    # It says too little.
    Fault("it never answers", answer(504, "first_byte_timeout"), saying(b""), pair=RESCUED,
          seconds=TIME_OUT),
    Fault("half a head, and nothing more", answer(504, "first_byte_timeout"),
          saying(b"HTTP/1.1 200 OK\r\nX-Half: "), pair=RESCUED, seconds=TIME_OUT),
    Fault("a head that drips for ever", answer(504, "first_byte_timeout"), dripping, pair=RESCUED,
          seconds=TIME_OUT),
    Fault("less than Content-Length, then FIN", cut(ENDED), saying(BEGUN, "end")),
    Fault("less than Content-Length, then nothing", cut("body_timeout"), saying(BEGUN),
          seconds=TIME_OUT),
    Fault("chunks without an end, then FIN", cut(ENDED), saying(CHUNKED + b"2\r\nok\r\n", "end")),
    # It says something else.
    Fault("more than Content-Length", FINE, saying(OK + b"HTTP/1.1 200 OK\r\n\r\nsurplus")),
    Fault("garbage", answer(502, "malformed_response"), saying(b"\x16\x03\x01 SSH-2.0\r\n\r\n")),
    Fault("garbage for a chunk", cut("malformed_response"),
          saying(CHUNKED + b"2\r\nok\r\n"), when_begun=lambda lane: lane.faulty.say(b"zz\r\n")),
    Fault("two lengths", answer(502, "malformed_response"),
          saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")),
    Fault("a head of 70 kB", answer(502, "response_head_too_large"),
          saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000)),
    Fault("interim responses without an end", answer(502, "malformed_response"),
          saying(b"HTTP/1.1 102 Processing\r\n\r\n" * 40)),
]


async def end_kept(lane: Lane) -> None:
    """All kept connections are reset, and weir has seen it."""
    for writer in list(lane.faulty.open):
        wires.reset(writer)
    await until(lane.keeps_nothing, "weir has closed them")


def register(fault: Fault) -> None:
    @cases.case(fault.name)
    async def body(lane: Lane) -> Finding:
        return await run(fault, lane)


for each in FAULTS:
    register(each)


def register_early(then: str) -> None:
    @cases.case(f"an answer before the end of a POST, then {then}")
    async def body(lane: Lane) -> Finding:
        finding = Finding()
        await lane.begin(early(then))
        outcome = await wires.ask(lane.web, "POST", "/post/early", bytes(8_000_000))
        line = (await lane.record("/post/early"))[0]
        finding.row["POST"] = f"{line['status']} {line.get('reason', '')}".strip()
        finding.expect((outcome.status, outcome.body, outcome.end) == (413, b"too much", "whole"),
                       f"{outcome.status} {outcome.end} {outcome.body}; {line}")
        finding.row["slowest"] = f"{outcome.seconds:.1f} s"
        await lane.heal(finding)
        return finding


register_early("stay")
register_early("reset")


@cases.case("every tenth packet gets lost")
async def loss(lane: Lane) -> Finding:
    finding = Finding()
    size = 60_000
    await lane.begin(each_request(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)))
    lane.lose(0.1)
    outcomes = await asyncio.gather(*(wires.ask(lane.web, "GET", f"/patient/{number}")
                                      for number in range(24)))
    whole = sum(len(outcome.body) == size for outcome in outcomes)
    others = [(each.end, each.status, each.reason) for each in outcomes if len(each.body) != size]
    finding.expect(not others, f"{whole} of {len(outcomes)} are whole, not these: {others}")
    finding.row |= {"GET": f"{whole} of {len(outcomes)} whole",
                    "slowest": f"{max(each.seconds for each in outcomes):.1f} s"}
    await lane.heal(finding)
    return finding


def each_request(text: bytes) -> Script:
    async def script(replica, reader, writer) -> None:
        while True:
            await replica.take(reader)
            writer.write(text)
    return script


@cases.case("a link that is slower than its time-outs, but moves")
async def slow_link(lane: Lane) -> Finding:
    finding = Finding()
    size = 600_000
    await lane.begin(saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)))
    try:
        lane.throttle("2mbit")
    except RuntimeError as error:
        finding.notes.append(f"left out, since the kernel has no tbf: {error}")
        return finding
    outcome = await wires.ask(lane.web, "GET", "/get/slow")
    line = (await lane.record("/get/slow"))[0]
    finding.expect(outcome.end == "whole" and len(outcome.body) == size and "reason" not in line,
                   f"{outcome.end} after {len(outcome.body)} bytes: {line}")
    finding.expect(outcome.seconds > TIME_OUT, f"it was not slow: {outcome.seconds:.1f} s")
    finding.row |= {"GET": "200", "slowest": f"{outcome.seconds:.1f} s"}
    await lane.heal(finding)
    return finding


# Where replicas are probed, what vanishes is found out before any time-out.
probed = Cases()


@probed.case("it vanishes under probes: before its head, and in its body")
async def lost(lane: Lane) -> Finding:
    finding = Finding()

    async def script(replica, reader, writer) -> None:
        writer.write(BEGUN if await replica.take(reader) == "/probed/begun" else b"")
        await reader.read()
    await lane.begin(script)
    asked = asyncio.gather(
        wires.ask(lane.web, "POST", "/probed/post", b"hello"),
        wires.ask(lane.web, "GET", "/probed/begun", on_part=lane.note_part))
    await until(lambda: lane.faulty.arrived == 2 and lane.parts, "both are with the replica")
    silence(lane)
    outcomes = await asked
    lines = [(await lane.record(f"/probed/{name}"))[0] for name in ("post", "begun")]
    found = [(outcome.end, line["status"], line.get("reason"))
             for outcome, line in zip(outcomes, lines)]
    finding.expect(found == [("whole", 502, "replica_lost"), ("cut", 200, "replica_lost")],
                   f"{found}: {lines}")
    slowest = max(each.seconds for each in outcomes)
    # Two probes in a row, each with its interval and its time-out.
    finding.expect(slowest < 1.2 + SLACK, f"took {slowest:.1f} s")
    finding.row |= {"GET": "200 cut replica_lost", "POST": "502 replica_lost",
                    "slowest": f"{slowest:.1f} s"}
    await lane.heal(finding)
    return finding
