"""Asking again about labels that were judged, and taking back what was asked and never answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.classes.classes import attributes, class_list, find_class
from db.engine.bulk import chunks
from db.errors import BatchNotFound
from db.models import Artwork, Attribute, Batch, EffectiveLabel, Prediction, Reviewer, Run, Task, Verdict
from db.reviews.asking.batches import PlannedItem
from db.reviews.asking.queue_score import queue_score
from db.reviews.asking.tasks import change_tasks, reopen_issues


@dataclass(frozen=True)
class Again:
    """Which judged labels to ask about again; what is None does not choose.

    Attributes:
        attribute: Labels in this attribute.
        class_name: Those that bear this class now, or bore it when they were judged.
        reviewer: Those that this person judged, by name.
        before: Those judged before this moment.
    """

    attribute: Attribute | None = None
    class_name: str | None = None
    reviewer: str | None = None
    before: datetime | None = None


def judged_again(session: Session, run: Run, again: Again, limit: int) -> list[PlannedItem]:
    """Return the artworks whose judged labels are to be asked about again, the least sure first.

    Their earlier verdicts stay as they are. Artworks that somebody has before them are left out.

    Raises:
        UnknownClass: There is no such class.
    """
    statement = (
        select(Verdict.artwork_id, Verdict.attribute_id)
        .join(Artwork, Artwork.id == Verdict.artwork_id)
        .where(
            Verdict.superseded_at.is_(None),
            Verdict.attribute_id.is_not(None),
            Verdict.purpose != "control",
            Artwork.status == "ok",
            Verdict.artwork_id.not_in(
                select(Task.artwork_id).where(Task.state == "open", Task.purpose == "review")
            ),
        )
        .distinct()
    )
    if again.attribute is not None:
        statement = statement.where(Verdict.attribute_id == again.attribute.id)
    if again.reviewer is not None:
        people = select(Reviewer.id).where(
            or_(Reviewer.name == again.reviewer, Reviewer.user_id == again.reviewer)
        )
        statement = statement.where(Verdict.reviewer_id.in_(people))
    if again.before is not None:
        statement = statement.where(Verdict.decided_at < again.before)
    if again.class_name is not None and again.attribute is not None:
        classes = class_list(session, again.attribute)
        wanted = find_class(session, again.attribute, again.class_name)
        alike = [class_id for class_id, now in classes.current.items() if now == wanted]
        bears = select(EffectiveLabel.artwork_id).where(
            EffectiveLabel.attribute_id == again.attribute.id, EffectiveLabel.class_id.in_(alike)
        )
        statement = statement.where(or_(Verdict.given_id.in_(alike), Verdict.artwork_id.in_(bears)))
    asked: dict[int, list[int]] = {}
    for artwork_id, attribute_id in session.execute(statement):
        asked.setdefault(artwork_id, []).append(attribute_id or 0)
    return _least_sure(session, run, asked)[:limit]


def _least_sure(session: Session, run: Run, asked: dict[int, list[int]]) -> list[PlannedItem]:
    """Return items in the order of their queue scores, by what a run makes of the labels."""
    named = {attribute.id: attribute.name for attribute in attributes(session)}
    scores: dict[tuple[int, int], float] = {}
    for some in chunks(sorted(asked)):
        for row in session.execute(
            select(Prediction.artwork_id, Prediction.attribute_id, Prediction.score).where(
                Prediction.run_id == run.id, Prediction.artwork_id.in_(some), Prediction.score.is_not(None)
            )
        ):
            scores[row.artwork_id, row.attribute_id] = row.score or 0.0
    items = []
    for artwork_id, ids in asked.items():
        mine = {attribute_id: scores.get((artwork_id, attribute_id), 0.5) for attribute_id in ids}
        order = tuple(named[attribute_id] for attribute_id in sorted(mine, key=lambda i: mine[i]))
        score = queue_score(mine.values(), len(named))
        items.append(PlannedItem(artwork_id, "review", order, score, again=True))
    return sorted(items, key=lambda item: (item.score, item.artwork_id))


def open_batch(session: Session, batch_id: int) -> tuple[Batch, list[Task]]:
    """Return a batch and its open tasks.

    Raises:
        BatchNotFound: There is no such batch.
    """
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise BatchNotFound(batch_id, "any server", sorted(session.scalars(select(Batch.id))))
    tasks = session.scalars(select(Task).where(Task.batch_id == batch_id, Task.state == "open"))
    return batch, list(tasks)


def take_back(session: Session, task_ids: Sequence[int]) -> None:
    """Withdraw tasks, and open again what they asked about; an answer that still comes counts."""
    change_tasks(session, task_ids, state="withdrawn")
    reopen_issues(session, task_ids)
