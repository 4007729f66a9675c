"""One sample an artwork: which fields it has, and its document as FiftyOne keeps it in MongoDB.

Samples are written as documents, in bulk: through FiftyOne's own objects 80,000 artworks take minutes.
What is private to FiftyOne about a document is in this module alone, and a test compares it with what
FiftyOne writes itself. A sample's id is made from the artwork's (4 bytes of its number, 8 of its uuid), so
that writing a sample twice cannot make two.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from bson import ObjectId
from numpy.typing import NDArray

from db.browse.facts import ArtworkFacts, AttributeFacts
from db.browse.picture import Names
from db.models import OPEN_STATES

LOGITS_UP_TO = 64
"""Runs with more classes than this in an attribute keep the names and probabilities of the best ``TOP``."""

TOP = 5

ARROW = "→ "
"""Before a suggested class, so that nobody takes it for the label beside it."""

Document = dict[str, Any]

SAMPLE_FIELDS: dict[str, str] = {
    "artwork": "string",
    "collection": "string",
    "path": "string",
    "known_as": "string",
    "kept": "list",
    "split": "string",
    "fold": "int",
    "duplicate_group": "int",
    "duplicates_disagree": "list",
    "review": "string",
    "round": "int",
    "batch": "int",
    "issues": "list",
    "score": "float",
    "worst_attribute": "string",
    "label_issues": "list",
    "outlier_score": "float",
    "usable_score": "float",
}
"""Our fields that are of the artwork, not of one attribute, and their types.

``issues`` has the kinds of its open issues; ``label_issues`` a sentence for each of its flagged labels.
"""

ATTRIBUTE_FIELDS: dict[str, str] = {
    "": "label",
    "_pred": "prediction",
    "_p_label": "float",
    "_score": "float",
    "_suggested": "string",
    "_p_suggested": "float",
    "_reason": "string",
    "_issue": "string",
    "_verdict": "string",
    "_eval": "bool",
}
"""Our fields of one attribute, by what is added to its name, in the order of the sidebar."""

RESERVED = frozenset({*SAMPLE_FIELDS, "id", "filepath", "filename", "tags", "metadata", "media_type"})

REVIEW_STATES = ("unusable", "reviewed", "waiting", "flagged")
"""What ``review`` may say, the first that holds; empty where nothing is to be done."""


def field_of(attribute: str) -> str:
    """Return the stem of an attribute's fields; a name that a sample needs itself gets a suffix."""
    return f"{attribute}_label" if attribute in RESERVED else attribute


def earlier_field(attribute: str, run_id: int) -> str:
    """Return the field of what an earlier run predicted."""
    return f"{field_of(attribute)}_run{run_id}"


def field_types(attributes: Iterable[str], earlier_runs: Iterable[int]) -> dict[str, str]:
    """Return our fields and their types, in the order of the sidebar."""
    types: dict[str, str] = {}
    for attribute in attributes:
        types |= {field_of(attribute) + suffix: kind for suffix, kind in ATTRIBUTE_FIELDS.items()}
        types |= {earlier_field(attribute, run_id): "earlier" for run_id in earlier_runs}
    return types | SAMPLE_FIELDS


@dataclass(frozen=True)
class Context:
    """What the documents of a chunk are made with.

    Attributes:
        names: By attribute.
        probabilities: By attribute and artwork id, for this chunk.
        columns: By attribute, the class names in the order of the probability columns.
        earlier: What earlier runs predicted, by (run, artwork, attribute id).
        runs: When each complete run ended, oldest first: a verdict's round counts those before it.
    """

    names: Mapping[str, Names]
    probabilities: Mapping[str, Mapping[int, NDArray[np.float32]]]
    columns: Mapping[str, list[str]]
    earlier: Mapping[tuple[int, int, int], tuple[int, float]]
    earlier_runs: list[int]
    runs: list[datetime]


def sample_id(facts: ArtworkFacts) -> ObjectId:
    """Return the id of an artwork's sample; ids sort as the artworks came in."""
    return ObjectId(facts.id.to_bytes(4, "big") + facts.uuid.bytes[:8])


def document(facts: ArtworkFacts, filepath: Path, context: Context) -> Document:
    """Return our fields of one sample; those that are empty are left out, as FiftyOne does.

    Labels come without ``_id`` and ``tags``, which belong to the dataset.
    """
    made: Document = {
        "filepath": str(filepath),
        "metadata": _metadata(facts),
        "artwork": str(facts.uuid),
        "collection": facts.collection,
        "path": facts.path,
        "known_as": facts.kept.known_as,
        "kept": [f"{name}: {cell}" for name, cell in facts.kept.cells.items()],
        "split": facts.split,
        "duplicate_group": facts.duplicate_group,
        "review": _review_state(facts),
        "batch": facts.batch,
        "issues": sorted(facts.issues),
        "outlier_score": facts.issues.get("outlier"),
        "usable_score": facts.issues.get("unusable"),
        "duplicates_disagree": [],
    }
    if facts.decided_at is not None:
        made["round"] = sum(ended <= facts.decided_at for ended in context.runs)
    for name, attribute_facts in facts.attributes.items():
        if attribute_facts.fold is not None:
            made["fold"] = attribute_facts.fold
        if attribute_facts.duplicates_disagree:
            made["duplicates_disagree"].append(name)
        if attribute_facts.score is not None and attribute_facts.score <= made.get("score", 1.0):
            made["score"], made["worst_attribute"] = attribute_facts.score, name
        made |= _attribute(name, attribute_facts, facts.id, context)
    made["label_issues"] = _label_issues(facts, context)
    return {field: value for field, value in made.items() if value is not None}


def _label_issues(facts: ArtworkFacts, context: Context) -> list[str]:
    """Return a sentence for each flagged label of an artwork, the worst first."""
    flagged = [
        (attribute_facts.score, name, attribute_facts)
        for name, attribute_facts in facts.attributes.items()
        if attribute_facts.issue in OPEN_STATES and attribute_facts.score is not None
    ]
    lines = []
    for _, name, attribute_facts in sorted(flagged, key=lambda entry: entry[:2]):
        shown = context.names[name].shown
        label = shown[attribute_facts.label] if attribute_facts.label is not None else "no label"
        suggested = attribute_facts.suggested
        looks = "flagged" if suggested is None else f"{ARROW}{shown[suggested]}"
        why = context.names[name].in_text(attribute_facts.reason or "")
        lines.append(f"{name}: {label} {looks}" + (f"; {why}" if why else ""))
    return lines


def _metadata(facts: ArtworkFacts) -> Document:
    metadata: Document = {"_cls": "ImageMetadata"}
    if facts.size_bytes is not None:
        metadata["size_bytes"] = facts.size_bytes
    if facts.image_format is not None:
        metadata["mime_type"] = f"image/{facts.image_format.lower()}"
    if facts.width is not None and facts.height is not None:
        metadata |= {"width": facts.width, "height": facts.height}
    return metadata


def _review_state(facts: ArtworkFacts) -> str | None:
    """Return where the artwork stands in the review; see ``REVIEW_STATES``."""
    if facts.status == "unusable" or facts.unusable:
        return "unusable"
    if facts.open_task:
        return "waiting"
    if facts.decided_at is not None:
        return "reviewed"
    return (
        "flagged"
        if any(attribute_facts.issue == "open" for attribute_facts in facts.attributes.values())
        else None
    )


def _attribute(name: str, facts: AttributeFacts, artwork_id: int, context: Context) -> Document:
    """Return the fields of one attribute."""
    shown = context.names[name].shown
    stem = field_of(name)
    made: Document = {
        f"{stem}_p_label": facts.p_label,
        f"{stem}_score": facts.score,
        f"{stem}_reason": facts.reason and context.names[name].in_text(facts.reason),
        f"{stem}_issue": facts.issue,
        f"{stem}_verdict": facts.verdict,
    }
    if facts.suggested is not None and facts.issue is not None:  # noise for a label that is not flagged
        made[f"{stem}_suggested"] = f"{ARROW}{shown[facts.suggested]}"
        made[f"{stem}_p_suggested"] = facts.p_suggested
    if facts.label is not None:
        made[stem] = {"_cls": "Classification", "label": shown[facts.label], "source": facts.source}
    if facts.predicted is not None and facts.p_predicted is not None:
        predicted = _prediction(shown[facts.predicted], facts.p_predicted)
        row = context.probabilities.get(name, {}).get(artwork_id)
        if row is not None:
            predicted |= _columns(row, context.columns[name])
        made[f"{stem}_pred"] = predicted
        if facts.label is not None:
            made[f"{stem}_eval"] = shown[facts.label] == shown[facts.predicted]
    for run_id in context.earlier_runs:
        earlier = context.earlier.get((run_id, artwork_id, context.names[name].attribute_id))
        if earlier is not None:
            made[earlier_field(name, run_id)] = _prediction(shown[earlier[0]], earlier[1])
    return made


def _prediction(label: str, confidence: float) -> Document:
    return {"_cls": "Classification", "label": label, "confidence": confidence}


def _columns(row: NDArray[np.float32], classes: list[str]) -> Document:
    """Return what is kept of a row of probabilities: logits, or the best few where classes are many."""
    if len(row) <= LOGITS_UP_TO:
        return {"logits": packed(np.log(np.maximum(row, np.float32(1e-6))))}
    best = np.argsort(-row, kind="stable")[:TOP]
    return {"top": [f"{classes[column]} {row[column]:.2f}" for column in best]}


def packed(logits: NDArray[np.float32]) -> bytes:
    """Return a vector as FiftyOne's VectorField keeps it: an ``.npy`` file, compressed."""
    with io.BytesIO() as file:
        np.save(file, logits.astype(np.float32), allow_pickle=False)
        return zlib.compress(file.getvalue(), 1)


def is_label(value: object) -> TypeGuard[Document]:
    """Return whether a field's value is a label of FiftyOne's."""
    return isinstance(value, dict) and value.get("_cls") == "Classification"


def inserted(facts: ArtworkFacts, made: Document, dataset_id: ObjectId, now: datetime) -> Document:
    """Return the whole document of a new sample."""
    labels = {
        field: {"_id": ObjectId(), "tags": [], **value} for field, value in made.items() if is_label(value)
    }
    return {
        "_id": sample_id(facts),
        "_dataset_id": dataset_id,
        "_media_type": "image",
        "_rand": 0.999 + 0.001 * (zlib.crc32(facts.uuid.bytes) / 2**32),
        "created_at": now,
        "last_modified_at": now,
        "tags": [],
        **made,
        **labels,
    }


def difference(existing: Document, made: Document, ours: Iterable[str]) -> Document | None:
    """Return the update that turns a document into what it should be; None where nothing differs.

    Tags of samples and of labels are never part of it, nor is any field that is not ours.
    """
    wanted: Document = {}
    gone: Document = {}
    for field in ours:
        before, after = existing.get(field), made.get(field)
        if is_label(before) and is_label(after):
            for key in (before.keys() | after.keys()) - {"_id", "tags"}:
                if key not in after:
                    gone[f"{field}.{key}"] = ""
                elif before.get(key) != after[key]:
                    wanted[f"{field}.{key}"] = after[key]
        elif after is None:
            if field in existing:
                gone[field] = ""
        elif before != after:
            wanted[field] = {"_id": ObjectId(), "tags": [], **after} if is_label(after) else after
    update = {name: change for name, change in (("$set", wanted), ("$unset", gone)) if change}
    return update or None
