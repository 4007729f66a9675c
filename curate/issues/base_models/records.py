"""What the other attributes of an artwork say about one: its artist's record, say, without the artwork."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from curate.issues.columns import Floats, Ints, LabelColumn


@dataclass(frozen=True)
class Related:
    """A value each artwork has elsewhere, by which artworks are pooled into records.

    Attributes:
        attributes: The attributes it is made of, for instance ``("artist",)`` or ``("artist", "genre")``.
        values: Its value at each artwork, shape ``(N,)``, in ``0..V-1``; -1 where one of them is missing.
        gain: How much its records tell: mean log-likelihood of the labels above that of the classes' shares.
    """

    attributes: tuple[str, ...]
    values: Ints
    gain: float = 0.0

    @property
    def name(self) -> str:
        """How a reader would call it."""
        return " and ".join(self.attributes)


@dataclass(frozen=True)
class Records:
    """How often each class stands at each value of a related attribute, an artwork's own group left out."""

    table: csr_matrix  # (V + 1, K), the last row for a missing value
    own: csr_matrix  # (pairs of group and value, K)
    place: Ints  # (N,) row of each artwork in `table`
    own_place: Ints  # (N,) row of each artwork in `own`
    marginal: Floats  # (K,) share of each class in all

    def counts(self, rows: Ints) -> NDArray[np.float32]:
        """Return the class counts of each artwork's record, shape ``(len(rows), K)``."""
        counted: NDArray[np.float32] = (
            self.table[self.place[rows]] - self.own[self.own_place[rows]]
        ).toarray()
        return np.maximum(counted, np.float32(0.0))

    def shares(self, rows: Ints, strength: float) -> NDArray[np.float32]:
        """Return the classes' shares in the record, drawn to the marginal by ``strength`` artworks."""
        counts = self.counts(rows)
        smoothed = counts + (strength * self.marginal).astype(np.float32)
        shares: NDArray[np.float32] = smoothed / smoothed.sum(axis=1, keepdims=True)
        return shares


def keep_records(related: Related, groups: Ints, labels: Ints, weights: Floats, width: int) -> Records:
    """Count the labels at each value of a related attribute.

    Args:
        related: The attribute to pool by.
        groups: Duplicate group of each artwork, shape ``(N,)``.
        labels: Class indices, shape ``(N,)``; -1 is left out.
        weights: How much each label counts, shape ``(N,)``.
        width: K, the number of classes.
    """
    labelled = labels >= 0
    total = np.bincount(labels[labelled], weights=weights[labelled], minlength=width) + 0.5
    values = related.values
    last = int(values.max(initial=-1)) + 1
    place = np.where(values >= 0, values, last)
    pairs = groups.astype(np.int64) * (last + 1) + place
    _, own_place = np.unique(pairs, return_inverse=True)
    used = labelled & (values >= 0)
    return Records(
        _table(place, labels, weights, used, (last + 1, width)),
        _table(own_place, labels, weights, used, (int(own_place.max(initial=-1)) + 1, width)),
        place,
        own_place.astype(np.int64),
        total / total.sum(),
    )


def _table(
    place: Ints, labels: Ints, weights: Floats, used: NDArray[np.bool_], shape: tuple[int, int]
) -> csr_matrix:
    counted = weights[used].astype(np.float32)
    return csr_matrix((counted, (place[used], labels[used])), shape=shape)


def related_attributes(target: LabelColumn, columns: Sequence[LabelColumn], groups: Ints) -> list[Related]:
    """Return what tells most about the target's labels: the best other attribute, the next, the pair of both.

    How much an attribute tells is the mean log-likelihood that its records give the labels, each left out
    of its own record, above what the classes' shares alone give. Attributes that tell nothing are dropped.
    """
    telling = []
    for column in columns:
        if column.attribute == target.attribute:
            continue
        related = Related((column.attribute,), _dense(column.values))
        gain = _gain(related, target, groups)
        if gain > 0.01:
            telling.append(replace(related, gain=gain))
    telling.sort(key=lambda related: -related.gain)
    singles = telling[:2]
    if len(singles) < 2:
        return singles
    return [*singles, _pair(*singles)]


def _gain(related: Related, target: LabelColumn, groups: Ints) -> float:
    labelled = np.flatnonzero((target.labels >= 0) & (related.values >= 0))
    if len(labelled) == 0:
        return 0.0
    sample = labelled[np.unique(np.linspace(0, len(labelled) - 1, 4000).astype(np.int64))]
    records = keep_records(related, groups, target.labels, np.ones(len(target.labels)), len(target.classes))
    given = target.labels[sample]
    shares = records.shares(sample, 1.0)[np.arange(len(sample)), given]
    return float(np.mean(np.log(shares) - np.log(records.marginal[given])))


def _dense(values: Ints) -> Ints:
    """Number the values 0..V-1 in the order of their own codes; anything negative is missing."""
    dense = np.full(len(values), -1, dtype=np.int64)
    given = values >= 0
    dense[given] = np.unique(values[given], return_inverse=True)[1]
    return dense


def _pair(first: Related, second: Related) -> Related:
    width = int(second.values.max(initial=-1)) + 1
    both = (first.values >= 0) & (second.values >= 0)
    codes = np.where(both, first.values * width + second.values, -1)
    return Related(first.attributes + second.attributes, _dense(codes))
