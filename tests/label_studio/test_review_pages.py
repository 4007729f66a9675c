"""The review pages in a real browser: the picture whole, every control on the screen, keys as printed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from db.models import Verdict
from review.label_studio.client import Server
from review.label_studio.local_server import LocalServer
from tests.browser import AppPage, find_chromium, opened_app
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, Make, add_run, make_gallery
from tests.label_studio.sheet_faults import contact_project
from tests.label_studio.test_browser import browser, press, submit, until  # noqa: F401
from tests.label_studio.test_contact_sheets import counted
from tests.label_studio.test_loop import labels

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="chromium and chromedriver are not installed"),
]

SCREENS = [(1366, 768), (1920, 1080)]

ZOOMED = (683, 384)
"""What a page has room for at 200 % zoom on 1366 × 768."""

OUTSIDE = """
    return [...document.querySelectorAll(arguments[0])].filter(element => {
        const box = element.getBoundingClientRect();
        const beside = box.left < 0 || box.right > innerWidth;
        return box.width && (beside || box.top < 0 || box.bottom > innerHeight);
    }).map(element => element.outerHTML.slice(0, 80));
"""
"""The elements that are drawn and lie, in part, outside the window."""

COVERED = """
    return [...document.querySelectorAll(arguments[0])].filter(element => {
        const box = element.getBoundingClientRect();
        const seen = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        return box.width && seen && !element.parentElement.parentElement.contains(seen);
    }).map(element => element.outerHTML.slice(0, 80));
"""
"""The elements that lie under something else."""

UNREACHED = """
    const drawn = [...document.querySelectorAll(arguments[0])].filter(element => element.offsetWidth);
    return drawn.flatMap(element => {
        element.scrollIntoView({block: 'center', behavior: 'instant'});
        const box = element.getBoundingClientRect(), style = getComputedStyle(element), faults = [];
        const seen = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        const holder = element.closest('label') || element.parentElement;
        const wide = element.scrollWidth > element.clientWidth + 1;
        const cut = wide || element.scrollHeight > element.clientHeight + 1;
        if (box.left < -1 || box.right > innerWidth + 1) faults.push('beside the window');
        if (!seen || !(seen.contains(element) || holder.contains(seen))) faults.push('covered');
        if (element.matches('h1, h2, h3, h4, p, figcaption, label') && cut && style.overflow !== 'visible')
            faults.push('cut off');
        return faults.map(fault => fault + ': ' + element.outerHTML.slice(0, 80));
    });
"""
"""What of a page that scrolls cannot be reached or read."""

DRAWN = """
    const image = document.querySelector(arguments[0]), box = image.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    const frame = document.querySelector(arguments[1]).getBoundingClientRect();
    return {
        fit: getComputedStyle(image).objectFit, scale,
        shape: image.naturalWidth / image.naturalHeight,
        inside: box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.top >= frame.top - 1
            && box.bottom <= innerHeight && box.right <= innerWidth,
    };
"""
"""How the whole picture is drawn: nothing of it is cropped where it is contained and its box is inside."""


@pytest.fixture
def page() -> Iterator[AppPage]:
    with opened_app(None) as opened:
        yield opened


def resize(driver: object, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)  # type: ignore[attr-defined]


def flagged(tmp_path: Path, count: int = 9) -> Gallery:
    """A gallery all of whose labels are flagged, with a tall, a wide and a square picture first."""
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", count)
    odd_shapes(gallery)
    add_run(gallery.workspace, {i: {"style": 0.1, "genre": 0.2, "artist": 0.3} for i in range(count)})
    return gallery


def odd_shapes(gallery: Gallery) -> None:
    pictures = gallery.workspace.settings.roots["pictures"]
    for name, size in (("0000.png", (300, 900)), ("0001.png", (1400, 350)), ("0002.png", (632, 502))):
        Image.new("RGB", size, (90, 120, 60)).save(pictures / name)


def html_page(curate: Curate, gallery: Gallery, folder: Path, *options: str) -> str:
    push = ["-w", gallery.workspace.folder, "push", "--audit", "0", "--to", "html"]
    assert curate(*push, "--output", folder / "review.html", *options).status == 0
    return (folder / "review.html").as_uri()


def keys(page: AppPage, *pressed: str) -> None:
    for key in pressed:
        ActionChains(page.driver).send_keys(key).perform()


def answers(curate: Curate, gallery: Gallery, page: AppPage, folder: Path) -> dict[str, int]:
    saved = folder / f"answers-{time.monotonic_ns()}.csv"
    saved.write_text(page.driver.execute_script("return csv()"))
    synced = curate("-w", gallery.workspace.folder, "sync-corrections", "--from", saved, "--json").json()
    assert synced["refused"] == 0
    return dict(synced["verdicts"])


@pytest.mark.parametrize("screen", SCREENS)
def test_a_card_of_three_questions_is_whole_on_the_screen(
    screen: tuple[int, int], curate: Curate, page: AppPage, tmp_path: Path
) -> None:
    resize(page.driver, *screen)
    page.driver.get(html_page(curate, flagged(tmp_path), tmp_path))
    for _shape in range(3):
        keys(page, "2", "w", "s")  # all wrong: every list of classes is open

        drawn = page.driver.execute_script(DRAWN, ".picture img", ".picture")
        assert page.driver.execute_script(OUTSIDE, "input, button, kbd, legend, h2, .strips img") == []
        assert drawn["inside"] and drawn["fit"] == "contain" and drawn["scale"] > 0
        keys(page, Keys.ENTER)


@pytest.mark.parametrize("sheets", [False, True])
def test_the_page_is_read_and_answered_at_200_percent(
    sheets: bool, curate: Curate, page: AppPage, tmp_path: Path
) -> None:
    gallery = flagged(tmp_path, 30 if sheets else 9)
    page.driver.get(html_page(curate, gallery, tmp_path, *(["--contact-sheets"] if sheets else [])))
    resize(page.driver, *ZOOMED)
    keys(page, *("13" if sheets else "2ws"))

    within = "h1, h2, p, button, input, kbd, figcaption, .verdicts label, .cell > button img, .strips img"
    wide = page.driver.execute_script("return document.documentElement.scrollWidth")

    assert page.driver.execute_script(UNREACHED, within) == []
    assert wide <= ZOOMED[0]
    time.sleep(0.4)
    page.driver.find_elements(By.CSS_SELECTOR, ".next")[-1].click()
    assert page.driver.find_element(By.ID, "where").text.startswith(("Sheet 2 of", "Artwork 2 of"))


def test_two_wrong_attributes_by_keyboard_and_only_real_classes(
    curate: Curate, page: AppPage, tmp_path: Path
) -> None:
    gallery = flagged(tmp_path)
    page.driver.get(html_page(curate, gallery, tmp_path))

    keys(page, "2", "w", Keys.ENTER)  # both wrong, as suggested: no key goes into a field
    keys(page, "2", "2", "Genremalereis", Keys.ENTER)  # no such class: the field says so, and stays
    told = page.driver.find_element(By.CSS_SELECTOR, ".said").text
    keys(page, Keys.ESCAPE, "2", "baro", Keys.ENTER, Keys.ENTER)  # a beginning that only one class has
    keys(page, "2", Keys.ESCAPE, "4", Keys.ENTER)  # Esc takes the answer back

    assert "there is no class “Genremalereis”" in told
    assert answers(curate, gallery, page, tmp_path) == {"corrected": 3, "none_of_these": 1}
    assert labels(gallery.workspace, "style")[:2] == ["Rococo", "Baroque"]
    assert labels(gallery.workspace, "genre")[0] == "landscape"


def test_a_contact_sheet_by_keys_and_a_key_that_was_struck_twice(
    curate: Curate, page: AppPage, tmp_path: Path
) -> None:
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 30)
    add_run(gallery.workspace, {i: {"style": 0.1} for i in range(30)})
    resize(page.driver, 1366, 768)
    page.driver.get(html_page(curate, gallery, tmp_path, "--contact-sheets"))
    outside = page.driver.execute_script(OUTSIDE, ".cell, .cell *, header *")
    question = page.one("h1").text

    keys(page, "1", "3", "3", "4", "4", "4")  # suggested; the next likely class; taken away again
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys("5").key_up(Keys.SHIFT).perform()
    keys(page, "3", Keys.ENTER)  # looked at closer: right, but atypical
    time.sleep(0.4)
    keys(page, Keys.ENTER, Keys.ENTER)  # the second one comes too soon to mean the next sheet
    where = page.driver.find_element(By.ID, "where").text

    assert (outside, question) == ([], "Which of these are not Baroque?")
    assert where.startswith("Sheet 2 of 3 · 10 of 30")
    assert answers(curate, gallery, page, tmp_path) == {"corrected": 2, "confirmed": 7, "atypical": 1}
    assert counted(gallery, Verdict.form) == {"contact_sheet": 9, "card": 1}
    assert labels(gallery.workspace, "style")[0:9:3][:2] in (["Rococo", "Baroque"], ["Rococo", "Art_Nouveau"])


def test_a_card_that_is_opened_from_a_sheet_begins_with_what_the_sheet_asks(
    curate: Curate, page: AppPage, tmp_path: Path
) -> None:
    page.driver.get(html_page(curate, flagged(tmp_path, 24), tmp_path, "--contact-sheets"))
    page.driver.execute_script("at = pages.findIndex(one => one.grid.attribute === 'genre'); show()")

    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys("2").key_up(Keys.SHIFT).perform()

    first = page.one("dialog .question")
    titles = [one.text for one in page.driver.find_elements(By.CSS_SELECTOR, "dialog h2")]
    assert [title.split(":")[0] for title in titles] == ["Genre", "Style", "Artist"]
    assert first.is_displayed()


def test_the_end_is_told_and_enter_presses_what_tab_reached(
    curate: Curate, page: AppPage, tmp_path: Path
) -> None:
    page.driver.get(html_page(curate, flagged(tmp_path, 2), tmp_path, "--limit", "2"))
    where = page.driver.find_element(By.ID, "where")
    keys(page, "1", Keys.ENTER, "1")
    end = where.text
    page.driver.execute_script(
        "window.taken = []; URL.createObjectURL = file => { taken.push(file.name); return '#' }"
    )

    keys(page, Keys.TAB, Keys.TAB, Keys.ENTER)  # the name, then "Before"
    back = where.text
    page.driver.find_element(By.CSS_SELECTOR, "header .next").click()
    keys(page, Keys.ENTER)  # a click leaves no focus behind: Enter goes on, here to nothing
    page.driver.find_element(By.ID, "download").click()
    nameless, focused = page.driver.execute_script("return [taken.length, document.activeElement.id]")
    keys(page, "Ada", Keys.ENTER)
    page.driver.find_element(By.ID, "download").click()
    page.driver.refresh()

    assert end == "Artwork 2 of 2 · 2 of 2 artworks answered: now download the answers"
    assert back.startswith("Artwork 1 of 2")
    assert (nameless, focused) == (0, "reviewer")
    assert page.driver.find_element(By.ID, "reviewer").get_attribute("value") == "Ada"


@pytest.mark.services
@pytest.mark.parametrize("screen", SCREENS)
def test_label_studios_card_is_whole_on_the_screen(
    screen: tuple[int, int],
    curate: Curate,
    make: Make,
    label_studio: LocalServer,
    browser: object,  # noqa: F811
) -> None:
    gallery = make(count=9, flagged=0)
    odd_shapes(gallery)
    add_run(gallery.workspace, {i: {"style": 0.1, "genre": 0.2, "artist": 0.3} for i in range(9)})
    project = curate("-w", gallery.workspace.folder, "push", "--audit", "0", "--json").json()["project"]
    driver = browser
    resize(driver, *screen)

    driver.get(f"{label_studio.url}/projects/{project}/data?labeling=1")  # type: ignore[attr-defined]
    script = driver.execute_script  # type: ignore[attr-defined]
    until(lambda: script("return document.querySelector('.curate-zoom img')?.naturalWidth > 0"))
    time.sleep(1)
    press(driver, "2", "w", "s")  # type: ignore[arg-type]
    until(lambda: script("return document.querySelectorAll('.curate-panel input:checked').length") == 3)
    drawn = script(DRAWN, ".curate-zoom img", ".curate-picture")
    if kept := os.environ.get("CURATE_KEEP_SCREENSHOTS"):
        driver.save_screenshot(f"{kept}/card-{screen[0]}.png")  # type: ignore[attr-defined]

    assert (
        script(OUTSIDE, ".curate-panel input, .curate-panel button, .curate-panel sup, .curate-panel h4")
        == []
    )
    assert drawn["inside"] and drawn["fit"] == "contain"
    assert script(COVERED, ".curate-panel input, .curate-panel sup") == []
    assert (
        script("return [...document.querySelectorAll('.lsf-outliner')].filter(e => e.offsetWidth).length")
        == 0
    )
    bottom = script("return document.querySelector('.curate-last').getBoundingClientRect().bottom")
    assert bottom < screen[1] - 50  # above the bar of the submit button


@pytest.mark.services
@pytest.mark.parametrize("sheets", [False, True])
def test_label_studios_pages_are_read_and_answered_at_200_percent(
    sheets: bool,
    curate: Curate,
    make: Make,
    label_studio: LocalServer,
    server: Server,
    browser: object,  # noqa: F811
) -> None:
    gallery = make(count=30, flagged=0)
    add_run(gallery.workspace, {i: {"style": 0.1, "genre": 0.2, "artist": 0.3} for i in range(30)})
    push = ["-w", gallery.workspace.folder, "push", "--audit", "0", "--json"]
    project = curate(*push, *(["--contact-sheets"] if sheets else [])).json()["project"]
    script = browser.execute_script  # type: ignore[attr-defined]
    resize(browser, *ZOOMED)

    browser.get(f"{label_studio.url}/projects/{project}/data?labeling=1")  # type: ignore[attr-defined]
    picture = ".curate-cell img" if sheets else ".curate-zoom img"
    until(lambda: script(f"return document.querySelector('{picture}')?.naturalWidth > 0"))
    time.sleep(1)
    press(browser, *("13" if sheets else "2ws"))  # type: ignore[arg-type]
    until(lambda: script("return document.querySelectorAll('input:checked').length") >= 2)
    if kept := os.environ.get("CURATE_KEEP_SCREENSHOTS"):
        browser.save_screenshot(f"{kept}/zoomed-{sheets}.png")  # type: ignore[attr-defined]

    sheet = (
        ".curate-ask h3, .curate-ask p, .curate-ask img, .curate-cell sup, .curate-cell .lsf-choice__checkbox"
    )
    card = (
        ".curate h4, .curate p, .curate img, .curate figcaption, .curate sup, .curate .lsf-choice__checkbox"
    )
    lists = "[data-testid^=select-trigger]"
    bars = ".lsf-menu-header button, .lsf-menu-header a, .lsf-bottombar button, .lsf-menu-header__user img"
    assert script(UNREACHED, f"{sheet if sheets else card}, {lists}, {bars}") == []


@pytest.mark.services
def test_a_contact_sheet_in_label_studio_by_keys_and_clicks(
    curate: Curate,
    make: Make,
    label_studio: LocalServer,
    server: Server,
    browser: object,  # noqa: F811
) -> None:
    gallery = make(count=30, flagged=19)
    at = ["-w", gallery.workspace.folder]
    curate(*at, "push", "--audit", "0", "--contact-sheets", "--per-sheet", "10")
    resize(browser, 1366, 768)
    project = contact_project(gallery, server)
    script = browser.execute_script  # type: ignore[attr-defined]
    first = "return document.querySelector('.curate-cell img')?.alt || ''"

    browser.get(f"{label_studio.url}/projects/{project}/data?labeling=1")  # type: ignore[attr-defined]
    until(lambda: script("return document.querySelectorAll('.curate-cell img').length") >= 6)
    time.sleep(1)
    outside = script(OUTSIDE, ".curate-cell img, .curate-cell input, .curate-cell sup")
    names = script("return [...document.querySelectorAll('.curate-cell img')].map(image => image.alt)")
    press(browser, "1")  # type: ignore[arg-type]
    third = browser.find_elements(By.CSS_SELECTOR, ".curate-cell img")[2]  # type: ignore[attr-defined]
    ActionChains(browser).move_to_element(third).click().perform()  # type: ignore[arg-type]
    until(lambda: script("return document.querySelectorAll('.curate-grid input:checked').length") == 2)
    submit(browser)  # type: ignore[arg-type]
    until(lambda: script(first) != names[0])
    synced = curate(*at, "sync-corrections", "--json").json()

    numbers = [int(name.split(".")[0]) for name in names]
    now = labels(gallery.workspace, "style")
    changed = {number for number in range(30) if now[number] != gallery.label(number, "style")}
    assert outside == []
    assert synced["verdicts"] == {"corrected": 2, "confirmed": len(names) - 2}
    assert changed == {numbers[0], numbers[2]}
