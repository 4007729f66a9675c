"""Score every label of every attribute; see docs/ranking.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curate.issues.columns import Evidence, Floats, Ints, LabelColumn, LabelScores
from curate.issues.quality import best_other, fit_temperature, self_confidence, temper

ASSUMED_ERROR_RATE = 0.05  # before any verdict; reviews of art collections find 3 to 10 % wrong


def score_labels(
    columns: Sequence[LabelColumn],
    *,
    groups: Ints,
    embedding: NDArray[np.floating] | None,
    folds: Ints | None,
    seed: int,
) -> dict[str, LabelScores]:
    """Score how far each label of each attribute is to be trusted.

    Args:
        columns: One column an attribute, all over the same N artworks.
        groups: Duplicate group of each artwork, shape ``(N,)``.
        embedding: L2-normalised features of the images, shape ``(N, D)``, if there are any.
        folds: The fold that judged each artwork, shape ``(N,)``.
        seed: Makes the result repeatable.

    Returns:
        The scores of each attribute, by its name.
    """
    return {column.attribute: _score_column(column) for column in columns}


def _score_column(column: LabelColumn) -> LabelScores:
    count = len(column.labels)
    rows = np.flatnonzero(column.scorable)
    labels, pred_probs = column.labels[rows], np.asarray(column.pred_probs[rows], dtype=np.float64)
    calibrated = temper(pred_probs, fit_temperature(labels, pred_probs))
    suggested, _ = best_other(labels, pred_probs)
    right = probability_right(self_confidence(labels, calibrated), len(column.classes))
    right = np.where(column.reviewed[rows] > 0, 1.0, right)
    classes = column.classes

    score, p_label, p_suggested = (np.full(count, np.nan) for _ in range(3))
    suggestion = np.full(count, -1, dtype=np.int64)
    score[rows], suggestion[rows] = right, suggested
    p_label[rows] = self_confidence(labels, pred_probs)
    has = rows[suggested >= 0]
    p_suggested[has] = column.pred_probs[has, suggestion[has]]

    def evidence(row: int) -> Evidence:
        return {"model": {"label": float(p_label[row]), "suggested": float(p_suggested[row])}}

    def reason(row: int) -> str:
        if suggestion[row] < 0:
            return ""
        return (
            f"model: {classes[suggestion[row]]} {p_suggested[row]:.2f}, "
            f"{classes[column.labels[row]]} {p_label[row]:.2f}"
        )

    return LabelScores(column.attribute, score, suggestion, p_label, p_suggested, evidence, reason)


def probability_right(confidence: Floats, width: int, error_rate: float = ASSUMED_ERROR_RATE) -> Floats:
    """Turn the calibrated probability of the given label into the probability that it is right.

    By Bayes, when a share ``error_rate`` of the labels was replaced by any other class alike: an image
    may well show something rare, but a wrong label is rarer still.
    """
    kept = confidence * (1 - error_rate)
    replaced = (1 - confidence) * error_rate / max(width - 1, 1)
    right: Floats = kept / np.maximum(kept + replaced, 1e-12)
    return right
