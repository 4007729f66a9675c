"""What labels of awkward collections must not do: crash, turn into NaN, or depend on names."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curate.issues import LabelColumn, LabelScores, canonical, score_labels
from curate.issues.base_models import evidence
from curate.issues.planted import features
from curate.training.label_issues import issue_rows, score_run
from db.labels.attribute_labels import AttributeLabels
from db.labels.table import LabelTable
from model.training.train import RunResult
from tests.issues.gallery import Gallery, column, make_gallery

COUNT = 120
FEW = settings(max_examples=4, deadline=None)


def scores_of(gallery: Gallery) -> dict[str, LabelScores]:
    return score_labels(
        gallery.columns, groups=gallery.groups, embedding=gallery.embedding, folds=gallery.folds, seed=3
    )


def relabelled(gallery: Gallery, place: int, labels: NDArray[np.int64]) -> Gallery:
    columns = list(gallery.columns)
    columns[place] = replace(columns[place], labels=labels, codes=None)
    return replace(gallery, columns=columns)


def all_scored(scores: dict[str, LabelScores], columns: list[LabelColumn]) -> bool:
    return all(
        np.isfinite(scores[c.attribute].score[c.labels >= 0]).all()
        and np.isnan(scores[c.attribute].score[c.labels < 0]).all()
        for c in columns
    )


def found_under(
    gallery: Gallery, names: list[str], provenance: NDArray[np.str_] | None = None
) -> list[dict[str, object]]:
    """The issues of a run over files of these names."""
    ids = np.arange(1, COUNT + 1)
    labels = {c.attribute: c.labels for c in gallery.columns}
    review_state = {c.attribute: c.reviewed for c in gallery.columns}
    uuids = [uuid4() for _ in names]
    table = LabelTable(ids, uuids, names, names, ["" for _ in names], gallery.groups, labels, review_state)
    columns = {
        c.attribute: AttributeLabels(
            c.attribute, c.classes, c.labels, attribute_id=place, class_ids=np.arange(len(c.classes))
        )
        for place, c in enumerate(gallery.columns)
    }
    result = RunResult(
        pred_probs={c.attribute: c.pred_probs.astype(np.float32) for c in gallery.columns},
        provenance=np.full(COUNT, "fold") if provenance is None else provenance,
        embedding=gallery.embedding.astype(np.float32),
        unreadable=[],
        history=[],
        margins=np.zeros((1, COUNT, len(columns)), dtype=np.float16),
        metrics={},
        temperature={},
    )
    scores = score_run(table, columns, result, gallery.folds, {}, seed=0)
    return list(issue_rows(table, columns, scores))


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_renaming_every_file_changes_nothing(seed: int) -> None:
    """The names are even those of the classes: WikiArt's spell them."""
    gallery = make_gallery(COUNT, seed=seed)
    style = gallery.columns[0]
    spelled = [f"{style.classes[label]}/{number}.jpg" for number, label in enumerate(style.labels)]

    assert found_under(gallery, spelled) == found_under(gallery, [uuid4().hex for _ in spelled])


def test_only_labels_that_the_model_has_not_seen_are_flagged() -> None:
    gallery = make_gallery(COUNT)
    provenance = np.array(["holdout", "in-sample", "validation", "ensemble"])[np.arange(COUNT) % 4]

    found = found_under(gallery, [str(number) for number in range(COUNT)], provenance)

    asked = {int(str(row["artwork_id"])) - 1 for row in found if row["kind"] == "label"}
    assert {number % 4 for number in asked} == {0, 3}


@pytest.mark.slow
@FEW
@given(seed=st.integers(0, 10_000), attribute=st.sampled_from(["style", "artist"]))
def test_an_attribute_that_nobody_filled_in_changes_nothing_else(seed: int, attribute: str) -> None:
    gallery = make_gallery(COUNT, seed=seed)
    without = [c for c in gallery.columns if c.attribute != attribute]
    empty = [
        c if c.attribute != attribute else replace(c, labels=np.full(COUNT, -1)) for c in gallery.columns
    ]

    absent, blank = scores_of(replace(gallery, columns=without)), scores_of(replace(gallery, columns=empty))

    for c in without:
        np.testing.assert_array_equal(blank[c.attribute].score, absent[c.attribute].score)
        np.testing.assert_array_equal(blank[c.attribute].suggested, absent[c.attribute].suggested)
    assert np.isnan(blank[attribute].score).all()


@FEW
@given(seed=st.integers(0, 10_000))
def test_a_label_that_is_missing_leaves_the_same_labels_scored(seed: int) -> None:
    gallery = make_gallery(COUNT, seed=seed)
    holes = np.where(np.random.default_rng(seed).random(COUNT) < 0.3, -1, gallery.columns[1].labels)
    patchy = relabelled(gallery, 1, holes)

    assert all_scored(scores_of(patchy), patchy.columns)


@FEW
@given(seed=st.integers(0, 10_000))
def test_a_class_with_one_example_is_scored_like_any(seed: int) -> None:
    gallery = make_gallery(COUNT, seed=seed)
    labels = np.where(gallery.columns[0].labels == 3, 0, gallery.columns[0].labels)
    labels[seed % COUNT] = 3
    lonely = relabelled(gallery, 0, labels)

    assert all_scored(scores_of(lonely), lonely.columns)


@FEW
@given(seed=st.integers(0, 10_000))
def test_artists_with_one_work_each_are_scored_like_any(seed: int) -> None:
    gallery = make_gallery(COUNT, seed=seed)
    columns = [*gallery.columns[:2], column("artist", np.arange(COUNT), np.full((COUNT, COUNT), 1 / COUNT))]
    lonely = replace(gallery, columns=columns)

    assert all_scored(scores_of(lonely), columns)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_attribute_alone_is_scored(place: int) -> None:
    gallery = make_gallery(COUNT)
    alone = replace(gallery, columns=[gallery.columns[place]])

    assert all_scored(scores_of(alone), alone.columns)


@pytest.mark.parametrize("place", [0, 2])
def test_labels_that_are_all_the_same_are_scored(place: int) -> None:
    gallery = make_gallery(COUNT)
    same = relabelled(gallery, place, np.zeros(COUNT, dtype=np.int64))

    assert all_scored(scores_of(same), same.columns)


@pytest.mark.slow
def test_how_much_is_worked_on_at_a_time_and_kept_does_not_move_a_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gallery = make_gallery(count=600)
    at_once = scores_of(gallery)
    monkeypatch.setattr(features, "MOST_KEPT", 0)
    monkeypatch.setattr(evidence, "AT_ONCE", 1)
    monkeypatch.setattr(canonical, "HASHED_AT_ONCE", 7)
    bit_by_bit = scores_of(gallery)
    for name, scores in at_once.items():
        assert scores.kinds  # errors were planted, in several rounds
        np.testing.assert_allclose(bit_by_bit[name].score, scores.score, atol=1e-6)
        np.testing.assert_array_equal(bit_by_bit[name].suggested, scores.suggested)
