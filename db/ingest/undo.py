"""Take an ingest back: what it alone brought goes, what others said or people decided stays.

No label is deleted. Labels that it gave are taken back by rows that say so, labels that it took back are said
again. What it read beside them (ids, kept columns, cells without a label) goes where no other ingest of its
sources stands. An artwork that only it brought is set aside as ``missing``, until an ingest names it again;
one that somebody reviewed, or that another source labels, stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from os.path import normpath
from typing import Any

from sqlalchemy import ColumnElement, Exists, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.engine.bulk import chunks, insert_rows, next_ids, stored_time, table_of, take_turns
from db.errors import CurateError
from db.labels.effective import derive, live_labels
from db.labels.history import IngestNotFound
from db.models import Artwork, Base, Ingest, Label, Listing, Source, SplitFact, Withheld, now

SET_ASIDE = "ingest_undone"
"""The reason of an artwork that is ``missing`` because its ingest was taken back."""

NO_PERSONS = ("label", "split_fact", "effective_label", "issue", "prediction", "listing", "withheld")
"""Tables whose rows about an artwork come from ingests and runs; labels are looked at by themselves."""


class IngestUndone(CurateError):
    """That ingest was taken back before."""

    def __init__(self, ingest_id: int, when: datetime) -> None:
        super().__init__(
            f"Ingest {ingest_id} was taken back on {when:%Y-%m-%d %H:%M}. "
            f"`curate history --ingests` lists all."
        )


class IngestNotLast(CurateError):
    """A later ingest read the same source, and what it found unchanged rests on the earlier one's rows."""

    def __init__(self, ingest_id: int, later: int) -> None:
        super().__init__(
            f"Ingest {later} read the same source after ingest {ingest_id}. Take that one back first: "
            f"`curate undo --ingest {later}`."
        )


@dataclass(frozen=True)
class IngestUndo:
    """What taking an ingest back does.

    Attributes:
        retracted: Ids of labels that it gave and that stand.
        restored: Ids of labels that it took back and that stand again.
        splits: How many of its splits go.
        set_aside: Artworks that only it brought.
        kept: Artworks that it brought, and that people or other sources have named since.
        touched: Artworks whose labels change.
    """

    ingest_id: int
    location: str
    started_at: datetime
    retracted: Sequence[int]
    restored: Sequence[int]
    splits: int
    set_aside: Collection[int]
    kept: Collection[int]
    touched: Collection[int]


def plan_undo(session: Session, ingest_id: int) -> IngestUndo:
    """Find out what taking an ingest back would do; nothing is changed.

    Raises:
        IngestNotFound: There is no such ingest.
        IngestUndone: It was taken back already.
        IngestNotLast: A later one read the same source.
    """
    row = session.get(Ingest, ingest_id)
    if row is None:
        raise IngestNotFound(ingest_id, session.scalar(select(func.max(Ingest.id))))
    if row.undone_at is not None:
        raise IngestUndone(ingest_id, row.undone_at)
    later = _later_of_the_same(session, row)
    if later is not None:
        raise IngestNotLast(ingest_id, later)
    given = session.execute(
        select(Label.id, Label.artwork_id).where(
            Label.ingest_id == ingest_id, Label.retracts_id.is_(None), ~_taken_back()
        )
    ).all()
    restored, changed = _restored(session, ingest_id, {label_id for label_id, _ in given})
    brought = set(session.scalars(select(Artwork.id).where(Artwork.ingest_id == ingest_id)))
    kept = _named_by_others(session, ingest_id, brought)
    splits = select(func.count(SplitFact.id)).where(SplitFact.ingest_id == ingest_id)
    return IngestUndo(
        ingest_id=ingest_id,
        location=row.location,
        started_at=row.started_at,
        retracted=[label_id for label_id, _ in given],
        restored=restored,
        splits=session.scalar(splits) or 0,
        set_aside=brought - kept,
        kept=kept,
        touched={artwork_id for _, artwork_id in given} | changed,
    )


def _later_of_the_same(session: Session, ingest: Ingest) -> int | None:
    """Return the newest ingest of the same source that stands, if it came later.

    Lists of one name are one source, wherever they lie. Older catalogs have paths as they were typed.
    """

    def same(location: str, mapping: dict[str, Any] | None) -> bool:
        mine = (ingest.mapping or {}).get("source")
        named_alike = mine is not None and (mapping or {}).get("source") == mine
        return named_alike or normpath(location) == normpath(ingest.location)

    later = session.execute(
        select(Ingest.id, Ingest.location, Ingest.mapping)
        .where(Ingest.id > ingest.id, Ingest.undone_at.is_(None))
        .order_by(Ingest.id.desc())
    )
    return next((row.id for row in later if same(row.location, row.mapping)), None)


def _taken_back() -> Exists:
    """Return the SQL condition that another row takes a label back."""
    retraction = aliased(Label)
    return select(retraction.id).where(retraction.retracts_id == Label.id).exists()


def _restored(session: Session, ingest_id: int, goes: Collection[int]) -> tuple[list[int], set[int]]:
    """Return the labels that an ingest took back and that nothing has replaced since, and their artworks."""
    retraction = aliased(Label)
    rows = session.execute(
        select(Label.id, Label.artwork_id, Label.attribute_id, Label.source_id)
        .join(retraction, retraction.retracts_id == Label.id)
        .where(retraction.ingest_id == ingest_id)
    ).all()
    artworks = sorted({row.artwork_id for row in rows})
    live = {
        (fact.artwork_id, fact.attribute_id, fact.source_id)
        for facts in live_labels(session, artworks).values()
        for fact in facts
        if fact.id not in goes
    }
    again = [row for row in rows if (row.artwork_id, row.attribute_id, row.source_id) not in live]
    return [row.id for row in again], {row.artwork_id for row in again}


def _named_by_others(session: Session, ingest_id: int, brought: Collection[int]) -> set[int]:
    """Return which artworks have a label of another source, or anything that a person did with them."""
    named: set[int] = set()
    counts = or_(Label.verdict_id.is_not(None), Label.retracts_id.is_(None) & ~_taken_back())
    elsewhere = or_(Label.ingest_id.is_(None), Label.ingest_id != ingest_id)
    for some in chunks(sorted(brought)):
        labels = select(Label.artwork_id).where(Label.artwork_id.in_(some), counts, elsewhere)
        named |= set(session.scalars(labels))
        for column in _references_to_artworks():
            named |= set(session.scalars(select(column).where(column.in_(some))))
    return named


def _references_to_artworks() -> list[ColumnElement[int]]:
    """Return the columns that name artworks, of all tables but ``NO_PERSONS``."""
    target = table_of(Artwork).c.id
    return [
        column
        for table in Base.metadata.sorted_tables
        if table.name not in NO_PERSONS
        for column in table.c
        if any(key.column is target for key in column.foreign_keys)
    ]


def undo_ingest(session: Session, plan: IngestUndo) -> int:
    """Take an ingest back as planned; return how many labels that count have changed.

    Refusals and the ingest's own row stay, with the time at which it was taken back.
    """
    take_turns(session)
    when = now()
    _say(session, plan.retracted, when, retracts=True)
    _say(session, plan.restored, when, retracts=False)
    session.execute(delete(SplitFact).where(SplitFact.ingest_id == plan.ingest_id))
    _forget_listed(session, plan)
    for some in chunks(sorted(plan.set_aside)):
        statement = update(Artwork).where(Artwork.id.in_(some), Artwork.status != "unusable")
        session.execute(statement.values(status="missing", reason=SET_ASIDE, updated_at=when))
    session.get_one(Ingest, plan.ingest_id).undone_at = when
    return derive(session, plan.touched)


def _forget_listed(session: Session, plan: IngestUndo) -> None:
    """Delete what the ingest's sources list of artworks: of all, or of those that are set aside.

    Rows of a source that another ingest has read stay with the artworks that stay: whose they are cannot be
    told any more.
    """
    sources = _sources_of(session, [plan.ingest_id])
    others = session.scalars(select(Ingest.id).where(Ingest.id != plan.ingest_id, Ingest.undone_at.is_(None)))
    read_by_others = _sources_of(session, others.all())
    for table in (Listing, Withheld):
        gone = sources - read_by_others
        session.execute(delete(table).where(table.source_id.in_(gone)))
        for some in chunks(sorted(plan.set_aside)):
            mine = and_(table.source_id.in_(sources), table.artwork_id.in_(some))
            session.execute(delete(table).where(mine))


def _sources_of(session: Session, ingest_ids: Collection[int]) -> set[int]:
    """Return the sources that ingests read: those of their labels, and of their lists."""
    source_ids = set(
        session.scalars(select(Label.source_id).where(Label.ingest_id.in_(ingest_ids)).distinct())
    )
    mappings = session.scalars(
        select(Ingest.mapping).where(Ingest.id.in_(ingest_ids), Ingest.mapping.is_not(None))
    )
    names = {str(mapping["source"]) for mapping in mappings if mapping and "source" in mapping}
    return source_ids | set(session.scalars(select(Source.id).where(Source.name.in_(names))))


def _say(session: Session, label_ids: Sequence[int], when: datetime, retracts: bool) -> None:
    """Take labels back; or say labels again that were taken back, as of when they were first said."""
    own = ("id", "retracts_id", "created_at", "verdict_id", "ingest_id")
    copied = [column for column in table_of(Label).c if column.name not in own]
    for some in chunks(list(label_ids)):
        rows = session.execute(
            select(*copied, Label.id.label("said"), Label.created_at.label("at"))
            .where(Label.id.in_(some))
            .order_by(Label.id)
        ).all()
        insert_rows(
            session,
            Label,
            ("id", *(column.name for column in copied), "retracts_id", "created_at"),
            [
                (id_, *row[:-2], row.said if retracts else None, stored_time(when if retracts else row.at))
                for id_, row in zip(next_ids(session, Label, len(rows)), rows, strict=True)
            ],
        )
        session.flush()
