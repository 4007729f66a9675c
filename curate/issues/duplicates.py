"""Duplicates of one picture with different labels: one of them is wrong, or either can stand."""

from __future__ import annotations

import numpy as np

from curate.issues.columns import Floats, Ints

ARGUABLE = 0.2  # share of such conflicts in which either label can stand


def settle_conflicts(wrong: Floats, rows: Ints, labels: Ints, groups: Ints) -> Floats:
    """Share the blame for contradicting duplicates by how likely each label is wrong.

    Exactly one class can be right in a group, so each class held in it gets the probability that it is the
    right one, in proportion to the odds for the labels that hold it.

    Args:
        wrong: Probability that each label is wrong, shape ``(n,)``.
        rows: The artworks they belong to, shape ``(n,)``.
        labels: Class indices of all artworks, shape ``(N,)``.
        groups: Duplicate group of all artworks, shape ``(N,)``.
    """
    own = groups[rows]
    size = np.bincount(own)
    settled = wrong.copy()
    many = np.flatnonzero(size[own] > 1)
    if len(many) == 0:
        return settled
    many = many[np.argsort(own[many], kind="stable")]
    for members in np.split(many, np.flatnonzero(np.diff(own[many])) + 1):
        given = labels[rows[members]]
        held, holder = np.unique(given, return_inverse=True)
        if len(held) == 1:
            continue
        odds = np.log(np.clip(1.0 - wrong[members], 1e-6, 1.0)) - np.log(np.clip(wrong[members], 1e-6, 1.0))
        total = np.bincount(holder, weights=odds)
        share = np.exp(total - total.max())
        blame = (1.0 - share / share.sum())[holder]
        settled[members] = np.maximum(wrong[members], (1.0 - ARGUABLE) * blame)
    return settled
