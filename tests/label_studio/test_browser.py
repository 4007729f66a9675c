"""A reviewer in a real browser: sees the picture and the issue, and corrects a label with a key or two."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from sqlalchemy import select

from db.classes.classes import find_attribute, resolve_classes
from db.models import Class, Prediction
from review.label_studio.local_server import LocalServer
from tests.conftest import Curate
from tests.label_studio.conftest import Make, add_run
from tests.label_studio.test_loop import labels

pytestmark = [pytest.mark.services, pytest.mark.browser]

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--window-size=1400,900",
)
PATIENCE = 90.0

TREE = ".curate-panel .htx-taxonomy"
SEARCH = "[data-testid='taxonomy-search']"
NODES = ".ant-select-tree-node-content-wrapper"

WORKER_READY = "navigator.serviceWorker.ready.then(() => arguments[0]())"
"""A new profile installs Label Studio's service worker, which would break off what loads meanwhile."""


@pytest.fixture
def browser(label_studio: LocalServer) -> Iterator[webdriver.Chrome]:
    """Chromium, logged in as the server's user."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    with webdriver.Chrome(options=options, service=Service(driver)) as chrome:
        chrome.get(f"{label_studio.url}/user/login/")
        chrome.find_element(By.NAME, "email").send_keys(label_studio.user)
        chrome.find_element(By.NAME, "password").send_keys(label_studio.password, Keys.RETURN)
        until(lambda: "/user/login" not in chrome.current_url)
        chrome.set_script_timeout(PATIENCE)
        chrome.execute_async_script(WORKER_READY)
        yield chrome


def until(met: Callable[[], object]) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if met():
                return
        except (NoSuchElementException, StaleElementReferenceException):
            pass
        time.sleep(0.3)
    raise AssertionError("it did not come about in time")


def press(chrome: webdriver.Chrome, *keys: str) -> None:
    """Press keys one after the other."""
    ActionChains(chrome).send_keys(*keys).perform()


def submit(chrome: webdriver.Chrome) -> None:
    """Press Ctrl+Enter."""
    ActionChains(chrome).key_down(Keys.CONTROL).send_keys(Keys.RETURN).key_up(Keys.CONTROL).perform()


def accept(chrome: webdriver.Chrome) -> None:
    """Accept the style that the first task suggests."""
    until(lambda: _picture(chrome))
    press(chrome, "2")
    until(lambda: chrome.find_element(By.CSS_SELECTOR, ".curate-classes").text == "Rococo")
    submit(chrome)


def test_two_keys_accept_the_suggestion(
    curate: Curate, make: Make, label_studio: LocalServer, browser: webdriver.Chrome
) -> None:
    gallery = make(count=3, flagged=2)
    folder = gallery.workspace.folder
    project = curate("-w", folder, "push", "--audit", "0", "--json").json()["project"]

    browser.get(f"{label_studio.url}/projects/{project}/data?labeling=1")
    until(lambda: "Style: Baroque" in browser.find_element(By.TAG_NAME, "body").text)
    page = browser.find_element(By.TAG_NAME, "body").text
    accept(browser)
    until(lambda: "Style: Rococo" in browser.find_element(By.TAG_NAME, "body").text)
    press(browser, "1")
    submit(browser)
    synced = _synced(curate, folder, 2)

    assert "Looks like Rococo: the model gives it 95%, the label 5%." in page
    assert "also: genre portrait" in page
    assert synced == {"corrected": 1, "confirmed": 1}
    assert labels(gallery.workspace, "style") == ["Rococo", "Rococo", "Art_Nouveau"]
    assert labels(gallery.workspace, "genre") == ["portrait", "landscape", "still_life"]


def test_one_of_1119_artists_is_found_by_typing(
    curate: Curate, make: Make, label_studio: LocalServer, browser: webdriver.Chrome
) -> None:
    gallery = make(count=3, flagged=0)
    folder = gallery.workspace.folder
    painter = "Painter Number 777"
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        names = [f"Painter Number {number}" for number in range(4, 1120)]
        resolve_classes(session, find_attribute(session, "artist"), names, "test")
    add_run(gallery.workspace, {0: {"artist": 0.05}})
    project = curate("-w", folder, "push", "--audit", "0", "--json").json()["project"]

    browser.get(f"{label_studio.url}/projects/{project}/data?labeling=1")
    until(lambda: _picture(browser))
    press(browser, "s")
    until(lambda: browser.find_element(By.CSS_SELECTOR, TREE).text == "jan-van-goyen")
    browser.find_element(By.CSS_SELECTOR, TREE).click()
    until(lambda: browser.find_element(By.CSS_SELECTOR, SEARCH).is_displayed())
    browser.find_element(By.CSS_SELECTOR, SEARCH).send_keys("number 777")
    until(lambda: [node.text for node in browser.find_elements(By.CSS_SELECTOR, NODES)] == [painter])
    browser.find_element(By.CSS_SELECTOR, NODES).click()
    until(lambda: painter in browser.find_element(By.CSS_SELECTOR, TREE).text)
    if kept := os.environ.get("CURATE_KEEP_SCREENSHOTS"):
        browser.save_screenshot(f"{kept}/artists.png")
    press(browser, Keys.ESCAPE)
    until(lambda: not browser.find_element(By.CSS_SELECTOR, SEARCH).is_displayed())
    submit(browser)

    assert _synced(curate, folder, 1) == {"corrected": 1}
    assert labels(gallery.workspace, "artist")[0] == painter


def test_the_next_training_learns_what_was_submitted(
    curate: Curate, make: Make, label_studio: LocalServer, browser: webdriver.Chrome
) -> None:
    gallery = make(count=12, flagged=1)
    folder = gallery.workspace.folder
    project = curate("-w", folder, "push", "--audit", "0", "--json").json()["project"]

    browser.get(f"{label_studio.url}/projects/{project}/data?labeling=1")
    accept(browser)
    assert _synced(curate, folder, 1) == {"corrected": 1}
    small = ["--backbone", "efficientnet_lite0", "--image-size", "32", "--epochs", "1", "--folds", "2"]
    trained = curate("-w", folder, "train", *small, "--min-class-count", "2")

    assert trained.status == 0, trained.stderr
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        style = find_attribute(session, "style")
        learned = session.scalars(
            select(Class.key)
            .join(Prediction, Prediction.class_id == Class.id)
            .where(Prediction.attribute_id == style.id)
            .order_by(Prediction.artwork_id)
        ).all()
    assert learned == ["Rococo", *(gallery.label(number, "style") for number in range(1, 12))]


def _picture(chrome: webdriver.Chrome) -> bool:
    """Return whether the artwork's picture is on the screen in full."""
    script = """
        return [...document.images].some(
            image => /local-files|^blob:/.test(image.src) && image.complete && image.naturalWidth === 320
        );
    """
    return bool(chrome.execute_script(script))


def _synced(curate: Curate, folder: Path, wanted: int) -> dict[str, int]:
    """Sync until as many verdicts have come in; return them."""
    found: dict[str, int] = {}

    def more() -> bool:
        for decision, count in curate("-w", folder, "sync-corrections", "--json").json()["verdicts"].items():
            found[decision] = found.get(decision, 0) + count
        return sum(found.values()) >= wanted

    until(more)
    return found
