"""Numbers that a server gives out again: tasks deleted, a server set up again, a project of somebody else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute, find_class
from db.models import Annotation, BatchItem, Task, Verdict, now
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import record
from db.reviews.asking.batches import Plan, PlannedItem, save_batch
from db.reviews.asking.tasks import add_tasks, adopt_task, find_tasks, misplaced_tasks, retire_task
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, add_run, make_gallery

pytestmark = pytest.mark.slow

SERVER = "http://127.0.0.1:9"


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = make_gallery(tmp_path, SERVER, 6)
    add_run(made.workspace, {i: {"style": 0.1 + 0.1 * i} for i in range(6)})
    return made


def push(session: Session, artworks: list[int], first_id: int, purpose: str = "review") -> int:
    """Send a batch; the server numbers its tasks from ``first_id``."""
    items = [PlannedItem(i, purpose, ("style",), 0.1, 0.5 if purpose == "audit" else None) for i in artworks]
    batch = save_batch(session, Plan(1, len(items), 1.0, items), SERVER, 1)
    numbers = {artwork: first_id + at for at, artwork in enumerate(artworks)}
    assert add_tasks(session, batch, numbers, "run-1") == []
    batch.sent = True
    return batch.id


def answer(
    session: Session, task_id: int, annotation: str, artwork: int, name: str, minutes: int = 0
) -> None:
    style = find_attribute(session, "style")
    row = find_tasks(session, SERVER, 1, [task_id])[task_id]
    decision = Decision(style.id, "corrected", find_class(session, style, name))
    when = now() + timedelta(minutes=minutes)
    record(
        session,
        [Answer(SERVER, annotation, artwork, ("1", "ann"), when, [decision], row.id, raw={"id": annotation})],
    )


def broken(curate: Curate, gallery: Gallery) -> list[str]:
    """Return what `curate check` finds broken; the run of these tests has no arrays."""
    found = curate("-w", gallery.workspace.folder, "check", "--json").lines()
    return [one["name"] for one in found if one["broken"] and not one["name"].startswith("the arrays")]


@pytest.mark.parametrize("first_id", [1, 3, 6])
@pytest.mark.parametrize("purpose", ["audit", "review"])
def test_answers_go_to_the_batch_that_asked(
    curate: Curate, gallery: Gallery, first_id: int, purpose: str
) -> None:
    """Ten answers of a ranked batch were booked to an earlier one, nine of them as audits."""
    with gallery.workspace.open_catalog() as catalog:
        with catalog.write() as session:
            push(session, [1, 2, 3], 1, purpose)
        with catalog.write() as session:  # the server's tasks were deleted, and its numbers begin again
            second = push(session, [4, 5, 6], first_id)
        with catalog.write() as session:
            for at, artwork in enumerate((4, 5, 6)):
                answer(session, first_id + at, str(at + 1), artwork, "Art_Nouveau")

        with catalog.read() as session:
            verdicts = session.scalars(select(Verdict)).all()
            tasks = session.scalars(select(Task)).all()

    assert {(v.batch_id, v.purpose) for v in verdicts} == {(second, "review")}
    assert len(tasks) == 6
    assert [t.task_id for t in tasks if t.batch_id == second] == [first_id, first_id + 1, first_id + 2]
    assert broken(curate, gallery) == []


def test_an_annotation_with_an_old_number_is_no_edit_of_another_artwork(
    curate: Curate, gallery: Gallery
) -> None:
    with gallery.workspace.open_catalog() as catalog:
        with catalog.write() as session:
            push(session, [1, 2], 1)
            answer(session, 1, "1", 1, "Rococo")
        with catalog.write() as session:
            push(session, [3, 4], 1)
            answer(session, 1, "1", 3, "Rococo", minutes=5)

        with catalog.read() as session:
            standing = session.scalars(select(Verdict).where(Verdict.superseded_at.is_(None))).all()
            names = session.scalars(select(Annotation.annotation_id).order_by(Annotation.id)).all()

    assert sorted(v.artwork_id for v in standing) == [1, 3]
    assert names == ["1~1", "1"]
    assert broken(curate, gallery) == []


def test_a_task_is_ours_only_with_its_own_artwork_and_batch(curate: Curate, gallery: Gallery) -> None:
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        first = push(session, [1, 2, 3], 1)
        rows = find_tasks(session, SERVER, 1, [1, 2, 3])
        batch = str(session.scalars(select(BatchItem.batch_id)).first())
        assert batch == str(first)
        from db.models import Batch

        uuid = str(session.get_one(Batch, first).uuid)
        said = {
            1: (str(gallery.uuids[0]), uuid),
            2: (str(gallery.uuids[5]), uuid),
            3: (str(gallery.uuids[2]), "00000000-0000-4000-8000-000000000000"),
        }

        wrong = misplaced_tasks(session, rows.values(), said)
        for row in wrong:
            retire_task(session, row)
        session.flush()
        adopted = adopt_task(session, SERVER, 1, 2, str(gallery.uuids[1]), uuid)

        assert [row.artwork_id for row in wrong] == [2, 3]
        assert all(row.task_id < 0 and row.state == "withdrawn" for row in wrong)
        assert adopted is not None and adopted.artwork_id == 2


@pytest.mark.parametrize("said", ["", "nothing", "None", "0" * 64])
def test_a_task_without_our_artwork_is_not_ours(gallery: Gallery, said: str) -> None:
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        push(session, [1], 1)
        rows = find_tasks(session, SERVER, 1, [1])

        assert len(misplaced_tasks(session, rows.values(), {1: (said, "")})) == 1
