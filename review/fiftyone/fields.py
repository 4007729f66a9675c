"""The fields of the dataset, declared before samples are written as documents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

DESCRIPTIONS = {
    "_pred": "what the run predicts out of sample",
    "_p_label": "out-of-sample probability of the given label",
    "_score": "how far the label is to be trusted; lower is worse",
    "_suggested": "the class that the run would give instead",
    "_p_suggested": "probability of the suggested class",
    "_reason": "why the label is flagged",
    "_issue": "open, pushed, resolved, dismissed or stale",
    "_verdict": "what a reviewer decided",
    "_eval": "the prediction equals the label",
}
"""By how a field's name ends."""

SAMPLE_DESCRIPTIONS = {
    "issues": "kinds of the artwork's open issues",
    "label_issues": "a sentence for each flagged label, the worst first",
}
INDEXED = ("_score",)


def declare_fields(
    fo: Any,
    dataset: Any,
    types: Mapping[str, str],
    before: Iterable[str],
    misdeclared: Collection[str] = (),
) -> None:
    """Declare our fields that the dataset lacks, drop those of an earlier layout, index the scores.

    Those that somebody declared again as another type are dropped too: nothing could be written into them.

    All at once: declared one by one, fifty fields take seconds.
    """
    schema = dataset.get_field_schema()
    for name in dict.fromkeys((*before, *misdeclared)):
        if (name not in types or name in misdeclared) and name in schema:
            dataset.delete_sample_field(name)
            schema.pop(name)
    top: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for name, kind in types.items():
        if name not in schema:
            top[name] = _field(fo, name, kind)
            if kind == "label":
                inner[f"{name}.source"] = fo.StringField()
            if kind == "prediction":
                inner[f"{name}.top"] = fo.ListField(fo.StringField())
    for fields in (top, inner):
        if fields:
            dataset.add_dynamic_sample_fields(fields)
    indexes = dataset.list_indexes()
    for name in ("artwork", "score", *(n for n in types if n.endswith(INDEXED))):
        if name not in indexes:
            dataset.create_index(name)


def _field(fo: Any, name: str, kind: str) -> Any:
    suffix = next((end for end in DESCRIPTIONS if name.endswith(end)), None)
    description = SAMPLE_DESCRIPTIONS.get(name, DESCRIPTIONS.get(suffix or ""))
    plain = {"string": fo.StringField, "float": fo.FloatField, "int": fo.IntField, "bool": fo.BooleanField}
    if kind in plain:
        return plain[kind](description=description)
    if kind == "list":
        return fo.ListField(fo.StringField(), description=description)
    return fo.EmbeddedDocumentField(fo.Classification, description=description)
