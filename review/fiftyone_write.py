"""Write samples in bulk as documents; compare first, so that what is as it should be is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from bson import ObjectId
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from db.browse import Picture
from db.browse_facts import ArtworkFacts
from db.progress import Progress
from db.storage import fetch_all
from db.workspace import Workspace
from review.fiftyone_samples import Context, Document, difference, document, inserted, sample_id

CHUNK = 1000
DUPLICATE_KEY = 11000


class SampleWriter:
    """Writes the samples of one dataset; counts what it did."""

    def __init__(
        self,
        fo: Any,
        dataset: Any,
        workspace: Workspace,
        picture: Picture,
        types: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self._dataset = dataset
        self._collection = fo.core.odm.get_db_conn()[dataset._sample_collection_name]
        self._workspace = workspace
        self._picture = picture
        self._ours = ("filepath", "metadata", *types)
        self._progress = progress
        self._written: set[ObjectId] = set()
        self.added = self.updated = self.removed = 0
        self.changed_fields: set[str] = set()

    def count(self) -> int:
        """Return how many samples the dataset has."""
        return int(self._collection.count_documents({}))

    def has_field(self, name: str) -> bool:
        """Return whether the dataset declares a field."""
        return bool(self._dataset.has_sample_field(name))

    def touched_since(self, moment: datetime) -> set[int]:
        """Return the artworks whose samples somebody changed after a moment."""
        found = self._collection.find({"last_modified_at": {"$gt": moment}}, {"_id": 1})
        return {int.from_bytes(row["_id"].binary[:4], "big") for row in found}

    def write(self, artwork_ids: Sequence[int]) -> None:
        """Bring the samples of these artworks up to date; remove those of artworks that are not shown."""
        self._progress.start(len(artwork_ids), "samples")
        empty = self._collection.estimated_document_count() == 0
        for start in range(0, len(artwork_ids), CHUNK):
            ids = artwork_ids[start : start + CHUNK]
            made = {sample_id(facts): (facts, made) for facts, made in self._documents(ids)}
            self._write_chunk(made, empty)
            self._written.update(made)
            if len(made) < len(ids):
                self._remove_hidden(ids, made)
            self._progress.advance(len(ids))

    def remove_others(self) -> None:
        """Remove every sample that no ``write`` of this writer was about."""
        others = [
            row["_id"] for row in self._collection.find({}, {"_id": 1}) if row["_id"] not in self._written
        ]
        self._remove(others)

    def _remove_hidden(self, ids: Sequence[int], made: Mapping[ObjectId, object]) -> None:
        shown = {int.from_bytes(key.binary[:4], "big") for key in made}
        for hidden in set(ids) - shown:
            first, last = (ObjectId(hidden.to_bytes(4, "big") + end * 8) for end in (b"\x00", b"\xff"))
            rows = self._collection.find({"_id": {"$gte": first, "$lte": last}}, {"_id": 1})
            self._remove([row["_id"] for row in rows])

    def _remove(self, sample_ids: Sequence[ObjectId]) -> None:
        for start in range(0, len(sample_ids), CHUNK):
            chunk = sample_ids[start : start + CHUNK]
            self.removed += self._collection.delete_many({"_id": {"$in": list(chunk)}}).deleted_count

    def _documents(self, ids: Sequence[int]) -> Iterator[tuple[ArtworkFacts, Document]]:
        picture = self._picture
        rows = np.array(ids, dtype=np.int64)
        context = Context(
            picture.names,
            {name: probabilities.read(rows) for name, probabilities in picture.probabilities.items()},
            {name: probabilities.classes for name, probabilities in picture.probabilities.items()},
            picture.earlier_predictions(ids),
            [run.id for run in picture.earlier],
            picture.run_ends,
        )
        shown = [(facts, self._workspace.image_path(facts.root, facts.path)) for facts in picture.facts(ids)]
        fetch_all(path for _, path in shown)
        for facts, path in shown:
            yield facts, document(facts, path, context)

    def _write_chunk(self, made: Mapping[ObjectId, tuple[ArtworkFacts, Document]], empty: bool) -> None:
        """Insert what is new, update what differs."""
        existing: dict[ObjectId, Document] = {}
        if not empty:
            found = self._collection.find({"_id": {"$in": list(made)}}, dict.fromkeys(self._ours, 1))
            existing = {row["_id"]: row for row in found}
        now = datetime.now(UTC).replace(tzinfo=None)
        new: list[Any] = []
        changes: list[Any] = []
        for key, (facts, wanted) in made.items():
            if key not in existing:
                new.append(InsertOne(inserted(facts, wanted, self._dataset._doc.id, now)))
            elif update := difference(existing[key], wanted, self._ours):
                for paths in update.values():
                    self.changed_fields.update(path.partition(".")[0] for path in paths)
                update.setdefault("$set", {})["last_modified_at"] = now
                changes.append(UpdateOne({"_id": key}, update))
        self.updated += len(changes)
        if new:
            self.added += self._insert(new)
        if changes:
            self._collection.bulk_write(changes, ordered=False)

    def _insert(self, new: list[Any]) -> int:
        """Insert samples; one that another sync inserted meanwhile is left to it."""
        try:
            return int(self._collection.bulk_write(new, ordered=False).inserted_count)
        except BulkWriteError as error:
            details: Any = error.details
            if any(problem["code"] != DUPLICATE_KEY for problem in details["writeErrors"]):
                raise
            return int(details["nInserted"])
