"""The numbers from which the detector of planted errors judges a label."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curate.issues.base_models.closed_form import Matrix
from curate.issues.base_models.evidence import FLOOR, Pool, Refit, chunks, given_margin_entropy
from curate.issues.columns import Floats, Ints

MOST_KEPT = 2**23  # log-probabilities of a model that are kept from round to round: 32 MiB a model


@dataclass
class Described:
    """What the base models say of some labels, whatever pool they are put into.

    Attributes:
        columns: Numbers of each model, shape ``(n,)`` each, by chunk.
        log_probs: By model, ``(n, K)`` each, by chunk.
        whole: Whether ``log_probs`` are kept; else only ``columns`` are.
    """

    columns: dict[int, list[Matrix]] = field(default_factory=dict)
    log_probs: dict[int, dict[str, Matrix]] = field(default_factory=dict)
    whole: bool = False

    @classmethod
    def of(cls, count: int, width: int) -> Described:
        """Make room for what is said of ``count`` labels of ``width`` classes."""
        return cls(whole=count * width <= MOST_KEPT)

    def keep(self, start: int, each: dict[str, Matrix], columns: list[Matrix]) -> None:
        """Keep what is said of the chunk of labels that begins at ``start``."""
        self.columns[start] = columns
        if self.whole:
            self.log_probs[start] = each


def features(
    refit: Refit,
    pool: Pool,
    confusions: Floats,
    rows: Ints,
    given: Ints,
    described: Described | None = None,
) -> tuple[Matrix, Ints]:
    """Return the numbers from which the detector judges labels, ``(n, F)``, and the likeliest other class.

    For each base model and for all pooled: the log-probability of the given label, its margin over the
    best other class, how far that is below 0, and the entropy. Then how likely the label is under each
    kind of error against being right, and how much is on record. The other class, shape ``(n,)``, is the
    pool's likeliest but for the given one.

    Args:
        refit: The base models.
        pool: Their weights.
        confusions: Which class is taken for which, shape ``(K, K)``.
        rows: The artworks, shape ``(n,)``.
        given: The label to judge at each, shape ``(n,)``.
        described: What was kept of the same models and labels; what it lacks is kept in it.
    """
    confused = np.ascontiguousarray(confusions.T, dtype=np.float32)
    described = Described() if described is None else described
    parts = []
    for some in chunks(len(rows), refit.models.width):
        each = described.log_probs.get(some.start) or refit.log_probs(rows[some])
        columns = described.columns.get(some.start) or _of_models(each, given[some])
        described.keep(some.start, each, columns)
        pooled = pool.log_probs(each)
        parts.append(
            _features(
                refit=refit,
                together=pooled,
                confused=confused,
                rows=rows[some],
                given=given[some],
                of_models=columns,
            )
        )
    return np.concatenate([part for part, _ in parts]), np.concatenate([other for _, other in parts])


def _of_models(each: dict[str, Matrix], given: Ints) -> list[Matrix]:
    columns: list[Matrix] = []
    for log_probs in each.values():
        own, apart, entropy = given_margin_entropy(log_probs, given)
        columns += [own, apart, entropy, np.minimum(apart, 0.0)]  # a bend where another class takes over
    return columns


def _features(
    refit: Refit, together: Matrix, confused: Matrix, rows: Ints, given: Ints, of_models: list[Matrix]
) -> tuple[Matrix, Ints]:
    columns: list[NDArray[np.floating]] = [*of_models, *_of_models({"together": together}, given)]
    at = np.arange(len(rows))
    marginal = refit.marginal
    counts = refit.records[0].counts(rows) if refit.records else None
    probs = np.exp(together)
    columns.extend(_kinds(probs, given, confused, marginal, counts))
    columns.append(np.log(marginal[given]))
    if counts is not None:
        total = counts.sum(axis=1)
        held = counts[at, given]
        elsewhere = (counts > 0).sum(axis=1) - (held > 0)
        columns += [np.log1p(total), np.log1p(held), held / (total + 1.0), held == 0, elsewhere == 0]
    probs[at, given] = -1.0
    return np.stack(columns, axis=1).astype(np.float32), probs.argmax(axis=1)


def _kinds(
    probs: Matrix, given: Ints, confused: Matrix, marginal: Floats, counts: Matrix | None
) -> list[NDArray[np.floating]]:
    """Return for each kind of error the log-odds that the label arose by it rather than by being right.

    The sum runs over what the true class might be, c: its probability times the chance that an error of
    this kind turns c into the given label. ``confused`` says at ``[k, c]`` how often c is taken for k. The
    given label's own probability is 0 in ``probs`` afterwards.
    """
    at = np.arange(len(given))
    own = probs[at, given]
    others = probs  # changed in place: a copy costs as much as the rest
    others[at, given] = 0.0
    width = probs.shape[1]
    turned = [others.sum(axis=1) / max(width - 1, 1)]
    turned.append(np.einsum("nk,nk->n", others, confused[given]))
    turned.append(marginal[given] * (others @ (1.0 / np.maximum(1.0 - marginal, FLOOR)).astype(np.float32)))
    if counts is not None:
        rest = np.maximum(counts.sum(axis=1, keepdims=True) - counts, np.float32(0.5))
        turned.append(counts[at, given] * (others / rest).sum(axis=1))
    return [np.log(part + FLOOR) - np.log(own + FLOOR) for part in turned]
