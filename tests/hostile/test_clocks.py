"""Clocks that were ahead: what is said later counts, whatever time it bears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from db.models import now
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import record
from db.workspace.workspace import open_workspace
from tests.conftest import Curate
from tests.hostile.workspaces import artworks, class_id, label_of, small_workspace

pytestmark = pytest.mark.slow

AHEAD = [timedelta(hours=1), timedelta(days=1), timedelta(days=400), timedelta(days=365 * 60)]
CLOCKS = ("db.reviews.answering.verdicts.now", "db.models.now", "db.labels.effective.now")


@contextmanager
def clock(monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> Iterator[None]:
    """Let the clock be wrong for a while."""
    with monkeypatch.context() as patched:
        for place in CLOCKS:
            patched.setattr(place, lambda: now() + ahead)
        yield


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_a_later_label_beats_one_of_a_clock_that_was_ahead(
    curate: Curate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    folder = small_workspace(curate, tmp_path)
    with clock(monkeypatch, ahead):
        assert curate("-w", folder, "label", "img/1.png", "style", "Rococo").status == 0

    assert curate("-w", folder, "label", "img/1.png", "style", "Cubism").status == 0

    assert label_of(curate, folder, "img/1.png") == "Cubism"
    assert curate("-w", folder, "check").status == 0
    events = curate("-w", folder, "history", "img/1.png", "--json").lines()
    of_style = [(event["action"], event["label"]) for event in events if event["attribute"] == "style"]
    said = [one for one in of_style if one[0] != "takes back"]
    assert said[-4:] == [("decides", "Rococo"), ("says", "Rococo"), ("decides", "Cubism"), ("says", "Cubism")]


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_an_answer_that_is_edited_after_the_servers_clock_was_set_right_is_news(
    curate: Curate, tmp_path: Path, ahead: timedelta
) -> None:
    folder = small_workspace(curate, tmp_path)
    with open_workspace(folder).open_catalog() as catalog:
        for when, name in ((now() + ahead, "Rococo"), (now(), "Cubism")):
            with catalog.write() as session:
                style, chosen = class_id(session, "style", name)
                answer = Answer(
                    server="http://127.0.0.1:9",
                    annotation_id="7",
                    artwork_id=artworks(session)["img/1.png"],
                    reviewer=("1", "ann"),
                    updated_at=when,
                    decisions=[Decision(style, "corrected", chosen)],
                    raw={"said": name},
                )
                recorded = record(session, [answer])
                assert recorded.annotations == 1

    assert label_of(curate, folder, "img/1.png") == "Cubism"
    assert curate("-w", folder, "check").status == 0
