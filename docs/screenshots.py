"""Make the README's pictures: FiftyOne's App and a review task, as they are.

Run it from the repository's root, on a workspace that has a run and whose Label Studio has tasks::

    python docs/screenshots.py WORKSPACE [--label-studio-user U --label-studio-password P]

It writes ``docs/images/*.png``; without a user, the review task's picture is left as it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from db.workspace.workspace import Workspace, open_workspace
from tests.browser import AppPage, opened_app, served_app

IMAGES = Path(__file__).parent / "images"
SETTLE = 8.0
"""Seconds for images and plots to be drawn."""


def picture_app(workspace: Workspace, app: AppPage) -> None:
    """Keep the grid with its worst labels, the workspace with map and confusions, and a form."""
    first = workspace.settings.attributes[0]
    dataset = workspace.settings.fiftyone.dataset
    app.open(f"/datasets/{dataset}?view={first}-worst-labels")
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


def picture_task(workspace: Workspace, user: str, password: str) -> None:
    """Keep the first open task of the workspace's Label Studio project, signed in as a user."""
    settings = workspace.settings.label_studio
    with opened_app(None) as page:
        page.driver.get(f"{settings.url}/user/login")
        page.fill("input[name='email']", user)
        page.fill("input[name='password']", password)
        time.sleep(SETTLE)
        page.driver.get(f"{settings.url}/projects/{settings.project}/data?labeling=1")
        page.one("img")
        time.sleep(SETTLE)
        page.screenshot(IMAGES / "label-studio-task.png")


def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--label-studio-user")
    parser.add_argument("--label-studio-password")
    options = parser.parse_args()
    workspace = open_workspace(options.workspace)
    with tempfile.TemporaryDirectory() as temporary:
        with (
            served_app(workspace.folder, Path(temporary) / "browse.log") as served,
            opened_app(served) as app,
        ):
            picture_app(workspace, app)
    if options.label_studio_user:
        picture_task(workspace, options.label_studio_user, options.label_studio_password)


if __name__ == "__main__":
    main()
