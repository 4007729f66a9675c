"""What must hold for any labels: order and names don't matter, and nothing crashes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curate.issues import LabelColumn, LabelScores, artwork_order, score_labels
from tests.issues.gallery import Gallery, column, make_gallery

FEW = settings(max_examples=4, deadline=None)


def scores_of(gallery: Gallery) -> dict[str, LabelScores]:
    return score_labels(
        gallery.columns, groups=gallery.groups, embedding=gallery.embedding, folds=gallery.folds, seed=3
    )


@pytest.mark.slow
@FEW
@given(seed=st.integers(0, 10_000))
def test_permuting_artworks_permutes_the_result(seed: int) -> None:
    gallery = make_gallery(150, seed=seed)
    moved = np.random.default_rng(seed).permutation(150)
    columns = [
        replace(c, labels=c.labels[moved], pred_probs=c.pred_probs[moved], reviewed=c.reviewed[moved])
        for c in gallery.columns
    ]
    permuted = replace(
        gallery,
        columns=columns,
        groups=gallery.groups[moved],
        embedding=gallery.embedding[moved],
        folds=gallery.folds[moved],
    )

    before, after = scores_of(gallery), scores_of(permuted)

    for name in before:
        np.testing.assert_array_equal(after[name].score, before[name].score[moved])
        np.testing.assert_array_equal(after[name].suggested, before[name].suggested[moved])


@pytest.mark.slow
@FEW
@given(seed=st.integers(0, 10_000))
def test_permuting_classes_permutes_the_suggestions_and_keeps_the_scores(seed: int) -> None:
    gallery = make_gallery(150, seed=seed)
    style = gallery.columns[0]
    moved = np.random.default_rng(seed).permutation(4)
    renumbered = replace(
        style,
        classes=tuple(style.classes[at] for at in moved),
        labels=np.argsort(moved)[style.labels],
        pred_probs=style.pred_probs[:, moved],
    )
    permuted = replace(gallery, columns=[renumbered, *gallery.columns[1:]])

    before, after = scores_of(gallery)["style"], scores_of(permuted)["style"]

    np.testing.assert_array_equal(after.score, before.score)
    np.testing.assert_array_equal(moved[after.suggested], before.suggested)


def test_attribute_without_any_label_changes_nothing_else() -> None:
    gallery = make_gallery(200)
    empty = column("period", np.full(200, -1), np.full((200, 3), 1 / 3))
    richer = replace(gallery, columns=[*gallery.columns, empty])

    before, after = scores_of(gallery)["style"], scores_of(richer)

    np.testing.assert_allclose(after["style"].score, before.score)
    assert np.isnan(after["period"].score).all()


@st.composite
def awkward(draw: st.DrawFn) -> list[LabelColumn]:
    """One to three columns of few artworks, few classes, labels missing, predictions missing."""
    count = draw(st.sampled_from([1, 2, 7, 70]))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    columns = []
    for name in draw(st.sampled_from([["style"], ["style", "artist"], ["style", "genre", "artist"]])):
        width = draw(st.sampled_from([1, 2, 5]))
        highest = draw(st.integers(0, width - 1))
        labels = rng.integers(-1 if draw(st.booleans()) else 0, highest + 1, size=count)
        pred_probs = rng.dirichlet(np.ones(width), size=count)
        if draw(st.booleans()):
            pred_probs[rng.random(count) < 0.2] = np.nan
        columns.append(column(name, labels, pred_probs))
    return columns


@settings(max_examples=30, deadline=None)
@given(columns=awkward(), embedded=st.booleans(), grouped=st.booleans())
def test_nothing_crashes_and_every_label_with_a_prediction_is_scored(
    columns: list[LabelColumn], embedded: bool, grouped: bool
) -> None:
    count = len(columns[0].labels)
    looks: NDArray[np.float64] = np.random.default_rng(0).normal(size=(count, 6))
    if count > 2:
        looks[0] = np.nan
    unit = looks / np.linalg.norm(looks, axis=1, keepdims=True)
    groups = np.arange(count) // (2 if grouped else 1)

    scores = score_labels(columns, groups=groups, embedding=unit if embedded else None, folds=None, seed=0)

    for item in columns:
        found = scores[item.attribute]
        known = found.score[item.scorable]
        assert ((known >= 0) & (known <= 1)).all()
        assert np.isnan(found.score[~item.scorable]).all()
        assert (found.suggested[item.scorable] != item.labels[item.scorable]).all()
        found.evidence(0)
        found.reason(0)


@pytest.mark.parametrize("crowding", [0.0, 0.25])
def test_artworks_come_worst_first_and_each_once(crowding: float) -> None:
    gallery = make_gallery()
    scores = scores_of(gallery)

    order = artwork_order(gallery.columns, scores, crowding=crowding)

    assert len(np.unique(order)) == 300
    expected = np.sum([1 - scores[c.attribute].score for c in gallery.columns], axis=0)
    assert expected[order[:30]].mean() > expected[order[-30:]].mean()
    if crowding == 0.0:
        assert (np.diff(expected[order]) <= 0).all()


def test_duplicates_of_an_artwork_asked_about_go_last() -> None:
    gallery = make_gallery()
    scores = scores_of(gallery)
    groups = np.arange(300) // 2

    order = artwork_order(gallery.columns, scores, groups=groups, limit=150)

    assert len(np.unique(groups[order])) == 150


def test_one_wrong_class_does_not_fill_the_batch() -> None:
    """60 labels are a little likelier wrong, all in the same way; others still get their turn."""
    labels = np.zeros(100, dtype=np.int64)
    labels[60:] = 2
    pred_probs = np.full((100, 3), 1 / 3)
    score = np.where(np.arange(100) < 60, 0.10, 0.15)
    suggested = np.where(np.arange(100) < 60, 1, np.arange(100) % 2)
    style = column("style", labels, pred_probs)
    scored = LabelScores("style", score, suggested.astype(np.int64), score, score)

    order = artwork_order([style], {"style": scored}, limit=20)
    crowded = artwork_order([style], {"style": scored}, limit=20, crowding=0.0)

    assert (crowded >= 60).sum() == 0
    assert (order >= 60).sum() >= 4
