"""How many labels are wrong, and how many a batch will yield: estimates beside the truth."""

from __future__ import annotations

import numpy as np
from cleanlab.count import num_label_issues
from cleanlab.filter import find_label_issues
from numpy.typing import NDArray

from curate.issues import LabelScores, errors_left, forecast_yield

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BATCHES = {"n/4": 0.25, "n/2": 0.5, "n": 1.0}  # worst labels, as a share of the number of errors
AUDIT_DRAWS = 20
COUNT_WITHIN, FORECAST_WITHIN = 1.5, 4 / 3  # factors by which an estimate may be off either way


def counts(
    labels: Ints, probs: Floats, own: LabelScores, rows: Ints, judged: Flags, wrong: Flags
) -> dict[str, object]:
    """Return how many errors each method counts over how many there are, and what a batch would yield.

    Args:
        labels, probs: Of the scored artworks, shapes ``(n,)`` and ``(n, K)``.
        own: Our scores, of all artworks.
        rows: The scored artworks, shape ``(n,)``.
        judged: Of these, whose truth is known, shape ``(n,)``.
        wrong: Which of the judged labels are wrong.
    """
    total = int(wrong.sum())
    share = judged.mean()  # counts are of all labels; those judged are taken to be like the others
    chance = 1.0 - own.score[rows][judged]
    expected = {
        "ours": float(chance.sum()),
        "cleanlab num_label_issues": share * num_label_issues(labels, probs),
        "cleanlab find_label_issues": float(find_label_issues(labels, probs, n_jobs=1)[judged].sum()),
    }
    low, high = own.expected.low * share, own.expected.high * share
    order = np.argsort(-chance, kind="stable")
    forecast = {}
    for name, part in BATCHES.items():
        batch = order[: max(1, round(part * total))]
        forecast[name] = round(float(chance[batch].sum() / max(wrong[batch].sum(), 1)), 3)
    return {
        "expected_over_true": {name: round(value / total, 3) for name, value in expected.items()},
        "interval_over_true": [round(low / total, 3), round(high / total, 3)],
        "interval_holds": bool(low <= total <= high),
        "forecast_over_found": forecast,
    }


def after_audits(scores: Floats, wrong: Flags, count: int) -> dict[str, object]:
    """Return how near the estimates come once some random labels were judged.

    Args:
        scores: Our scores of the labels whose truth is known, shape ``(n,)``.
        wrong: Which of them are wrong, shape ``(n,)``.
        count: How many are audited; the estimates are of the others.

    Returns:
        Median, lowest and highest of ``expected_over_true`` and of ``forecast_over_found`` at half the number
        of errors, over ``AUDIT_DRAWS`` draws; in what share of them each was near enough, and how often the
        90 % interval held the truth.
    """
    expected, forecast, held = [], [], []
    for draw in range(AUDIT_DRAWS):
        rng = np.random.default_rng(draw)
        audited = np.zeros(len(scores), dtype=np.bool_)
        audited[rng.choice(len(scores), count, replace=False)] = True
        scored, truth = scores[audited], wrong[audited].astype(np.float64)
        rest, left = scores[~audited], wrong[~audited]
        estimate = errors_left(rest, scored, truth, seed=draw)
        expected.append(estimate.value / max(left.sum(), 1))
        held.append(estimate.low <= left.sum() <= estimate.high)
        batch = np.argsort(rest, kind="stable")[: max(1, round(BATCHES["n/2"] * wrong.sum()))]
        yielded = forecast_yield(rest[batch], scored, truth).expected
        forecast.append(yielded / max(left[batch].sum(), 1))
    return {
        "expected_over_true": _spread(expected),
        "expected_near": _near(expected, COUNT_WITHIN),
        "forecast_over_found": _spread(forecast),
        "forecast_near": _near(forecast, FORECAST_WITHIN),
        "interval_holds": round(float(np.mean(held)), 2),
    }


def _spread(ratios: list[float]) -> list[float]:
    return [round(float(value), 2) for value in np.quantile(ratios, [0.5, 0.0, 1.0])]


def _near(ratios: list[float], factor: float) -> float:
    near = (np.array(ratios) <= factor) & (np.array(ratios) >= 1.0 / factor)
    return round(float(near.mean()), 2)
