"""What other methods say of each label, from the same probabilities: cleanlab, FiftyOne, single evidence."""

from __future__ import annotations

import numpy as np
from cleanlab.rank import get_label_quality_scores

from benchmarks.painting_data import Floats, Ints, Paintings
from curate.issues import find_neighbours

CLEANLAB = {
    "cleanlab self_confidence": ("self_confidence", False),
    "cleanlab normalized_margin": ("normalized_margin", False),
    "cleanlab confidence_weighted_entropy": ("confidence_weighted_entropy", False),
    "cleanlab self_confidence, adjusted": ("self_confidence", True),
    "cleanlab normalized_margin, adjusted": ("normalized_margin", True),
}


def margin(log_probs: Floats, labels: Ints) -> Floats:
    """Return the given class's log-probability over the best other's."""
    at = np.arange(len(labels))
    others = log_probs.copy()
    others[at, labels] = -np.inf
    apart: Floats = log_probs[at, labels] - others.max(axis=1)
    return apart


def artist_record(labels: Ints, artist: Ints, width: int) -> Floats:
    """Return the smoothed leave-one-out shares of the classes among the artist's other works."""
    known = np.flatnonzero(labels >= 0)
    counts = np.zeros((artist.max() + 1, width))
    np.add.at(counts, (artist[known], labels[known]), 1.0)
    own = counts[artist]
    own[known, labels[known]] -= 1.0
    share = np.bincount(labels[known], minlength=width) / len(known)
    smoothed = own + share
    record: Floats = smoothed / smoothed.sum(axis=1, keepdims=True)
    return record


def neighbour_vote(data: Paintings, labels: Ints, width: int, count: int = 10) -> Floats:
    """Return the given label's share among the ten nearest, shape ``(N,)``."""
    near = find_neighbours(data.embedding, data.groups, count).rows
    agree = (labels[near] == labels[:, None]) & (near >= 0)
    jitter = np.random.default_rng(0).random(len(labels)) * 1e-3
    votes: Floats = agree.sum(axis=1) / count + jitter
    return votes


def other_methods(data: Paintings, labels: Ints, probs: Floats) -> dict[str, Floats]:
    """Return what every other method says of each label, lower is worse; NaN where there is none."""
    known = np.flatnonzero(labels >= 0)
    given, p = labels[known], probs[known]
    found: dict[str, Floats] = {}
    for name, (method, adjusted) in CLEANLAB.items():
        found[name] = get_label_quality_scores(given, p, method=method, adjust_pred_probs=adjusted)
    best = p.max(axis=1)
    found["FiftyOne mistakenness"] = -np.where(p.argmax(axis=1) == given, 1.0 - best, 1.0 + best) / 2.0
    record = np.log(artist_record(labels, data.codes["artist"], probs.shape[1])[known])
    found["kNN vote"] = neighbour_vote(data, labels, probs.shape[1])[known]
    found["artist record, margin"] = margin(record, given)
    found["log-odds sum"] = margin(record + np.log(p), given)
    found["random"] = np.random.default_rng(0).random(len(known))
    return {name: _spread(values, known, len(labels)) for name, values in found.items()}


def _spread(values: Floats, rows: Ints, count: int) -> Floats:
    full = np.full(count, np.nan)
    full[rows] = values
    return full
