"""Folds and splits: whole groups, all attributes balanced, the same again for the same seed."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.training.splits import assign_folds, assign_splits, joined_groups

Labels = dict[str, NDArray[np.int64]]


def long_tailed(n: int, seed: int = 0) -> tuple[Labels, NDArray[np.int64]]:
    """Return three attributes like WikiArt's, a fifth of the labels missing, and groups of duplicates."""
    rng = np.random.default_rng(seed)

    def column(classes: int) -> NDArray[np.int64]:
        drawn = np.minimum((rng.pareto(0.8, n) * 3).astype(np.int64), classes - 1)
        return np.where(rng.random(n) < 0.8, drawn, -1)

    return {"style": column(27), "genre": column(10), "artist": column(200)}, rng.integers(0, n * 9 // 10, n)


def shares(labels: NDArray[np.int64], parts: NDArray[np.int64], n_parts: int) -> NDArray[np.float64]:
    """Return each class's share in each part, shape ``(K, parts)``, for classes of 20 and more."""
    known = labels >= 0
    table = np.zeros((labels.max() + 1, n_parts), dtype=np.float64)
    np.add.at(table, (labels[known], parts[known]), 1)
    table = table[table.sum(axis=1) >= 20]
    found: NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return found


def test_groups_stay_whole_and_the_unlabelled_stay_out() -> None:
    labels, groups = long_tailed(5_000)

    folds = assign_folds(labels, groups, 5, seed=0)

    for group in np.unique(groups):
        assert len(set(folds[groups == group].tolist())) == 1
    unlabelled = np.all([column < 0 for column in labels.values()], axis=0)
    labelled_groups = np.unique(groups[~unlabelled])
    assert ((folds == -1) == ~np.isin(groups, labelled_groups)).all()


@pytest.mark.parametrize("attribute", ["style", "genre", "artist"])
def test_every_class_of_every_attribute_is_spread_evenly(attribute: str) -> None:
    labels, groups = long_tailed(20_000)

    folds = assign_folds(labels, groups, 5, seed=0)

    assert np.abs(shares(labels[attribute], folds, 5) - 0.2).max() < 0.06


def test_a_class_with_as_many_groups_as_folds_is_in_each() -> None:
    labels = {"style": np.array([0] * 5 + [1] * 95), "artist": np.arange(100) % 7}

    folds = assign_folds(labels, np.arange(100), 5, seed=3)

    assert sorted(folds[:5].tolist()) == [0, 1, 2, 3, 4]


def test_splits_have_the_ratios_asked_for() -> None:
    labels, groups = long_tailed(20_000)

    splits = assign_splits(labels, groups, seed=0)

    counts = {name: float((splits == name).sum()) for name in ("train", "val", "test")}
    total = sum(counts.values())
    assert counts["train"] / total == pytest.approx(0.70, abs=0.005)
    assert counts["val"] / total == pytest.approx(0.15, abs=0.005)


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    labels, groups = long_tailed(2_000)

    one = assign_folds(labels, groups, 5, seed=0)

    assert (assign_folds(labels, groups, 5, seed=0) == one).all()
    assert (assign_folds(labels, groups, 5, seed=1) != one).any()


def test_artists_can_be_kept_whole_as_well() -> None:
    labels, duplicates = long_tailed(2_000)

    groups = joined_groups(duplicates, labels["artist"])
    splits = assign_splits({"style": labels["style"]}, groups, seed=0)

    for artist in range(labels["artist"].max() + 1):
        assert len(set(splits[labels["artist"] == artist].tolist()) - {""}) <= 1


def test_100_000_artworks_take_seconds() -> None:
    labels, groups = long_tailed(100_000)
    began = time.process_time()

    assign_folds(labels, groups, 5, seed=0)

    assert time.process_time() - began < 20


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ValueError, match=r"1 folds; at least 2 are needed\."):
        assign_folds({}, np.arange(3), 1, seed=0)
    with pytest.raises(ValueError, match=r"style has \(2,\) labels for \(3,\) groups\."):
        assign_folds({"style": np.array([0, 1])}, np.arange(3), 2, seed=0)
    with pytest.raises(ValueError, match="are not shares that sum to 1"):
        assign_splits({}, np.arange(3), 0, ratios=(0.5, 0.5, 0.5))


def test_nothing_and_nobody_labelled_are_no_error() -> None:
    assert assign_folds(
        {"style": np.array([], dtype=np.int64)}, np.array([], dtype=np.int64), 5, 0
    ).shape == (0,)
    assert assign_folds({"style": np.array([-1, -1])}, np.arange(2), 5, 0).tolist() == [-1, -1]
