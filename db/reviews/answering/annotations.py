"""Annotations as they were read: which of them we have, and what they use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine.bulk import chunks
from db.models import (
    Annotation,
    Attribute,
    Class,
    Task,
    Verdict,
)


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
