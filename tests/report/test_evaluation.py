"""Every number against scikit-learn on what `curate export --predictions` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics as sk
from torchmetrics.classification import MulticlassCalibrationError

from curate.evaluation import RunPredictions, evaluate_run, read_predictions
from curate.evaluation.metrics import bootstrap, reliability, resampled
from curate.evaluation.predictions import reduce_probabilities
from curate.export.curated_list import export_predictions
from db.classes.classes import ClassList
from tests.conftest import Curate
from tests.report.galleries import Gallery, make_gallery


def read(gallery: Gallery, run_id: int | None = None) -> RunPredictions:
    with gallery.workspace.open_catalog() as catalog:
        return read_predictions(gallery.workspace, catalog, run_id, "evaluate")


def exported(gallery: Gallery, attribute: str, out: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Return an attribute's classes and probabilities as `curate export` gives them."""
    with gallery.workspace.open_catalog() as catalog:
        export_predictions(gallery.workspace, catalog, None, out)
    frame = pd.read_parquet(out)
    columns = [name for name in frame.columns if name.startswith(f"{attribute}.")]
    return [name.removeprefix(f"{attribute}.") for name in columns], frame[columns].to_numpy(np.float64)


def expected(labels: list[str], classes: list[str], probs: NDArray[np.float64]) -> dict[str, Any]:
    """Compute with scikit-learn what one set of labels must give."""
    said = [classes[i] for i in probs.argmax(axis=1)]
    index = np.array([classes.index(label) for label in labels])
    present = sorted(set(labels))
    weighted = sk.precision_recall_fscore_support(labels, said, average="weighted", zero_division=0)
    top5 = (
        sk.top_k_accuracy_score(index, probs, k=5, labels=range(len(classes))) if len(classes) > 5 else None
    )
    return {
        "n": len(labels),
        "classes": len(classes),
        "accuracy": sk.accuracy_score(labels, said),
        "macro_f1": sk.f1_score(labels, said, labels=present, average="macro", zero_division=0),
        "weighted_precision": weighted[0],
        "weighted_recall": weighted[1],
        "weighted_f1": weighted[2],
        "balanced_accuracy": sk.balanced_accuracy_score(labels, said),
        "majority": max(labels.count(name) for name in present) / len(labels),
        "top5": top5,
        "coverage": 1.0,
    }


@pytest.mark.parametrize("attribute", ["style", "genre", "artist"])
def test_every_metric_is_what_scikit_learn_computes_from_the_exported_predictions(
    gallery: Gallery, attribute: str, tmp_path: Path
) -> None:
    gallery.add_run()
    wrong = [i for i, (a, b) in enumerate(zip(gallery.true, gallery.given, strict=True)) if a != b]
    gallery.correct(attribute, [i for i in wrong if gallery.true[i].labels != gallery.given[i].labels][:5])

    found = evaluate_run(read(gallery)).as_record()["attributes"][attribute]

    classes, probs = exported(gallery, attribute, tmp_path / "p.parquet")
    imported = [record.labels[attribute] for record in gallery.given]
    corrected = list(imported)
    for i in wrong[:5]:
        corrected[i] = gallery.true[i].labels[attribute]
    for name, labels in (("imported", imported), ("corrected", corrected)):
        numbers = expected(labels, classes, probs)
        assert {key: found[name][key] for key in numbers} == pytest.approx(numbers), name
        low, high = found[name]["accuracy_interval"]
        assert low < found[name]["accuracy"] < high


def test_labels_that_nobody_reviewed_are_the_same_imported_and_corrected(gallery: Gallery) -> None:
    gallery.add_run()

    one = evaluate_run(read(gallery)).attributes["style"]

    assert one.imported == one.corrected
    assert one.changed == 0


def test_a_correction_shows_in_the_corrected_numbers_only(gallery: Gallery) -> None:
    gallery.add_run(skill=1.0)
    wrong = [
        i
        for i, (a, b) in enumerate(zip(gallery.true, gallery.given, strict=True))
        if a.labels["style"] != b.labels["style"]
    ]

    gallery.correct("style", wrong)

    one = evaluate_run(read(gallery)).attributes["style"]
    assert one.changed == len(wrong) == 8
    assert one.imported is not None and one.corrected is not None
    assert one.imported.accuracy == pytest.approx(1 - len(wrong) / 80)
    assert one.corrected.accuracy == 1.0


def test_calibration_error_is_that_of_torchmetrics() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(4) * 0.4, size=500)
    true = np.array([rng.choice(4, p=row) for row in probs])

    bins = reliability(true, probs.argmax(axis=1), probs.max(axis=1))

    measure = MulticlassCalibrationError(num_classes=4, n_bins=15)
    want = float(measure(torch.tensor(probs), torch.tensor(true)))
    assert float((bins["share"] * (bins["accuracy"] - bins["confidence"]).abs()).sum()) == pytest.approx(want)
    assert int(bins["n"].sum()) == 500


def test_resampled_accuracy_and_f1_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    true, groups = rng.integers(4, size=60), np.arange(60) // 2
    said = np.where(rng.random(60) < 0.7, true, rng.integers(6, size=60))

    accuracies, f1s = bootstrap(true, said, groups, seed=3)

    for turn, drawn in zip(range(5), resampled(groups, seed=3), strict=False):
        rows = np.repeat(np.arange(60), drawn.astype(int))
        assert len(rows) == 60
        present = np.unique(true[rows])
        f1 = sk.f1_score(true[rows], said[rows], labels=present, average="macro", zero_division=0)
        assert accuracies[turn] == pytest.approx(sk.accuracy_score(true[rows], said[rows]))
        assert f1s[turn] == pytest.approx(f1)


def test_ranks_break_ties_as_top_k_accuracy_does() -> None:
    """Half-precision probabilities often tie; the top five must still be scikit-learn's."""
    rng = np.random.default_rng(1)
    probs = np.round(rng.dirichlet(np.ones(9), size=400), 1)
    labels = rng.integers(9, size=400)

    one = reduce(probs, labels + 100)

    want = sk.top_k_accuracy_score(labels, probs, k=5, labels=range(9))
    assert (one.corrected.rank < 5).mean() == pytest.approx(want)


def reduce(probs: NDArray[np.float64], ids: NDArray[np.int64], merged: dict[int, int] | None = None) -> Any:
    """Reduce the probabilities of classes a, b, c, … whose ids are 100, 101, 102, …"""
    keys = {100 + i: chr(97 + i) for i in range(probs.shape[1])}
    current = {i: (merged or {}).get(i, i) for i in keys}
    classes = ClassList(1, "style", keys, {i: key.upper() for i, key in keys.items()}, current)
    rows, usable = np.arange(len(probs)), np.ones(len(probs), dtype=bool)
    return reduce_probabilities(classes, list(keys.values()), probs, rows, usable, ids, ids)


def test_probabilities_of_merged_classes_are_summed() -> None:
    probs = np.array([[0.3, 0.4, 0.3], [0.1, 0.8, 0.1]])

    one = reduce(probs, np.array([102, 101]), merged={100: 102})

    assert one.keys == ("b", "c")
    np.testing.assert_allclose(one.confidence, [0.6, 0.8])
    np.testing.assert_array_equal(one.predicted, [1, 0])
    np.testing.assert_array_equal(one.corrected.classes, [1, 0])


def test_unread_images_and_missing_labels_are_not_judged() -> None:
    probs = np.array([[0.3, 0.7], [np.nan, np.nan], [0.6, 0.4], [0.9, 0.1]])

    one = reduce(probs, np.array([101, 100, -1, 999]))

    np.testing.assert_array_equal(one.evaluated(one.corrected), [0])
    np.testing.assert_array_equal(one.predicted, [1, -1, 0, 0])
    assert one.corrected.uncovered == 1


def test_a_holdout_is_judged_on_its_test_part_only(gallery: Gallery) -> None:
    provenance = ["test" if i % 4 == 0 else "validation" if i % 4 == 1 else "in-sample" for i in range(80)]
    gallery.add_run(provenance=provenance)

    found = evaluate_run(read(gallery))

    assert {one.corrected.n for one in found.attributes.values() if one.corrected} == {20}
    assert found.judged_artworks == 20


def test_artist_disjoint_counts_only_artists_whom_the_fold_never_saw(tmp_path: Path) -> None:
    """Rows go to fold row % 5: an artist with rows 0 and 5 is of one fold, one with rows 1 and 2 is not."""
    gallery = make_gallery(tmp_path, count=10, rate=0.0)
    gallery.add_run(skill=1.0)
    predictions = read(gallery)
    artists = np.array([1, 2, 2, 3, 3, 1, -1, -1, 4, -1])
    predictions.label_ids["artist"] = artists

    one = evaluate_run(predictions).attributes["style"].artist_disjoint

    assert one is not None
    assert one.n == 3  # rows 0 and 5, and row 8, the only work of its artist
    assert one.accuracy == 1.0


def test_evaluate_prints_a_table_and_the_same_numbers_as_json(gallery: Gallery, curate: Curate) -> None:
    gallery.add_run()

    table = curate("-w", gallery.folder, "evaluate")
    record = curate("-w", gallery.folder, "evaluate", "--json").json()

    accuracy = record["attributes"]["style"]["corrected"]["accuracy"]
    assert table.status == 0
    assert f"{accuracy:.3f}" in table.stdout
    assert record["run"] == 1
    assert record["threshold"]["below"] == 0.3


def test_evaluate_class_by_class(gallery: Gallery, curate: Curate) -> None:
    gallery.add_run()

    record = curate("-w", gallery.folder, "evaluate", "--attribute", "genre", "--json").json()

    classes = record["attributes"]["genre"]["classes"]
    assert list(record["attributes"]) == ["genre"]
    assert sum(one["support"] for one in classes) == 80
    assert {one["class"] for one in classes} == {record.labels["genre"] for record in gallery.true}


def test_evaluate_without_a_run_says_what_to_type(gallery: Gallery, curate: Curate) -> None:
    result = curate("-w", gallery.folder, "evaluate")

    assert result.status == 1
    assert result.stderr == (
        "error: `curate evaluate` needs a finished run, and this catalog has none. "
        "Run `curate train` first.\n"
    )
