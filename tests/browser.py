"""A real Chromium, and the few moves through FiftyOne's App that tests and screenshots make."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from review.label_studio.local_server import free_port

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
)
PATIENCE = 120
"""Seconds to wait for something to show up, on a machine that does other things."""

EXECUTE_SHOWN = "return [...document.querySelectorAll('button')].some(b => b.innerText.trim() === 'Execute')"

TOOLTIP_SEEN = "localStorage.setItem('fiftyone-enterprise-tooltip-seen', 'true')"


def find_chromium() -> tuple[str, str] | None:
    """Return the browser and its driver, if both are installed."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Served(NamedTuple):
    """An App that is up: its port, and the key that its address carries."""

    port: int
    key: str


@contextmanager
def served_app(workspace: Path, log: Path) -> Iterator[Served]:
    """Run ``curate browse --remote`` as a user would; yield where the App is once it answers."""
    port = free_port()
    command = [sys.executable, "-c", "from curate.cli import main; main()", "-w", str(workspace)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "browse", "--remote", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"CURATE_USER": "ada"},
        )
        try:
            yield Served(port, _key_once_served(process, log))
        finally:
            process.terminate()
            process.wait(30)


def _key_once_served(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 3 * PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"The App is at \S+[?&]key=([\w-]+)", log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.5)
    raise AssertionError(f"the App did not come up: {log.read_text(encoding='utf-8')}")


class AppPage:
    """FiftyOne's App in a browser."""

    def __init__(self, driver: Chrome, base: str) -> None:
        self.driver = driver
        self.base = base

    def open(self, path: str) -> None:
        """Open an address of the App and wait for its sidebar."""
        self.driver.get(self.base + path)
        self.one("[data-cy='sidebar']")

    def one(self, css: str, containing: str = "") -> WebElement:
        """Wait for a visible element; return the last that has the text."""
        return self._wait(By.CSS_SELECTOR, css, containing)

    def text(self, exact: str) -> WebElement:
        """Wait for a visible element with exactly this text; return the last."""
        return self._wait(By.XPATH, f"//*[normalize-space(text())={exact!r}]", "")

    def _wait(self, by: str, what: str, containing: str) -> WebElement:
        def found(driver: Chrome) -> list[WebElement]:
            return [
                element
                for element in driver.find_elements(by, what)
                if element.is_displayed() and containing in element.text
            ]

        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=(Exception,))
        return waiting.until(found, f"{what} {containing}")[-1]

    def click(self, css: str, containing: str = "") -> None:
        """Click an element, be it an icon that has no click of its own."""
        self._on_the_page(lambda: self.press(self.one(css, containing)))

    def _on_the_page(self, act: Callable[[], None]) -> None:
        """Do something to an element; again where the App has drawn that part of the page in between."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return act()
            except StaleElementReferenceException:
                if time.monotonic() > deadline:
                    raise

    def press(self, element: WebElement) -> None:
        """Send an element the event of a click."""
        self.driver.execute_script(
            "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", element
        )

    def scroll_to(self, by: str, what: str) -> WebElement:
        """Wait for an element of a panel longer than the window, scroll to the last, return it once shown."""

        def shown(driver: Chrome) -> list[WebElement]:
            found = driver.find_elements(by, what)[-1:]
            for element in found:
                driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            return [element for element in found if element.is_displayed()]

        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=(WebDriverException,))
        return waiting.until(shown, what)[0]

    def count(self) -> str:
        """Return how many samples the App says that the grid holds."""
        return self.one("[data-cy='entry-counts']").text

    def wait_for_count(self, samples: int) -> None:
        """Wait until the App says that there are so many samples."""
        WebDriverWait(self.driver, PATIENCE, ignored_exceptions=(Exception,)).until(
            lambda _: self.count().split()[0] == str(samples), f"{samples} samples; there are {self.count()}"
        )

    def fill(self, css: str, text: str) -> None:
        """Type into a field, and Enter."""

        def typed() -> None:
            element = self.one(css)
            element.click()
            element.send_keys(Keys.CONTROL, "a")
            element.send_keys(text, Keys.ENTER)

        self._on_the_page(typed)

    def select(self, position: int) -> None:
        """Tick the checkbox of a sample in the grid, which shows when the mouse is over it."""

        def hovered(driver: Chrome) -> WebElement:
            tile = driver.find_elements(By.CSS_SELECTOR, "[data-cy='looker']")[position]
            ActionChains(driver).move_to_element(tile).perform()
            return tile.find_element(By.CSS_SELECTOR, "[data-cy^='looker-checkbox-input']")

        # The grid draws its tiles anew while images load: then all of it is looked up again.
        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=(IndexError, WebDriverException))
        self._on_the_page(lambda: self.press(waiting.until(hovered, f"sample {position} in the grid")))

    def choose(self, choice: str) -> None:
        """Pick an entry of the list that a form's field has opened, by keyboard if it is not open yet."""
        self._on_the_page(lambda: self.one("[role='combobox']").send_keys(Keys.ARROW_DOWN))
        self._on_the_page(lambda: self.one("[role='option']", choice).click())

    def execute(self) -> None:
        """Run the operator whose form is open, and wait until the form has closed.

        The form forgets a click that comes while it checks what was chosen; so it is clicked again.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.click("button:enabled", "Execute")
            closed = time.monotonic() + PATIENCE / 4
            while time.monotonic() < closed:
                if not self.driver.execute_script(EXECUTE_SHOWN):
                    return
                time.sleep(0.2)
        raise AssertionError("the operator's form does not close")

    def operator(self, name: str) -> None:
        """Press the button of one of our operators above the grid."""
        self.click(f"[data-item-id='@curate/review/{name}']")

    def screenshot(self, path: Path) -> None:
        """Keep what the browser shows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(path))


@contextmanager
def opened_app(
    app: Served | None, size: tuple[int, int] = (1500, 1000), flags: Sequence[str] = ()
) -> Iterator[AppPage]:
    """Open a browser on the App, with FiftyOne's advertisement put away; without one, on nothing yet."""
    found = find_chromium()
    assert found is not None
    options = ChromeOptions()
    options.binary_location = found[0]
    for flag in (*FLAGS, *flags, f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    driver = Chrome(options=options, service=Service(found[1]))
    try:
        driver.set_page_load_timeout(PATIENCE)
        base = f"http://localhost:{app.port if app else 0}"
        if app is not None:
            driver.get(f"{base}/404.html?key={app.key}")
            driver.execute_script(TOOLTIP_SEEN)
        yield AppPage(driver, base)
    finally:
        driver.quit()
