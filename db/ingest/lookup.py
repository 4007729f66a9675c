"""What the catalog has of the artworks in a batch of an ingest: looked up by path, by bytes, by label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import merged_classes
from db.engine.bulk import chunks, fetch, table_of
from db.images.state import ImageState
from db.models import Artwork, Class, EffectiveLabel, Label, Listing, Source, SplitFact, Withheld

IMAGE_COLUMNS = ImageState._fields[:-1]
GONE = ImageState("missing", "missing")


class SourceAttribute(NamedTuple):
    """One column of a source: who says it, of which attribute."""

    source_id: int
    attribute_id: int


class SplitColumn(NamedTuple):
    """One column of splits: who says it, of which attribute's list (None: of all)."""

    source_id: int
    attribute_id: int | None


@dataclass(frozen=True)
class Columns:
    """The columns that every entry of an ingest has, in order."""

    labels: tuple[SourceAttribute, ...]
    splits: tuple[SplitColumn, ...] = ()
    listed_by: int | None = None
    """The source of what a list says of an artwork beside its labels."""


class Listed(NamedTuple):
    """How a list has an artwork: the path as written, the id that people use, the columns that are kept."""

    path: str
    known_as: str | None
    cells: Mapping[str, str]


class Unlabelled(NamedTuple):
    """A cell that gives no label although something stands in it; see ``db.models.Withheld``."""

    column: int
    reason: str
    spelling: str
    detail: Mapping[str, Any]


class Entry(NamedTuple):
    """One record, ready to be written.

    ``classes`` holds for each label column the class ids that the source gives, sorted; ``spellings`` for
    each of these its own spelling, None where that is the class's, and is empty where all are; ``splits`` a
    word for each split column, empty where the source says nothing. No ``image``: as the catalog has it.
    """

    path: str
    image: ImageState | None
    classes: tuple[tuple[int, ...], ...]
    splits: tuple[str, ...] = ()
    spellings: tuple[tuple[str | None, ...], ...] = ()
    withheld: tuple[Unlabelled, ...] = ()
    listed: Listed | None = None
    only_labels: bool = False
    """What a list says beside its labels, and cells without one, stand as the catalog has them."""

    def spelled(self, column: int) -> Iterator[tuple[int, str | None]]:
        """Yield the classes of a column with their own spellings."""
        classes = self.classes[column]
        return zip(classes, self.spellings[column] if self.spellings else (None,) * len(classes), strict=True)

    @property
    def usable(self) -> bool:
        """Whether the record counts as taken; one whose image is refused or missing counts as that."""
        return self.image is None or self.image.status in ("ok", "unverified")


class CatalogArtwork(NamedTuple):
    """An artwork as the catalog has it."""

    id: int
    root: str
    path: str
    status: str
    reason: str | None
    sha256: str | None
    bytes: int | None
    mtime_ns: int | None
    revision: int


ARTWORK_COLUMNS = tuple(table_of(Artwork).c[name] for name in CatalogArtwork._fields)


def artworks_at(
    session: Session, collection: str, root: str, paths: Sequence[str]
) -> dict[str, CatalogArtwork]:
    """Return the artworks of a root that have one of these paths, by path."""
    by_path = {}
    artwork = table_of(Artwork).c
    for some in chunks(paths):
        statement = select(*ARTWORK_COLUMNS).where(
            artwork.path.in_(some), artwork.root == root, artwork.collection == collection
        )
        for row in fetch(session, statement):
            by_path[row[2]] = CatalogArtwork(*row)
    return by_path


def artworks_with_bytes(
    session: Session, collection: str, digests: Iterable[str]
) -> dict[str, list[CatalogArtwork]]:
    """Return the artworks of a collection that have some bytes, by their SHA-256."""
    by_digest: dict[str, list[CatalogArtwork]] = {}
    artwork = table_of(Artwork).c
    for some in chunks(sorted(digests)):
        statement = select(*ARTWORK_COLUMNS).where(artwork.sha256.in_(some), artwork.collection == collection)
        for row in fetch(session, statement.order_by(artwork.id)):
            by_digest.setdefault(row[5], []).append(CatalogArtwork(*row))
    return by_digest


Spelled = tuple[int, str | None]
"""A class and a label's own spelling of it, None where that is the class's."""


def labels_said(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SourceAttribute]
) -> dict[tuple[int, int], dict[Spelled, list[int]]]:
    """Return what sources say of artworks, not taken back: by (artwork, column), label ids by what they say.

    Classes that were merged stand as the class they went into.
    """
    live: dict[tuple[int, int], dict[Spelled, list[int]]] = {}
    for label_id, artwork_id, column, class_id, spelling in _live_labels(session, artwork_ids, columns):
        live.setdefault((artwork_id, column), {}).setdefault((class_id, spelling), []).append(label_id)
    return live


def live_classes(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SourceAttribute]
) -> dict[int, set[tuple[int, int, str | None]]]:
    """Return the (column, class, spelling) that sources say of each artwork, not taken back."""
    live: dict[int, set[tuple[int, int, str | None]]] = {artwork_id: set() for artwork_id in artwork_ids}
    for _, artwork_id, column, class_id, spelling in _live_labels(session, artwork_ids, columns):
        live[artwork_id].add((column, class_id, spelling))
    return live


def _live_labels(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SourceAttribute]
) -> Iterator[tuple[int, int, int, int, str | None]]:
    """Yield (label, artwork, column, class, own spelling) of labels that were not taken back."""
    at = {(column.source_id, column.attribute_id): i for i, column in enumerate(columns)}
    merged = merged_classes(session)
    own = _own_spellings(session, merged)
    label = table_of(Label).c
    sources = sorted({column.source_id for column in columns})
    for some in chunks(artwork_ids):
        statement = select(
            label.id,
            label.artwork_id,
            label.source_id,
            label.attribute_id,
            label.class_id,
            label.retracts_id,
            label.spelling,
        )
        rows = fetch(session, statement.where(label.artwork_id.in_(some), label.source_id.in_(sources)))
        retracted = {row[5] for row in rows if row[5] is not None}
        for label_id, artwork_id, source_id, attribute_id, class_id, retracts_id, spelling in rows:
            column = at.get((source_id, attribute_id))
            if column is None or retracts_id is not None or label_id in retracted:
                continue
            if class_id in merged:
                spelling = spelling or own[class_id]
                class_id = merged[class_id]
                spelling = None if spelling == own[class_id] else spelling
            yield label_id, artwork_id, column, class_id, spelling


def _own_spellings(session: Session, merged: Mapping[int, int]) -> dict[int, str]:
    """Return the spellings of merged classes, and of those they went into."""
    spellings: dict[int, str] = {}
    for some in chunks(sorted({*merged, *merged.values()})):
        rows = session.execute(select(Class.id, Class.spelling, Class.name).where(Class.id.in_(some)))
        spellings |= {row[0]: row[1] or row[2] for row in rows}
    return spellings


def listed_before(
    session: Session, artwork_ids: Sequence[int], source_id: int
) -> dict[int, tuple[int, Listed]]:
    """Return how a source lists artworks, by artwork: the row's id, and what it says."""
    listings: dict[int, tuple[int, Listed]] = {}
    for some in chunks(artwork_ids):
        rows = session.execute(
            select(Listing.id, Listing.artwork_id, Listing.path, Listing.known_as, Listing.cells).where(
                Listing.artwork_id.in_(some), Listing.source_id == source_id
            )
        )
        listings |= {row[1]: (row[0], Listed(row[2], row[3], row[4])) for row in rows}
    return listings


def withheld_before(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SourceAttribute]
) -> dict[int, dict[tuple[int, str, str], int]]:
    """Return the cells of sources that gave no label, by artwork: ids of rows by (column, reason, cell)."""
    at = {(column.source_id, column.attribute_id): i for i, column in enumerate(columns)}
    cells: dict[int, dict[tuple[int, str, str], int]] = {}
    for some in chunks(artwork_ids):
        rows = session.execute(
            select(
                Withheld.id,
                Withheld.artwork_id,
                Withheld.source_id,
                Withheld.attribute_id,
                Withheld.reason,
                Withheld.spelling,
            ).where(Withheld.artwork_id.in_(some))
        )
        for row_id, artwork_id, source_id, attribute_id, reason, spelling in rows:
            if (column := at.get((source_id, attribute_id))) is not None:
                cells.setdefault(artwork_id, {})[column, reason, spelling] = row_id
    return cells


def splits_said(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SplitColumn]
) -> dict[tuple[int, int], tuple[str, int]]:
    """Return splits and the ids of their facts, by (artwork, column)."""
    at = {(column.source_id, column.attribute_id): i for i, column in enumerate(columns)}
    splits: dict[tuple[int, int], tuple[str, int]] = {}
    fact = table_of(SplitFact).c
    for some in chunks(artwork_ids) if columns else ():
        statement = select(fact.id, fact.artwork_id, fact.source_id, fact.attribute_id, fact.split)
        for fact_id, artwork_id, source_id, attribute_id, split in fetch(
            session, statement.where(fact.artwork_id.in_(some))
        ):
            column = at.get((source_id, attribute_id))
            if column is not None:
                splits[artwork_id, column] = (split, fact_id)
    return splits


def overruled(session: Session, added: Mapping[int, Iterable[tuple[int, int]]]) -> int:
    """Count labels just imported that differ from what reviewers decided, which stands."""
    decided: dict[tuple[int, int], int] = {}
    for some in chunks(sorted(added)):
        rows = session.execute(
            select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id, EffectiveLabel.class_id).where(
                EffectiveLabel.artwork_id.in_(some), EffectiveLabel.authority != "import"
            )
        )
        decided |= {(row[0], row[1]): row[2] for row in rows}
    return sum(
        decided.get((artwork_id, attribute_id), class_id) != class_id
        for artwork_id, pairs in added.items()
        for attribute_id, class_id in pairs
    )


def source_ranks(session: Session, source_ids: Iterable[int]) -> dict[int, tuple[str, int]]:
    """Return (authority, priority) of sources by id."""
    rows = session.execute(
        select(Source.id, Source.authority, Source.priority).where(Source.id.in_(sorted(source_ids)))
    )
    return {row[0]: (row[1], row[2]) for row in rows}
