"""Batches: what a push asked for.

A batch and its items are written before anything is sent (the intent), with ``sent`` false until every
task of it is known to be at the server. So a push that was cut short is finished by the next one, and
only then is the server searched for tasks of unknown fate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from db.engine.bulk import chunks
from db.errors import BatchNotFound
from db.labels.table import as_uuid
from db.models import Batch, BatchItem, Task


@dataclass(frozen=True)
class PlannedItem:
    """One artwork of a planned batch.

    Attributes:
        attributes: The flagged attributes, worst first; for an audit, those whose label is asked for.
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
    details: dict[str, Any] = {str(attribute): class_id for attribute, class_id in item.known.items()}
    if item.shown:
        details["shown"] = {str(attribute): class_id for attribute, class_id in item.shown.items()}
    if item.again:
        details["again"] = True
    return {
        "batch_id": batch_id,
        "artwork_id": item.artwork_id,
        "purpose": item.purpose,
        "attributes": list(item.attributes),
        "inclusion_probability": item.inclusion_probability,
        "score": item.score,
        "known": details,
    }


def unsent_batches(session: Session, server: str, project_id: int) -> list[Batch]:
    """Return the batches of a server's project whose sending was cut short, oldest first."""
    unsent = select(Batch).where(
        Batch.server == server, Batch.project_id == project_id, Batch.sent.is_(False)
    )
    return list(session.scalars(unsent.order_by(Batch.id)))


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
    batches: dict[str, Batch] = {}
    for chunk in chunks(wanted):
        for batch in session.scalars(select(Batch).where(Batch.uuid.in_(chunk))):
            batches[str(batch.uuid)] = batch
    return batches


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


def find_items(session: Session, tasks: Sequence[Task]) -> dict[tuple[int, int], BatchItem]:
    """Return the batch items that these tasks come from, by (batch, artwork)."""
    batches = sorted({task.batch_id for task in tasks})
    rows = session.scalars(select(BatchItem).where(BatchItem.batch_id.in_(batches)))
    return {(row.batch_id, row.artwork_id): row for row in rows}


def tasks_of(session: Session, batch_id: int) -> list[Task]:
    """Return the tasks of a batch."""
    return list(session.scalars(select(Task).where(Task.batch_id == batch_id).order_by(Task.id)))


def count_tasks(session: Session, batch_id: int) -> int:
    """Return how many tasks a batch has."""
    return session.scalar(select(func.count(Task.id)).where(Task.batch_id == batch_id)) or 0
