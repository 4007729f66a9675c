"""What a batch is planned from: the open issues, who may be audited, and the labels known for certain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Select, case, distinct, func, select, union_all
from sqlalchemy.orm import Session

from db.decision_rules import GIVES_LABEL
from db.engine.bulk import chunks
from db.models import (
    ARTWORK_STATUSES,
    ASKED_KINDS,
    OPEN_STATES,
    Artwork,
    Attribute,
    Batch,
    EffectiveLabel,
    Issue,
    Run,
    Task,
    Verdict,
)

SPARSE = 20
"""An audit is drawn from a list if it wants more than 1 in 20, or if fewer than 1 in 20 can be drawn."""

NOT_OK = tuple(status for status in ARTWORK_STATUSES if status != "ok")
"""Few artworks have one of these, so an index finds them, where "ok" would be nearly all."""

ISSUE_COLUMNS = (
    Issue.id,
    Issue.run_id,
    Issue.artwork_id,
    Issue.attribute_id,
    Issue.kind,
    Issue.state,
    Issue.score,
    Issue.class_id,
    Issue.suggested_id,
)


@dataclass(frozen=True)
class OpenIssue:
    """One label that a run flags and nobody has been asked about.

    Attributes:
        same: One for equal images.
        pair: The classes that stand and are suggested; None where there is none.
    """

    artwork_id: int
    attribute: str
    score: float
    same: str
    pair: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class KnownLabel:
    """One label that two reviewers agree on; ``given_id`` is what stood before the first of them."""

    artwork_id: int
    attribute_id: int
    class_id: int
    given_id: int | None


def open_issues(session: Session, run: Run, most: int, attribute: str | None = None) -> list[OpenIssue]:
    """Return the issues of artworks that no reviewer has before them, worst first.

    Args:
        session: A reading transaction.
        run: Whose issues; those of no run count too.
        most: Only of this many artworks: those with the most errors to be expected.
        attribute: Leave out artworks without an issue in this one.
    """
    worst = session.scalars(_most_errors(run, attribute).limit(most)).all()
    names = {row[0]: row[1] for row in session.execute(select(Attribute.id, Attribute.name))}
    issues = []
    for some in chunks(worst):
        images = {
            row[0]: row[1]
            for row in session.execute(select(Artwork.id, Artwork.sha256).where(Artwork.id.in_(some)))
        }
        issues += [
            (
                (issue.score, issue.id),
                OpenIssue(
                    issue.artwork_id,
                    names[issue.attribute_id],
                    issue.score,
                    images[issue.artwork_id] or f"artwork {issue.artwork_id}",
                    (issue.class_id, issue.suggested_id),
                ),
            )
            for issue in session.execute(select(*ISSUE_COLUMNS).where(Issue.artwork_id.in_(some)))
            if issue.attribute_id is not None
            and issue.run_id in (run.id, None)
            and issue.kind in ASKED_KINDS
            and issue.state in OPEN_STATES
        ]
    return [issue for _, issue in sorted(issues, key=lambda entry: entry[0])]


def _most_errors(run: Run, attribute: str | None) -> Select[int]:
    """Return the query for usable artworks that nobody reviews, by the errors to be expected in them."""
    issues = select(Issue.artwork_id, Issue.attribute_id, Issue.score).where(
        Issue.kind.in_(ASKED_KINDS), Issue.state.in_(OPEN_STATES), Issue.attribute_id.is_not(None)
    )
    if attribute is not None:
        asked = select(Attribute.id).where(Attribute.name == attribute).scalar_subquery()
        issues = issues.where(Issue.attribute_id == asked)
    both = union_all(issues.where(Issue.run_id == run.id), issues.where(Issue.run_id.is_(None))).subquery()
    each = (
        select(both.c.artwork_id, func.min(both.c.score).label("score"))
        .group_by(both.c.artwork_id, both.c.attribute_id)
        .subquery()
    )
    busy = select(Task.artwork_id).where(Task.state == "open", Task.purpose == "review")
    unusable = select(Artwork.id).where(Artwork.status.in_(NOT_OK))
    return (
        select(each.c.artwork_id)
        .where(each.c.artwork_id.not_in(busy), each.c.artwork_id.not_in(unusable))
        .group_by(each.c.artwork_id)
        .order_by(func.sum(1 - each.c.score).desc(), each.c.artwork_id)
    )


def draw_audit(session: Session, count: int, rng: np.random.Generator) -> tuple[list[int], int]:
    """Draw artworks to audit, each that can be with the same probability.

    Numbers are drawn and looked up, so that a million artworks need not be listed; where most numbers
    would miss, or most would be drawn, they are.

    Returns:
        The artworks, ascending, at most ``count``; and how many there were to draw from.
    """
    newest = session.scalar(select(func.max(Artwork.id))) or 0
    population = _count_auditable(session)
    if population < count * SPARSE or population * SPARSE < newest:
        listed = session.scalars(_auditable().order_by(Artwork.id)).all()
        chosen = rng.choice(len(listed), size=min(count, len(listed)), replace=False).tolist()
        return sorted(listed[i] for i in chosen), len(listed)
    drawn: dict[int, None] = {}
    while len(drawn) < count:
        numbers = rng.integers(1, newest, size=2 * count, endpoint=True).tolist()
        for some in chunks(numbers):
            usable = set(session.scalars(_auditable().where(Artwork.id.in_(some))))
            drawn |= dict.fromkeys(number for number in some if number in usable)
    return sorted(list(drawn)[:count]), population


def _auditable() -> Select[int]:
    """Return the query for the artworks that an audit draws from: usable, labelled, not being audited."""
    return select(Artwork.id).where(Artwork.status == "ok", _labelled(), Artwork.id.not_in(_audited()))


def _count_auditable(session: Session) -> int:
    """Count them: all that have a label, but for the few that are unusable or being audited."""
    labelled = select(func.count(distinct(EffectiveLabel.artwork_id)))
    counted = select(func.count(Artwork.id)).where(_labelled())
    unusable = counted.where(Artwork.status.in_(NOT_OK))
    audited = counted.where(Artwork.status == "ok", Artwork.id.in_(_audited()))
    most, *less = [session.scalar(statement) or 0 for statement in (labelled, unusable, audited)]
    return most - sum(less)


def _labelled() -> ColumnElement[bool]:
    return select(EffectiveLabel.artwork_id).where(EffectiveLabel.artwork_id == Artwork.id).exists()


def _audited() -> Select[int]:
    return select(Task.artwork_id).where(Task.state == "open", Task.purpose == "audit")


def labelled_attributes(session: Session, artwork_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Return the attributes that each artwork has a label in, in the workspace's order."""
    names_of: dict[int, tuple[str, ...]] = {}
    for some in chunks(sorted(artwork_ids)):
        rows = session.execute(
            select(EffectiveLabel.artwork_id, Attribute.name)
            .join(Attribute, Attribute.id == EffectiveLabel.attribute_id)
            .where(EffectiveLabel.artwork_id.in_(some))
            .order_by(Attribute.position)
        )
        for artwork_id, name in rows:
            names_of[artwork_id] = (*names_of.get(artwork_id, ()), name)
    return names_of


def known_labels(session: Session) -> list[KnownLabel]:
    """Return the labels that two reviewers or more agree on, none saying otherwise, to test others with."""
    busy = select(Task.artwork_id).where(Task.state == "open", Task.purpose == "control")
    agreed = (
        select(Verdict.artwork_id, Verdict.attribute_id)
        .where(Verdict.superseded_at.is_(None), Verdict.attribute_id.is_not(None))
        .group_by(Verdict.artwork_id, Verdict.attribute_id)
        .having(
            func.count(distinct(Verdict.reviewer_id)) > 1,
            func.count(distinct(Verdict.class_id)) == 1,
            func.sum(case((Verdict.decision.in_(GIVES_LABEL) & Verdict.class_id.is_not(None), 0), else_=1))
            == 0,
        )
        .subquery()
    )
    rows = session.execute(
        select(Verdict.artwork_id, Verdict.attribute_id, Verdict.class_id, Verdict.given_id)
        .join(
            agreed,
            (agreed.c.artwork_id == Verdict.artwork_id) & (agreed.c.attribute_id == Verdict.attribute_id),
        )
        .join(Artwork, Artwork.id == Verdict.artwork_id)
        .where(Verdict.superseded_at.is_(None), Artwork.status == "ok", Verdict.artwork_id.not_in(busy))
        .order_by(Verdict.artwork_id, Verdict.attribute_id, Verdict.id)
    )
    first: dict[tuple[int, int], KnownLabel] = {}
    for row in rows:
        label = KnownLabel(row.artwork_id, row.attribute_id or 0, row.class_id or 0, row.given_id)
        first.setdefault((label.artwork_id, label.attribute_id), label)
    return list(first.values())


def count_batches(session: Session) -> int:
    """Return how many batches there are; it seeds the next one's draw."""
    return session.scalar(select(func.count(Batch.id))) or 0
