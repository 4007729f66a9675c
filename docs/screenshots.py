"""Make the README's pictures: FiftyOne's App and the review pages, as they are.

Run it from the repository's root, on a workspace that has a run, whose Label Studio has tasks and contact
sheets, and where `push --to html` wrote ``cards.html`` and, with ``--contact-sheets``, ``sheets.html``::

    python docs/screenshots.py WORKSPACE [--label-studio-user U --label-studio-password P] [--no-app]

It writes ``docs/images/*.png``, each page at 1366 × 768 and at 1920 × 1080 (these to look at, and not kept in
the repository); without a user, Label Studio's are left as they are.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from db.models import CatalogSetting
from db.workspace.workspace import Workspace, open_workspace
from review.label_studio.client import connect
from review.label_studio.project import find_contact_project
from tests.browser import AppPage, opened_app, served_app

IMAGES = Path(__file__).parent / "images"
SCREENS = ((1366, 768), (1920, 1080))

SETTLE = 8.0
"""Seconds for images and plots to be drawn."""


def picture_app(workspace: Workspace, app: AppPage) -> None:
    """Keep the grid with its worst labels, an open artwork's card, and confusions beside the map."""
    first = workspace.settings.attributes[0]
    dataset = workspace.settings.fiftyone.dataset
    show_at(app, *SCREENS[0])
    app.open(f"/datasets/{dataset}?view=worst-labels")
    app.one("[data-cy='looker']")
    time.sleep(SETTLE)
    at_sizes(app, "app-worst-labels")
    show_at(app, *SCREENS[0])
    app.driver.find_elements(By.CSS_SELECTOR, "[data-cy='looker']")[3].click()
    app.click("[data-cy='panel-tab-card']")
    app.one("[data-cy='panel-content-card'] img")
    time.sleep(SETTLE)
    at_sizes(app, "app-card")
    show_at(app, 1500, 1000)
    app.open(f"/datasets/{dataset}?workspace=review")
    app.text("Model Evaluation").click()
    panel = "[data-cy='panel-content-model_evaluation_panel_builtin']"
    app.one(panel, f"{first}_eval")
    app.text(f"{first}_eval").click()
    app.press(app.scroll_to(By.XPATH, "//*[normalize-space(text())='Confusion Matrices']"))
    app.text("map").click()
    app.scroll_to(By.CSS_SELECTOR, f"{panel} .js-plotly-plot")
    time.sleep(SETTLE)
    keep(app, "app-confusions-and-map")


def show_at(page: AppPage, width: int, height: int) -> None:
    """Give the browser a size of screen."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    time.sleep(2)


def keep(page: AppPage, name: str) -> None:
    """Keep what the browser shows, in 256 colours: a third of the bytes."""
    path = IMAGES / f"{name}.png"
    page.screenshot(path)
    with Image.open(path) as shown:
        shown.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def at_sizes(page: AppPage, name: str) -> None:
    """Keep what the browser shows at each size of screen."""
    for width, height in SCREENS:
        show_at(page, width, height)
        keep(page, f"{name}-{width}")


def picture_pages(workspace: Workspace) -> None:
    """Keep the HTML pages that lie in the workspace: a card, and a contact sheet with two marks."""
    with opened_app(None) as page:
        for name, keys in (("cards", "2"), ("sheets", "13")):
            path = workspace.folder / f"{name}.html"
            if path.is_file():
                page.driver.get(path.as_uri())
                ActionChains(page.driver).send_keys(keys).perform()
                at_sizes(page, f"html-{name}")


def picture_tasks(workspace: Workspace, user: str, password: str) -> None:
    """Keep the first open task and the first contact sheet of Label Studio, signed in as a user."""
    settings = workspace.settings.label_studio
    with workspace.open_catalog() as catalog, catalog.read() as session:
        uuid = session.get_one(CatalogSetting, "uuid").value
    with connect(settings.url) as server:
        sheets = find_contact_project(server, uuid)
    with opened_app(None) as page:
        page.driver.get(f"{settings.url}/user/login")
        page.fill("input[name='email']", user)
        page.fill("input[name='password']", password)
        time.sleep(SETTLE)
        for project, name in ((settings.project, "task"), (sheets, "contact-sheet")):
            if project is not None:
                page.driver.get(f"{settings.url}/projects/{project}/data?labeling=1")
                page.one(".curate-panel, .curate-grid")
                time.sleep(SETTLE)
                ActionChains(page.driver).send_keys("2").perform()
                at_sizes(page, f"label-studio-{name}")


def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--label-studio-user")
    parser.add_argument("--label-studio-password")
    parser.add_argument("--no-app", action="store_true", help="leave the App's pictures as they are")
    options = parser.parse_args()
    workspace = open_workspace(options.workspace)
    picture_pages(workspace)
    if options.label_studio_user:
        picture_tasks(workspace, options.label_studio_user, options.label_studio_password)
    if options.no_app:
        return
    with tempfile.TemporaryDirectory() as temporary:
        with (
            served_app(workspace.folder, Path(temporary) / "browse.log") as served,
            opened_app(served) as app,
        ):
            picture_app(workspace, app)


if __name__ == "__main__":
    main()
