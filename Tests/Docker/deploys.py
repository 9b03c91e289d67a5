"""What people do to a Compose project, each while a client asks at a steady rate.

In every case: no GET fails; no POST fails but those in flight on a replica that was killed,
each named in the access log; no order is executed twice; no request reaches another service.
"""

import asyncio
import os
import signal

from lab.bench import Bench, judge
from lab.report import Cases, Finding
from lab.resolver import Outside
from lab.site import NETWORK

cases = Cases()

# Time for the balancer and the client to notice a change that nobody announces.
SETTLE = 2.0


@cases.case("scale 1, 3, 6, 2")
async def scale(bench: Bench) -> Finding:
    async with bench.site(replicas=1) as site:
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            for replicas in (3, 6, 2):
                await site.scale(replicas)
                await site.until_answered_by(replicas)
                await asyncio.sleep(1)
        return await judge(site, clients)


@cases.case("restart of one")
async def restart(bench: Bench) -> Finding:
    async with bench.site() as site:
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.docker("restart", site.container(2))
            await site.until_answered_by(3)
            await asyncio.sleep(SETTLE)
        return await judge(site, clients)


@cases.case("kill of one")
async def kill(bench: Bench) -> Finding:
    async with bench.site() as site:
        victims = await site.names_of(site.container(2))
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.docker("kill", site.container(2))
            await asyncio.sleep(SETTLE)
            await site.docker("start", site.container(2))
            await site.until_answered_by(3)
        return await judge(site, clients, victims)


@cases.case("pause of one for 5 s")
async def pause(bench: Bench) -> Finding:
    async with bench.site() as site:
        victims = await site.names_of(site.container(2))
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.docker("pause", site.container(2))
            await asyncio.sleep(5)
            await site.docker("unpause", site.container(2))
            await site.until_answered_by(3)
            await asyncio.sleep(SETTLE)
        finding = await judge(site, clients, victims)
        slowest = clients.traffic.slowest("GET")
        finding.expect(slowest < 4.5, f"a GET waited for the frozen replica: {slowest:.1f} s")
        return finding


@cases.case("up -d --force-recreate of all")
async def recreate(bench: Bench) -> Finding:
    async with bench.site() as site:
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.compose("up", "-d", "--force-recreate", "--scale", "app=3", "app")
            await site.until_answered_by(3)
            await asyncio.sleep(SETTLE)
        return await judge(site, clients)


@cases.case("disconnect, and another service on its address")
async def reuse(bench: Bench) -> Finding:
    async with bench.site() as site:
        gone = site.container(2)
        victims, address = await site.names_of(gone), await site.address(gone)
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.docker("network", "disconnect", NETWORK, gone)
            await site.compose("up", "-d", "--no-deps", "other")
            taken = await site.address(site.container(1, "other"))
            await asyncio.sleep(3)
            await site.docker("network", "connect", "--alias", "app", NETWORK, gone)
            await site.until_answered_by(3)
            await asyncio.sleep(1)
        finding = await judge(site, clients, victims)
        finding.expect(taken == address, f"the test needs {address} used again, not {taken}")
        return finding


@cases.case("no replica at first")
async def none_at_first(bench: Bench) -> Finding:
    async with bench.site(replicas=0) as site:
        await site.until_listening()
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.scale(3)
            await site.until_answered_by(3)
            await asyncio.sleep(1)
        return await judge(site, clients)


@cases.case("reload, three times, while replicas come")
async def reload(bench: Bench) -> Finding:
    async with bench.site(replicas=1) as site:
        async with bench.clients(site) as clients:
            for replicas in (2, 3, 4):
                await site.docker("kill", "--signal", "HUP", site.balancer_container)
                await site.scale(replicas)
            await site.until_answered_by(4)
            await asyncio.sleep(1)
        finding = await judge(site, clients)
        status = await site.inspect(site.balancer_container, "{{.State.Status}}")
        finding.expect(status == "running", f"the balancer is {status}")
        return finding


@cases.case("scale 1, 4; they listen after 1.5 s")
async def late_listeners(bench: Bench) -> Finding:
    async with bench.site(replicas=1, listen_delay_ms=1500) as site:
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.scale(4)
            await site.until_answered_by(4)
            await asyncio.sleep(1)
        return await judge(site, clients)


async def all_gone(bench: Bench, outside: Outside) -> Finding:
    bench.outside.answers = outside
    try:
        async with bench.foreign() as foreign, bench.site() as site:
            replicas = [site.container(number) for number in (1, 2, 3)]
            async with bench.clients(site) as clients:
                await asyncio.sleep(1)
                await site.docker("stop", *replicas)
                await asyncio.sleep(5)
                await site.docker("start", *replicas)
                await site.until_answered_by(3)
                await asyncio.sleep(1)
            finding = await judge(site, clients)
    finally:
        bench.outside.answers = Outside.NXDOMAIN
    strays = foreign.visits
    finding.expect(strays == 0, f"{strays} connections went to the foreign address")
    return finding


@cases.case("all gone for 5 s; DNS says NXDOMAIN")
async def all_gone_nxdomain(bench: Bench) -> Finding:
    return await all_gone(bench, Outside.NXDOMAIN)


@cases.case("all gone for 5 s; DNS says a foreign address")
async def all_gone_foreign(bench: Bench) -> Finding:
    return await all_gone(bench, Outside.FOREIGN)


@cases.case("all gone for 5 s; DNS is silent")
async def all_gone_silence(bench: Bench) -> Finding:
    return await all_gone(bench, Outside.SILENCE)


@cases.case("scale 4, 2; they exit at once")
async def stop_exit(bench: Bench) -> Finding:
    return await scale_down(bench, "exit")


@cases.case("scale 4, 2; they serve for 1.5 s more")
async def stop_serve(bench: Bench) -> Finding:
    return await scale_down(bench, "serve")


@cases.case("scale 4, 2; they ignore SIGTERM")
async def stop_ignore(bench: Bench) -> Finding:
    return await scale_down(bench, "ignore")


async def scale_down(bench: Bench, on_terminate: str) -> Finding:
    async with bench.site(replicas=4, on_terminate=on_terminate) as site:
        victims: set[str] = set()
        if on_terminate != "serve":
            for number in (3, 4):
                victims |= await site.names_of(site.container(number))
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.scale(2)
            await asyncio.sleep(SETTLE)
        return await judge(site, clients, victims)


@cases.case("the Docker Engine hangs for 5 s")
async def engine_hangs(bench: Bench) -> Finding:
    async with bench.site() as site:
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            os.kill(bench.engine.process.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(5)
            finally:
                os.kill(bench.engine.process.pid, signal.SIGCONT)
            await site.scale(4)
            await site.until_answered_by(4)
        return await judge(site, clients)
