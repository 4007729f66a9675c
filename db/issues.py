"""Issues: the suspected faults that a run or an ingest found, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, aliased

from db.classes import find_attribute
from db.models import Artwork, Attribute, Class, Issue, Prediction, Run, Task, Verdict, now

CHUNK = 5000
RUN_KINDS = ("label", "outlier")
"""Kinds that a run finds; the next run's findings replace them."""


@dataclass(frozen=True)
class IssueRow:
    """One issue as people and scripts read it; class names are keys."""

    id: int | None
    artwork_id: int
    artwork: UUID
    root: str
    path: str
    kind: str
    state: str
    attribute: str | None
    label: str | None
    suggested: str | None
    score: float
    p_label: float | None
    p_suggested: float | None
    reason: str
    evidence: Mapping[str, Any]


def replace_issues(session: Session, run: Run, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write what a run doubts, and make what earlier runs doubted stale.

    A label that a reviewer has found right, or could not decide, is not doubted again; an artwork with
    an open review task keeps it, and its new issue counts as pushed.

    Returns:
        How many issues the run has.
    """
    session.execute(
        update(Issue)
        .where(Issue.kind.in_(RUN_KINDS), Issue.state.in_(("open", "pushed")), Issue.run_id != run.id)
        .values(state="stale", updated_at=now())
    )
    in_review = set(
        session.scalars(select(Task.artwork_id).where(Task.state == "open", Task.purpose == "review"))
    )
    decided = {
        (row.artwork_id, row.attribute_id)
        for row in session.execute(
            select(Verdict.artwork_id, Verdict.attribute_id).where(Verdict.superseded_at.is_(None))
        )
    }
    kept = [
        {**row, "run_id": run.id, "state": "pushed" if row["artwork_id"] in in_review else "open"}
        for row in rows
        if (row["artwork_id"], row["attribute_id"]) not in decided
    ]
    for start in range(0, len(kept), CHUNK):
        session.execute(insert(Issue), kept[start : start + CHUNK])
    return len(kept)


def worst_issues(
    session: Session,
    *,
    kind: str = "label",
    attribute: str | None = None,
    limit: int | None = None,
    run: Run | None = None,
    states: Sequence[str] = ("open", "pushed"),
) -> list[IssueRow]:
    """Return issues, worst first."""
    label, suggested = aliased(Class), aliased(Class)
    statement = (
        select(Issue, Artwork.uuid, Artwork.root, Artwork.path, Attribute.name, label.key, suggested.key)
        .join(Artwork, Artwork.id == Issue.artwork_id)
        .outerjoin(Attribute, Attribute.id == Issue.attribute_id)
        .outerjoin(label, label.id == Issue.class_id)
        .outerjoin(suggested, suggested.id == Issue.suggested_id)
        .where(Issue.kind == kind, Issue.state.in_(states))
        .order_by(Issue.score, Issue.id)
        .limit(limit)
    )
    if run is not None:
        statement = statement.where(Issue.run_id == run.id)
    if attribute is not None:
        statement = statement.where(Issue.attribute_id == find_attribute(session, attribute).id)
    return [
        IssueRow(
            issue.id,
            issue.artwork_id,
            uuid,
            root,
            path,
            issue.kind,
            issue.state,
            name,
            given,
            instead,
            issue.score,
            issue.p_label,
            issue.p_suggested,
            issue.reason,
            issue.evidence,
        )
        for issue, uuid, root, path, name, given, instead in session.execute(statement)
    ]


def scored_labels(session: Session, run: Run, attribute: str | None = None) -> list[IssueRow]:
    """Return every label that a run scored, doubted or not, worst first."""
    label, suggested = aliased(Class), aliased(Class)
    statement = (
        select(Prediction, Artwork.uuid, Artwork.root, Artwork.path, Attribute.name, label.key, suggested.key)
        .join(Artwork, Artwork.id == Prediction.artwork_id)
        .join(Attribute, Attribute.id == Prediction.attribute_id)
        .join(label, label.id == Prediction.class_id)
        .outerjoin(suggested, suggested.id == Prediction.suggested_id)
        .where(Prediction.run_id == run.id, Prediction.score.is_not(None))
        .order_by(Prediction.score, Prediction.artwork_id, Prediction.attribute_id)
    )
    if attribute is not None:
        statement = statement.where(Prediction.attribute_id == find_attribute(session, attribute).id)
    return [
        IssueRow(
            None,
            row.artwork_id,
            uuid,
            root,
            path,
            "label",
            "scored",
            name,
            given,
            instead,
            row.score or 0.0,
            row.p_label,
            row.p_suggested,
            "",
            {},
        )
        for row, uuid, root, path, name, given, instead in session.execute(statement)
    ]


def below_threshold(
    session: Session, run: Run, threshold: float, attribute: str | None = None
) -> list[IssueRow]:
    """Return every scored label with ``p_label`` under a threshold, lowest first: the seed project's rule."""
    rows = [
        row
        for row in scored_labels(session, run, attribute)
        if row.p_label is not None and row.p_label < threshold
    ]
    return sorted(rows, key=lambda row: (row.p_label, row.artwork_id, row.attribute))


def by_artwork(rows: Iterable[IssueRow]) -> list[list[IssueRow]]:
    """Group issues by artwork, in the order of the errors to be expected in one review of it."""
    groups: dict[int, list[IssueRow]] = {}
    for row in rows:
        groups.setdefault(row.artwork_id, []).append(row)
    return sorted(
        groups.values(), key=lambda group: (-sum(1 - row.score for row in group), group[0].artwork_id)
    )


def count_issues(session: Session) -> dict[str, dict[str, int]]:
    """Return how many issues there are, by kind and state."""
    counts: dict[str, dict[str, int]] = {}
    rows = session.execute(select(Issue.kind, Issue.state, func.count()).group_by(Issue.kind, Issue.state))
    for kind, state, n in rows:
        counts.setdefault(kind, {})[state] = n
    return counts
