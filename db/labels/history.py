"""What was said of one artwork, by whom and when; and what ingests refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.errors import CurateError
from db.labels.table import find_artwork
from db.models import (
    Artwork,
    Attribute,
    Class,
    EffectiveLabel,
    Ingest,
    Label,
    Listing,
    Refusal,
    Reviewer,
    Source,
    SplitFact,
    Verdict,
    Withheld,
)


class IngestNotFound(CurateError):
    """No ingest has that number."""

    def __init__(self, ingest_id: int, newest: int | None) -> None:
        there = f"The newest is {newest}." if newest else "This catalog has none."
        super().__init__(f"There is no ingest {ingest_id}. {there}")


@dataclass(frozen=True)
class Event:
    """One thing that was said of an artwork.

    ``action`` is ``says``, ``takes back`` or ``decides``; ``counts`` marks the label that is effective now;
    ``verdict`` is the number that ``curate undo`` takes, ``ingest`` the one of ``curate undo --ingest``.
    """

    when: datetime
    source: str
    action: str
    attribute: str | None
    label: str | None
    decision: str | None = None
    comment: str | None = None
    counts: bool = False
    spelling: str | None = None
    verdict: int | None = None
    ingest: int | None = None


@dataclass(frozen=True)
class RefusedRow:
    """One record that an ingest did not take."""

    record: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ArtworkHistory:
    """All that is known of one artwork.

    Attributes:
        artwork: Its row.
        events: All that was said of it, oldest first.
        splits: ``(source, attribute or None, split)``.
        kept: What lists say of it beside the labels.
        withheld: ``(source, attribute, reason, cell)`` of cells that give no label.
    """

    artwork: Artwork
    events: list[Event]
    splits: list[tuple[str, str | None, str]]
    kept: list[KeptRow]
    withheld: list[tuple[str, str, str, str]]


def artwork_history(session: Session, reference: str) -> ArtworkHistory:
    """Return all that is known of an artwork, which is named by its path, uuid or id in a list.

    Raises:
        ArtworkNotFound: None is called so, or several are.
    """
    artwork = find_artwork(session, reference)
    return ArtworkHistory(
        artwork,
        artwork_events(session, artwork),
        artwork_splits(session, artwork),
        artwork_kept(session, artwork),
        artwork_withheld(session, artwork),
    )


def artwork_events(session: Session, artwork: Artwork) -> list[Event]:
    """Return all that was said of an artwork, in the order of its rows: a clock may have been set back.

    A verdict comes before the labels that it gave, its withdrawal before those that it took back; one that
    gave none (it cannot be decided) comes after the verdict before it, and else by its time.
    """
    labels = list(_labels(session, artwork))
    gave: dict[int, float] = {}
    took: dict[int, float] = {}
    for at, event in enumerate(labels):
        if event.verdict is not None:
            (gave if event.action == "says" else took).setdefault(event.verdict, at - 0.5)
    placed: list[tuple[float, Event]] = [(float(at), event) for at, event in enumerate(labels)]
    least = -1.0
    for event in _verdicts(session, artwork):
        assert event.verdict is not None
        decides = event.action == "decides"
        by_time = sum(label.when <= event.when for label in labels) - 0.5
        place = (gave if decides else took).get(event.verdict, max(least, by_time))
        least = place if decides else least
        placed.append((place, event))
    return [event for _, event in sorted(placed, key=lambda pair: pair[0])]


def _labels(session: Session, artwork: Artwork) -> Iterator[Event]:
    effective = set(
        session.scalars(select(EffectiveLabel.label_id).where(EffectiveLabel.artwork_id == artwork.id))
    )
    rows = session.execute(
        select(
            Label.id,
            Label.created_at,
            Source.name,
            Label.retracts_id,
            Attribute.name,
            Class.key,
            func.coalesce(Label.spelling, Class.spelling),
            Label.verdict_id,
            Label.ingest_id,
        )
        .join(Source, Source.id == Label.source_id)
        .join(Attribute, Attribute.id == Label.attribute_id)
        .join(Class, Class.id == Label.class_id)
        .where(Label.artwork_id == artwork.id)
        .order_by(Label.id)
    )
    decided: dict[int, int | None] = {}
    for label_id, when, source, retracts_id, attribute, key, spelling, verdict, ingest in rows:
        decided[label_id] = verdict
        action = "says" if retracts_id is None else "takes back"
        counts = label_id in effective
        yield Event(
            when,
            source,
            action,
            attribute,
            key,
            counts=counts,
            spelling=spelling,
            verdict=verdict if retracts_id is None else decided.get(retracts_id),
            ingest=ingest,
        )


def _verdicts(session: Session, artwork: Artwork) -> Iterator[Event]:
    rows = session.execute(
        select(Verdict, Reviewer.name, Attribute.name, Class.key)
        .join(Reviewer, Reviewer.id == Verdict.reviewer_id)
        .outerjoin(Attribute, Attribute.id == Verdict.attribute_id)
        .outerjoin(Class, Class.id == Verdict.class_id)
        .where(Verdict.artwork_id == artwork.id)
        .order_by(Verdict.id)
    )
    for verdict, reviewer, attribute, key in rows:
        who = f"{reviewer} ({verdict.server})"
        said = (attribute, key, verdict.decision)
        yield Event(verdict.created_at, who, "decides", *said, verdict.comment, verdict=verdict.id)
        if verdict.superseded_at is not None:
            yield Event(verdict.superseded_at, who, "takes back", *said, verdict=verdict.id)


def verdict_line(session: Session, verdict: Verdict) -> str:
    """Return one verdict in words: who decided what of which artwork, and when."""
    row = session.execute(
        select(Reviewer.name, Attribute.name, Class.key, Artwork.path)
        .select_from(Verdict)
        .join(Reviewer, Reviewer.id == Verdict.reviewer_id)
        .join(Artwork, Artwork.id == Verdict.artwork_id)
        .outerjoin(Attribute, Attribute.id == Verdict.attribute_id)
        .outerjoin(Class, Class.id == Verdict.class_id)
        .where(Verdict.id == verdict.id)
    ).one()
    what = " ".join(filter(None, (row[1], verdict.decision, row[2])))
    return f"{row[0]} on {verdict.created_at:%Y-%m-%d %H:%M}: {row[3]} {what}"


@dataclass(frozen=True)
class IngestRow:
    """One ingest as ``curate history --ingests`` lists it."""

    ingest: int
    started_at: datetime
    location: str
    format: str
    counts: dict[str, Any]
    finished_at: datetime | None
    undone_at: datetime | None


def ingest_rows(session: Session) -> list[IngestRow]:
    """Return all ingests, oldest first."""
    return [
        IngestRow(
            ingest=row.id,
            started_at=row.started_at,
            location=row.location,
            format=row.format,
            counts=dict(row.counts),
            finished_at=row.finished_at,
            undone_at=row.undone_at,
        )
        for row in session.scalars(select(Ingest).order_by(Ingest.id))
    ]


@dataclass(frozen=True)
class KeptRow:
    """What a list says of an artwork beside its labels; ``cells`` has its kept columns."""

    source: str
    known_as: str | None
    path: str
    cells: Mapping[str, str]


def artwork_kept(session: Session, artwork: Artwork) -> list[KeptRow]:
    """Return what lists say of an artwork beside its labels, newest list first."""
    rows = session.execute(
        select(Source.name, Listing.known_as, Listing.path, Listing.cells)
        .join(Source, Source.id == Listing.source_id)
        .where(Listing.artwork_id == artwork.id)
        .order_by(Listing.id.desc())
    )
    return [KeptRow(*row) for row in rows]


def artwork_withheld(session: Session, artwork: Artwork) -> list[tuple[str, str, str, str]]:
    """Return the cells that give an artwork no label, as (source, attribute, reason, cell)."""
    rows = session.execute(
        select(Source.name, Attribute.name, Withheld.reason, Withheld.spelling)
        .join(Source, Source.id == Withheld.source_id)
        .join(Attribute, Attribute.id == Withheld.attribute_id)
        .where(Withheld.artwork_id == artwork.id)
        .order_by(Withheld.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def label_history(session: Session) -> dict[str, list[Any]]:
    """Return every label row as columns, oldest first: ``counts`` marks those that are effective now."""
    rows = session.execute(
        select(
            Artwork.uuid,
            Artwork.path,
            Attribute.name,
            Class.key,
            func.coalesce(Label.spelling, Class.spelling),
            Source.name,
            Label.retracts_id,
            Verdict.decision,
            Verdict.comment,
            Label.created_at,
            EffectiveLabel.label_id,
        )
        .join(Artwork, Artwork.id == Label.artwork_id)
        .join(Attribute, Attribute.id == Label.attribute_id)
        .join(Class, Class.id == Label.class_id)
        .join(Source, Source.id == Label.source_id)
        .outerjoin(Verdict, Verdict.id == Label.verdict_id)
        .outerjoin(EffectiveLabel, EffectiveLabel.label_id == Label.id)
        .order_by(Label.id)
    ).all()
    return {
        "artwork": [str(row[0]) for row in rows],
        "filepath": [row[1] for row in rows],
        "attribute": [row[2] for row in rows],
        "class": [row[3] for row in rows],
        "spelling": [row[4] for row in rows],
        "source": [row[5] for row in rows],
        "action": ["says" if row[6] is None else "takes back" for row in rows],
        "decision": [row[7] or "" for row in rows],
        "comment": [row[8] or "" for row in rows],
        "when": [row[9].isoformat() for row in rows],
        "counts": [row[10] is not None for row in rows],
    }


def artwork_splits(session: Session, artwork: Artwork) -> list[tuple[str, str | None, str]]:
    """Return the splits that sources put an artwork in, as (source, attribute or none, split)."""
    rows = session.execute(
        select(Source.name, Attribute.name, SplitFact.split)
        .join(Source, Source.id == SplitFact.source_id)
        .outerjoin(Attribute, Attribute.id == SplitFact.attribute_id)
        .where(SplitFact.artwork_id == artwork.id)
        .order_by(SplitFact.id)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def refused_rows(session: Session, ingest_id: int) -> Iterator[RefusedRow]:
    """Yield what an ingest refused, in its order.

    Raises:
        IngestNotFound: There is no such ingest.
    """
    if session.get(Ingest, ingest_id) is None:
        raise IngestNotFound(ingest_id, session.scalar(select(func.max(Ingest.id))))
    rows = session.execute(
        select(Refusal.record, Refusal.reason, Refusal.detail)
        .where(Refusal.ingest_id == ingest_id)
        .order_by(Refusal.id)
        .execution_options(yield_per=1000)
    )
    for row in rows:
        yield RefusedRow(*row)
