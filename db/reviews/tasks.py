"""Batches and tasks: what a push asked for, what stands at which server, and what a task shows.

A batch and its items are written before anything is sent (the intent), with ``sent`` false until every
task of it is known to be at the server. So a push that was cut short is finished by the next one, and
only then is the server searched for tasks of unknown fate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.engine.bulk import chunks
from db.errors import BatchNotFound
from db.images.copies import Place
from db.labels.classes import ClassList, read_class_lists
from db.labels.effective import CHUNK
from db.labels.kept import KeptCells, kept_cells
from db.models import (
    ASKED_KINDS,
    OPEN_STATES,
    Annotation,
    Artwork,
    Attribute,
    Batch,
    BatchItem,
    CatalogSetting,
    Class,
    EffectiveLabel,
    Issue,
    Label,
    Task,
    Verdict,
    now,
)


@dataclass(frozen=True)
class PlannedItem:
    """One artwork of a planned batch.

    Attributes:
        attributes: The attributes in doubt, worst first; for an audit, those whose label is asked for.
        inclusion_probability: With what probability an audit item was drawn.
        known: For a control, the right class of each attribute, by attribute id.
        shown: For a control, the class that its task shows as the label, by attribute id.
        score: Where the task comes in the queue, in [0, 1], lower first.
        again: It was judged before, and is asked again on purpose: it needs no open issue.
    """

    artwork_id: int
    purpose: str
    attributes: tuple[str, ...]
    score: float
    inclusion_probability: float | None = None
    known: Mapping[int, int] = field(default_factory=dict)
    shown: Mapping[int, int] = field(default_factory=dict)
    again: bool = False


@dataclass(frozen=True)
class Plan:
    """What a push asks for.

    Attributes:
        expected_yield: How many wrong labels its reviews should find.
        verdicts: How many earlier verdicts that rests on.
        assumed: They are too few: it rests on the scores, which nobody has checked.
    """

    run_id: int
    budget: int
    expected_yield: float
    items: Sequence[PlannedItem]
    annotators: int = 1
    verdicts: int = 0
    assumed: bool = True


@dataclass(frozen=True)
class CardIssue:
    """Why one label of an artwork is doubted; classes are keys."""

    attribute: str
    suggested: str | None
    score: float
    reason: str
    p_label: float | None
    p_suggested: float | None


@dataclass(frozen=True)
class Card:
    """What a task may show of one artwork: where the image lies, its labels by attribute, the doubts.

    ``kept`` are the columns of its list that are no attribute, by name, in the list's order; ``known_as`` is
    the id that its people use.
    """

    artwork_id: int
    uuid: UUID
    root: str
    path: str
    labels: Mapping[str, str]
    issues: Mapping[str, CardIssue]
    place: Place
    kept: Mapping[str, str] = field(default_factory=dict)
    known_as: str | None = None


def read_cards(session: Session, artwork_ids: Iterable[int]) -> dict[int, Card]:
    """Return what tasks show of these artworks, by artwork id."""
    ids = sorted(set(artwork_ids))
    classes = {v.attribute_id: v for v in read_class_lists(session).values()}
    cards: dict[int, Card] = {}
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        labels: dict[int, dict[str, str]] = {}
        for row in session.execute(
            select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id, EffectiveLabel.class_id).where(
                EffectiveLabel.artwork_id.in_(chunk)
            )
        ):
            named = classes[row.attribute_id]
            labels.setdefault(row.artwork_id, {})[named.attribute] = named.key_of[row.class_id]
        issues = _worst_issues(session, chunk, classes)
        kept = kept_cells(session, chunk)
        for artwork in session.execute(
            select(
                Artwork.id,
                Artwork.uuid,
                Artwork.root,
                Artwork.path,
                Artwork.sha256,
                Artwork.needs_copy,
                Artwork.image_format,
            ).where(Artwork.id.in_(chunk))
        ):
            own = kept.get(artwork.id, KeptCells())
            cards[artwork.id] = Card(
                *artwork[:4],
                labels.get(artwork.id, {}),
                issues.get(artwork.id, {}),
                Place(*artwork[2:]),
                own.cells,
                own.known_as,
            )
    return cards


def _worst_issues(
    session: Session, artwork_ids: Sequence[int], classes: Mapping[int, ClassList]
) -> dict[int, dict[str, CardIssue]]:
    """Return the standing doubts of some artworks, by attribute, the worst one of each.

    Kinds and states are compared here: in the query, SQLite would walk through all doubts by them.
    """
    rows = session.execute(
        select(
            Issue.artwork_id,
            Issue.attribute_id,
            Issue.kind,
            Issue.state,
            Issue.suggested_id,
            Issue.score,
            Issue.reason,
            Issue.p_label,
            Issue.p_suggested,
        )
        .where(Issue.artwork_id.in_(artwork_ids))
        .order_by(Issue.score.desc(), Issue.id.desc())
    )
    worst: dict[int, dict[str, CardIssue]] = {}
    for issue in rows:
        if issue.attribute_id is None or issue.kind not in ASKED_KINDS or issue.state not in OPEN_STATES:
            continue
        named = classes[issue.attribute_id]
        suggested = named.key_of[issue.suggested_id] if issue.suggested_id is not None else None
        worst.setdefault(issue.artwork_id, {})[named.attribute] = CardIssue(
            named.attribute, suggested, issue.score, issue.reason, issue.p_label, issue.p_suggested
        )
    return worst


def save_batch(session: Session, plan: Plan, server: str, project_id: int) -> Batch:
    """Write a batch and its items: the intent, before anything is sent."""
    batch = Batch(
        run_id=plan.run_id,
        server=server,
        project_id=project_id,
        budget=plan.budget,
        annotators=plan.annotators,
        expected_yield=plan.expected_yield,
    )
    session.add(batch)
    session.flush()
    if plan.items:
        session.execute(insert(BatchItem), [_item_row(batch.id, item) for item in plan.items])
    return batch


def _item_row(batch_id: int, item: PlannedItem) -> dict[str, Any]:
    known: dict[str, Any] = {str(attribute): known for attribute, known in item.known.items()}
    if item.shown:
        known["shown"] = {str(attribute): shown for attribute, shown in item.shown.items()}
    if item.again:
        known["again"] = True
    return {
        "batch_id": batch_id,
        "artwork_id": item.artwork_id,
        "purpose": item.purpose,
        "attributes": list(item.attributes),
        "inclusion_probability": item.inclusion_probability,
        "score": item.score,
        "known": known,
    }


def unsent_batches(session: Session, server: str, project_id: int) -> list[Batch]:
    """Return the batches of a server's project whose sending was cut short, oldest first."""
    unsent = select(Batch).where(
        Batch.server == server, Batch.project_id == project_id, Batch.sent.is_(False)
    )
    return list(session.scalars(unsent.order_by(Batch.id)))


def items_of(session: Session, batch_id: int) -> list[BatchItem]:
    """Return the items of a batch in the order of its queue."""
    return list(
        session.scalars(
            select(BatchItem).where(BatchItem.batch_id == batch_id).order_by(BatchItem.score, BatchItem.id)
        )
    )


def drop_items(session: Session, batch_id: int, artwork_ids: Iterable[int]) -> None:
    """Take artworks out of a batch for which no task was made, and none can be."""
    for some in chunks(sorted(artwork_ids)):
        session.execute(
            delete(BatchItem).where(BatchItem.batch_id == batch_id, BatchItem.artwork_id.in_(some))
        )


def tasks_of(session: Session, batch_id: int) -> list[Task]:
    """Return the tasks of a batch."""
    return list(session.scalars(select(Task).where(Task.batch_id == batch_id).order_by(Task.id)))


def count_tasks(session: Session, batch_id: int) -> int:
    """Return how many tasks a batch has."""
    return session.scalar(select(func.count(Task.id)).where(Task.batch_id == batch_id)) or 0


def open_tasks(session: Session, server: str, project_id: int) -> list[Task]:
    """Return the open tasks of a project, oldest first."""
    return list(
        session.scalars(
            select(Task)
            .where(Task.server == server, Task.project_id == project_id, Task.state == "open")
            .order_by(Task.id)
        )
    )


def busy_artworks(session: Session, purpose: str) -> set[int]:
    """Return the artworks that have an open task of a purpose, at any server."""
    return set(session.scalars(select(Task.artwork_id).where(Task.state == "open", Task.purpose == purpose)))


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
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        asked = select(BatchItem.artwork_id, BatchItem.purpose).where(
            BatchItem.batch_id == batch.id, BatchItem.artwork_id.in_(chunk)
        )
        purposes |= {row.artwork_id: row.purpose for row in session.execute(asked)}
        standing = select(Task.artwork_id, Task.purpose).where(
            Task.state == "open", Task.artwork_id.in_(chunk)
        )
        busy |= {(row.artwork_id, row.purpose) for row in session.execute(standing)}
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
    """Let go of a server's id that now is another task's: the server counts anew, or its tasks were deleted.

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
    found = []
    for task in rows:
        artwork, batch = said[task.task_id]
        same_batch = not batch or as_uuid(batch) == batches[task.batch_id]
        if as_uuid(artwork) != artworks[task.artwork_id] or not same_batch:
            found.append(task)
    return found


def _uuids(
    session: Session, model: type[Artwork] | type[Batch], ids: Iterable[int]
) -> Iterator[tuple[int, UUID]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        rows = session.execute(
            select(model.id, model.uuid).where(model.id.in_(wanted[start : start + CHUNK]))
        )
        yield from ((row.id, row.uuid) for row in rows)


def mark_issues(session: Session, artwork_ids: Sequence[int], before: str, after: str) -> None:
    """Move the issues that reviewers are asked about from one state to another."""
    for start in range(0, len(artwork_ids), CHUNK):
        session.execute(
            update(Issue)
            .where(
                Issue.artwork_id.in_(artwork_ids[start : start + CHUNK]),
                Issue.kind.in_(ASKED_KINDS),
                Issue.state == before,
            )
            .values(state=after, updated_at=now())
        )


def reopen_issues(session: Session, task_ids: Sequence[int]) -> None:
    """Open the issues again that withdrawn reviews asked about, so that they may be asked again."""
    for start in range(0, len(task_ids), CHUNK):
        asked = select(Task.artwork_id).where(
            Task.id.in_(task_ids[start : start + CHUNK]), Task.purpose == "review"
        )
        mark_issues(session, session.scalars(asked).all(), "pushed", "open")


def change_tasks(session: Session, task_ids: Sequence[int], **values: Any) -> None:
    """Set columns of tasks by their row ids, ``updated_at`` with them."""
    for start in range(0, len(task_ids), CHUNK):
        session.execute(
            update(Task)
            .where(Task.id.in_(task_ids[start : start + CHUNK]))
            .values(**values, updated_at=now())
        )


def read_setting(session: Session, key: str) -> str | None:
    """Return what the catalog remembers under a key."""
    return session.scalar(select(CatalogSetting.value).where(CatalogSetting.key == key))


def write_setting(session: Session, key: str, value: str) -> None:
    """Remember a value under a key."""
    session.merge(CatalogSetting(key=key, value=value))


def count_open(session: Session, server: str) -> int:
    """Return how many tasks of a server are open."""
    counted = select(func.count(Task.id)).where(Task.server == server, Task.state == "open")
    return session.scalar(counted) or 0


def find_tasks(session: Session, server: str, project_id: int, task_ids: Sequence[int]) -> dict[int, Task]:
    """Return the tasks of a project by the server's task id."""
    tasks: dict[int, Task] = {}
    for start in range(0, len(task_ids), CHUNK):
        chunk = task_ids[start : start + CHUNK]
        rows = session.scalars(
            select(Task).where(Task.server == server, Task.project_id == project_id, Task.task_id.in_(chunk))
        )
        tasks.update((task.task_id, task) for task in rows)
    return tasks


def tasks_of_artworks(session: Session, server: str, artwork_ids: Sequence[int]) -> list[Task]:
    """Return all tasks at a server that are about these artworks, oldest first."""
    found: list[Task] = []
    for start in range(0, len(artwork_ids), CHUNK):
        chunk = artwork_ids[start : start + CHUNK]
        found += session.scalars(select(Task).where(Task.server == server, Task.artwork_id.in_(chunk)))
    return sorted(found, key=lambda task: task.id)


def labels_ever(session: Session, artwork_ids: Sequence[int]) -> dict[tuple[int, int], set[int]]:
    """Return every class that artworks were ever given, by (artwork, attribute): the label a page showed."""
    found: dict[tuple[int, int], set[int]] = {}
    for start in range(0, len(artwork_ids), CHUNK):
        rows = session.execute(
            select(Label.artwork_id, Label.attribute_id, Label.class_id).where(
                Label.artwork_id.in_(artwork_ids[start : start + CHUNK])
            )
        )
        for row in rows:
            found.setdefault((row.artwork_id, row.attribute_id), set()).add(row.class_id)
    return found


def find_batch(session: Session, server: str, batch_id: int) -> Batch:
    """Return a batch that went to a server.

    Raises:
        BatchNotFound: There is none by that number there.
    """
    batches = session.scalars(select(Batch).where(Batch.server == server).order_by(Batch.id)).all()
    for batch in batches:
        if batch.id == batch_id:
            return batch
    raise BatchNotFound(batch_id, server, [batch.id for batch in batches])


def batches_by_uuid(session: Session, uuids: Sequence[str]) -> dict[str, Batch]:
    """Return the batches that have these uuids, by uuid."""
    wanted = sorted({as_uuid(text) for text in uuids})
    found: dict[str, Batch] = {}
    for start in range(0, len(wanted), CHUNK):
        for batch in session.scalars(select(Batch).where(Batch.uuid.in_(wanted[start : start + CHUNK]))):
            found[str(batch.uuid)] = batch
    return found


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


def as_uuid(text: str) -> UUID:
    """Return the uuid that a text is, or one that nothing has."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def find_artworks(session: Session, uuids: Sequence[str]) -> dict[str, int]:
    """Return the ids of the artworks that have these uuids, by uuid."""
    wanted = [as_uuid(text) for text in uuids]
    ids: dict[str, int] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = session.execute(
            select(Artwork.uuid, Artwork.id).where(Artwork.uuid.in_(wanted[start : start + CHUNK]))
        )
        ids.update((str(row.uuid), row.id) for row in rows)
    return ids


def kept_annotations(session: Session, tasks: Sequence[Task]) -> dict[int, set[str]]:
    """Return the annotations that each of these tasks has, as far as we know, by the row's id."""
    ids = [task.id for task in tasks]
    annotations: dict[int, set[str]] = {}
    for start in range(0, len(ids), CHUNK):
        rows = session.execute(
            select(Annotation.task_id, Annotation.annotation_id).where(
                Annotation.task_id.in_(ids[start : start + CHUNK]), Annotation.state != "deleted"
            )
        )
        for row in rows:
            annotations.setdefault(row.task_id, set()).add(row.annotation_id)
    return annotations


def find_items(session: Session, tasks: Sequence[Task]) -> dict[tuple[int, int], BatchItem]:
    """Return the batch items that these tasks come from, by (batch, artwork)."""
    batches = sorted({task.batch_id for task in tasks})
    rows = session.scalars(select(BatchItem).where(BatchItem.batch_id.in_(batches)))
    return {(row.batch_id, row.artwork_id): row for row in rows}


def current_verdicts(session: Session, server: str) -> list[tuple[str, int]]:
    """Return the (annotation, artwork) of each verdict on a server that was not superseded."""
    rows = session.execute(
        select(Verdict.annotation_id, Verdict.artwork_id).where(
            Verdict.server == server, Verdict.superseded_at.is_(None)
        )
    )
    return [(row.annotation_id, row.artwork_id) for row in rows]


def raw_annotation(session: Session, server: str, annotation_id: str) -> dict[str, Any] | None:
    """Return an annotation as it was read last, None if it is new."""
    return session.scalar(
        select(Annotation.raw).where(Annotation.server == server, Annotation.annotation_id == annotation_id)
    )


def answered_classes(session: Session, server: str) -> dict[str, set[str]]:
    """Return the class keys that answers at a server use, by attribute: its page must go on knowing them."""
    keys: dict[str, set[str]] = {}
    rows = session.execute(
        select(Attribute.name, Class.key)
        .join(Class, Class.attribute_id == Attribute.id)
        .where(Class.id.in_(select(Verdict.class_id).where(Verdict.server == server)))
    )
    for row in rows:
        keys.setdefault(row.name, set()).add(row.key)
    return keys
