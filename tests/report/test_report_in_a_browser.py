"""The report as people see it: in a real Chromium, without a network."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains

from curate.demo.gallery import GalleryImage
from db.spelling import display_name
from db.workspace.workspace import init_workspace, root_of
from tests.conftest import Curate
from tests.report.conftest import Browse
from tests.report.galleries import Gallery, add_artworks, write_run
from tests.report.test_report import HOSTILE, hostile_workspace

pytestmark = pytest.mark.browser


def complaints(browser: webdriver.Chrome) -> list[dict[str, str]]:
    """Return what the browser wrote to its console."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]


def unshown(browser: webdriver.Chrome) -> int:
    """Count pictures that did not load."""
    return int(browser.execute_script("return [...document.images].filter(i => !i.naturalWidth).length"))


def hangs_over(browser: webdriver.Chrome) -> int:
    """Return by how many pixels the page is wider than the window."""
    return int(browser.execute_script("return document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_the_page_opens_without_a_word_of_complaint(
    gallery: Gallery, curate: Curate, browse: Browse, tmp_path: Path, width: int, dark: bool
) -> None:
    gallery.add_run()
    curate("-w", gallery.folder, "report", "--out", tmp_path / "r.html")

    browser = browse(tmp_path / "r.html", width=width, dark=dark)

    assert complaints(browser) == []
    assert len(browser.find_elements("css selector", "img")) > 20
    assert unshown(browser) == 0
    assert hangs_over(browser) <= 0
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(23, 25, 28)" if dark else "rgb(253, 252, 250)")


def test_a_cell_tells_its_count_and_opens_its_artworks(
    gallery: Gallery, curate: Curate, browse: Browse, tmp_path: Path
) -> None:
    gallery.add_run(skill=0.3)
    curate("-w", gallery.folder, "report", "--out", tmp_path / "r.html", "--figures", tmp_path / "figures")
    cells = list(csv.DictReader((tmp_path / "figures/genre-confusion.csv").open(encoding="utf-8")))
    browser = browse(tmp_path / "r.html")
    stage = browser.find_element("css selector", "#genre-confusion .stage")
    browser.execute_script(
        "document.documentElement.style.scrollBehavior = 'auto'; arguments[0].scrollIntoView()", stage
    )
    left, top, right, bottom = browser.execute_script("return JSON.parse(arguments[0].dataset.box)", stage)
    rows = list(dict.fromkeys(cell["label"] for cell in cells))
    cell = next(cell for cell in cells if cell["label"] == rows[1] and cell["predicted"] == rows[0])
    size = stage.size
    x = left + (right - left) * 0.5 / len(rows) - 0.5
    y = top + (bottom - top) * 1.5 / len(rows) - 0.5

    at = ActionChains(browser).move_to_element_with_offset(stage, x * size["width"], y * size["height"])
    at.perform()

    said = browser.find_element("id", "tip").text
    assert said.startswith(f"{rows[1]}, predicted {rows[0]}: {cell['n']} (")
    at.click().perform()
    assert browser.find_element("id", "look-title").text == said
    assert len(browser.find_elements("css selector", "#look[open] img")) >= min(int(cell["n"]), 2)


def test_hostile_names_do_nothing_in_a_browser(tmp_path: Path, curate: Curate, browse: Browse) -> None:
    workspace = hostile_workspace(tmp_path)
    curate("-w", workspace.folder, "report", "--out", tmp_path / "r.html")

    browser = browse(tmp_path / "r.html", width=390)

    assert browser.execute_script("return window.hit") is None
    assert complaints(browser) == []
    assert hangs_over(browser) <= 0
    shown = browser.find_element("tag name", "body").get_attribute("textContent") or ""
    for name in HOSTILE[:9]:
        assert display_name(name) in shown


def test_real_paintings_make_a_small_page(
    shared_data: Path, tmp_path: Path, curate: Curate, browse: Browse
) -> None:
    """3,000 paintings, 319 artists: everything is shown, in under 15 MB."""
    source = shared_data / "wikiart224"
    with (source / "labels.csv").open(encoding="utf-8", newline="") as file:
        records = [GalleryImage(row.pop("filepath"), row) for row in csv.DictReader(file)]
    workspace, root = root_of(init_workspace(tmp_path / "ws", ("style", "genre", "artist")), source)
    with workspace.open_catalog() as catalog:
        add_artworks(workspace, catalog, root, records)
        write_run(workspace, catalog, records, seed=0, skill=0.6)

    assert curate("-w", workspace.folder, "report", "--out", tmp_path / "r.html").status == 0

    assert (tmp_path / "r.html").stat().st_size < 15_000_000
    browser = browse(tmp_path / "r.html")
    assert complaints(browser) == []
    assert unshown(browser) == 0
    assert np.isclose(float(browser.execute_script("return document.images.length")), 600, atol=350)
