"""Write samples in bulk as documents; compare first, so that what is as it should be is left alone."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from bson import ObjectId
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from db.browse.facts import ArtworkFacts
from db.browse.picture import Picture
from db.engine.bulk import chunks
from db.images.copies import display_copies, needs_copy
from db.workspace.progress import Progress
from db.workspace.remote.mirror import fetch_all
from db.workspace.workspace import Workspace
from review.fiftyone.dataset.samples import Context, Document, difference, document, inserted, sample_id

CHUNK = 1000
DUPLICATE_KEY = 11000

PREDICTED = ("_cls", "label", "confidence")
"""What is compared of a prediction within one run: its logits never change, and are most of a sample."""


class SampleWriter:
    """Writes the samples of one dataset; counts what it did.

    Attributes:
        started: When it began, UTC, in MongoDB's milliseconds. All that it writes bears this time, so that a
            sample that bears a later one was changed by somebody else.
    """

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
        self._types = dict(types)
        self._ours = ("filepath", "metadata", *types)
        self._predictions = {name for name, kind in types.items() if kind == "prediction"}
        self._light = [
            path
            for name in self._ours
            for path in ([f"{name}.{part}" for part in PREDICTED] if name in self._predictions else [name])
        ]
        self._progress = progress
        self._written: set[ObjectId] = set()
        self.started = _milliseconds(datetime.now(UTC))
        self.added = self.updated = self.removed = 0
        self.changed_fields: set[str] = set()

    def count(self) -> int:
        """Return how many samples the dataset has."""
        return int(self._collection.count_documents({}))

    def has_field(self, name: str) -> bool:
        """Return whether the dataset declares a field."""
        return bool(self._dataset.has_sample_field(name))

    def misdeclared(self) -> list[str]:
        """Return our fields that the dataset declares as another type than ours."""
        schema = self._dataset.get_field_schema()
        kinds = {"string": "StringField", "float": "FloatField", "int": "IntField", "bool": "BooleanField"}
        kinds |= {"list": "ListField"}
        return [
            name
            for name, kind in self._types.items()
            if name in schema and type(schema[name]).__name__ != kinds.get(kind, "EmbeddedDocumentField")
        ]

    def touched_since(self, moment: datetime) -> set[int]:
        """Return the artworks whose samples somebody changed after a moment."""
        documents = self._collection.find({"last_modified_at": {"$gt": moment}}, {"_id": 1})
        return {int.from_bytes(row["_id"].binary[:4], "big") for row in documents}

    def write(self, artwork_ids: Sequence[int], exact: Container[int] | None = None) -> None:
        """Bring the samples of these artworks up to date; remove those of artworks that are not shown.

        Args:
            artwork_ids: Ascending.
            exact: The artworks whose samples are compared to the last logit; all, if left out. Of the others
                only what may change within a run is read and compared.
        """
        self._progress.start(len(artwork_ids), "samples")
        empty = self._collection.find_one({}, {"_id": 1}) is None
        for ids in chunks(artwork_ids, CHUNK):
            files, facts = self._shown(self._picture.facts(ids))
            existing, light = ({}, set()) if empty else self._standing(facts, exact)
            self._write_chunk(self._documents(facts, files, light), facts, existing)
            self._written.update(facts)
            if len(facts) < len(ids):
                self._remove_hidden(ids, facts)
            self._progress.advance(len(ids))

    def written(self) -> list[str]:
        """Return the ids of the samples that it brought up to date."""
        return [str(key) for key in self._written]

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
        for chunk in chunks(sample_ids, CHUNK):
            self.removed += self._collection.delete_many({"_id": {"$in": list(chunk)}}).deleted_count

    def _standing(
        self, facts: Mapping[ObjectId, ArtworkFacts], exact: Container[int] | None
    ) -> tuple[dict[ObjectId, Document], set[ObjectId]]:
        """Return the samples as they are, and those of them that were read without their logits."""
        light = {key for key, one in facts.items() if exact is not None and one.id not in exact}
        existing = self._find(light, self._light)
        light = {key for key in light if key in existing and self._predictions <= existing[key].keys()}
        return existing | self._find(facts.keys() - light, self._ours), light

    def _find(self, keys: Collection[ObjectId], paths: Iterable[str]) -> dict[ObjectId, Document]:
        """Read samples as they are."""
        if not keys:
            return {}
        wanted = dict.fromkeys((*paths, "last_modified_at"), 1)
        return {row["_id"]: row for row in self._collection.find({"_id": {"$in": list(keys)}}, wanted)}

    def _shown(
        self, facts: Iterable[ArtworkFacts]
    ) -> tuple[dict[ObjectId, Path], dict[ObjectId, ArtworkFacts]]:
        """Return what the App opens for each artwork, a copy where no browser shows the image; and the facts.

        An artwork whose image may not be opened has no sample.
        """
        originals = {
            one.id: (path, one)
            for one in facts
            if (path := self._workspace.find_image(one.root, one.path)) is not None
        }
        wanted = {
            artwork_id: (path, one.sha256)
            for artwork_id, (path, one) in originals.items()
            if one.sha256 is not None and needs_copy(one.place)
        }
        copies = display_copies(self._workspace, wanted)
        fetch_all(path for artwork_id, (path, _) in originals.items() if artwork_id not in copies)
        files = {sample_id(one): copies.get(one.id, path) for path, one in originals.values()}
        return files, {sample_id(one): one for _, one in originals.values()}

    def _documents(
        self,
        facts: Mapping[ObjectId, ArtworkFacts],
        files: Mapping[ObjectId, Path],
        light: Container[ObjectId],
    ) -> Iterator[tuple[ObjectId, Document]]:
        """Make the documents of artworks; the light ones without their logits."""
        picture = self._picture
        ids = [one.id for one in facts.values()]
        rows = np.array([one.id for key, one in facts.items() if key not in light], dtype=np.int64)
        context = Context(
            names=picture.names,
            probabilities={
                name: probabilities.read(rows) for name, probabilities in picture.probabilities.items()
            },
            columns={name: probabilities.classes for name, probabilities in picture.probabilities.items()},
            earlier=picture.earlier_predictions(ids),
            earlier_runs=[run.id for run in picture.earlier],
            runs=picture.run_ends,
        )
        for key, one in facts.items():
            yield key, document(one, files[key], context)

    def _write_chunk(
        self,
        made: Iterable[tuple[ObjectId, Document]],
        facts: Mapping[ObjectId, ArtworkFacts],
        existing: Mapping[ObjectId, Document],
    ) -> None:
        """Insert what is new, update what differs.

        A sample that somebody changes between our reading and our writing is left as it is: it is newer than
        this sync then, and the next one looks at it.
        """
        new: list[Any] = []
        changes: list[Any] = []
        for key, wanted in made:
            before = existing.get(key)
            if before is None:
                new.append(InsertOne(inserted(facts[key], wanted, self._dataset._doc.id, self.started)))
            elif update := difference(before, wanted, self._ours):
                for paths in update.values():
                    self.changed_fields.update(path.partition(".")[0] for path in paths)
                update.setdefault("$set", {})["last_modified_at"] = self.started
                unchanged = {"_id": key, "last_modified_at": before.get("last_modified_at")}
                changes.append(UpdateOne(unchanged, update))
        if new:
            self.added += self._insert(new)
        if changes:
            self.updated += self._collection.bulk_write(changes, ordered=False).matched_count

    def _insert(self, new: list[Any]) -> int:
        """Insert samples; one that another sync inserted meanwhile is left to it."""
        try:
            return int(self._collection.bulk_write(new, ordered=False).inserted_count)
        except BulkWriteError as error:
            details: Any = error.details
            if any(problem["code"] != DUPLICATE_KEY for problem in details["writeErrors"]):
                raise
            return int(details["nInserted"])


def _milliseconds(moment: datetime) -> datetime:
    """Return a moment as MongoDB keeps it."""
    return moment.replace(tzinfo=None, microsecond=moment.microsecond // 1000 * 1000)
