"""Folds and train/val/test splits: whole duplicate groups, balanced over all attributes at once.

The rule is iterative stratification (Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label
data", ECML 2011) on duplicate groups: the class with the fewest groups left is dealt out first, each group
to the part that lacks most of it. This spreads rare classes as evenly as their groups allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "val", "test")


def assign_folds(
    labels: Mapping[str, NDArray[np.int64]], groups: NDArray[np.int64], folds: int, seed: int
) -> NDArray[np.int64]:
    """Deal artworks to folds of equal size.

    Args:
        labels: By attribute, class ids, shape ``(N,)``, -1 where missing.
        groups: Duplicate group of each artwork, shape ``(N,)``; a group goes to one fold whole.
        folds: How many, at least 2.
        seed: Breaks ties; the same arguments give the same folds.

    Returns:
        The fold of each artwork, shape ``(N,)``, in ``0..folds-1``; -1 for a group without any label.

    Raises:
        ValueError: The shapes disagree, or there are fewer than 2 folds.

    Example:
        >>> labels = {"style": np.array([0, 0, 1, 1, -1])}
        >>> sorted(assign_folds(labels, np.arange(5), folds=2, seed=0).tolist())
        [-1, 0, 0, 1, 1]
    """
    if folds < 2:
        raise ValueError(f"{folds} folds; at least 2 are needed.")
    return _deal(labels, groups, [1 / folds] * folds, seed)


def assign_splits(
    labels: Mapping[str, NDArray[np.int64]],
    groups: NDArray[np.int64],
    seed: int,
    ratios: tuple[float, float, float] = (0.70, 0.15, 0.15),
) -> NDArray[np.str_]:
    """Deal artworks to ``train``, ``val`` and ``test``; arguments as in ``assign_folds``.

    Returns:
        The split of each artwork, shape ``(N,)``; an empty string for a group without any label.

    Raises:
        ValueError: The shapes disagree, or the ratios are negative or don't sum to 1.
    """
    if min(ratios) < 0 or abs(sum(ratios) - 1) > 1e-6:
        raise ValueError(f"The ratios {ratios} are not shares that sum to 1.")
    return np.array([*SPLITS, ""])[_deal(labels, groups, ratios, seed)]


def joined_groups(*groupings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the groups in which artworks lie together that any of the groupings puts together.

    To split by artist as well as by duplicate: ``joined_groups(duplicates, artists)``. A negative id
    stands for a group of its own where it is unique, and for "in no group" where it is -1.

    Args:
        groupings: Group ids, each of shape ``(N,)``.

    Example:
        >>> joined_groups(np.array([7, 7, 8, 9]), np.array([1, 2, 2, -1])).tolist()
        [0, 0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(groupings[0])
    links_from, links_to, base = [], [], n
    for ids in groupings:
        grouped = np.flatnonzero(ids != -1)
        _, at = np.unique(ids[grouped], return_inverse=True)
        links_from.append(grouped)
        links_to.append(at + base)
        base += int(at.max(initial=-1)) + 1
    ends = (np.concatenate(links_from), np.concatenate(links_to))
    graph = coo_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(base, base))
    component = connected_components(graph, directed=False)[1][:n]
    joined: NDArray[np.int64] = np.unique(component, return_inverse=True)[1].astype(np.int64)
    return joined


def _deal(
    labels: Mapping[str, NDArray[np.int64]], groups: NDArray[np.int64], ratios: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Return the part of each artwork, shape ``(N,)``, -1 for a group without a label."""
    for name, column in labels.items():
        if column.shape != groups.shape:
            raise ValueError(f"{name} has {column.shape} labels for {groups.shape} groups.")
    _, group_of = np.unique(groups, return_inverse=True)
    members = np.bincount(group_of)
    pairs, counts = _classes_of_groups(labels, group_of)
    parts = _Dealer(pairs, counts, members, ratios, seed).deal()
    return parts[group_of] if len(groups) else np.empty(0, dtype=np.int64)


def _classes_of_groups(
    labels: Mapping[str, NDArray[np.int64]], group_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (group, class) pairs, shape ``(P, 2)``, and how many labels each stands for.

    Classes of all attributes are numbered together, from 0 without gaps.
    """
    stacked: list[NDArray[np.int64]] = [np.empty((0, 2), dtype=np.int64)]
    base = 0
    for column in labels.values():
        labelled = np.flatnonzero(column >= 0)
        _, at = np.unique(column[labelled], return_inverse=True)
        stacked.append(np.stack([group_of[labelled], at + base], axis=1))
        base += int(at.max(initial=-1)) + 1
    pairs, counts = np.unique(np.concatenate(stacked), axis=0, return_counts=True)
    return pairs, counts


class _Dealer:
    """Deals groups to parts, the class with the fewest groups left first."""

    def __init__(
        self,
        pairs: NDArray[np.int64],
        counts: NDArray[np.int64],
        members: NDArray[np.int64],
        ratios: Sequence[float],
        seed: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        classes = int(pairs[:, 1].max(initial=-1)) + 1
        self.members = members.tolist()
        self.classes_of: list[list[tuple[int, int]]] = [[] for _ in self.members]
        self.groups_of: list[list[int]] = [[] for _ in range(classes)]
        for at in rng.permutation(len(pairs)).tolist():
            group, one_class = pairs[at].tolist()
            self.classes_of[group].append((one_class, int(counts[at])))
            self.groups_of[one_class].append(group)
        self.left = np.bincount(pairs[:, 1], minlength=classes)
        labels_in = np.bincount(pairs[:, 1], weights=counts, minlength=classes)
        labelled = members[np.unique(pairs[:, 0])].sum()
        # How many labels of each class, and artworks in all, each part still lacks.
        self.lacks = [[float(n) * ratio for ratio in ratios] for n in labels_in]
        self.lacks_artworks = [float(labelled) * ratio for ratio in ratios]
        self.ties = rng.random(len(ratios)).tolist()
        self.parts = np.full(len(members), -1, dtype=np.int64)

    def deal(self) -> NDArray[np.int64]:
        """Return the part of each group, shape ``(G,)``."""
        big = np.iinfo(np.int64).max
        while len(self.left) and (self.left > 0).any():
            rarest = int(np.where(self.left > 0, self.left, big).argmin())
            # Large groups first: what is left over then evens out with small ones.
            for group in sorted(self.groups_of[rarest], key=lambda g: -self.members[g]):
                if self.parts[group] < 0:
                    self._give(group, rarest)
        return self.parts

    def _give(self, group: int, one_class: int) -> None:
        """Give a group to the part that lacks most of a class, then most artworks."""
        lacks, artworks = self.lacks[one_class], self.lacks_artworks
        part = max(range(len(artworks)), key=lambda p: (lacks[p], artworks[p], self.ties[p]))
        self.parts[group] = part
        artworks[part] -= self.members[group]
        for other, count in self.classes_of[group]:
            self.lacks[other][part] -= count
            self.left[other] -= 1
