"""The fields of the dataset, declared before samples are written as documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DESCRIPTIONS = {
    "_pred": "what the run predicts out of sample",
    "_p_label": "out-of-sample probability of the given label",
    "_score": "how far the label is to be trusted; lower is worse",
    "_suggested": "the class that the run would give instead",
    "_p_suggested": "probability of the suggested class",
    "_reason": "why the label is doubted",
    "_issue": "open, pushed, resolved, dismissed or stale",
    "_verdict": "what a reviewer decided",
    "_eval": "the prediction equals the label",
}
INDEXED = ("_score",)


def declare_fields(fo: Any, dataset: Any, types: Mapping[str, str], before: Iterable[str]) -> None:
    """Declare our fields that the dataset lacks, drop those of an earlier layout, index the scores."""
    schema = dataset.get_field_schema()
    for name in before:
        if name not in types and name in schema:
            dataset.delete_sample_field(name)
    for name, kind in types.items():
        if name in schema:
            continue
        _declare(fo, dataset, name, kind)
        suffix = next((end for end in DESCRIPTIONS if name.endswith(end)), None)
        if suffix is not None:
            described = dataset.get_field(name)
            described.description = DESCRIPTIONS[suffix]
            described.save()
    indexes = dataset.list_indexes()
    for name in ("artwork", "score", *(n for n in types if n.endswith(INDEXED))):
        if name not in indexes:
            dataset.create_index(name)


def _declare(fo: Any, dataset: Any, name: str, kind: str) -> None:
    plain = {"string": fo.StringField, "float": fo.FloatField, "int": fo.IntField, "bool": fo.BooleanField}
    if kind in plain:
        dataset.add_sample_field(name, plain[kind])
    elif kind == "list":
        dataset.add_sample_field(name, fo.ListField, subfield=fo.StringField)
    else:
        dataset.add_sample_field(name, fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification)
        if kind == "label":
            dataset.add_sample_field(f"{name}.source", fo.StringField)
        if kind == "prediction":
            dataset.add_sample_field(f"{name}.top", fo.ListField, subfield=fo.StringField)
