"""``curate.find_issues`` on a made-up collection whose wrong labels are known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score

import curate
from curate.arrays.found import Issues
from tests.issues.gallery import Gallery, make_gallery

STYLES = np.array(["Baroque", "Cubism", "Pop Art", "Ukiyo-e"], dtype=object)


def styles(gallery: Gallery) -> Any:
    """The style labels as names."""
    return STYLES[gallery.columns[0].labels]


def test_import_is_quick_and_light() -> None:
    code = (
        "import sys, time; began = time.perf_counter(); import curate; took = time.perf_counter() - began; "
        "heavy = {'torch', 'fiftyone', 'pandas', 'sqlalchemy', 'label_studio_sdk'} & set(sys.modules); "
        "print(took); assert not heavy, heavy; curate.find_issues; "
        "heavy = {'torch', 'fiftyone', 'sqlalchemy', 'label_studio_sdk'} & set(sys.modules); "
        "assert not heavy, heavy"
    )

    took = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert float(took) < 0.3


def test_planted_errors_rank_first() -> None:
    gallery = make_gallery()

    issues = curate.find_issues(styles(gallery), gallery.columns[0].pred_probs, gallery.embedding)

    assert average_precision_score(gallery.planted, issues.probability_wrong()) > 0.8
    top = issues.top(10)
    true = STYLES[gallery.true["style"][top["row"]]]
    assert (top["suggested"] == true).mean() >= 0.8
    assert list(top.columns) == [
        "row",
        "attribute",
        "label",
        "suggested",
        "probability_wrong",
        "p_label",
        "p_suggested",
        "reason",
    ]
    assert top["reason"].str.len().min() > 10


def test_scores_are_those_of_the_ranking() -> None:
    from curate.issues import score_labels

    gallery = make_gallery()
    labels = {column.attribute: column.labels for column in gallery.columns}
    probs = {column.attribute: column.pred_probs for column in gallery.columns}
    named = {column.attribute: column.classes for column in gallery.columns}

    issues = curate.find_issues(labels, probs, gallery.embedding, classes=named, folds=gallery.folds)

    columns = sorted(gallery.columns, key=lambda column: column.attribute)
    unit = gallery.embedding.astype(np.float32)
    expected = score_labels(columns, groups=gallery.groups, embedding=unit, folds=gallery.folds, seed=0)
    for name, scored in expected.items():
        np.testing.assert_array_equal(issues.probability_wrong(name), 1.0 - scored.score)


def test_embeddings_alone_find_planted_errors() -> None:
    """No probabilities: those of a cross-fitted classifier."""
    gallery = make_gallery(count=400)

    issues = curate.find_issues({"style": styles(gallery)}, embeddings=gallery.embedding * 7)

    assert average_precision_score(gallery.planted, issues.probability_wrong()) > 0.6
    assert "The embeddings were scaled to length 1." in issues.notes


def test_cross_fitted_probabilities_have_not_seen_the_label() -> None:
    """What the classifier says of a row is the same whatever label the row, or its duplicate, has."""
    from curate.arrays.embeddings import cross_fitted
    from curate.arrays.labels import GivenLabels

    gallery = make_gallery(count=200)
    vectors, groups = gallery.embedding.astype(np.float32), np.arange(200) // 2
    folds = groups % 5
    labels = gallery.columns[0].labels
    changed = np.where(folds == 0, (labels + 1) % 4, labels)

    told = [
        cross_fitted(GivenLabels("style", (0, 1, 2, 3), given), vectors, groups, folds, 0, None, [])
        for given in (labels, changed)
    ]

    assert told[0] is not None and told[1] is not None
    np.testing.assert_allclose(told[0].pred_probs[folds == 0], told[1].pred_probs[folds == 0], atol=0.2)
    before, after = told[0].pred_probs.argmax(axis=1), told[1].pred_probs.argmax(axis=1)
    assert (before == after)[folds == 0].mean() > 0.9  # only the penalty may have moved


def test_an_attribute_without_probabilities_is_evidence() -> None:
    gallery = make_gallery()
    labels = {"style": styles(gallery), "artist": gallery.columns[2].labels}

    alone = curate.find_issues(styles(gallery), gallery.columns[0].pred_probs)
    beside = curate.find_issues(labels, {"style": gallery.columns[0].pred_probs})

    assert beside.attributes == ("style",)
    assert "artist: nothing predicts it, so it is evidence about the others only." in beside.notes
    assert average_precision_score(gallery.planted, beside.probability_wrong()) > average_precision_score(
        gallery.planted, alone.probability_wrong()
    )


def test_missing_labels_and_predictions_are_left_out() -> None:
    gallery = make_gallery()
    labels, probs = styles(gallery), gallery.columns[0].pred_probs.copy()
    labels[[3, 4, 5]] = None, float("nan"), " "
    probs[6] = np.nan

    issues = curate.find_issues(labels, probs)

    assert np.flatnonzero(np.isnan(issues.probability_wrong())).tolist() == [3, 4, 5, 6]
    assert set(issues.to_frame()["row"]) == set(range(300)) - {3, 4, 5, 6}
    assert "label: 1 blank labels were taken for missing." in issues.notes


def test_codes_of_minus_one_are_missing_and_it_is_told() -> None:
    gallery = make_gallery()
    codes = gallery.columns[0].labels.copy()
    codes[:2] = -1

    issues = curate.find_issues(codes, gallery.columns[0].pred_probs, classes=STYLES)

    assert np.isnan(issues.probability_wrong()[:2]).all()
    assert "label: 2 labels are -1 and were taken for missing." in issues.notes
    assert set(issues.to_frame()["label"]) == set(STYLES)


def test_expected_is_a_number_with_an_interval_that_says_it_is_assumed() -> None:
    gallery = make_gallery()

    found = curate.find_issues(styles(gallery), gallery.columns[0].pred_probs).expected()

    assert found.low <= found.value <= found.high
    assert found.assumed


def test_queue_lists_each_artwork_once_and_the_worst_first() -> None:
    gallery = make_gallery()
    labels = {column.attribute: column.labels for column in gallery.columns}
    probs = {column.attribute: column.pred_probs for column in gallery.columns[:2]}
    groups = np.arange(300) // 2

    issues = curate.find_issues(labels, probs, gallery.embedding, groups=groups)

    queue = issues.queue()
    assert sorted(queue["row"]) == list(range(300))
    assert queue["row"][:150].map(lambda row: row // 2).is_unique  # duplicates go last
    assert queue["expected_errors"][:20].mean() > queue["expected_errors"][100:].mean()
    assert issues.queue(5)["row"].tolist() == queue["row"][:5].tolist()


def test_rows_keep_the_names_that_labels_gave_them() -> None:
    gallery = make_gallery()
    names = pd.Index([f"object-{row}" for row in range(300)])
    labels = pd.Series(styles(gallery), index=names, name="style")
    probs = pd.DataFrame(gallery.columns[0].pred_probs, columns=STYLES, index=names).sample(
        frac=1, random_state=1
    )

    issues = curate.find_issues(labels, probs)

    plain = curate.find_issues(styles(gallery), gallery.columns[0].pred_probs)
    np.testing.assert_array_equal(issues.probability_wrong("style"), plain.probability_wrong())
    top = issues.top(3)
    assert top["index"].tolist() == [f"object-{row}" for row in top["row"]]
    assert any("by their index" in note for note in issues.notes)


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """300 small images."""
    paths = [str(tmp_path / f"{row}.jpg") for row in range(300)]
    for row, path in enumerate(paths):
        Image.new("RGB", (160, 90), (row % 256, 90, 120)).save(path)
    return paths


def find_with_pictures(pictures: list[str]) -> Issues:
    gallery = make_gallery()
    frame = pd.DataFrame({"filepath": pictures, "style": styles(gallery)})
    return curate.find_issues(frame, gallery.columns[0].pred_probs)


def test_a_notebook_shows_the_worst_labels_with_thumbnails(pictures: list[str]) -> None:
    Path(pictures[0]).write_bytes(b"no image")

    issues = find_with_pictures(pictures)

    assert issues.attributes == ("style",)
    assert issues.top(1)["path"].tolist() == [pictures[issues.top(1)["row"][0]]]
    page = issues._repr_html_()
    assert page.count("<img src='data:image/jpeg;base64,") == 10
    assert "style about" in page


def test_classes_are_escaped_in_a_notebook() -> None:
    gallery = make_gallery()

    page = curate.find_issues(
        np.array(["<b>a", "b", "c", "d"], dtype=object)[gallery.columns[0].labels],
        gallery.columns[0].pred_probs,
    )._repr_html_()

    assert "<b>a" not in page and "&lt;b&gt;a" in page


def test_plot_shows_the_yield_and_the_commonest_issues(pictures: list[str]) -> None:
    figure = find_with_pictures(pictures).plot()

    left, right = figure.axes
    assert left.get_xlabel() == "artworks reviewed"
    assert len(right.patches) > 0
    assert len(left.lines) == 2


def test_random_state_is_read_as_scikit_learn_does() -> None:
    gallery = make_gallery()

    def wrong(state: Any) -> Any:
        return curate.find_issues(
            styles(gallery), gallery.columns[0].pred_probs, random_state=state
        ).probability_wrong()

    np.testing.assert_array_equal(wrong(5), wrong(5))
    np.testing.assert_array_equal(wrong(np.random.RandomState(1)), wrong(np.random.RandomState(1)))
