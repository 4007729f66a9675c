"""What an ingest writes: artworks, labels, split facts and refusals, a batch of records a transaction.

A batch is compared with the catalog in the transaction that writes it, so that two ingests at once and
an ingest that was killed half way both end in the same rows: what is there already is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.engine.bulk import chunks, insert_rows, new_uuids, next_ids, stored_time, take_turns, update_rows
from db.ingest.lookup import (
    GONE,
    IMAGE_COLUMNS,
    CatalogArtwork,
    Columns,
    Entry,
    Listed,
    SourceAttribute,
    SplitColumn,
    Unlabelled,
    artworks_at,
    artworks_with_bytes,
    labels_said,
    listed_before,
    live_classes,
    overruled,
    source_ranks,
    splits_said,
    withheld_before,
)
from db.labels.effective import LabelFact, choose, derive
from db.models import (
    Artwork,
    EffectiveLabel,
    Ingest,
    Issue,
    Label,
    Listing,
    Refusal,
    SplitFact,
    Withheld,
    now,
)

__all__ = [
    "CatalogArtwork",
    "Columns",
    "Entry",
    "Listed",
    "SourceAttribute",
    "SplitColumn",
    "Unlabelled",
    "Writer",
    "Written",
    "add_refusals",
    "finish_ingest",
    "start_ingest",
]


@dataclass
class Written:
    """What came of a batch; ``overruled`` counts imported labels that a reviewer had decided otherwise."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    overruled: int = 0

    def add(self, other: Written) -> None:
        """Count another batch's outcome in."""
        for name in ("added", "updated", "unchanged", "moved", "overruled"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Writer:
    """Writes the batches of one ingest.

    Attributes:
        moved_from: Says whether the image of a known artwork is gone from its (root, path).
        other_roots: Names of the other roots, where an unverified artwork of the same path may wait.
        when: The one time of all labels of this ingest, so that its own contradictions tie.
        ingest_id: The ingest that all rows are marked with.
    """

    collection: str
    root: str
    columns: Columns
    gone: Callable[[str, str], bool]
    other_roots: tuple[str, ...] = ()
    when: datetime = field(default_factory=now)
    ingest_id: int | None = None

    def find_artworks(self, session: Session, paths: Sequence[str]) -> dict[str, CatalogArtwork]:
        """Return the artworks of this root that have one of these paths, by path."""
        return artworks_at(session, self.collection, self.root, paths)

    def unchanged(self, session: Session, entries: Sequence[tuple[CatalogArtwork, Entry]]) -> list[bool]:
        """Return for each entry whether the catalog has the same labels and splits."""
        columns = self.columns
        ids = [artwork.id for artwork, _ in entries]
        said = live_classes(session, ids, columns.labels)
        splits = splits_said(session, ids, columns.splits)
        besides = _Besides.of(session, columns, ids)
        nothing: set[tuple[int, int, str | None]] = set()
        same = []
        for artwork, entry in entries:
            if entry.spellings:
                wanted = {(at, *one) for at in range(len(columns.labels)) for one in entry.spelled(at)}
            else:
                wanted = {(at, id_, None) for at, ids_ in enumerate(entry.classes) for id_ in ids_}
            same.append(
                said.get(artwork.id, nothing) == wanted
                and all(splits.get((artwork.id, at), ("", 0))[0] == s for at, s in enumerate(entry.splits))
                and besides.same(artwork.id, entry)
            )
        return same

    def write(self, session: Session, entries: Sequence[Entry]) -> Written:
        """Write a batch of entries with distinct paths; the caller's transaction holds the write lock."""
        take_turns(session)
        written = Written()
        at_path = self.find_artworks(session, [entry.path for entry in entries])
        new = [entry for entry in entries if entry.path not in at_path]
        existing = {entry.path: at_path[entry.path] for entry in entries if entry.path in at_path}
        existing |= self._adopted(session, new, written)
        self._add(session, [entry for entry in entries if entry.path not in existing], written)
        self._change(session, [(existing[e.path], e) for e in entries if e.path in existing], written)
        return written

    def _adopted(self, session: Session, new: Sequence[Entry], written: Written) -> dict[str, CatalogArtwork]:
        """Return known artworks that new paths stand for: moved files, and lists read without images."""
        adopted: dict[str, CatalogArtwork] = {}
        for root in self.other_roots:
            waiting = artworks_at(session, self.collection, root, [entry.path for entry in new])
            adopted |= {path: artwork for path, artwork in waiting.items() if artwork.status == "unverified"}
        taken = {artwork.id for artwork in adopted.values()}
        digests = {entry.image.sha256 for entry in new if entry.image and entry.image.sha256}
        lost = artworks_with_bytes(session, self.collection, digests)
        for entry in new:
            sha256 = entry.image.sha256 if entry.image else None
            for artwork in lost.get(sha256 or "", ()) if entry.path not in adopted else ():
                if artwork.id not in taken and self.gone(artwork.root, artwork.path):
                    adopted[entry.path] = artwork
                    taken.add(artwork.id)
                    written.moved += 1
                    break
        return adopted

    def _add(self, session: Session, entries: Sequence[Entry], written: Written) -> None:
        """Insert new artworks with all that is said of them."""
        when = stored_time(self.when)
        ids = next_ids(session, Artwork, len(entries))
        insert_rows(
            session,
            Artwork,
            (
                "id",
                "uuid",
                "collection",
                "root",
                "path",
                "revision",
                *IMAGE_COLUMNS,
                "ingest_id",
                "added_at",
                "updated_at",
            ),
            [
                (
                    id_,
                    uuid,
                    self.collection,
                    self.root,
                    entry.path,
                    1,
                    *(entry.image or GONE)[:-1],
                    self.ingest_id,
                    when,
                    when,
                )
                for id_, uuid, entry in zip(ids, new_uuids(len(entries)), entries, strict=True)
            ],
        )
        self._add_labels(session, ids, entries)
        self._add_splits(
            session,
            [(id_, at, s) for id_, e in zip(ids, entries, strict=True) for at, s in enumerate(e.splits) if s],
        )
        _Besides(self.columns).write(session, list(zip(ids, entries, strict=True)))
        written.added += sum(entry.usable for entry in entries)

    def _add_labels(self, session: Session, artwork_ids: Sequence[int], entries: Sequence[Entry]) -> None:
        """Insert the labels of new artworks, and those that count among them."""
        when = stored_time(self.when)
        columns = self.columns.labels
        said = [
            (artwork_id, column.attribute_id, class_id, column.source_id)
            for artwork_id, entry in zip(artwork_ids, entries, strict=True)
            for column, classes in zip(columns, entry.classes, strict=True)
            for class_id in classes
        ]
        label_ids = next_ids(session, Label, len(said))
        names = ("id", "artwork_id", "attribute_id", "class_id", "source_id", "ingest_id", "created_at")
        rows = [(id_, *row, self.ingest_id, when) for id_, row in zip(label_ids, said, strict=True)]
        if any(entry.spellings for entry in entries):
            own = [
                spelling
                for entry in entries
                for at in range(len(columns))
                for _, spelling in entry.spelled(at)
            ]
            insert_rows(
                session,
                Label,
                (*names, "spelling"),
                [(*row, spelling) for row, spelling in zip(rows, own, strict=True)],
            )
        else:
            insert_rows(session, Label, names, rows)
        self._add_effective(session, label_ids, said)

    def _add_effective(
        self, session: Session, label_ids: Sequence[int], said: Sequence[tuple[int, int, int, int]]
    ) -> None:
        """Insert the labels that count among new (artwork, attribute, class, source) labels."""
        sources = source_ranks(session, {column.source_id for column in self.columns.labels})
        by_key: dict[tuple[int, int], Any] = {}
        rivals: dict[tuple[int, int], list[LabelFact]] = {}
        for label_id, (artwork_id, attribute_id, class_id, source_id) in zip(label_ids, said, strict=True):
            key = (artwork_id, attribute_id)
            fact = (label_id, artwork_id, attribute_id, class_id, source_id, *sources[source_id], self.when)
            if key in by_key:
                rivals.setdefault(key, [LabelFact(*by_key[key])]).append(LabelFact(*fact))
            else:
                by_key[key] = fact
        effective = [
            (fact[1], fact[2], fact[3], fact[0], "import", False)
            for key, fact in by_key.items()
            if key not in rivals
        ]
        for (artwork_id, attribute_id), facts in rivals.items():
            if best := choose(facts, {}):  # an ingest says no merged class
                effective.append(
                    (artwork_id, attribute_id, best.class_id, best.label_id, best.authority, best.conflict)
                )
        insert_rows(
            session,
            EffectiveLabel,
            ("artwork_id", "attribute_id", "class_id", "label_id", "authority", "conflict"),
            effective,
        )

    def _add_splits(self, session: Session, said: Sequence[tuple[int, int, str]]) -> None:
        """Insert split facts given as (artwork, column, split)."""
        ids = next_ids(session, SplitFact, len(said))
        insert_rows(
            session,
            SplitFact,
            ("id", "artwork_id", "source_id", "attribute_id", "split", "ingest_id"),
            [
                (id_, a, *self.columns.splits[at], split, self.ingest_id)
                for id_, (a, at, split) in zip(ids, said, strict=True)
            ],
        )

    def _change(
        self, session: Session, pairs: Sequence[tuple[CatalogArtwork, Entry]], written: Written
    ) -> None:
        """Bring known artworks up to date, and count which of them changed."""
        changed = self._change_images(session, pairs)
        relabelled = self._change_labels(session, pairs)
        changed |= relabelled.keys() | self._change_splits(session, pairs)
        besides = _Besides.of(session, self.columns, [artwork.id for artwork, _ in pairs])
        other = [(artwork.id, entry) for artwork, entry in pairs if not besides.same(artwork.id, entry)]
        besides.write(session, other)
        changed |= {artwork_id for artwork_id, _ in other}
        derive(session, relabelled)
        written.overruled += overruled(session, relabelled)
        usable = {artwork.id for artwork, entry in pairs if entry.usable}
        written.updated += len(changed & usable)
        written.unchanged += len(usable - changed)

    def _change_images(self, session: Session, pairs: Sequence[tuple[CatalogArtwork, Entry]]) -> set[int]:
        """Update what is known of images; new bytes at a path make a revision and stale issues."""
        changed, revised, rows, only_status = set(), [], [], []
        when = stored_time(now())
        for artwork, entry in pairs:
            image = entry.image
            if image is None or (image.status == "unverified" and artwork.status != "unverified"):
                continue
            new_bytes = image.sha256 is not None and artwork.sha256 not in (None, image.sha256)
            moved = (artwork.root, artwork.path) != (self.root, entry.path)
            status, reason = image.status, image.reason
            if artwork.status == "unusable" and status == "ok" and not new_bytes:
                status, reason = artwork.status, artwork.reason
            if new_bytes or moved or (status, reason) != (artwork.status, artwork.reason):
                changed.add(artwork.id)
            elif image.bytes is None or (image.bytes, image.mtime_ns) == (artwork.bytes, artwork.mtime_ns):
                continue
            revised += [artwork.id] if new_bytes else []
            place = (self.root, entry.path, artwork.revision + new_bytes, when, status, reason)
            if image.bytes is None:
                only_status.append((*place, artwork.id))
            else:
                rows.append((*place, *image[2:-1], artwork.id))
        place_columns = ("root", "path", "revision", "updated_at", "status", "reason")
        update_rows(session, Artwork, place_columns, only_status)
        update_rows(session, Artwork, (*place_columns, *IMAGE_COLUMNS[2:]), rows)
        for some in chunks(revised):
            session.execute(
                update(Issue)
                .where(Issue.artwork_id.in_(some), Issue.state.in_(("open", "pushed")))
                .values(state="stale", updated_at=now())
            )
        return changed

    def _change_labels(
        self, session: Session, pairs: Sequence[tuple[CatalogArtwork, Entry]]
    ) -> dict[int, set[tuple[int, int]]]:
        """Add labels that are new and take back those their source no longer gives.

        Returns:
            By artwork, the (attribute, class) pairs that were added; empty where one was only taken back.
        """
        columns = self.columns.labels
        before = labels_said(session, [artwork.id for artwork, _ in pairs], columns)
        rows: list[tuple[int, int, int, int, str | None, int | None]] = []
        changed: dict[int, set[tuple[int, int]]] = {}
        for artwork, entry in pairs:
            for at, column in enumerate(columns):
                had = before.get((artwork.id, at), {})
                wanted = set(entry.spelled(at))
                for class_id, spelling in wanted - had.keys():
                    rows.append((artwork.id, column.attribute_id, class_id, column.source_id, spelling, None))
                    changed.setdefault(artwork.id, set()).add((column.attribute_id, class_id))
                for class_id, spelling in had.keys() - wanted:
                    changed.setdefault(artwork.id, set())
                    rows += [
                        (artwork.id, column.attribute_id, class_id, column.source_id, spelling, label_id)
                        for label_id in had[class_id, spelling]
                    ]
        ids = next_ids(session, Label, len(rows))
        when = stored_time(self.when)
        insert_rows(
            session,
            Label,
            (
                "id",
                "artwork_id",
                "attribute_id",
                "class_id",
                "source_id",
                "spelling",
                "retracts_id",
                "ingest_id",
                "created_at",
            ),
            [(id_, *row, self.ingest_id, when) for id_, row in zip(ids, rows, strict=True)],
        )
        return changed

    def _change_splits(self, session: Session, pairs: Sequence[tuple[CatalogArtwork, Entry]]) -> set[int]:
        """Replace split facts that differ; return the artworks concerned."""
        before = splits_said(session, [artwork.id for artwork, _ in pairs], self.columns.splits)
        outdated, new = [], []
        for artwork, entry in pairs:
            for at, split in enumerate(entry.splits):
                had, fact_id = before.get((artwork.id, at), ("", 0))
                if had != split:
                    outdated += [fact_id] if had else []
                    new += [(artwork.id, at, split)] if split else []
        changed = {artwork_id for artwork_id, _, _ in new}
        for some in chunks(outdated):
            facts = session.scalars(select(SplitFact).where(SplitFact.id.in_(some))).all()
            changed |= {fact.artwork_id for fact in facts}
            for fact in facts:
                session.delete(fact)
        session.flush()
        self._add_splits(session, new)
        return changed


@dataclass
class _Besides:
    """What a list says of artworks beside their labels: its own columns, and cells that give no label."""

    columns: Columns
    listed: dict[int, tuple[int, Listed]] = field(default_factory=dict)
    withheld: dict[int, dict[tuple[int, str, str], int]] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, columns: Columns, artwork_ids: Sequence[int]) -> _Besides:
        """Read what the catalog has of it."""
        besides = cls(columns)
        if columns.listed_by is not None and session.scalar(select(Listing.id).limit(1)) is not None:
            besides.listed = listed_before(session, artwork_ids, columns.listed_by)
        if session.scalar(select(Withheld.id).limit(1)) is not None:
            besides.withheld = withheld_before(session, artwork_ids, columns.labels)
        return besides

    def same(self, artwork_id: int, entry: Entry) -> bool:
        """Return whether the catalog has what a record says."""
        if entry.only_labels:
            return True
        if not (self.listed or self.withheld):
            return entry.listed is None and not entry.withheld
        had = self.listed.get(artwork_id)
        return (None if had is None else had[1]) == entry.listed and self.withheld.get(
            artwork_id, {}
        ).keys() == {cell[:3] for cell in entry.withheld}

    def write(self, session: Session, entries: Sequence[tuple[int, Entry]]) -> None:
        """Write what these records say, in the place of what the catalog had of them."""
        for some in chunks([self.listed[id_][0] for id_, _ in entries if id_ in self.listed]):
            session.execute(delete(Listing).where(Listing.id.in_(some)))
        for some in chunks([row for id_, _ in entries for row in self.withheld.get(id_, {}).values()]):
            session.execute(delete(Withheld).where(Withheld.id.in_(some)))
        listed = [
            (id_, self.columns.listed_by, e.listed.path, e.listed.known_as, json.dumps(e.listed.cells))
            for id_, e in entries
            if e.listed is not None
        ]
        insert_rows(session, Listing, ("artwork_id", "source_id", "path", "known_as", "cells"), listed)
        insert_rows(
            session,
            Withheld,
            ("artwork_id", "attribute_id", "source_id", "reason", "spelling", "detail"),
            [
                (
                    id_,
                    self.columns.labels[cell.column].attribute_id,
                    self.columns.labels[cell.column].source_id,
                    *cell[1:3],
                    json.dumps(cell.detail),
                )
                for id_, entry in entries
                for cell in entry.withheld
            ],
        )


def start_ingest(
    session: Session, location: str, format: str, mapping: Mapping[str, Any] | None = None
) -> int:
    """Add the row of an ingest that begins; return its id."""
    row = Ingest(location=location, format=format, mapping=None if mapping is None else dict(mapping))
    session.add(row)
    session.flush()
    return row.id


def finish_ingest(session: Session, ingest_id: int, counts: Mapping[str, Any]) -> None:
    """Write what came of an ingest."""
    row = session.get_one(Ingest, ingest_id)
    row.counts, row.finished_at = dict(counts), now()


def add_refusals(session: Session, ingest_id: int, refused: Sequence[tuple[str, str, str]]) -> None:
    """Add refusals, each (record, reason, detail)."""
    insert_rows(
        session, Refusal, ("ingest_id", "record", "reason", "detail"), [(ingest_id, *row) for row in refused]
    )
