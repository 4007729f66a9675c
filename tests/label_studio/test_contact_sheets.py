"""Many at once: sheets of artworks with the same issue, whose answers are verdicts like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from db.models import ControlAnswer, Issue, Task, Verdict
from review.label_studio.client import Server
from review.label_studio.local_server import LocalServer
from review.label_studio.scripted_reviewer import answer, choice
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, Make, add_run
from tests.label_studio.faults import faulty
from tests.label_studio.proxy import proxy_to
from tests.label_studio.sheet_faults import contact_project, mark, sheets_round
from tests.label_studio.test_loop import labels

pytestmark = pytest.mark.services


def sheets_of(gallery: Gallery, server: Server, **options: Any) -> list[Any]:
    return list(server.tasks(contact_project(gallery, server), **options))


def counted(gallery: Gallery, *columns: Any) -> dict[Any, int]:
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        rows = session.execute(select(*columns, func.count()).group_by(*columns)).all()
    return {row[0] if len(columns) == 1 else tuple(row[:-1]): row[-1] for row in rows}


def test_a_sheet_gives_the_verdicts_that_single_cards_would(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=24, flagged=24)
    at = ["-w", gallery.workspace.folder]
    push = [*at, "push", "--audit", "0", "--contact-sheets", "--json"]

    pushed, again = curate(*push).json(), curate(*push).json()
    sheets = sheets_of(gallery, server)
    for sheet in sheets:
        wrong = {1: "Art_Nouveau", 3: "Rococo"} if sheet.data["cells"][0]["label"] == "Baroque" else {}
        mark(server, sheet, wrong.get)
    synced = curate(*at, "sync-corrections", "--json").json()
    same = curate(*at, "sync-corrections", "--json").json()

    assert (pushed["created"], again["created"]) == (24, 0)
    assert [len(sheet.data["cells"]) for sheet in sheets] == [8, 8, 8]
    assert {len({cell["label"] for cell in sheet.data["cells"]}) for sheet in sheets} == {1}
    assert synced["verdicts"] == {"corrected": 2, "confirmed": 22}
    assert (synced["labels_changed"], synced["refused"], same["annotations"]) == (2, 0, 0)
    assert counted(gallery, Verdict.form) == {"contact_sheet": 24}
    assert counted(gallery, Task.state) == {"done": 24}
    assert counted(gallery, Issue.state) == {"resolved": 2, "dismissed": 22}
    baroque = next(s for s in sheets if s.data["cells"][0]["label"] == "Baroque")
    place = {str(uuid): number for number, uuid in enumerate(gallery.uuids)}
    first, third = (place[baroque.data["cells"][n]["artwork"]] for n in (0, 2))
    now = labels(gallery.workspace, "style")
    assert (now[first], now[third]) == ("Art_Nouveau", "Rococo")


def test_an_edited_sheet_a_deleted_one_a_skipped_one_and_one_left_alone(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=24, flagged=24)
    at = ["-w", gallery.workspace.folder]
    sync = [*at, "sync-corrections", "--full", "--json"]
    curate(*at, "push", "--audit", "0", "--contact-sheets")
    first, second, third = sheets_of(gallery, server)
    one = mark(server, first, {1: first.data["cells"][0]["suggested"]}.get)
    two = answer(server, second.id, [{**choice("cell_02", "alone"), "to_name": "sheet"}])
    answer(server, third.id, [], skipped=True)
    told = [curate(*sync).json()["verdicts"]]

    server.client.annotations.update(id=one, result=[{**choice("cell_04", "wrong"), "to_name": "sheet"}])
    edited = curate(*sync)
    server.client.annotations.delete(id=two)
    deleted = curate(*sync).json()

    assert told == [{"corrected": 1, "confirmed": 14}]
    assert edited.json()["verdicts"] == {"confirmed": 1}
    assert "style is said to be wrong, and no class was chosen" in edited.stderr
    assert deleted["taken_back"] == 8
    assert labels(gallery.workspace, "style") == [gallery.label(n, "style") for n in range(24)]


def test_an_issue_in_two_attributes_is_done_when_both_sheets_are(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=9, flagged=0)
    add_run(gallery.workspace, {i: {"style": 0.1, "genre": 0.2} for i in range(9)})
    at = ["-w", gallery.workspace.folder]
    curate(*at, "push", "--audit", "0", "--contact-sheets")
    sheets = sheets_of(gallery, server)

    mark(server, sheets[0], lambda _position: None)
    curate(*at, "sync-corrections")
    half = counted(gallery, Task.state)
    mark(server, sheets[1], lambda _position: None, times=2)
    curate(*at, "sync-corrections")

    assert [sheet.data["attribute"] for sheet in sheets] == ["style", "genre"]
    assert half == {"open": 9}
    assert counted(gallery, Task.state) == {"done": 9}
    assert counted(gallery, Verdict.decision) == {"confirmed": 18}


def test_controls_are_mixed_in_and_tell_how_right_people_are_this_way(
    curate: Curate, make: Make, server: Server, tmp_path: Path
) -> None:
    gallery = make(count=60, flagged=19)
    known = tmp_path / "known.csv"
    known.write_text("artwork,style\n" + "".join(f"{gallery.uuids[i]},Rococo\n" for i in range(40, 60)))
    at = ["-w", gallery.workspace.folder]
    push = ["push", "--audit", "0.1", "--limit", "40", "--controls", known, "--contact-sheets"]
    assert curate(*at, *push).status == 0

    for sheet in sheets_of(gallery, server):
        mark(server, sheet, lambda _position: None)
    curate(*at, "sync-corrections")
    people = curate(*at, "reviewers", "--json").lines()

    assert counted(gallery, ControlAnswer.form) == {"contact_sheet": sum(r["controls"] for r in people)}
    assert people[0]["forms"]["contact_sheet"]["controls"] == people[0]["controls"] > 0


def test_a_new_run_takes_back_the_sheets_that_nobody_has_begun(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=12, flagged=9)
    at = ["-w", gallery.workspace.folder]
    push = [*at, "push", "--audit", "0", "--contact-sheets", "--json"]
    curate(*push)
    add_run(gallery.workspace, {i: {"style": 0.2} for i in range(3)})

    second = curate(*push).json()

    assert (second["withdrawn"], second["created"]) == (9, 3)
    assert [len(sheet.data["cells"]) for sheet in sheets_of(gallery, server)] == [3]


@pytest.mark.parametrize("fault", ["cut_after", "500_after", "twice"])
def test_a_fault_while_sending_loses_and_doubles_nothing(
    fault: str, tmp_path: Path, label_studio: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other kinds and moments, and kills, are in ``benchmarks/contact_sheets.py``."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)

    with proxy_to(label_studio.url) as proxy:
        outcome = sheets_round(
            tmp_path,
            proxy.url,
            faulty(proxy, fault, 0, "/import"),
            faulty(proxy, fault, 1, "/tasks"),
            clicks=2,
        )

    assert outcome.hit and outcome.clean, outcome
