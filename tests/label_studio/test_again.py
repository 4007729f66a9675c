"""Asked again after the guidelines changed, and taken back when nobody answers."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from db.models import Batch, Issue, Task, Verdict, now
from db.reviews.asking.batches import Plan, PlannedItem, save_batch
from db.reviews.asking.tasks import add_tasks, find_tasks
from review.label_studio.client import Server
from review.label_studio.scripted_reviewer import answer, choice
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, Make, add_run, make_gallery
from tests.label_studio.test_contact_sheets import counted
from tests.label_studio.test_loop import labels
from tests.label_studio.test_sheet import fill


@pytest.fixture
def judged(tmp_path: Path, curate: Curate) -> Gallery:
    """Nine artworks, six of them judged in style by Ada: the first is corrected."""
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 9)
    add_run(gallery.workspace, {i: {"style": 0.1 + 0.1 * i} for i in range(6)})
    at, sheet = ["-w", gallery.workspace.folder], tmp_path / "first.csv"
    curate(*at, "push", "--audit", "0", "--to", "csv", "--output", sheet)
    said = {0: "wrong"} | dict.fromkeys(range(1, 6), "right")
    fill(sheet, style_verdict=said, style_class={0: "Rococo"}, reviewer=dict.fromkeys(range(6), "Ada"))
    curate(*at, "sync-corrections", "--from", sheet)
    return gallery


def asked(sheet: Path) -> list[str]:
    with sheet.open(newline="") as file:
        return sorted(row["style_label"] for row in csv.DictReader(file))


def test_a_class_is_asked_about_again_and_the_earlier_verdicts_stay(
    curate: Curate, judged: Gallery, tmp_path: Path
) -> None:
    at, sheet = ["-w", judged.workspace.folder], tmp_path / "again.csv"
    push = [*at, "push", "--audit", "0", "--to", "csv", "--output", sheet, "--again"]

    pushed = curate(*push, "--where", "attribute=style class=Baroque", "--json").json()
    fill(sheet, style_verdict={0: "right", 1: "wrong"}, style_class={1: "Rococo"})
    fill(sheet, reviewer={0: "Ada", 1: "Ada"})
    shown = asked(sheet)
    synced = curate(*at, "sync-corrections", "--from", sheet, "--json").json()

    assert (pushed["created"], shown) == (2, ["Baroque", "Rococo"])  # the first was Baroque before Ada
    assert counted(judged, Verdict.decision) == {"corrected": 2, "confirmed": 6}
    assert synced["verdicts"] == {"corrected": 1, "confirmed": 1}
    assert labels(judged.workspace, "style")[3] == "Rococo"


def test_by_a_reviewer_and_before_a_day(curate: Curate, judged: Gallery) -> None:
    at = ["-w", judged.workspace.folder]
    again = [*at, "push", "--again", "--audit", "0", "--dry-run", "--json"]

    assert curate(*again, "--by", "Ada").json()["planned"] == {"review": 6}
    assert curate(*again, "--by", "Bo").json()["planned"] == {}
    assert curate(*again, "--before", "2000-01-01").json()["planned"] == {}
    assert curate(*again, "--before", "2999-01-01", "--limit", "4").json()["planned"] == {"review": 4}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--again"], "say which: --where, --by or --before"),
        (["--by", "Ada"], "go with it"),
        (["--again", "--where", "Realism"], "names no attribute"),
    ],
)
def test_what_is_asked_again_must_be_said(
    options: list[str], told: str, curate: Curate, judged: Gallery
) -> None:
    refused = curate("-w", judged.workspace.folder, "push", *options)

    assert refused.status == 2
    assert told in " ".join(refused.stderr.replace("│", " ").split())


def test_an_abandoned_sheet_is_named_and_taken_back(curate: Curate, tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 6)
    add_run(gallery.workspace, {i: {"style": 0.1} for i in range(4)})
    at, sheet = ["-w", gallery.workspace.folder], tmp_path / "lost.csv"
    curate(*at, "push", "--audit", "0", "--to", "csv", "--output", sheet)
    fresh = curate(*at, "status").stdout
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        session.execute(update(Batch).values(created_at=now() - timedelta(days=30)))

    stale = curate(*at, "status").stdout
    planned = curate(*at, "push", "--cancel", "1", "--dry-run").stdout
    done = curate(*at, "push", "--cancel", "1", "--json").json()
    again = curate(*at, "push", "--cancel", "1").stdout

    assert "no answer" not in fresh
    assert "no answer for 30 days, 4 artworks wait" in stale
    assert "take it back: curate push --cancel 1" in stale
    assert planned == "Would take back 4 artworks of batch 1.\n"
    assert done == {"batch": 1, "withdrawn": 4, "begun": 0}
    assert again == "Taken back: 0 artworks of batch 1.\n"
    assert counted(gallery, Issue.state) == {"open": 4}
    assert "Next: curate sync-corrections --from SHEET\n" in fresh
    assert "taken back before anybody answered: batch 1\n" in (status := curate(*at, "status").stdout)
    assert "batch 1 (run" not in status and "--from SHEET" not in status
    assert curate(*at, "push", "--audit", "0", "--dry-run", "--json").json()["planned"] == {"review": 4}
    assert "There is no batch 7" in curate(*at, "push", "--cancel", "7").stderr


@pytest.mark.services
def test_a_batch_at_the_server_is_taken_back_but_for_what_is_begun(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=12, flagged=9)
    at = ["-w", gallery.workspace.folder]
    project = curate(*at, "push", "--audit", "0", "--limit", "4", "--json").json()["project"]
    begun = next(server.tasks(project)).id
    answer(server, begun, [choice("verdict_style", "right")])
    curate(*at, "push", "--audit", "0", "--contact-sheets")

    cards = curate(*at, "push", "--cancel", "1", "--json").json()
    sheets = curate(*at, "push", "--cancel", "2", "--json").json()

    assert cards == {"batch": 1, "withdrawn": 3, "begun": 1}
    assert sheets == {"batch": 2, "withdrawn": 5, "begun": 0}
    assert [task.id for task in server.tasks(project)] == [begun]
    assert counted(gallery, Task.state) == {"open": 1, "withdrawn": 8}


@pytest.mark.services
@pytest.mark.parametrize("sheets", [False, True])
def test_what_somebody_has_half_answered_is_begun(
    sheets: bool, curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=12, flagged=12)
    at = ["-w", gallery.workspace.folder]
    pushed = curate(*at, "push", "--audit", "0", "--json", *(["--contact-sheets"] if sheets else [])).json()
    begun, *others = list(server.tasks(pushed["project"]))
    server.post(f"/api/tasks/{begun.id}/drafts", {"result": [], "lead_time": 1.0})

    curate(*at, "push", "--cancel", pushed["batch"])

    assert len(others) > 0 or sheets
    assert [task.id for task in server.tasks(pushed["project"])] == [begun.id]


def test_a_number_that_the_server_gives_again_is_the_newer_tasks(tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 3)
    run = add_run(gallery.workspace, {i: {"style": 0.1} for i in range(3)})
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        for artwork_id in (1, 2):
            plan = Plan(run, 1, 1.0, [PlannedItem(artwork_id, "review", ("style",), 0.5)])
            batch = save_batch(session, plan, "http://127.0.0.1:9", 5)
            assert add_tasks(session, batch, {artwork_id: 77}, "run-1") == []
            found = find_tasks(session, "http://127.0.0.1:9", 5, [77])[77]
            assert (found.artwork_id, found.batch_id) == (artwork_id, batch.id)
            found.state = "withdrawn"
        assert session.query(Task).count() == 2
