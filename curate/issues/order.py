"""Which artworks to review first, when there is time for some only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from curate.issues.columns import Floats, Ints, LabelColumn, LabelScores

CROWDING = 0.25  # how fast a class that was just asked about loses to others


def review_order(wrong: Floats, pairs: Ints, *, limit: int | None = None, crowding: float = CROWDING) -> Ints:
    """Order artworks by the errors that one review of each should find, without one kind of issue filling it.

    A review settles all of an artwork's labels, so it is worth the sum of their chances of being wrong. The
    n-th artwork whose worst label is of one (given, suggested) pair of classes steps back a little: the odds
    that this label is wrong are divided by ``n ** crowding``.

    Args:
        wrong: Chance that each label is wrong, shape ``(N, A)``; NaN where there is none.
        pairs: A number for the pair of classes of each artwork's worst label, shape ``(N,)``.
        limit: Stop after this many artworks.
        crowding: 0 orders by the expected errors alone.

    Returns:
        Row numbers, the most errors first.

    Example:
        >>> review_order(np.array([[0.9, np.nan], [0.6, 0.5], [0.2, 0.1]]), np.array([0, 1, 2]))
        array([1, 0, 2])
    """
    chances = np.where(np.isfinite(wrong), wrong, 0.0)
    expected, worst = chances.sum(axis=1), np.clip(chances.max(axis=1, initial=0.0), 1e-9, 1 - 1e-9)
    nth = _count_within(pairs, np.argsort(-expected, kind="stable"))
    stepped_back = 1.0 / (1.0 + (1.0 - worst) / worst * (1.0 + nth) ** crowding)
    order: Ints = np.argsort(-(expected - worst + stepped_back), kind="stable")[:limit].astype(np.int64)
    return order


def artwork_order(
    columns: Sequence[LabelColumn],
    scores: Mapping[str, LabelScores],
    *,
    groups: Ints | None = None,
    limit: int | None = None,
    crowding: float = CROWDING,
) -> Ints:
    """Order the artworks for review, the most expected errors first; see ``review_order``.

    Duplicates of an artwork that was asked about go last: its verdict answers for them.

    Args:
        columns: The columns that were scored.
        scores: Their scores, by attribute.
        groups: Duplicate group of each artwork, shape ``(N,)``, if one of each is enough.
        limit: Stop after this many artworks.
        crowding: 0 orders by the expected errors alone.

    Returns:
        Row numbers; only artworks with a scored label.
    """
    wrong = 1.0 - np.stack([scores[column.attribute].score for column in columns], axis=1)
    rows = np.flatnonzero(np.isfinite(wrong).any(axis=1))
    pairs = _worst_pairs(columns, scores, wrong, rows)
    rows = rows[review_order(wrong[rows], pairs, crowding=crowding)]
    if groups is not None and len(rows):
        _, first = np.unique(groups[rows], return_index=True)
        leads = np.zeros(len(rows), dtype=bool)
        leads[first] = True
        rows = np.concatenate([rows[leads], rows[~leads]])
    return rows[:limit]


def _worst_pairs(
    columns: Sequence[LabelColumn], scores: Mapping[str, LabelScores], wrong: Floats, rows: Ints
) -> Ints:
    """Return a number for the attribute, given and suggested class of each artwork's worst label."""
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    worst = np.where(np.isfinite(wrong[rows]), wrong[rows], -np.inf).argmax(axis=1)
    codes = np.empty((len(rows), 3), dtype=np.int64)
    for place, column in enumerate(columns):
        at = worst == place
        codes[at, 0] = place
        codes[at, 1] = column.labels[rows[at]]
        codes[at, 2] = scores[column.attribute].suggested[rows[at]]
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _count_within(pairs: Ints, order: Ints) -> Ints:
    """Return how many artworks of the same pair come before each in this order, shape of ``pairs``."""
    by_pair = order[np.argsort(pairs[order], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(pairs[by_pair]) != 0])[: len(pairs)]
    sizes = np.diff(np.r_[starts, len(pairs)])
    nth = np.zeros(len(pairs), dtype=np.int64)
    nth[by_pair] = np.arange(len(pairs)) - np.repeat(starts, sizes)
    return nth


def expected_errors(score: Floats, rows: Ints | None = None) -> float:
    """Return how many of these labels are expected to be wrong: the sum of ``1 - score`` where scored.

    Args:
        score: Probability that each label is right, any shape, NaN where unscored.
        rows: The artworks asked about; all if left out.
    """
    chosen = score if rows is None else score[rows]
    return float(np.nansum(1.0 - chosen))
