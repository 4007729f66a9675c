"""What a review costs a person: actions and waits, single cards against contact sheets, in a real browser.

    python benchmarks/review_time.py --artworks 200
    python benchmarks/review_time.py --artworks 200 --only html

A scripted reviewer who knows the truth answers the same flagged labels in four ways: HTML page and Label
Studio, one by one and many at once. An action is a key pressed (a chord is one) or a click; waiting is from
an answer until the next picture can be seen. At the end each catalog must hold the same labels and verdicts.
Prints a table and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from curate.cli import main as curate
from db.models import Verdict
from review.label_studio.local_server import LocalServer, label_studio_server
from tests.browser import AppPage, opened_app
from tests.label_studio.conftest import CLASSES, Gallery, add_run, make_gallery
from tests.label_studio.test_loop import labels

WRONG, OTHER = 0.25, 0.05
"""How many of the flagged labels are wrong as suggested, and wrong otherwise: on real paintings a fifth to a
quarter of the flagged labels were wrong (docs/LOG.md), here a little more."""

PATIENCE = 60.0

UNFOLDING = 0.5
"""Seconds until a list has unfolded: a click before that meets another entry."""

LAST = 4.0
"""Seconds that the last answer has to arrive: no page comes after it."""


@dataclass
class Count:
    """What one way of reviewing took."""

    actions: int = 0
    pages: int = 0
    waited: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def figures(self, judged: int, fixed: int) -> dict[str, float]:
        """Return what is reported."""
        return {
            "actions_per_label": round(self.actions / judged, 3),
            "actions_per_error_fixed": round(self.actions / max(fixed, 1), 2),
            "waited_per_label_s": round(self.waited / judged, 3),
            "pages": self.pages,
            "seconds": round(time.perf_counter() - self.began, 1),
        }


@dataclass(frozen=True)
class Hand:
    """The reviewer's hand on keyboard and mouse; it counts what it does."""

    page: AppPage
    count: Count

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            ActionChains(self.page.driver).send_keys(key).perform()
        self.count.actions += len(keys)

    def submit(self) -> None:
        """Press Ctrl+Enter."""
        held = ActionChains(self.page.driver).key_down(Keys.CONTROL).send_keys(Keys.RETURN)
        held.key_up(Keys.CONTROL).perform()
        self.count.actions += 1

    def click(self, element: Any) -> None:
        """Click an element."""
        element.click()
        self.count.actions += 1

    def wait(self, ready: Callable[[], Any]) -> Any:
        """Wait until something is so; return it."""
        began = time.perf_counter()
        while not (result := ready()):
            if time.perf_counter() - began > PATIENCE:
                raise AssertionError("the page did not come")
            time.sleep(0.02)
        self.count.waited += time.perf_counter() - began
        return result

    def choose(self, where: str, name: str) -> None:
        """Pick a class from one of Label Studio's lists, again where the click met another entry."""
        driver = self.page.driver
        field = next(e for e in driver.find_elements(By.CSS_SELECTOR, where) if e.is_displayed())
        option = f"[data-slot=command-item][data-value='{name}']"
        deadline = time.perf_counter() + PATIENCE
        while field.get_attribute("data-value") != name:
            assert time.perf_counter() < deadline, f"the list does not take {name}"
            if not driver.find_elements(By.CSS_SELECTOR, option):
                self.click(field)
            option_element = self.wait(lambda: driver.find_elements(By.CSS_SELECTOR, option))[0]
            time.sleep(UNFOLDING)
            self.click(option_element)
            time.sleep(UNFOLDING)


def make(folder: Path, url: str, artworks: int, wrong: float) -> tuple[Gallery, dict[int, str]]:
    """Make a gallery whose style labels are all flagged; return it with the true class of each artwork."""
    gallery = make_gallery(folder, url, artworks)
    add_run(gallery.workspace, {i: {"style": 0.3 + 0.3 * i / artworks} for i in range(artworks)})
    as_suggested, otherwise = round(wrong * artworks), round(OTHER * artworks)
    steps = [1] * as_suggested + [2] * otherwise + [0] * (artworks - as_suggested - otherwise)
    random.Random(7).shuffle(steps)
    return gallery, {n: CLASSES["style"][(n + step) % 3] for n, step in enumerate(steps)}


def run(gallery: Gallery, *arguments: object) -> None:
    """Run a command as a user does."""
    try:
        curate(["-w", str(gallery.workspace.folder), *map(str, arguments)])
    except SystemExit as stop:
        assert not stop.code, arguments


def beginning(key: str) -> str:
    """Return the letter that begins no other class: enough to name it."""
    assert len({name[0] for name in CLASSES["style"]}) == len(CLASSES["style"])
    return key[0]


def html_single(hand: Hand, gallery: Gallery, truth: Mapping[int, str], folder: Path) -> None:
    """Answer the HTML page one artwork after the other."""
    uuids = {str(uuid): number for number, uuid in enumerate(gallery.uuids)}
    rows = open_html(hand, folder)
    for row in rows:
        number = uuids[row["artwork"]]
        true, label = truth[number], row["style_label"]
        if true == label:
            hand.press("1")
        else:
            hand.press("2")
            if true != row["style_suggested"]:
                hand.press("2", beginning(true), Keys.ENTER)
        hand.press(Keys.ENTER)
        hand.count.pages += 1


def html_many(hand: Hand, gallery: Gallery, truth: Mapping[int, str], folder: Path) -> None:
    """Answer the HTML page's contact sheets."""
    uuids = {str(uuid): number for number, uuid in enumerate(gallery.uuids)}
    rows = open_html(hand, folder)
    driver = hand.page.driver
    keys = driver.execute_script("return sheet.cell_keys")
    for cells in driver.execute_script("return sheet.sheets.map(one => one.cells)"):
        for key, place in zip(keys, cells, strict=False):
            row = rows[place]
            true = truth[uuids[row["artwork"]]]
            if true != row["style_label"]:
                hand.press(key)
                if true != row["style_suggested"]:
                    hand.press(key)
        hand.wait(lambda: driver.execute_script("return performance.now() - shownAt > GLANCE"))
        hand.press(Keys.ENTER)
        hand.count.pages += 1


def open_html(hand: Hand, folder: Path) -> list[dict[str, str]]:
    """Open a page from the disk; return its rows."""
    hand.page.driver.get((folder / "review.html").as_uri())
    return list(hand.page.driver.execute_script("return sheet.rows"))


def server_single(hand: Hand, gallery: Gallery, truth: Mapping[int, str], _folder: Path) -> None:
    """Answer Label Studio's single cards."""
    driver, last = hand.page.driver, ""
    for _ in truth:
        name = hand.wait(partial(shown_card, driver, last))
        last, number = name, int(name.split(".")[0])
        label = gallery.label(number, "style")
        if truth[number] == label:
            hand.press("1")
        else:
            hand.press("2")
            suggested = CLASSES["style"][(number + 1) % 3]
            if truth[number] != suggested:
                hand.choose(".curate-classes button", truth[number])
        hand.submit()
        hand.count.pages += 1
    time.sleep(LAST)


def shown_card(driver: Any, before: str) -> str:
    """Return the name of the artwork on the screen, once its picture is there and it is another one."""
    return str(
        driver.execute_script(
            """const name = document.querySelector('.curate-name b')?.textContent || '';
               const image = document.querySelector('.curate-zoom img');
               const prefilled = document.querySelector('.curate-classes button')?.dataset.value;
               const there = image?.complete && image.naturalWidth && prefilled;
               return name !== arguments[0] && there ? name : '';""",
            before,
        )
    )


def server_many(hand: Hand, gallery: Gallery, truth: Mapping[int, str], _folder: Path) -> None:
    """Answer Label Studio's contact sheets."""
    driver, left, before = hand.page.driver, len(truth), ""
    keys = "1234567890qwertyuiopasdf"
    while left > 0:
        names = hand.wait(partial(shown_sheet, driver, before))
        before = names[0]
        for place, name in enumerate(names):
            number = int(name.split(".")[0])
            if truth[number] == gallery.label(number, "style"):
                continue
            hand.press(keys[place])
            if truth[number] != CLASSES["style"][(number + 1) % 3]:
                cell = f".curate-cell:nth-child({place + 1}) .curate-classes button"
                hand.choose(cell, truth[number])
        hand.submit()
        hand.count.pages += 1
        left -= len(names)
    time.sleep(LAST)


def shown_sheet(driver: Any, before: str) -> list[str]:
    """Return the names of the artworks of the sheet on the screen, once its pictures are there."""
    return list(
        driver.execute_script(
            """const all = [...document.querySelectorAll('.curate-cell img')];
               const lists = [...document.querySelectorAll('.curate-cell .curate-classes button')];
               const there = all.length && all.every(image => image.complete && image.naturalWidth)
                   && lists.slice(0, all.length).every(list => list.dataset.value);
               return there && all[0].alt !== arguments[0] ? all.map(image => image.alt) : [];""",
            before,
        )
    )


def sign_in(page: AppPage, server: LocalServer) -> None:
    """Log in, and let the new profile's service worker settle."""
    page.driver.get(f"{server.url}/user/login/")
    page.driver.find_element(By.NAME, "email").send_keys(server.user)
    page.driver.find_element(By.NAME, "password").send_keys(server.password, Keys.RETURN)
    time.sleep(3)
    page.driver.set_script_timeout(PATIENCE)
    page.driver.execute_async_script("navigator.serviceWorker.ready.then(() => arguments[0]())")


WAYS = {
    "html, single cards": (html_single, False),
    "html, contact sheets": (html_many, True),
    "Label Studio, single cards": (server_single, False),
    "Label Studio, contact sheets": (server_many, True),
}


def review(way: str, folder: Path, artworks: int, wrong: float, server: LocalServer | None) -> dict[str, Any]:
    """Review one gallery in one way; return the figures, and what the catalog holds."""
    steps, many = WAYS[way]
    gallery, truth = make(folder, server.url if server else "http://127.0.0.1:9", artworks, wrong)
    push = ["push", "--limit", artworks, "--audit", 0, "--controls", 0]
    push += ["--contact-sheets"] if many else []
    run(gallery, *push, *([] if server else ["--to", "html", "--output", folder / "review.html"]))
    with opened_app(None, (1366, 768)) as page:
        hand = Hand(page, Count())
        if server:
            sign_in(page, server)
            hand.count.began = time.perf_counter()
            page.driver.get(f"{server.url}/projects/{project_of(gallery, server, many)}/data?labeling=1")
        steps(hand, gallery, truth, folder)
        if not server:
            (folder / "answers.csv").write_text(page.driver.execute_script("return csv()"))
    run(gallery, "sync-corrections", *([] if server else ["--from", folder / "answers.csv"]))
    held = labels(gallery.workspace, "style")
    errors = sum(truth[number] != gallery.label(number, "style") for number in truth)
    assert held == [truth[number] for number in sorted(truth)], "the catalog is not what was answered"
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        said = sorted((v.artwork_id, v.decision, v.class_id) for v in session.query(Verdict))
    return {"errors": errors} | hand.count.figures(artworks, errors) | {"verdicts": said}


def project_of(gallery: Gallery, server: LocalServer, many: bool) -> int:
    """Return the number of a gallery's project."""
    from db.workspace.workspace import open_workspace
    from review.label_studio.client import connect
    from tests.label_studio.sheet_faults import contact_project

    if many:
        with connect(server.url, server.token) as connected:
            return contact_project(gallery, connected)
    number = open_workspace(gallery.workspace.folder).settings.label_studio.project
    assert number is not None
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--artworks", type=int, default=200)
    parser.add_argument("--wrong", type=float, default=WRONG, help="share wrong as suggested")
    parser.add_argument("--only", choices=["html", "server"], help="one of the two")
    parser.add_argument("--server-data", type=Path, help="a folder that keeps the server's data")
    options = parser.parse_args()
    figures_by_way: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="curate-benchmark-") as name, ExitStack() as stack:
        folder, server = Path(name), None
        if options.only != "html":
            data = options.server_data or folder / "label-studio"
            server = stack.enter_context(label_studio_server(data, document_root=folder))
            os.environ["LABEL_STUDIO_API_KEY"] = server.token
        for number, way in enumerate(WAYS):
            at_server = way.startswith("Label Studio")
            if options.only in (None, "server" if at_server else "html"):
                place, there = folder / f"w{number}", server if at_server else None
                figures = review(way, place, options.artworks, options.wrong, there)
                figures_by_way[way] = figures
                shown = {key: value for key, value in figures.items() if key != "verdicts"}
                print(f"{way:30} {shown}", flush=True)
    same = {json.dumps(figures.pop("verdicts")) for figures in figures_by_way.values()}
    print(json.dumps({"artworks": options.artworks, "same_verdicts": len(same) == 1, "ways": figures_by_way}))


if __name__ == "__main__":
    main()
