"""A person at a browser: what they type, click and see. Chromium, driven by selenium."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 60.0
"""Seconds until something that should come is missed."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
ASKED = "[data-testid=stChatInputTextArea]"
ANSWERED = ".pace[data-total]"


def missing() -> str:
    """What is needed for a browser and not there; empty if nothing is."""
    has_browser = any(shutil.which(name) for name in BROWSERS)
    return "" if has_browser and shutil.which("chromedriver") else "no Chromium and chromedriver; see `make browser`"


class Person:
    """One browser window.

    Args:
        url: where the app is.
        width, height: CSS pixels.
        dark: what the system says it prefers.
    """

    def __init__(self, url: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        self.url, self.driver = url, _opened()
        self.resize(width, height)
        self.prefer(dark)

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: Any) -> None:
        self.driver.quit()

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, dark: bool) -> None:
        """Prefer dark or light, as an operating system's setting does."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def go(self, page: str = "") -> None:
        """Open a page anew, a new session, and wait until the copilot is ready or says what is in the way."""
        self.driver.get(f"{self.url}/{page}")
        self.until(lambda: self.see("h2") and "Getting ready" not in self.text())
        self.rest()

    def type(self, question: str) -> None:
        """Type a question and press enter; do not wait."""
        self.find(ASKED).send_keys(question, Keys.ENTER)

    def ask(self, question: str) -> str:
        """Ask a question and wait for its answer; what the page then says."""
        before = len(self.all(ANSWERED))
        self.type(question)
        self.until(lambda: len(self.all(ANSWERED)) > before)
        self.rest()
        return self.text()

    def click(self, label: str, within: str = "button, a, summary, [role=tab]") -> None:
        """Click the last thing with that label, wait until the page is at rest."""
        self.press(label, within)
        self.rest()

    def press(self, label: str, within: str = "button, a, summary, [role=tab]") -> None:
        """Click the last thing with that label; do not wait."""

        def pressed() -> bool:
            found = [one for one in self.all(within) if label in one.text.splitlines()]
            if found:
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[-1])
                found[-1].click()
            return bool(found)

        self.until(pressed)

    def rest(self) -> None:
        """Wait until the script has ended and nothing is drawn any more."""
        quiet = "return [document.querySelector('.stApp')?.dataset.testScriptState, document.body.innerText.length]"
        seen: list[Any] = []

        def resting() -> bool:
            seen.append(self.driver.execute_script(quiet))
            return len(seen) > 3 and seen[-1][0] == "notRunning" and seen[-1] == seen[-2] == seen[-3]

        self.until(resting)

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds; elements that are being redrawn are looked at again."""

        def holding(_: Any) -> bool:
            try:
                return bool(holds())
            except (StaleElementReferenceException, WebDriverException):
                return False

        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1).until(holding)

    def all(self, selector: str) -> list[WebElement]:
        """All that a CSS selector finds."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str) -> WebElement:
        """The last that a CSS selector finds."""
        return self.all(selector)[-1]

    def see(self, selector: str) -> bool:
        """Whether a CSS selector finds anything."""
        return bool(self.all(selector))

    def text(self) -> str:
        """All that the page says."""
        return str(self.driver.execute_script("return document.body.innerText"))

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        parts = "[...document.querySelectorAll('html, main, [data-testid=stMain]')]"
        wide = f"return Math.max(...{parts}.map(e => e.scrollWidth - e.clientWidth))"
        return int(self.driver.execute_script(wide))

    def shoot(self, path: Path) -> None:
        """Take a picture of the window."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(path))


def _opened() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = next(path for name in BROWSERS if (path := shutil.which(name)))
    for flag in FLAGS:
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
