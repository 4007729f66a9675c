"""Tasks: one artwork at one server, from push to done or withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db.engine.bulk import chunks
from db.labels.table import as_uuid
from db.models import ASKED_KINDS, Artwork, Batch, BatchItem, Issue, Label, Task, now


def open_tasks(session: Session, server: str, project_id: int) -> list[Task]:
    """Return the open tasks of a project, oldest first."""
    return list(
        session.scalars(
            select(Task)
            .where(Task.server == server, Task.project_id == project_id, Task.state == "open")
            .order_by(Task.id)
        )
    )


def add_tasks(session: Session, batch: Batch, created: Mapping[int, int], model_version: str) -> list[int]:
    """Write the tasks that stand at the server, and mark the issues they ask about as pushed.

    Args:
        batch: The batch that they are of.
        created: The server's task id, by artwork id.
        model_version: The predictions that they show.

    Returns:
        The server's ids of the tasks that are one too many, since somebody else pushed the same artwork
        meanwhile; they are not written, and should be deleted.
    """
    assert batch.project_id is not None
    already = find_tasks(session, batch.server, batch.project_id, list(created.values()))
    artwork_of = {task_id: artwork_id for artwork_id, task_id in created.items()}
    for task in list(already.values()):
        if (task.artwork_id, task.batch_id) != (artwork_of[task.task_id], batch.id):
            del already[task.task_id]
            retire_task(session, task)
    session.flush()
    purposes: dict[int, str] = {}
    busy: set[tuple[int, str]] = set()
    ids = list(created)
    for chunk in chunks(ids):
        asked = select(BatchItem.artwork_id, BatchItem.purpose).where(
            BatchItem.batch_id == batch.id, BatchItem.artwork_id.in_(chunk)
        )
        purposes |= {row.artwork_id: row.purpose for row in session.execute(asked)}
        open_of = select(Task.artwork_id, Task.purpose).where(
            Task.state == "open", Task.artwork_id.in_(chunk)
        )
        busy |= {(row.artwork_id, row.purpose) for row in session.execute(open_of)}
    new = {i: task_id for i, task_id in created.items() if task_id not in already}
    added = {i: task_id for i, task_id in new.items() if (i, purposes[i]) not in busy}
    if added:
        common = {"server": batch.server, "project_id": batch.project_id, "batch_id": batch.id}
        rows = [
            {
                **common,
                "task_id": task_id,
                "artwork_id": artwork_id,
                "purpose": purposes[artwork_id],
                "model_version": model_version,
            }
            for artwork_id, task_id in added.items()
        ]
        session.execute(insert(Task), rows)
    mark_issues(session, [i for i in added if purposes[i] == "review"], "open", "pushed")
    return [task_id for i, task_id in new.items() if i not in added]


def retire_task(session: Session, task: Task) -> None:
    """Let go of a server's id that now is another task's: it was set up again, or its tasks were deleted.

    The row keeps what was asked and answered, under a number that no server gives.
    """
    if task.state == "open":
        task.state = "withdrawn"
        if task.purpose == "review":
            mark_issues(session, [task.artwork_id], "pushed", "open")
    task.task_id, task.updated_at = -task.id, now()


def misplaced_tasks(
    session: Session, tasks: Iterable[Task], said: Mapping[int, tuple[str, str]]
) -> list[Task]:
    """Return the tasks whose id at the server belongs to something else.

    Args:
        session: The open transaction.
        tasks: Our rows.
        said: By the server's task id, the artwork and the batch that the task itself names; a task without a
            batch is judged by its artwork alone.
    """
    rows = list(tasks)
    artworks = dict(_uuids(session, Artwork, {task.artwork_id for task in rows}))
    batches = dict(_uuids(session, Batch, {task.batch_id for task in rows}))
    others = []
    for task in rows:
        artwork, batch = said[task.task_id]
        same_batch = not batch or as_uuid(batch) == batches[task.batch_id]
        if as_uuid(artwork) != artworks[task.artwork_id] or not same_batch:
            others.append(task)
    return others


def _uuids(
    session: Session, model: type[Artwork] | type[Batch], ids: Iterable[int]
) -> Iterator[tuple[int, UUID]]:
    wanted = sorted(ids)
    for chunk in chunks(wanted):
        rows = session.execute(select(model.id, model.uuid).where(model.id.in_(chunk)))
        yield from ((row.id, row.uuid) for row in rows)


def mark_issues(session: Session, artwork_ids: Sequence[int], before: str, after: str) -> None:
    """Move the issues that reviewers are asked about from one state to another."""
    for chunk in chunks(artwork_ids):
        session.execute(
            update(Issue)
            .where(
                Issue.artwork_id.in_(chunk),
                Issue.kind.in_(ASKED_KINDS),
                Issue.state == before,
            )
            .values(state=after, updated_at=now())
        )


def reopen_issues(session: Session, task_ids: Sequence[int]) -> None:
    """Open the issues again that withdrawn reviews asked about, so that they may be asked again."""
    for chunk in chunks(task_ids):
        asked = select(Task.artwork_id).where(Task.id.in_(chunk), Task.purpose == "review")
        mark_issues(session, session.scalars(asked).all(), "pushed", "open")


def change_tasks(session: Session, task_ids: Sequence[int], **values: Any) -> None:
    """Set columns of tasks by their row ids, ``updated_at`` with them."""
    for chunk in chunks(task_ids):
        session.execute(update(Task).where(Task.id.in_(chunk)).values(**values, updated_at=now()))


def find_tasks(session: Session, server: str, project_id: int, task_ids: Sequence[int]) -> dict[int, Task]:
    """Return the tasks of a project by the server's task id."""
    tasks: dict[int, Task] = {}
    for chunk in chunks(task_ids):
        rows = session.scalars(
            select(Task).where(Task.server == server, Task.project_id == project_id, Task.task_id.in_(chunk))
        )
        tasks.update((task.task_id, task) for task in rows)
    return tasks


def tasks_of_artworks(session: Session, server: str, artwork_ids: Sequence[int]) -> list[Task]:
    """Return all tasks at a server that are about these artworks, oldest first."""
    tasks: list[Task] = []
    for chunk in chunks(artwork_ids):
        tasks += session.scalars(select(Task).where(Task.server == server, Task.artwork_id.in_(chunk)))
    return sorted(tasks, key=lambda task: task.id)


def labels_ever(session: Session, artwork_ids: Sequence[int]) -> dict[tuple[int, int], set[int]]:
    """Return every class that artworks were ever given, by (artwork, attribute): the label a page showed."""
    class_ids: dict[tuple[int, int], set[int]] = {}
    for chunk in chunks(artwork_ids):
        rows = session.execute(
            select(Label.artwork_id, Label.attribute_id, Label.class_id).where(Label.artwork_id.in_(chunk))
        )
        for row in rows:
            class_ids.setdefault((row.artwork_id, row.attribute_id), set()).add(row.class_id)
    return class_ids


def waiting_tasks(session: Session, server: str) -> dict[int, int]:
    """Return how many tasks of each batch at a server have no answer yet, by batch."""
    counted = (
        select(Task.batch_id, func.count())
        .where(Task.server == server, Task.state == "open")
        .group_by(Task.batch_id)
        .order_by(Task.batch_id)
    )
    return {row[0]: int(row[1]) for row in session.execute(counted)}


def adopt_task(
    session: Session, server: str, project_id: int, task_id: int, artwork_uuid: str, batch_uuid: str
) -> Task | None:
    """Write a task that stands at the server and that we have no row of, as a push cut short leaves it.

    Returns:
        The task, done or open as its artwork allows; None if the artwork or the batch is not ours.
    """
    item = session.execute(
        select(BatchItem.artwork_id, BatchItem.purpose, BatchItem.batch_id, Batch.run_id)
        .join(Batch, Batch.id == BatchItem.batch_id)
        .join(Artwork, Artwork.id == BatchItem.artwork_id)
        .where(Artwork.uuid == as_uuid(artwork_uuid), Batch.uuid == as_uuid(batch_uuid))
    ).first()
    if item is None:
        return None
    rival = session.scalar(
        select(Task.id).where(
            Task.artwork_id == item.artwork_id, Task.purpose == item.purpose, Task.state == "open"
        )
    )
    task = Task(
        server=server,
        project_id=project_id,
        task_id=task_id,
        artwork_id=item.artwork_id,
        batch_id=item.batch_id,
        purpose=item.purpose,
        state="open" if rival is None else "done",
        model_version=f"run-{item.run_id}",
    )
    session.add(task)
    session.flush()
    return task
