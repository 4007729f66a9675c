"""Make the README's pictures: FiftyOne's App and the review pages, as they are.

Run it from the repository's root, on a workspace that has a run, whose Label Studio has tasks and contact
sheets, and where `push --to html` wrote ``cards.html`` and, with ``--contact-sheets``, ``sheets.html``::

    python docs/screenshots.py WORKSPACE [--label-studio-user U --label-studio-password P] [--no-app]

It writes ``docs/images/*.png``, each review page at 1366 × 768 and at 1920 × 1080; without a user, Label
Studio's are left as they are.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from selenium.webdriver.common.action_chains import ActionChains

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
    """Keep the grid with its worst labels, the workspace with map and confusions, and a form."""
    first = workspace.settings.attributes[0]
    dataset = workspace.settings.fiftyone.dataset
    app.open(f"/datasets/{dataset}?view=worst-labels")
    app.one("[data-cy='looker']")
    time.sleep(SETTLE)
    app.screenshot(IMAGES / "app-worst-labels.png")
    app.select(0)
    app.select(1)
    app.operator("send_to_label_studio")
    app.one("button", "Execute")
    app.screenshot(IMAGES / "app-send.png")
    app.click("button", "Cancel")
    app.click("[data-cy='saved-views-btn-selection-clear']")
    app.open(f"/datasets/{dataset}?workspace=review")
    app.text("Model Evaluation").click()
    panel = "[data-cy='panel-content-model_evaluation_panel_builtin']"
    app.one(panel, f"{first}_eval")
    app.text(f"{first}_eval").click()
    app.one(panel, "Confusion Matrices")
    app.text("Confusion Matrices").click()
    app.text("map").click()
    app.one(f"{panel} .js-plotly-plot")
    time.sleep(SETTLE)
    app.screenshot(IMAGES / "app-confusions-and-map.png")


def at_sizes(page: AppPage, name: str) -> None:
    """Keep what the browser shows at each size of screen."""
    for width, height in SCREENS:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        time.sleep(2)
        page.screenshot(IMAGES / f"{name}-{width}.png")


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
