"""Verdicts that count: found, and taken back with their labels and what followed for issues and image."""

from __future__ import annotations

from collections.abc import Set

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute
from db.decision_rules import DecisionKind
from db.errors import NothingDecided, VerdictNotFound
from db.labels.effective import retract
from db.labels.table import find_artwork
from db.models import ASKED_KINDS, Artwork, EffectiveLabel, Issue, Label, Run, Verdict, now


def find_verdict(session: Session, verdict_id: int) -> Verdict:
    """Return a verdict that still counts.

    Raises:
        VerdictNotFound: There is none by that number, or it was taken back already.
    """
    verdict = session.get(Verdict, verdict_id)
    if verdict is None or verdict.superseded_at is not None:
        raise VerdictNotFound(verdict_id, taken_back=verdict is not None)
    return verdict


def newest_verdict(session: Session, artwork: str, attribute: str) -> Verdict:
    """Return the newest verdict that gives an artwork its label, or says something else of an attribute.

    Args:
        session: The catalog.
        artwork: Its uuid or its path.
        attribute: The attribute's name.

    Raises:
        ArtworkNotFound: There is no such artwork.
        UnknownAttribute: There is no such attribute.
        NothingDecided: Nobody has decided anything there, or all of it was taken back.
    """
    row, of = find_artwork(session, artwork), find_attribute(session, attribute)
    given = select(Label.verdict_id).where(Label.artwork_id == row.id, Label.attribute_id == of.id)
    verdict = session.scalar(
        select(Verdict)
        .where(
            (Verdict.artwork_id == row.id) | Verdict.id.in_(given.where(Label.verdict_id.is_not(None))),
            Verdict.attribute_id == of.id,
            Verdict.superseded_at.is_(None),
        )
        .order_by(Verdict.id.desc())
        .limit(1)
    )
    if verdict is None:
        raise NothingDecided(row.path, attribute)
    return verdict


def current_class(session: Session, artwork_id: int | None, attribute_id: int | None) -> int | None:
    """Return the class that the artwork has in an attribute now."""
    if attribute_id is None:
        return None
    return session.scalar(
        select(EffectiveLabel.class_id).where(
            EffectiveLabel.artwork_id == artwork_id, EffectiveLabel.attribute_id == attribute_id
        )
    )


def current_verdicts(session: Session, server: str, annotation_id: str) -> dict[int | None, Verdict]:
    """Return the verdicts of an annotation that count, by attribute."""
    rows = session.scalars(
        select(Verdict).where(
            Verdict.server == server,
            Verdict.annotation_id == annotation_id,
            Verdict.superseded_at.is_(None),
        )
    )
    return {row.attribute_id: row for row in rows}


def supersede(session: Session, verdict: Verdict) -> set[int]:
    """Take one verdict back, with its labels; return the artworks whose labels may have changed."""
    verdict.superseded_at = now()
    labels = session.scalars(
        select(Label.id).where(Label.verdict_id == verdict.id, Label.retracts_id.is_(None))
    ).all()
    session.flush()
    if verdict.decision == DecisionKind.UNUSABLE and not _still_unusable(session, verdict):
        set_status(session, verdict.artwork_id, "unusable", "ok", reason=None)
    touched = {verdict.artwork_id, *retract(session, labels)}
    reopen_issues(session, verdict, touched)
    return touched


def reopen_issues(session: Session, verdict: Verdict, artwork_ids: Set[int]) -> None:
    """Open the issues of the newest run again that a verdict had settled, where no other verdict stands."""
    other = exists().where(
        Verdict.artwork_id == Issue.artwork_id,
        (Verdict.attribute_id == Issue.attribute_id) | (Verdict.decision == DecisionKind.UNUSABLE.value),
        Verdict.superseded_at.is_(None),
        Verdict.id != verdict.id,
    )
    newest = select(func.max(Run.id)).where(Run.state == "complete").scalar_subquery()
    statement = update(Issue).where(
        Issue.artwork_id.in_(artwork_ids),
        Issue.state.in_(("resolved", "dismissed")),
        (Issue.run_id == newest) | Issue.run_id.is_(None),
        ~other,
    )
    if verdict.attribute_id is not None:
        statement = statement.where(
            Issue.attribute_id == verdict.attribute_id,
            Issue.kind.in_(ASKED_KINDS),
        )
    session.execute(
        statement.values(state="open", updated_at=now()).execution_options(synchronize_session=False)
    )


def set_status(session: Session, artwork_id: int, before: str, after: str, reason: str | None) -> None:
    """Change the status of an image, and of all with the same bytes."""
    session.execute(
        update(Artwork)
        .where(_same_image(artwork_id), Artwork.status == before)
        .execution_options(synchronize_session=False)
        .values(status=after, reason=reason, updated_at=now())
    )


def _same_image(artwork_id: int) -> ColumnElement[bool]:
    """Return the SQL condition on artworks that have the same bytes, the artwork itself among them."""
    same = select(Artwork.sha256).where(Artwork.id == artwork_id, Artwork.sha256.is_not(None))
    return (Artwork.id == artwork_id) | Artwork.sha256.in_(same)


def _still_unusable(session: Session, verdict: Verdict) -> bool:
    """Return whether somebody else, too, found an image unusable."""
    other = select(Verdict.id).where(
        Verdict.artwork_id.in_(select(Artwork.id).where(_same_image(verdict.artwork_id))),
        Verdict.decision == DecisionKind.UNUSABLE.value,
        Verdict.superseded_at.is_(None),
        Verdict.id != verdict.id,
    )
    return session.scalar(other.limit(1)) is not None
