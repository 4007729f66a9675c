"""Annotations as they were read: which of them we have, what is news of one, and what they use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.engine.bulk import chunks
from db.models import Annotation, Attribute, Class, ControlAnswer, Reviewer, Task, Verdict, now
from db.reviews.answering.answers import Answer

ANNOTATION_ID = 64
"""Characters that the catalog has for an annotation's name."""

AHEAD = timedelta(minutes=5)
"""How far two right clocks may differ."""


def kept_annotations(session: Session, tasks: Sequence[Task]) -> dict[int, set[str]]:
    """Return the annotations that each of these tasks has, as far as we know, by the row's id."""
    ids = [task.id for task in tasks]
    annotations: dict[int, set[str]] = {}
    for chunk in chunks(ids):
        rows = session.execute(
            select(Annotation.task_id, Annotation.annotation_id).where(
                Annotation.task_id.in_(chunk), Annotation.state != "deleted"
            )
        )
        for row in rows:
            annotations.setdefault(row.task_id, set()).add(row.annotation_id)
    return annotations


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


def is_another(before: Annotation, answer: Answer) -> bool:
    """Return whether an answer only has the number of an annotation: a server set up again counts from 1."""
    artworks, tasks = (before.artwork_id, answer.artwork_id), (before.task_id, answer.task_id)
    return any(None not in pair and pair[0] != pair[1] for pair in (artworks, tasks))


def keep_apart(session: Session, row: Annotation) -> None:
    """Give an annotation, and all that came of it, a name that its server gives to no other."""
    end = f"~{row.id}"
    name = f"{row.annotation_id[: ANNOTATION_ID - len(end)]}{end}"
    for kind in (Verdict, ControlAnswer):
        session.execute(
            update(kind)
            .where(kind.server == row.server, kind.annotation_id == row.annotation_id)
            .values(annotation_id=name)
        )
    row.annotation_id = name
    session.flush()


def is_news(before: Annotation, answer: Answer) -> bool:
    """Return whether an annotation says something that we have not taken in.

    An older time is an older answer, read by another sync meanwhile; unless what we know bears a time that
    has not come yet, from a clock that was ahead and has been set right.
    """
    if before.state == "deleted" or answer.updated_at > before.updated_at:
        return True
    if not answer.timed or before.updated_at > now() + AHEAD:
        return before.raw != answer.raw
    return before.state == "refused" and answer.refused is None and answer.updated_at == before.updated_at


def keep_raw(session: Session, answer: Answer, before: Annotation | None, reviewer: Reviewer) -> Annotation:
    """Write an annotation as it was read, over what we had of it."""
    state = "refused" if answer.refused else "skipped" if answer.skipped else "accepted"
    row = before or Annotation(server=answer.server, annotation_id=answer.annotation_id)
    row.artwork_id, row.task_id, row.reviewer_id = answer.artwork_id, answer.task_id, reviewer.id
    row.state, row.reason = state, answer.refused
    row.updated_at, row.raw = answer.updated_at, answer.raw
    session.add(row)
    return row
