"""What other methods say of each label, from the same probabilities: cleanlab, FiftyOne, single evidence."""

from __future__ import annotations

import numpy as np
from cleanlab.datalab.datalab import Datalab
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray

from benchmarks.painting_data import Floats, Ints, Paintings
from curate.issues import find_neighbours

Flags = NDArray[np.bool_]
SCORES = {
    "cleanlab self_confidence": ("self_confidence", False),
    "cleanlab normalized_margin": ("normalized_margin", False),
    "cleanlab confidence_weighted_entropy": ("confidence_weighted_entropy", False),
    "cleanlab self_confidence, adjusted": ("self_confidence", True),
    "cleanlab normalized_margin, adjusted": ("normalized_margin", True),
}
DATALAB = ("Datalab, pred_probs", "Datalab, features")
CLEANLAB = (*SCORES, *DATALAB)
SINGLE = ("cleanlab self_confidence", "FiftyOne mistakenness", "kNN vote", "artist record, margin")
"""The single pieces of evidence; with the log-odds sum, what a fusion has to be better than."""
FILTERS = (
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
)


def other_methods(data: Paintings, attribute: str, labels: Ints, probs: Floats) -> dict[str, Floats]:
    """Return what every other method says of each label, ``(N,)``, lower is worse; NaN where nothing."""
    rows = np.flatnonzero(labels >= 0)
    given, p = labels[rows], probs[rows]
    scores = {name: cleanlab_score(labels, probs, name)[rows] for name in SCORES}
    scores["Datalab, pred_probs"] = _datalab(given, pred_probs=p)[0]
    scores["Datalab, features"] = _jittered(_datalab(given, features=data.embedding[rows])[0])
    best = p.max(axis=1)
    scores["FiftyOne mistakenness"] = -np.where(p.argmax(axis=1) == given, 1.0 - best, 1.0 + best) / 2.0
    scores["kNN vote"] = neighbour_vote(data, labels)[rows]
    by = "style" if attribute == "artist" else "artist"
    record = np.log(leave_one_out_record(labels, data.codes[by], probs.shape[1])[rows])
    scores[f"{by} record, margin"] = _margin(record, given)
    scores["log-odds sum"] = _margin(record + np.log(p), given)
    scores["random"] = np.random.default_rng(0).random(len(rows))
    return {name: _spread(values, rows, len(labels)) for name, values in scores.items()}


def cleanlab_score(labels: Ints, probs: Floats, name: str) -> Floats:
    """Return one of cleanlab's ``SCORES``, shape ``(N,)``; NaN where there is no label."""
    rows = np.flatnonzero(labels >= 0)
    method, adjusted = SCORES[name]
    score = get_label_quality_scores(labels[rows], probs[rows], method=method, adjust_pred_probs=adjusted)
    return _spread(score, rows, len(labels))


def filters(data: Paintings, labels: Ints, probs: Floats) -> dict[str, Flags]:
    """Return which labels each of cleanlab's filters, and Datalab, calls wrong, shape ``(N,)``."""
    rows = np.flatnonzero(labels >= 0)
    given, p = labels[rows], probs[rows]
    by_method = {f"filter {name}": find_label_issues(given, p, filter_by=name, n_jobs=1) for name in FILTERS}
    by_method["Datalab, pred_probs"] = _datalab(given, pred_probs=p)[1]
    by_method["Datalab, features"] = _datalab(given, features=data.embedding[rows])[1]
    flagged: dict[str, Flags] = {}
    for name, flags in by_method.items():
        flagged[name] = np.zeros(len(labels), dtype=np.bool_)
        flagged[name][rows] = flags
    return flagged


def _datalab(given: Ints, **evidence: Floats) -> tuple[Floats, Flags]:
    """Return Datalab's label scores and the labels it calls issues."""
    lab = Datalab(data={"label": given}, label_name="label", task="classification", verbosity=0)
    lab.find_issues(**evidence, issue_types={"label": {}})
    issues = lab.get_issues("label")
    return issues["label_score"].to_numpy(dtype=np.float64), issues["is_label_issue"].to_numpy(dtype=np.bool_)


def leave_one_out_record(labels: Ints, by: Ints, width: int) -> Floats:
    """Return the smoothed shares of the classes among the other works of the same artist, ``(N, K)``."""
    rows = np.flatnonzero(labels >= 0)
    counts = np.zeros((by.max() + 1, width))
    np.add.at(counts, (by[rows], labels[rows]), 1.0)
    own = counts[by]
    own[rows, labels[rows]] -= 1.0
    smoothed: Floats = own + np.bincount(labels[rows], minlength=width) / len(rows)
    smoothed /= smoothed.sum(axis=1, keepdims=True)
    return smoothed


def neighbour_vote(data: Paintings, labels: Ints, count: int = 10) -> Floats:
    """Return the given label's share among the ten nearest, shape ``(N,)``."""
    near = find_neighbours(data.embedding, data.groups, count).rows
    agree = (labels[near] == labels[:, None]) & (near >= 0)
    return _jittered(agree.sum(axis=1) / count)


def _margin(log_probs: Floats, labels: Ints) -> Floats:
    """Return the given class's log-probability over the best other's."""
    at = np.arange(len(labels))
    others = log_probs.copy()
    others[at, labels] = -np.inf
    apart: Floats = log_probs[at, labels] - others.max(axis=1)
    return apart


def _jittered(votes: Floats) -> Floats:
    """Break ties at random, not in the order of the catalog."""
    return votes + np.random.default_rng(0).random(len(votes)) * 1e-3


def _spread(values: Floats, rows: Ints, count: int) -> Floats:
    full = np.full(count, np.nan)
    full[rows] = values
    return full
