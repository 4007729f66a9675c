"""Push, answer, sync, against a real server: what comes back is what was said, however often one asks."""

from __future__ import annotations

import pytest

from db.classes.classes import attributes, class_list
from db.labels.table import label_table
from db.reviews.asking.batches import items_of
from db.workspace.workspace import Workspace, open_workspace
from review.label_studio.client import Server
from review.label_studio.scripted_reviewer import answer, choice
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, Make, add_run

pytestmark = pytest.mark.services


def labels(workspace: Workspace, attribute: str) -> list[str]:
    """Return the effective label of every artwork, by number."""
    with workspace.open_catalog() as catalog, catalog.read() as session:
        keys = next(class_list(session, a).key for a in attributes(session) if a.name == attribute)
        return [keys[i] for i in label_table(session).labels[attribute].tolist()]


def tasks_by_artwork(server: Server, gallery: Gallery) -> dict[int, int]:
    """Return the server's tasks by the number of their artwork; an artwork may have only one."""
    project = open_workspace(gallery.workspace.folder).settings.label_studio.project
    assert project is not None
    numbers = {str(uuid): number for number, uuid in enumerate(gallery.uuids)}
    tasks = [(numbers[task.data["artwork"]], task.id) for task in server.tasks(project)]
    assert len(dict(tasks)) == len(tasks)
    return dict(tasks)


def test_the_worst_are_pushed_first_and_none_twice(curate: Curate, make: Make, server: Server) -> None:
    gallery = make(count=12, flagged=6)
    push = ["-w", gallery.workspace.folder, "push", "--audit", "0", "--limit", "4", "--json"]

    first, second, third = (curate(*push).json() for _ in range(3))

    assert [p["created"] for p in (first, second, third)] == [4, 2, 0]
    issues = [0.95, 0.9, 0.85, 0.8]
    assert first["expected_yield"] == pytest.approx(sum(0.04 + 0.96 * p for p in issues), abs=0.005)
    assert sorted(tasks_by_artwork(server, gallery)) == [0, 1, 2, 3, 4, 5]


def test_what_reviewers_say_becomes_verdicts_and_labels(curate: Curate, make: Make, server: Server) -> None:
    gallery = make(count=6, flagged=6)
    folder = gallery.workspace.folder
    curate("-w", folder, "push", "--audit", "0")
    tasks = tasks_by_artwork(server, gallery)
    answer(server, tasks[0], [choice("verdict_style", "wrong"), choice("class_style", "Rococo")])
    answer(server, tasks[1], [choice("verdict_style", "right"), choice("verdict_genre", "unsure")])
    answer(server, tasks[2], [choice("verdict_style", "atypical")])
    answer(server, tasks[3], [choice("verdict_style", "none_of_these"), choice("picture", "unusable")])
    answer(server, tasks[4], [choice("class_style", "Baroque")])
    answer(server, tasks[5], [], skipped=True)

    synced = curate("-w", folder, "sync-corrections", "--json").json()
    again = curate("-w", folder, "sync-corrections", "--json").json()

    assert synced["annotations"] == 6
    assert synced["verdicts"] == {
        "corrected": 1,
        "confirmed": 1,
        "unsure": 1,
        "atypical": 1,
        "none_of_these": 1,
        "unusable": 1,
    }
    assert synced["labels_changed"] == 1
    assert labels(gallery.workspace, "style")[:3] == ["Rococo", "Rococo", "Art_Nouveau"]
    assert again == {**synced, "annotations": 0, "verdicts": {}, "labels_changed": 0}


def test_edited_and_deleted_answers_change_the_verdict(curate: Curate, make: Make, server: Server) -> None:
    gallery = make(count=3, flagged=2)
    sync = ["-w", gallery.workspace.folder, "sync-corrections", "--json"]
    curate("-w", gallery.workspace.folder, "push", "--audit", "0")
    tasks = tasks_by_artwork(server, gallery)
    said = answer(server, tasks[0], [choice("verdict_style", "wrong"), choice("class_style", "Rococo")])
    curate(*sync)

    server.client.annotations.update(
        id=said, result=[choice("verdict_style", "wrong"), choice("class_style", "Art_Nouveau")]
    )
    edited = curate(*sync).json()
    label_after_edit = labels(gallery.workspace, "style")[0]
    server.client.annotations.delete(id=said)
    deleted = curate(*sync).json()

    assert (edited["annotations"], edited["verdicts"]) == (1, {"corrected": 1})
    assert label_after_edit == "Art_Nouveau"
    assert (deleted["annotations"], deleted["taken_back"], deleted["labels_changed"]) == (0, 1, 1)
    assert labels(gallery.workspace, "style")[0] == "Baroque"


def test_a_full_sync_takes_back_what_was_deleted_since_the_last(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=6, flagged=6)
    folder = gallery.workspace.folder
    curate("-w", folder, "push", "--limit", "6", "--audit", "0", "--controls", "0")
    first, second, *_ = tasks_by_artwork(server, gallery).values()
    said = answer(server, first, [choice("verdict_style", "right")])
    curate("-w", folder, "sync-corrections")

    server.client.annotations.delete(id=said)
    answer(server, second, [choice("verdict_style", "right")])
    full = curate("-w", folder, "sync-corrections", "--full", "--json").json()

    assert (full["annotations"], full["taken_back"]) == (1, 1)


def test_a_new_run_refreshes_open_tasks_and_withdraws_what_is_no_longer_flagged(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=6, flagged=3)
    push = ["-w", gallery.workspace.folder, "push", "--audit", "0", "--json"]
    curate(*push)
    tasks = tasks_by_artwork(server, gallery)
    answer(server, tasks[0], [], skipped=True)
    add_run(gallery.workspace, {2: {"style": 0.5, "genre": 0.2}, 4: {"style": 0.3}})

    pushed = curate(*push).json()

    assert (pushed["created"], pushed["refreshed"], pushed["withdrawn"]) == (1, 2, 1)
    assert tasks_by_artwork(server, gallery).keys() == {0, 2, 4}
    refreshed = server.client.tasks.get(id=str(tasks[2]))
    assert refreshed.data["why_genre"] == "Looks like portrait: the model gives it 80%, the label 20%."
    assert {p.model_version for p in refreshed.predictions} == {"run-1", "run-2"}
    project = server.client.projects.get(id=pushed["project"])
    assert project.model_version == "run-2"


def test_audits_are_drawn_at_random_and_show_no_issue(curate: Curate, make: Make, server: Server) -> None:
    gallery = make(count=8, flagged=8)
    folder = gallery.workspace.folder
    curate("-w", folder, "push", "--limit", "8", "--audit", "0.5", "--controls", "0")
    project = open_workspace(folder).settings.label_studio.project
    assert project is not None
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        purpose = {item.artwork_id: item for item in items_of(session, 1)}
    numbers = {str(uuid): number for number, uuid in enumerate(gallery.uuids)}
    tasks = {numbers[t.data["artwork"]]: t for t in server.tasks(project, fields="all")}
    blind = {number for number in tasks if purpose[number + 1].purpose == "audit"}
    for number in blind:
        answer(server, tasks[number].id, [choice("verdict_style", "wrong"), choice("class_style", OTHER)])
    synced = curate("-w", folder, "sync-corrections", "--json").json()
    status = curate("-w", folder, "status", "--json").json()

    assert len(tasks) == 8 and len(blind) == 4
    for number, task in tasks.items():
        shown = {task.data[f"suggested_{a}"] for a in ("style", "genre", "artist")} - {""}
        prefilled = task.predictions[0].result
        assert bool(shown) == bool(prefilled) == (number not in blind)
    assert {purpose[n + 1].inclusion_probability for n in blind} == {0.5}
    assert synced["verdicts"].get("corrected", 0) + synced["refused"] == 4
    assert status["errors_left"]["audits"] == synced["verdicts"]["corrected"]


OTHER = "Rococo"
