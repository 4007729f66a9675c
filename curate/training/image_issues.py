"""What a run finds of images, whatever their labels: outliers, and those that look unusable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from db.labels.attribute_labels import AttributeLabels
from db.labels.table import LabelTable

if TYPE_CHECKING:
    from curate.training.label_issues import RunScores

OUTLIER_BELOW = 0.001
"""An artwork becomes an outlier when only this share would lie as far from their neighbours by chance."""

FITS_BELOW, FITS_SHARE = 0.1, 0.01
"""… or when it looks like no class of any attribute (the seed's "atypical"): how far the likeliest class is
from chance (0) to certainty (1); at most this share of the artworks, since a weak model fits none."""


UNUSABLE_BELOW = 0.7
"""An image is perhaps unusable when its label is likely wrong and no other class is clear either."""

UNUSUAL_BELOW = 0.05
"""Outlier score from which on an unusable image is said to be unlike most."""

TWO_THINGS = 0.25
"""Probability that two classes each have where an image looks like two things."""


def outlier_rows(table: LabelTable, scored_run: RunScores) -> Iterator[dict[str, Any]]:
    """Yield one row an image that is far from all others, or looks like no class at all."""
    far = scored_run.outliers < OUTLIER_BELOW
    unlike = np.flatnonzero(scored_run.fits < FITS_BELOW)
    unlike = unlike[np.argsort(scored_run.fits[unlike], kind="stable")][: int(FITS_SHARE * len(table))]
    for row in np.union1d(np.flatnonzero(far), unlike):
        reason, score = "looks like no class", max(scored_run.fits[row], 0.0)
        if far[row]:
            reason, score = "unlike everything else: its nearest ten are far away", scored_run.outliers[row]
        yield _image_row(
            table=table,
            scored_run=scored_run,
            row=int(row),
            kind="outlier",
            score=float(score),
            reason=reason,
        )


def unusable_rows(
    table: LabelTable, columns: Mapping[str, AttributeLabels], scored_run: RunScores
) -> Iterator[dict[str, Any]]:
    """Yield one row an image that perhaps no class describes: blurred, blank, two things, not the subject."""
    for row in np.flatnonzero(scored_run.usable < UNUSABLE_BELOW):
        score = float(scored_run.usable[row])
        yield _image_row(
            table=table,
            scored_run=scored_run,
            row=int(row),
            kind="unusable",
            score=score,
            reason=_why_unusable(columns, scored_run, row),
        )


def _why_unusable(columns: Mapping[str, AttributeLabels], scored_run: RunScores, row: int) -> str:
    """Say what speaks against an image: two classes at once, far from all others, or none of any class."""
    unclear = [
        (float(scored.score[row]), name)
        for name, scored in scored_run.scores.items()
        if name in columns and np.isfinite(scored.score[row]) and scored.suggested[row] >= 0
    ]
    start = "not usable? its label does not fit, and no other class is clear"
    if not unclear:
        return start
    _, name = min(unclear)
    scored, classes = scored_run.scores[name], columns[name].classes
    given, other = (classes[at] for at in (columns[name].labels[row], scored.suggested[row]))
    p_given, p_other = float(scored.p_label[row]), float(scored.p_suggested[row])
    if min(p_given, p_other) > TWO_THINGS:
        return f"not usable? it looks like two things: {given} {p_given:.2f}, {other} {p_other:.2f}"
    if scored_run.outliers[row] < UNUSUAL_BELOW:
        return "not usable? it looks like no class, and is unlike most: perhaps not of the subject"
    return f"not usable? it looks like no class (likeliest {other}, {p_other:.2f}): blurred, blank?"


def _image_row(
    table: LabelTable, scored_run: RunScores, row: int, kind: str, score: float, reason: str
) -> dict[str, Any]:
    """Return the issue of an image, whatever its labels."""
    evidence = {
        "outlier_score": scored_run.outliers[row],
        "fits_some_class": scored_run.fits[row],
        "usable": scored_run.usable[row],
    }
    return {
        "artwork_id": int(table.artwork_ids[row]),
        "attribute_id": None,
        "kind": kind,
        "score": score,
        "class_id": None,
        "suggested_id": None,
        "p_label": None,
        "p_suggested": None,
        "reason": reason,
        "evidence": {name: float(value) for name, value in evidence.items() if np.isfinite(value)},
    }
