"""What the catalog has of the artworks in a batch of an ingest: looked up by path, by bytes, by label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine.bulk import chunks, fetch, table_of
from db.labels.classes import merged_classes
from db.models import Artwork, EffectiveLabel, Label, Source, SplitFact


class ImageState(NamedTuple):
    """What an ingest found at an image's path; all but the status is empty where it was not read."""

    status: str
    reason: str | None = None
    sha256: str | None = None
    phash: str | None = None
    phash_detail: float | None = None
    bytes: int | None = None
    mtime_ns: int | None = None
    width: int | None = None
    height: int | None = None
    image_format: str | None = None
    needs_copy: bool | None = None
    notes: tuple[str, ...] = ()


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


class Entry(NamedTuple):
    """One record, ready to be written.

    ``classes`` holds for each label column the class ids that the source gives, sorted; ``splits`` a word
    for each split column, empty where the source says nothing. No ``image`` means: as the catalog has it.
    """

    path: str
    image: ImageState | None
    classes: tuple[tuple[int, ...], ...]
    splits: tuple[str, ...] = ()

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


def labels_said(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SourceAttribute]
) -> dict[tuple[int, int], dict[int, list[int]]]:
    """Return what sources say of artworks, not taken back: by (artwork, column), label ids by class.

    Classes that were merged stand as the class they went into.
    """
    live: dict[tuple[int, int], dict[int, list[int]]] = {}
    for label_id, artwork_id, column, class_id in _live_labels(session, artwork_ids, columns):
        live.setdefault((artwork_id, column), {}).setdefault(class_id, []).append(label_id)
    return live


def live_classes(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SourceAttribute]
) -> dict[int, set[tuple[int, int]]]:
    """Return the (column, class) pairs that sources say of each artwork, not taken back."""
    live: dict[int, set[tuple[int, int]]] = {artwork_id: set() for artwork_id in artwork_ids}
    for _, artwork_id, column, class_id in _live_labels(session, artwork_ids, columns):
        live[artwork_id].add((column, class_id))
    return live


def _live_labels(
    session: Session, artwork_ids: Sequence[int], columns: Sequence[SourceAttribute]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (label, artwork, column, class) of labels that were not taken back."""
    at = {(column.source_id, column.attribute_id): i for i, column in enumerate(columns)}
    merged = merged_classes(session)
    label = table_of(Label).c
    sources = sorted({column.source_id for column in columns})
    for some in chunks(artwork_ids):
        statement = select(
            label.id, label.artwork_id, label.source_id, label.attribute_id, label.class_id, label.retracts_id
        )
        rows = fetch(session, statement.where(label.artwork_id.in_(some), label.source_id.in_(sources)))
        retracted = {row[5] for row in rows if row[5] is not None}
        for label_id, artwork_id, source_id, attribute_id, class_id, retracts_id in rows:
            column = at.get((source_id, attribute_id))
            if column is not None and retracts_id is None and label_id not in retracted:
                yield label_id, artwork_id, column, merged.get(class_id, class_id)


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
