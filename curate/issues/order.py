"""Which artworks to review first, when there is time for so many only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from curate.issues.columns import Floats, Ints, LabelColumn, LabelScores

SHARPNESS = 0.1  # of the soft-min; pooling by the mean would drown one clear error (arXiv 2211.13895)
CROWDING = 0.25  # how fast a class that was just asked about loses to others


def soft_min(scores: Floats, sharpness: float = SHARPNESS) -> Floats:
    """Pool the scores of an artwork's labels into one, near the lowest of them.

    Args:
        scores: Scores in [0, 1], shape ``(N, A)``, one column an attribute, NaN where unscored.
        sharpness: Towards 0 the minimum, towards infinity the mean.

    Returns:
        Shape ``(N,)``; NaN where no label of the artwork is scored.

    Example:
        >>> soft_min(np.array([[0.9, 0.05], [np.nan, 0.4]])).round(3)
        array([0.05, 0.4 ])
    """
    known = np.isfinite(scores)
    filled = np.where(known, scores, 0.0)
    lowest = np.where(known, scores, np.inf).min(axis=1, initial=np.inf, keepdims=True)
    lowest = np.where(np.isfinite(lowest), lowest, 0.0)
    weights = np.where(known, np.exp(-(filled - lowest) / sharpness), 0.0)
    total = weights.sum(axis=1)
    pooled: Floats = np.where(
        total > 0, (weights * filled).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan
    )
    return pooled


def artwork_order(
    columns: Sequence[LabelColumn],
    scores: Mapping[str, LabelScores],
    *,
    groups: Ints | None = None,
    limit: int | None = None,
    crowding: float = CROWDING,
) -> Ints:
    """Order the artworks for review, worst first, without letting one kind of doubt fill the batch.

    An artwork is as bad as the soft-min of its labels' scores. Each time a (given, suggested) pair of
    classes is asked about, further artworks whose worst label is of that pair step back a little: their
    odds of being wrong are divided by ``(1 + asked) ** crowding``. Duplicates of an artwork that was
    asked about go last: its verdict answers for them.

    Args:
        columns: The columns that were scored.
        scores: Their scores, by attribute.
        groups: Duplicate group of each artwork, shape ``(N,)``, if one of each is enough.
        limit: Stop after so many artworks.
        crowding: 0 orders by the pooled score alone.

    Returns:
        Row numbers, worst first; only artworks with a scored label.
    """
    table = np.stack([scores[column.attribute].score for column in columns], axis=1)
    pooled = soft_min(table)
    rows = np.flatnonzero(np.isfinite(pooled))
    rows = rows[np.argsort(pooled[rows], kind="stable")]
    if groups is not None and len(rows):
        _, first = np.unique(groups[rows], return_index=True)
        leads = np.zeros(len(rows), dtype=bool)
        leads[first] = True
        rows = np.concatenate([rows[leads], rows[~leads]])
        lead_count = int(leads.sum())
    else:
        lead_count = len(rows)
    wanted = len(rows) if limit is None else min(limit, len(rows))
    pairs = _worst_pairs(columns, scores, table, rows[:lead_count])
    spread = _spread(pooled[rows[:lead_count]], pairs, min(wanted, lead_count), crowding)
    return np.concatenate([rows[:lead_count][spread], rows[lead_count:]])[:wanted]


def _worst_pairs(
    columns: Sequence[LabelColumn], scores: Mapping[str, LabelScores], table: Floats, rows: Ints
) -> Ints:
    """Return a number for the attribute, given and suggested class of each artwork's worst label."""
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    worst = np.where(np.isfinite(table[rows]), table[rows], np.inf).argmin(axis=1)
    codes = np.empty((len(rows), 3), dtype=np.int64)
    for place, column in enumerate(columns):
        at = worst == place
        codes[at, 0] = place
        codes[at, 1] = column.labels[rows[at]]
        codes[at, 2] = scores[column.attribute].suggested[rows[at]]
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _spread(pooled: Floats, pairs: Ints, wanted: int, crowding: float) -> Ints:
    """Return places of ``pooled`` (sorted ascending) so that the pairs take turns; the first ``wanted`` only.

    Within a pair the order stays, so the n-th of its members is divided by what n asks cost: a sort.
    """
    nth = np.zeros(len(pairs), dtype=np.int64)
    order = np.argsort(pairs, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(pairs[order]) != 0]) if len(pairs) else np.empty(0, int)
    sizes = np.diff(np.r_[starts, len(pairs)])
    nth[order] = np.arange(len(pairs)) - np.repeat(starts, sizes)
    wrong = np.clip(1.0 - pooled, 1e-9, 1 - 1e-9)
    urgency = np.log(wrong) - np.log(1.0 - wrong) - crowding * np.log1p(nth)
    found: Ints = np.argsort(-urgency, kind="stable")[:wanted].astype(np.int64)
    return found


def expected_errors(score: Floats, rows: Ints | None = None) -> float:
    """Return how many of these labels are expected to be wrong: the sum of ``1 - score`` where scored.

    Args:
        score: Probability that each label is right, any shape, NaN where unscored.
        rows: The artworks asked about; all if left out.
    """
    chosen = score if rows is None else score[rows]
    return float(np.nansum(1.0 - chosen))
