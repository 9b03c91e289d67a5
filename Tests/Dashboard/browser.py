"""A headless Chromium, driven through its DevTools protocol."""

import base64
import time
from collections.abc import Callable
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run"]
# What a person or a screen reader must be able to tell apart by a name.
CONTROLS = {"button", "link", "textbox", "searchbox", "spinbutton", "combobox", "checkbox", "meter",
            "image", "dialog", "region", "DisclosureTriangle"}


class Browser:
    def __init__(self, width: int = 1440, height: int = 1000, scheme: str = "dark"):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in [*ARGUMENTS, f"--window-size={width},{height}"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
        self.size(width, height)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_) -> None:
        self.driver.quit()

    def call(self, method: str, **parameters: object) -> dict:
        return self.driver.execute_cdp_cmd(method, parameters)

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def size(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 700)

    def open(self, address: str) -> float:
        """Returns how many seconds after the navigation began the first figures stood there."""
        self.driver.get(address)
        return self.until("the first figures",
                          lambda: self.run("return performance.getEntriesByName('first figures')[0]"
                                           "?.startTime")) / 1000

    def until(self, what: str, look: Callable[[], object], seconds: float = 30) -> object:
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}")
            time.sleep(0.05)
        return found

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def until_text(self, selector: str, part: str, seconds: float = 30) -> str:
        return self.until(f"{part!r} in {selector}",
                          lambda: (text := self.text(selector)) and part in text and text, seconds)

    def click(self, selector: str) -> None:
        self.run("const node = document.querySelector(arguments[0]); node.focus(); node.click()",
                 selector)

    def fill(self, selector: str, text: str) -> None:
        self.run("const node = document.querySelector(arguments[0]); node.value = arguments[1];"
                 "node.dispatchEvent(new Event('input', { bubbles: true }))", selector, text)

    def picture(self, path: Path, is_whole: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=is_whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def console(self) -> list[str]:
        """What the page complained about since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def nameless(self) -> list[str]:
        """The controls that a screen reader would read out without a name."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [node["role"]["value"] for node in nodes
                if not node.get("ignored") and node.get("role", {}).get("value") in CONTROLS
                and not node.get("name", {}).get("value", "").strip()]

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return self.run("return document.documentElement.scrollWidth - innerWidth")
