"""A gallery of drawn pictures; a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.report.galleries import Gallery, copy_of, make_gallery


@pytest.fixture(scope="session")
def drawn_gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Eighty drawn pictures, a tenth of the labels wrong, no run yet; tests change copies of it."""
    return make_gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture
def gallery(drawn_gallery: Gallery, tmp_path: Path) -> Gallery:
    """A copy of the drawn gallery."""
    return copy_of(drawn_gallery, tmp_path / "ws")


Browse = Callable[..., webdriver.Chrome]


@pytest.fixture
def browse() -> Iterator[Browse]:
    """Open a file in a real Chromium without a network: ``browse(page, width=390, dark=True)``."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as browser:

        def open_page(page: Path, width: int = 1280, dark: bool = False) -> webdriver.Chrome:
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            browser.execute_cdp_cmd("Network.enable", {})
            cut = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
            browser.execute_cdp_cmd("Network.emulateNetworkConditions", cut)
            browser.get(page.as_uri())
            return browser

        yield open_page
