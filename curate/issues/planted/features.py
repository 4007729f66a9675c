"""The numbers from which the detector of planted errors judges a label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curate.issues.base_models.closed_form import Matrix
from curate.issues.base_models.evidence import CHUNK, FLOOR, Pool, Refit, given_margin_entropy
from curate.issues.columns import Floats, Ints


def features(refit: Refit, pool: Pool, confusions: Floats, rows: Ints, given: Ints) -> tuple[Matrix, Ints]:
    """Return the numbers from which the detector judges labels, ``(n, F)``, and the likeliest other class.

    For each base model and for all pooled: the log-probability of the given label, its margin over the
    best other class, how far that is below 0, and the entropy. Then how likely the label is under each
    kind of error against being right, and how much is on record. The other class, shape ``(n,)``, is the
    pool's likeliest but for the given one.
    """
    parts = [
        _features(refit, pool, confusions, rows[at : at + CHUNK], given[at : at + CHUNK])
        for at in range(0, max(len(rows), 1), CHUNK)
    ]
    return np.concatenate([part for part, _ in parts]), np.concatenate([other for _, other in parts])


def _features(refit: Refit, pool: Pool, confusions: Floats, rows: Ints, given: Ints) -> tuple[Matrix, Ints]:
    each = refit.log_probs(rows)
    together = pool.log_probs(each)
    columns: list[NDArray[np.floating]] = []
    for log_probs in (*each.values(), together):
        own, apart, entropy = given_margin_entropy(log_probs, given)
        columns += [own, apart, entropy, np.minimum(apart, 0.0)]  # a bend where another class takes over
    at = np.arange(len(rows))
    marginal = refit.marginal
    counts = refit.records[0].counts(rows) if refit.records else None
    probs = np.exp(together)
    columns.extend(_kinds(probs, given, confusions, marginal, counts))
    columns.append(np.log(marginal[given]))
    if counts is not None:
        total = counts.sum(axis=1)
        held = counts[at, given]
        elsewhere = (counts > 0).sum(axis=1) - (held > 0)
        columns += [np.log1p(total), np.log1p(held), held / (total + 1.0), held == 0, elsewhere == 0]
    probs[at, given] = -1.0
    return np.stack(columns, axis=1).astype(np.float32), probs.argmax(axis=1)


def _kinds(
    probs: Matrix, given: Ints, confusions: Floats, marginal: Floats, counts: Matrix | None
) -> list[NDArray[np.floating]]:
    """Return for each kind of error the log-odds that the label arose by it rather than by being right.

    The sum runs over what the true class might be, c: its probability times the chance that an error of
    this kind turns c into the given label.
    """
    at = np.arange(len(given))
    own = probs[at, given]
    others = probs.copy()
    others[at, given] = 0.0
    width = probs.shape[1]
    turned = [others.sum(axis=1) / max(width - 1, 1)]
    turned.append(np.einsum("nk,nk->n", others, confusions.T.astype(np.float32)[given]))
    turned.append(marginal[given] * (others @ (1.0 / np.maximum(1.0 - marginal, FLOOR)).astype(np.float32)))
    if counts is not None:
        rest = np.maximum(counts.sum(axis=1, keepdims=True) - counts, np.float32(0.5))
        turned.append(counts[at, given] * (others / rest).sum(axis=1))
    return [np.log(part + FLOOR) - np.log(own + FLOOR) for part in turned]
