from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.issues import REVIEWED, Findings, LabelColumn, LabelScores, score_labels, self_confidence
from review.page.card import NO_CLASS_IS_CLEAR
from tests.issues.gallery import Gallery, column, make_gallery


def planted_column(seed: int = 0) -> tuple[LabelColumn, NDArray[np.int64], NDArray[np.int64]]:
    """400 labels of five classes, 20 of them flipped; also which, and the true classes."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 5, size=400)
    pred_probs = np.full((400, 5), 0.05)
    pred_probs[np.arange(400), true] = 0.80
    planted = rng.choice(400, size=20, replace=False)
    given = true.copy()
    given[planted] = (true[planted] + 1) % 5
    return column("style", given, pred_probs), planted, true


def test_planted_label_errors_rank_first() -> None:
    """Flip 20 of 400 labels; all 20 must come before every untouched one."""
    given, planted, true = planted_column()

    scores = score_labels([given], groups=np.arange(400), embedding=None, folds=None, seed=0)["style"]

    worst = np.argsort(scores.score, kind="stable")[:20]
    assert set(worst) == set(planted)
    np.testing.assert_array_equal(scores.suggested[planted], true[planted])


def test_layers_tell_more_than_the_embedding_where_both_are_given() -> None:
    """The embedding shows nothing of the class, the layers all: errors come first only with the layers."""
    given, planted, true = planted_column()
    rng = np.random.default_rng(5)
    blind = replace(given, pred_probs=np.full((400, 5), 0.2))
    embedding = rng.normal(size=(400, 8)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    layers = (np.eye(5)[true] + 0.3 * rng.normal(size=(400, 5))).astype(np.float32)
    found = []
    for features in (None, layers):
        scores = score_labels(
            [blind], groups=np.arange(400), embedding=embedding, folds=None, layers=features, seed=0
        )
        worst = np.argsort(scores["style"].score, kind="stable")[:20]
        found.append(len(set(worst) & set(planted)))

    assert found[0] < 10
    assert found[1] >= 17


def test_self_confidence_is_nan_without_a_label_or_a_prediction() -> None:
    pred_probs = np.array([[0.9, 0.1], [0.8, 0.2], [np.nan, np.nan]])

    scores = self_confidence(np.array([0, -1, 1]), pred_probs)

    np.testing.assert_array_equal(scores, [0.9, np.nan, np.nan])


def test_label_outside_the_classes_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        self_confidence(np.array([0, 7]), np.full((2, 3), 1 / 3))

    assert str(caught.value) == "Label 7 at row 1 is outside 0..2 (1 such rows)."


def test_disagreeing_shapes_are_refused() -> None:
    with pytest.raises(ValueError) as caught:
        column("style", np.zeros(3, dtype=np.int64), np.full((2, 3), 1 / 3))

    assert str(caught.value) == (
        "pred_probs of style have shape (2, 3), expected (3, 3): one row a label and one column a class."
    )


def style_of(gallery: Gallery, **changed: object) -> LabelScores:
    settings = {"groups": gallery.groups, "embedding": gallery.embedding, "folds": gallery.folds, "seed": 0}
    return score_labels(gallery.columns, **{**settings, **changed})["style"]  # type: ignore[arg-type]


def scores_of(gallery: Gallery, **changed: object) -> NDArray[np.float64]:
    return style_of(gallery, **changed).score


@cache
def untouched(count: int = 300) -> LabelScores:
    """The scores of ``make_gallery(count)``: several tests compare with them."""
    return style_of(make_gallery(count))


def hits(score: NDArray[np.float64], planted: NDArray[np.bool_]) -> float:
    """The share of planted errors among as many of the worst labels."""
    worst = np.argsort(score, kind="stable")[: planted.sum()]
    return float(planted[worst].mean())


def test_all_base_models_together_find_more_than_the_model_alone() -> None:
    gallery = make_gallery(500, separation=1.2)
    style = gallery.columns[0]

    together = hits(scores_of(gallery), gallery.planted)

    alone = hits(self_confidence(style.labels, style.pred_probs), gallery.planted)
    assert together > alone + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1, 0.2])
def test_scores_add_up_to_about_the_errors_there_are(rate: float) -> None:
    gallery = make_gallery(1500, rate=rate)

    expected = (1.0 - scores_of(gallery)).sum()

    assert 0.6 < expected / gallery.planted.sum() < 1.6


def test_label_that_a_reviewer_confirmed_is_not_flagged_again() -> None:
    gallery = make_gallery()
    worst = int(np.argmin(untouched().score))
    style = gallery.columns[0]
    reviewed = style.reviewed.copy()
    reviewed[worst] = REVIEWED
    gallery.columns[0] = LabelColumn("style", style.classes, style.labels, style.pred_probs, reviewed)

    score = scores_of(gallery)[worst]

    assert score > 0.6


@pytest.mark.slow
def test_verdicts_that_find_nothing_wrong_lower_the_estimate() -> None:
    gallery = make_gallery(600)
    before = untouched(600).score
    worst = np.argsort(before)[:60]
    found = Findings(worst, gallery.columns[0].labels[worst], np.zeros(60, dtype=bool))

    after = scores_of(gallery, verdicts={"style": found})

    assert (1 - after).sum() < 0.5 * (1 - before).sum()


def test_contradicting_duplicates_are_flagged_and_the_likelier_wrong_one_more() -> None:
    gallery = make_gallery(600, rate=0.0)
    style = gallery.columns[0]
    groups, embedding = gallery.groups.copy(), gallery.embedding.copy()
    pred_probs, labels = style.pred_probs.copy(), style.labels.copy()
    groups[1], embedding[1], pred_probs[1] = groups[0], embedding[0], pred_probs[0]
    labels[0] = pred_probs[0].argmax()
    labels[1] = pred_probs[0].argmin()
    gallery.columns[0] = LabelColumn("style", style.classes, labels, pred_probs, style.reviewed)

    score = scores_of(gallery, groups=groups, embedding=embedding)

    assert score[1] < 0.3 < score[0]


def test_reason_tells_what_speaks_for_the_suggestion_in_words() -> None:
    gallery, scored = make_gallery(600), untouched(600)
    worst = int(np.argmin(scored.score))

    evidence, reason = scored.evidence(worst), scored.reason(worst)

    suggested = gallery.columns[0].classes[scored.suggested[worst]]
    given = gallery.columns[0].classes[gallery.columns[0].labels[worst]]
    near, record = evidence["neighbours"], evidence["records"][0]  # type: ignore[index]
    count = {0: "none is", 1: "1 is"}.get(record["label"], f"{record['label']} are")
    assert reason == (
        f"the model says {suggested} {scored.p_suggested[worst]:.2f}, {given} {scored.p_label[worst]:.2f}; "
        f"{near['suggested']} of the {near['of']} nearest in looks are {suggested}; "  # type: ignore[index]
        f"of {record['of']} others of this artist {count} {given}"
    )


def test_reason_that_speaks_for_no_class_begins_as_the_card_expects() -> None:
    given, planted, _ = planted_column()
    scored = score_labels([given], groups=np.arange(400), embedding=None, folds=None, seed=0)["style"]

    reasons = [scored.reason(row) for row in range(400)]

    assert {row for row in range(400) if not reasons[row].startswith(NO_CLASS_IS_CLEAR)} == set(planted)
    assert all(reasons[row].startswith("the model says ") for row in planted)


def test_columns_of_different_lengths_are_refused() -> None:
    gallery = make_gallery()

    with pytest.raises(ValueError) as caught:
        scores_of(gallery, groups=gallery.groups[:-1])

    assert str(caught.value) == "column style has 300 artworks and groups 299: they must agree."


def test_a_label_that_the_models_were_slow_to_learn_is_likelier_wrong() -> None:
    gallery = make_gallery()
    style = gallery.columns[0]
    rng = np.random.default_rng(0)
    margins = np.where(gallery.planted, -2.0, 1.5) + rng.normal(size=len(gallery.planted))
    with_margins = [replace(style, margins=margins), *gallery.columns[1:]]

    scored = style_of(replace(gallery, columns=with_margins))

    before = untouched().score
    assert scored.score[gallery.planted].mean() < before[gallery.planted].mean()
    worst = int(np.argmin(scored.score))
    assert scored.evidence(worst)["training_margin"] == round(margins[worst], 4)


def test_no_margin_kept_is_no_evidence() -> None:
    gallery = make_gallery()
    nothing = replace(gallery.columns[0], margins=np.full(300, np.nan))

    scored = style_of(replace(gallery, columns=[nothing, *gallery.columns[1:]]))

    np.testing.assert_array_equal(scored.score, untouched().score)


def slipped_gallery(count: int = 600) -> tuple[Gallery, NDArray[np.bool_]]:
    """A gallery without errors but for some artworks that bear all the labels of another; and which."""
    gallery = make_gallery(count, rate=0.0, separation=3.0)
    rng = np.random.default_rng(1)
    artist = gallery.columns[2]
    habits = np.eye(len(artist.classes))[artist.labels] * 0.5 + 0.5 / len(artist.classes)
    gallery.columns[2] = replace(artist, pred_probs=habits)
    chosen = rng.choice(count, count // 20, replace=False)
    bearers = np.arange(count)
    bearers[chosen] = np.roll(chosen, 1)
    moved = [replace(column, labels=column.labels[bearers]) for column in gallery.columns]
    slipped = np.any([a.labels != b.labels for a, b in zip(gallery.columns, moved, strict=True)], axis=0)
    gallery.columns[:] = moved
    return gallery, slipped


@cache
def slipped_scores() -> LabelScores:
    return style_of(slipped_gallery()[0])


@pytest.mark.slow
def test_artworks_that_bear_all_the_labels_of_another_are_found() -> None:
    """The record of the wrong artist speaks for the wrong style; that nothing fits the picture tells."""
    gallery, slipped = slipped_gallery()
    wrong = gallery.columns[0].labels != gallery.true["style"]
    others = ("uniform", "confusable", "related")

    found, without = hits(slipped_scores().score, wrong), hits(scores_of(gallery, kinds=others), wrong)

    assert found > without + 0.1
    assert found > 0.8
    assert (slipped & wrong).sum() > 15


@pytest.mark.slow
def test_reason_says_that_no_label_fits() -> None:
    gallery, _ = slipped_gallery()
    style = slipped_scores()
    worst = int(np.nanargmin(style.score))

    assert style.reason(worst).endswith("none of its labels fits the picture: they may be another artwork's")
    assert style.suggested[worst] == gallery.columns[0].pred_probs[worst].argmax()
    assert style.kinds["misplaced"] > 0.01


@pytest.mark.slow
def test_artwork_is_not_taken_for_misplaced_once_a_reviewer_saw_one_of_its_labels() -> None:
    gallery, _ = slipped_gallery()
    worst = int(np.argmin(slipped_scores().score))
    genre = gallery.columns[1]
    reviewed = genre.reviewed.copy()
    reviewed[worst] = REVIEWED
    gallery.columns[1] = replace(genre, reviewed=reviewed)

    assert "none of its labels fits" not in style_of(gallery).reason(worst)
