"""What a person sees and does, scene by scene."""

import asyncio
from pathlib import Path

from lab.report import Cases, Finding

from browser import Browser
from front import TOKEN, Front

cases = Cases()
FIRST_FIGURES_SECONDS = 1.0


async def aside(function, *arguments):
    """In a thread: the town and its clients go on meanwhile."""
    return await asyncio.to_thread(function, *arguments)


def check(finding: Finding, browser: Browser) -> None:
    complaints = browser.console()
    finding.expect(not complaints, f"the console has {complaints}")
    nameless = browser.nameless()
    finding.expect(not nameless, f"without a name for a screen reader: {nameless}")
    wider = browser.overflow()
    finding.expect(wider <= 0, f"the page is {wider} pixels wider than the window")


def unlock(browser: Browser) -> None:
    browser.click("#unlock")
    browser.fill("#token", TOKEN)
    browser.click("#token-dialog button[value=ok]")
    browser.until_text("#unlock", "Lock")


@cases.case("The overview shows the traffic within a second, in the dark and in the light")
async def overview(folder: Path, pictures: Path) -> Finding:
    finding = Finding()

    def look(address: str) -> None:
        with Browser() as browser:
            seconds = min(browser.open(address) for _ in range(3))
            finding.notes.append(f"first figures after {seconds:.2f} s")
            finding.expect(seconds <= FIRST_FIGURES_SECONDS, f"first figures after {seconds} s")
            for name in ["web", "api.example.com/v1/", "api", "api-stable", "shop-app-1"]:
                browser.until_text("#flow", name)
            browser.until("requests a second", lambda: browser.run(
                "return +document.querySelector('.tile .value').innerText > 50"))
            browser.until("half a minute of history", lambda: browser.run(
                "return document.querySelectorAll('.tile .line')[0].getAttribute('d')"
                ".split('L').length > 25"), 60)
            browser.picture(pictures / "overview.png")
            browser.picture(pictures / "overview-whole.png", is_whole=True)
            browser.click("#theme")
            browser.until_text("#theme", "light")
            browser.picture(pictures / "overview-light.png")
            check(finding, browser)

    async with Front(folder / "overview") as front:
        await aside(look, front.address)
    return finding


@cases.case("A failure is seen where it is, with its cause, and the rescued requests are counted")
async def failure(folder: Path, pictures: Path) -> Finding:
    finding = Finding()

    def look(address: str) -> None:
        browser.open(address)
        browser.until_text("#pool-web tbody", "down")
        browser.until_text("#pool-web tbody", "refused")
        browser.until_text("#pool-api-stable .figures", "%")
        browser.until_text("#flow", "errors")
        browser.until_text("#events", "refused")
        browser.picture(pictures / "failure.png")
        check(finding, browser)

    async with Front(folder / "failure") as front:
        with Browser() as browser:
            await aside(browser.open, front.address)
            front.town.stop_listening("shop-app-2")
            front.town.services["api"].behaviour.errors = 0.2
            await aside(look, front.address)
    return finding


@cases.case("A replica is drained by the keyboard and the token, and nothing changes without it")
async def drain(folder: Path, pictures: Path) -> Finding:
    finding = Finding()
    row = "#pool-web tbody tr:nth-child(2) button"

    def act(front: Front) -> None:
        with Browser() as browser:
            browser.open(front.address)
            browser.click(row)
            browser.until_text("#token-dialog", "token")
            browser.fill("#token", "wrong-wrong-wrong-wrong")
            browser.click("#token-dialog button[value=ok]")
            browser.until_text("#ask-title", "shop-app-2")
            browser.click("#ask-ok")
            browser.until_text("#ask-wrong", "token")
            finding.expect(not any(replica["drained"] for replica in web(front)),
                           "drained by a wrong token")
            browser.click("#ask-dialog button[value=cancel]")
            unlock(browser)
            browser.click(row)
            browser.until_text("#ask-command", "weir drain shop-app-2 --pool web")
            browser.picture(pictures / "drain.png")
            browser.click("#ask-ok")
            browser.until_text("#toast", "drained")
            browser.until_text("#pool-web tbody tr:nth-child(2)", "draining")
            # What the browser says of the refused change is no complaint of the page.
            browser.console()
            check(finding, browser)

    def web(front: Front) -> list[dict]:
        return next(pool for pool in front.status()["pools"] if pool["name"] == "web")["replicas"]

    async with Front(folder / "drain") as front:
        await aside(act, front)
    return finding


@cases.case("A rollout is started from the page, shown with its figures, and aborted when it fails")
async def rollout(folder: Path, pictures: Path) -> Finding:
    finding = Finding()

    def start(browser: Browser, address: str) -> None:
        browser.open(address)
        unlock(browser)
        browser.click("button[aria-label='start a rollout of split api']")
        browser.fill("#field-to", "api-canary")
        browser.fill("#field-steps", "20, 50, 100")
        browser.fill("#field-every", "4")
        browser.until_text("#ask-command", "--steps 20,50,100 --every 4s")
        browser.click("#ask-ok")
        browser.until_text(".split .pill", "under way")
        browser.until_text(".split .versus", "needed")

    def see(browser: Browser) -> None:
        browser.until("requests on both sides", lambda: browser.run(
            "return [...document.querySelectorAll('.versus tr:first-child td')].slice(0, 2)"
            ".every((cell) => parseInt(cell.innerText) > 20)"))
        browser.picture(pictures / "rollout.png", is_whole=True)

    def fail(browser: Browser) -> None:
        browser.until_text(".split .pill", "aborted", 60)
        browser.until_text("#events", "aborted")
        browser.picture(pictures / "rollout-aborted.png")
        check(finding, browser)

    async with Front(folder / "rollout") as front:
        with Browser(1440, 1500) as browser:
            await aside(start, browser, front.address)
            await aside(see, browser)
            front.town.services["api-canary"].behaviour.errors = 0.6
            await aside(fail, browser)
    return finding


@cases.case("On a phone everything is there, and nothing is wider than the screen")
async def phone(folder: Path, pictures: Path) -> Finding:
    finding = Finding()

    def look(address: str) -> None:
        with Browser(390, 844, "light") as browser:
            browser.open(address)
            browser.until_text("#flow", "api-canary")
            browser.until_text("#pool-web", "shop-app-4")
            browser.picture(pictures / "phone.png", is_whole=True)
            check(finding, browser)

    async with Front(folder / "phone") as front:
        await aside(look, front.address)
    return finding


@cases.case("A thousand replicas are grouped, and one of them is found by its address")
async def thousand(folder: Path, pictures: Path) -> Finding:
    finding = Finding()

    def look(address: str) -> None:
        with Browser() as browser:
            seconds = min(browser.open(address) for _ in range(3))
            finding.notes.append(f"first figures after {seconds:.2f} s")
            browser.until_text("#flow", "1,000 replicas")
            browser.picture(pictures / "thousand.png")
            browser.fill("#pool-web input", "127.99.3.27:")
            browser.until("one row", lambda: browser.run(
                "return document.querySelectorAll('#pool-web tbody tr').length == 1"))
            check(finding, browser)

    async with Front(folder / "thousand", replicas=1_000) as front:
        await aside(look, front.address)
    return finding


@cases.case("A page that loses weir says so, and that what it shows is old")
async def lost(folder: Path, pictures: Path) -> Finding:
    finding = Finding()

    def lose(browser: Browser) -> None:
        browser.until_text("#state-text", "no connection")
        browser.until_text("#banner", "does not answer")
        browser.picture(pictures / "lost.png")
        finding.expect("shop-cache-1" in browser.text("#pool-cache"), "the old figures are gone")

    async with Front(folder / "lost") as front:
        with Browser() as browser:
            await aside(browser.open, front.address)
            await aside(browser.until_text, "#pool-cache tbody", "ready")
            front.process.terminate()
            await front.process.wait()
            await aside(lose, browser)
    return finding
