"""Issues: the suspected faults that a run or an ingest found, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, union_all, update
from sqlalchemy.orm import Session, aliased

from db.classes.classes import find_attribute
from db.decision_rules import DecisionKind
from db.engine.bulk import chunks
from db.models import Artwork, Attribute, Class, Issue, Label, Prediction, Run, Task, Verdict, now
from db.runs.image_properties import property_rows

RUN_KINDS = ("label", "outlier", "unusable", "property")
"""Kinds that a run finds; the next run's findings replace them."""

FLAGGED_BELOW = 0.8
"""A label is flagged when the chance that it is right is less than this."""

BEFORE_REVIEW = "score_before_review"
"""In the evidence of a confirmed label: its score as if no reviewer had confirmed it."""

OLDER_BEFORE_REVIEW = "score_unheeded"
"""The same in the issues of older runs."""


@dataclass(frozen=True)
class IssueRow:
    """One issue as people and scripts read it.

    Scripts get classes by their keys; ``label_name`` and ``suggested_name`` are what they are shown as.
    """

    id: int | None
    artwork_id: int
    artwork: UUID
    root: str
    path: str
    kind: str
    state: str
    attribute: str | None
    label: str | None
    label_name: str | None
    suggested: str | None
    suggested_name: str | None
    score: float
    p_label: float | None
    p_suggested: float | None
    reason: str
    evidence: Mapping[str, Any]

    def as_record(self) -> dict[str, Any]:
        """Return the issue as scripts read it."""
        names = ("path", "kind", "attribute", "label", "suggested", "score", "p_label", "p_suggested")
        shown = {name: getattr(self, name) for name in (*names, "state", "reason", "evidence")}
        return {"artwork": str(self.artwork), **shown}


def replace_issues(session: Session, run: Run, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write the issues of a run, and of images with odd properties; make those of earlier runs stale.

    A label about which a reviewer has decided is not flagged again, unless it was confirmed and the odds
    against it (reviews left out) have since grown ``asked_again_at`` times; where no run flagged it then,
    over those of ``FLAGGED_BELOW``. An artwork with an open review task keeps it; its new issue counts as
    pushed.

    Returns:
        How many labels the run flags; odd, unusable and outlying images are not among them.
    """
    session.execute(
        update(Issue)
        .where(Issue.kind.in_(RUN_KINDS), Issue.state.in_(("open", "pushed")), Issue.run_id != run.id)
        .values(state="stale", updated_at=now())
    )
    in_review = set(
        session.scalars(select(Task.artwork_id).where(Task.state == "open", Task.purpose == "review"))
    )
    settled = _settled(session)
    kept = [
        {**row, "run_id": run.id, "state": "pushed" if row["artwork_id"] in in_review else "open"}
        for row in chain(rows, property_rows(session))
        if _odds_against(row["score"], row["evidence"]) >= _asked_from(row, settled)
    ]
    for chunk in chunks(kept):
        session.execute(insert(Issue), chunk)
    return sum(row["kind"] == "label" for row in kept)


def _settled(session: Session) -> dict[tuple[int, int | None], float]:
    """Return the odds against a label from which on it is asked about again, where a reviewer has decided.

    They are infinite for all decisions but those that confirmed the label.
    """
    asked = {
        (artwork_id, attribute_id): _odds_against(score, evidence)
        for artwork_id, attribute_id, score, evidence in session.execute(
            select(Issue.artwork_id, Issue.attribute_id, Issue.score, Issue.evidence)
            .where(Issue.kind == "label", Issue.state == "dismissed")
            .order_by(Issue.id)
        )
    }
    asked_about = select(Verdict.artwork_id, Verdict.attribute_id, Verdict.decision).where(
        Verdict.superseded_at.is_(None)
    )
    copies = (  # the same image elsewhere has the label by the same verdict
        select(Label.artwork_id, Verdict.attribute_id, Verdict.decision)
        .join(Verdict, Verdict.id == Label.verdict_id)
        .where(Verdict.superseded_at.is_(None))
    )
    settled: dict[tuple[int, int | None], float] = {}
    for artwork_id, attribute_id, decision in session.execute(union_all(asked_about, copies)):
        key = (artwork_id, attribute_id)
        again = asked.get(key, _odds(FLAGGED_BELOW)) * DecisionKind(decision).asked_again_at
        settled[key] = max(settled.get(key, 0.0), again)
    return settled


def _asked_from(row: Mapping[str, Any], settled: Mapping[tuple[int, int | None], float]) -> float:
    """Return the odds from which on an issue is kept: any for a label without a verdict."""
    return settled.get(
        (row["artwork_id"], row["attribute_id"]), math.inf if BEFORE_REVIEW in row["evidence"] else 0.0
    )


def _odds_against(score: float, evidence: Mapping[str, Any]) -> float:
    """Return the odds against a label, whatever reviewers said of it."""
    return _odds(evidence.get(BEFORE_REVIEW, evidence.get(OLDER_BEFORE_REVIEW, score)))


def _odds(score: float) -> float:
    return (1.0 - score) / max(score, 1e-6)


def issue_total(
    session: Session,
    *,
    kind: str = "label",
    attribute: str | None = None,
    run: Run | None = None,
    states: Sequence[str] = ("open", "pushed"),
) -> int:
    """Return how many issues ``worst_issues`` has without a limit."""
    counted = select(func.count(Issue.id)).where(*_wanted(session, kind, attribute, run, states))
    return session.scalar(counted) or 0


def _wanted(
    session: Session, kind: str, attribute: str | None, run: Run | None, states: Sequence[str]
) -> list[ColumnElement[bool]]:
    wanted = [Issue.kind == kind, Issue.state.in_(states)]
    if run is not None:
        wanted.append(Issue.run_id == run.id)
    if attribute is not None:
        wanted.append(Issue.attribute_id == find_attribute(session, attribute).id)
    return wanted


SHOWN = (
    "artwork",
    "root",
    "path",
    "attribute",
    "label",
    "label_name",
    "suggested",
    "suggested_name",
)
"""What of an issue's row stands in other tables, in the order of ``_shown``."""


def _shown(label: type[Class], suggested: type[Class]) -> tuple[Any, ...]:
    """Return the columns of ``SHOWN``, with the label's class and the suggested one by their aliases."""
    artwork = (Artwork.uuid, Artwork.root, Artwork.path)
    return (*artwork, Attribute.name, label.key, label.name, suggested.key, suggested.name)


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
        select(Issue, *_shown(label, suggested))
        .join(Artwork, Artwork.id == Issue.artwork_id)
        .outerjoin(Attribute, Attribute.id == Issue.attribute_id)
        .outerjoin(label, label.id == Issue.class_id)
        .outerjoin(suggested, suggested.id == Issue.suggested_id)
        .where(*_wanted(session, kind, attribute, run, states))
        .order_by(Issue.score, Issue.id)
        .limit(limit)
    )
    return [
        IssueRow(
            id=issue.id,
            artwork_id=issue.artwork_id,
            kind=issue.kind,
            state=issue.state,
            score=issue.score,
            p_label=issue.p_label,
            p_suggested=issue.p_suggested,
            reason=issue.reason,
            evidence=issue.evidence,
            **dict(zip(SHOWN, shown, strict=True)),
        )
        for issue, *shown in session.execute(statement)
    ]


def scored_labels(session: Session, run: Run, attribute: str | None = None) -> list[IssueRow]:
    """Return every label that a run scored, flagged or not, worst first."""
    label, suggested = aliased(Class), aliased(Class)
    statement = (
        select(Prediction, *_shown(label, suggested))
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
            id=None,
            artwork_id=row.artwork_id,
            kind="label",
            state="scored",
            score=row.score or 0.0,
            p_label=row.p_label,
            p_suggested=row.p_suggested,
            reason="",
            evidence={},
            **dict(zip(SHOWN, shown, strict=True)),
        )
        for row, *shown in session.execute(statement)
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
