"""Artworks unlike all others, and the seed's fixed threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from curate.issues.base_models.neighbours import Neighbours
from curate.issues.base_models.quality import self_confidence
from curate.issues.columns import Floats, Ints, LabelColumn, LabelScores

NEAREST = 10


def outlier_scores(neighbours: Neighbours) -> Floats:
    """Score how far each artwork is from everything, by the mean similarity to its ten nearest.

    Args:
        neighbours: The nearest artworks of other duplicate groups.

    Returns:
        Shape ``(N,)``, in [0, 1], lower is worse: the chance of an artwork so far out if similarities
        were normally distributed (median and quartiles taken as they are). NaN without a neighbour.
    """
    near = neighbours.rows[:, :NEAREST] >= 0
    count = near.sum(axis=1)
    total = np.where(near, neighbours.similarity[:, :NEAREST], 0.0).sum(axis=1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    scored = np.isfinite(mean)
    scores = np.full(len(mean), np.nan)
    if not scored.any():
        return scores
    low, middle, high = np.quantile(mean[scored], [0.25, 0.5, 0.75])
    spread = max(float(high - low) / 1.349, 1e-6)
    scores[scored] = np.clip(2.0 * ndtr((mean[scored] - middle) / spread), 0.0, 1.0)
    return scores


def unusable_scores(scores: Sequence[LabelScores]) -> Floats:
    """Score whether an image is of use: no label fits it, and no other class does either.

    Blurred or blank images, and those of two things or of another subject, look so; the reviewer tells which.

    Args:
        scores: The label scores of the attributes, over the same N artworks.

    Returns:
        Shape ``(N,)``, in [0, 1], lower is worse: one less the chance that a label is wrong times how
        unclear the image is of any class, averaged over its attributes; NaN where no label was scored.
    """
    unusable = [(1.0 - one.score) * (1.0 - one.clarity) for one in scores if one.clarity is not None]
    if not unusable:
        return np.full(len(scores[0].score) if scores else 0, np.nan)
    scored = np.isfinite(unusable)
    total = np.where(scored, unusable, 0.0).sum(axis=0)
    missing = np.full(total.shape, np.nan)
    usable: Floats = 1.0 - np.divide(total, scored.sum(axis=0), out=missing, where=scored.any(axis=0))
    return usable


def atypical_scores(pred_probs: NDArray[np.floating]) -> Floats:
    """Score whether an artwork looks like any class at all: the largest probability, shape ``(N,)``."""
    finite = np.isfinite(pred_probs).all(axis=1)
    scores = np.full(len(pred_probs), np.nan)
    if pred_probs.shape[1]:
        scores[finite] = pred_probs[finite].max(axis=1)
    return scores


def below_threshold(column: LabelColumn, threshold: float) -> Ints:
    """Return the artworks whose label got less probability than ``threshold``, lowest first.

    This is the seed's rule. It does not know how sure the model is in general: on WikiArt a threshold of
    0.3 selects most of the labels, right ones mostly.

    Raises:
        ValueError: The threshold is not a probability.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"The threshold is {threshold}, expected a probability from 0 to 1.")
    confidence = self_confidence(column.labels, column.pred_probs)
    rows = np.flatnonzero(np.isfinite(confidence) & (confidence < threshold))
    return rows[np.argsort(confidence[rows], kind="stable")]
