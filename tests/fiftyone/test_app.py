"""The App in a real browser: what a curator does without writing code."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from db.models import Task, Verdict
from db.workspace.workspace import change_settings
from review.label_studio.client import connect
from tests.browser import find_chromium, opened_app, served_app

pytestmark = [
    pytest.mark.services,
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:fiftyone.*"),
    pytest.mark.skipif(find_chromium() is None, reason="chromium and chromedriver are not installed"),
]

EVALUATIONS = "[data-cy='panel-content-model_evaluation_panel_builtin']"


def wait_for(condition: Any, what: str, seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.5)
    raise AssertionError(what)


def test_views_confusions_a_filter_and_two_artworks_sent_to_label_studio(
    gallery: Any, label_studio: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gallery.add_run()
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    workspace = change_settings(gallery.workspace, "label_studio", "url", label_studio.url)
    name = workspace.settings.fiftyone.dataset
    shots = tmp_path / "shots"

    with served_app(workspace.folder, tmp_path / "browse.log") as served, opened_app(served) as app:
        app.open(f"/datasets/{name}?view=worst-labels")  # as `curate browse` opens it
        app.wait_for_count(6)
        app.screenshot(shots / "worst.png")
        app.click("[data-cy='saved-views-btn-selection-clear']")
        app.wait_for_count(30)

        app.click("[data-cy='saved-views-selection']")
        app.text("style: Impressionism looks like Realism").click()
        app.wait_for_count(2)
        app.screenshot(shots / "view.png")
        app.click("[data-cy='saved-views-btn-selection-clear']")
        app.wait_for_count(30)

        app.click("[data-cy='sidebar-field-arrow-enabled-style_score']")
        app.fill("input[placeholder='max']", "0.5")
        app.wait_for_count(6)
        app.screenshot(shots / "filter.png")

        app.select(0)
        app.select(1)
        app.operator("send_to_label_studio")
        app.one("[role='dialog'], .MuiPaper-root", "2 artworks: selected")
        app.screenshot(shots / "operator.png")
        app.execute()

        def sent() -> list[Any]:
            with gallery.catalog.read() as session:
                return list(session.query(Task))

        tasks = wait_for(lambda: len(sent()) == 2 and sent(), "two tasks in the catalog")
        with connect(label_studio.url, label_studio.token) as server:
            at_server = [server.client.tasks.get(id=str(task.task_id)) for task in tasks]
        assert {task.data["artwork"] for task in at_server} <= {str(uuid) for uuid in gallery.uuids[::5]}

        app.open(f"/datasets/{name}?workspace=review")
        app.text("Model Evaluation").click()
        app.one(EVALUATIONS, "style_eval")
        app.text("style_eval").click()
        app.press(app.scroll_to(By.XPATH, "//*[normalize-space(text())='Confusion Matrices']"))
        app.scroll_to(By.CSS_SELECTOR, f"{EVALUATIONS} .js-plotly-plot")
        app.screenshot(shots / "confusions.png")
    if kept := os.environ.get("CURATE_KEEP_SCREENSHOTS"):
        shutil.copytree(shots, kept, dirs_exist_ok=True)


def test_the_bare_address_and_why_an_open_artwork_is_flagged(gallery: Any, tmp_path: Path) -> None:
    gallery.add_run()
    card = "[data-cy='panel-content-card']"
    drawn = f'return [...document.querySelectorAll("{card} img")].map(image => image.naturalWidth)'

    with served_app(gallery.workspace.folder, tmp_path / "browse.log") as served, opened_app(served) as app:
        app.open("/")
        app.one("[data-cy='looker']")
        app.open(f"/datasets/{gallery.workspace.settings.fiftyone.dataset}?view=worst-labels")
        app.wait_for_count(6)
        app.one("[data-cy='looker']")
        app.driver.find_elements(By.CSS_SELECTOR, "[data-cy='looker']")[0].click()
        app.click("[data-cy='panel-tab-card']")
        first = app.one(card, "Looks like").text
        wait_for(lambda: min(app.driver.execute_script(drawn), default=0) > 0, "pictures beside the artwork")
        if kept := os.environ.get("CURATE_KEEP_SCREENSHOTS"):
            app.screenshot(Path(kept) / "card.png")
        pictures = len(app.driver.execute_script(drawn))
        ActionChains(app.driver).send_keys(Keys.ARROW_RIGHT).perform()
        wait_for(lambda: app.one(card, "Looks like").text != first, "the card of the next artwork")

    assert "Style: " in first and "surely " in first
    assert pictures >= 3


def test_a_label_is_judged_from_the_app(gallery: Any, tmp_path: Path) -> None:
    gallery.add_run()
    name = gallery.workspace.settings.fiftyone.dataset

    with served_app(gallery.workspace.folder, tmp_path / "browse.log") as served, opened_app(served) as app:
        app.open(f"/datasets/{name}?view=style-worst-labels")
        app.wait_for_count(30)
        app.select(0)
        app.operator("judge")
        app.one("[role='dialog'], .MuiPaper-root", "1 artworks: selected")
        app.click("[role='combobox']")
        app.choose("the image itself is unusable")
        app.execute()

        def verdicts() -> list[Verdict]:
            with gallery.catalog.read() as session:
                return list(session.query(Verdict))

        (verdict,) = wait_for(verdicts, "a verdict in the catalog")
        assert (verdict.decision, verdict.attribute_id) == ("unusable", None)
        app.open(f"/datasets/{name}?view=review-unusable")
        app.wait_for_count(1)
