"""Every number of a report, recomputed from what `curate export` writes: labels and predictions."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from tests.conftest import Curate
from tests.report.galleries import Gallery, copy_of

pytestmark = pytest.mark.slow

ATTRIBUTES = ("style", "genre", "artist")
PARTS = ["test" if i % 2 == 0 else "validation" if i % 4 == 1 else "in-sample" for i in range(80)]


class Exported:
    """What the two exports say of one attribute, over the artworks that are judged."""

    def __init__(self, labels: pd.DataFrame, predictions: pd.DataFrame, attribute: str) -> None:
        judged = predictions[predictions["provenance"].isin(("fold", "ensemble", "test"))]
        columns = [name for name in predictions.columns if name.startswith(f"{attribute}.")]
        self.classes = [name.removeprefix(f"{attribute}.") for name in columns]
        self.all_labels = labels[attribute]
        self.labels = labels.set_index("filepath").loc[judged["filepath"], attribute].to_list()
        self.probs: NDArray[np.float64] = judged[columns].to_numpy(np.float64)
        self.said = [self.classes[i] for i in self.probs.argmax(axis=1)]
        self.confidence = self.probs.max(axis=1)
        self.right = np.array(self.labels) == np.array(self.said)
        self.p_label = self.probs[np.arange(len(self.labels)), [self.classes.index(x) for x in self.labels]]

    def confusion(self) -> dict[tuple[str, str], int]:
        matrix = sk.confusion_matrix(self.labels, self.said, labels=self.classes)
        return {
            (label, said): int(n)
            for label, row in zip(self.classes, matrix, strict=True)
            for said, n in zip(self.classes, row, strict=True)
            if n
        }


Reported = tuple[dict[str, Any], Path, dict[str, Exported]]


@pytest.fixture(params=["cross-validation", "holdout"])
def reported(
    request: pytest.FixtureRequest,
    made_once: dict[str, Reported],
    drawn_gallery: Gallery,
    curate: Curate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Reported:
    """A report as JSON, its figures' folder, and the exports by attribute."""
    protocol = request.param
    if protocol not in made_once:
        folder = tmp_path_factory.mktemp(protocol)
        made_once[protocol] = write_report(copy_of(drawn_gallery, folder / "ws"), protocol, curate, folder)
    return made_once[protocol]


def write_report(gallery: Gallery, protocol: str, curate: Curate, folder: Path) -> Reported:
    """Write the report of a run, and export what it was made from."""
    gallery.add_run(provenance=PARTS if protocol == "holdout" else None)
    gallery.correct("style", [4, 6, 8, 11])
    ws, out = gallery.folder, folder / "r.json"
    figures, labels, predictions = folder / "figures", folder / "labels.csv", folder / "p.parquet"
    written = curate("-w", ws, "report", "--format", "json", "--out", out, "--figures", figures)
    assert written.status == 0, written.stderr
    curate("-w", ws, "export", labels)
    curate("-w", ws, "export", predictions, "--predictions", 1)
    tables = pd.read_csv(labels), pd.read_parquet(predictions)
    record = json.loads(out.read_text(encoding="utf-8"))
    return record, figures, {name: Exported(*tables, name) for name in ATTRIBUTES}


def test_the_numbers_of_an_attribute(
    reported: Reported,
) -> None:
    record, _, exported = reported
    for name, own in exported.items():
        weighted = sk.precision_recall_fscore_support(
            own.labels, own.said, average="weighted", zero_division=0
        )
        present = sorted(set(own.labels))
        found = record["attributes"][name]["corrected"]
        want = {
            "n": len(own.labels),
            "classes": len(own.classes),
            "present": len(present),
            "accuracy": sk.accuracy_score(own.labels, own.said),
            "macro_f1": sk.f1_score(own.labels, own.said, labels=present, average="macro", zero_division=0),
            "weighted_precision": weighted[0],
            "weighted_recall": weighted[1],
            "weighted_f1": weighted[2],
            "balanced_accuracy": sk.recall_score(
                own.labels, own.said, labels=present, average="macro", zero_division=0
            ),
            "majority": Counter(own.labels).most_common(1)[0][1] / len(own.labels),
            "mean_confidence": own.confidence.mean(),
            "ece": sum(share * abs(right - sure) for _, sure, right, share in bins(own)),
        }
        assert {key: found[key] for key in want} == pytest.approx(want), name
        assert record["attributes"][name]["flagged"] == int((own.p_label < 0.3).sum())


def test_the_threshold_rule(reported: Reported) -> None:
    record, _, exported = reported
    flagged = np.any([own.p_label < 0.3 for own in exported.values()], axis=0)

    assert record["threshold"] == {"below": 0.3, "artworks": len(flagged), "flagged": int(flagged.sum())}


def test_the_confusions(reported: Reported) -> None:
    record, figures, exported = reported
    for name, own in exported.items():
        cells = read_csv(figures / f"{name}-confusion.csv")
        found = {(row["label"], row["predicted"]): int(row["n"]) for row in cells}
        assert found == own.confusion()
        support = Counter(own.labels)
        shares = [int(row["n"]) / support[row["label"]] for row in cells]
        assert [float(row["share_of_label"]) for row in cells] == pytest.approx(shares)
        wrong = {cell: n for cell, n in found.items() if cell[0] != cell[1]}
        top = record["attributes"][name]["top_confusions"]
        assert [one["n"] for one in top] == sorted(wrong.values(), reverse=True)[: len(top)]
        assert all(wrong[one["label"], one["predicted"]] == one["n"] for one in top)


def test_calibration_and_distribution(reported: Reported) -> None:
    _, figures, exported = reported
    for name, own in exported.items():
        drawn = read_csv(figures / f"{name}-calibration.csv")
        columns = ("n", "confidence", "accuracy", "share")
        found = np.array([[float(row[column]) for column in columns] for row in drawn])
        assert found == pytest.approx(np.array(bins(own)))
        counts = read_csv(figures / f"{name}-distribution.csv")
        corrected = {row["class"]: int(row["corrected"]) for row in counts if row["corrected"] != "0"}
        assert corrected == Counter(own.all_labels.dropna().to_list())


def test_class_by_class(gallery: Gallery, curate: Curate, tmp_path: Path) -> None:
    gallery.add_run()
    labels, predictions = tmp_path / "labels.csv", tmp_path / "p.parquet"
    curate("-w", gallery.folder, "export", labels)
    curate("-w", gallery.folder, "export", predictions, "--predictions", 1)
    for name in ATTRIBUTES:
        said = curate("-w", gallery.folder, "evaluate", "--attribute", name, "--json").json()
        own = Exported(pd.read_csv(labels), pd.read_parquet(predictions), name)
        classes = [row["class"] for row in said["attributes"][name]["classes"]]

        want = sk.precision_recall_fscore_support(own.labels, own.said, labels=classes, zero_division=0)

        found = said["attributes"][name]["classes"]
        for key, column in zip(("precision", "recall", "f1", "support"), want, strict=True):
            assert [row[key] for row in found] == pytest.approx(list(column)), (name, key)
        assert [row["predicted"] for row in found] == [own.said.count(key) for key in classes]


def test_the_yield_to_expect(gallery: Gallery, curate: Curate, tmp_path: Path) -> None:
    gallery.add_run()
    figures = tmp_path / "figures"
    curate("-w", gallery.folder, "report", "--out", tmp_path / "r.html", "--figures", figures)

    scores = [issue["score"] for issue in curate("-w", gallery.folder, "issues", "--all", "--json").lines()]

    wanted = np.cumsum(1 - np.sort(scores))
    drawn = {
        int(row["reviews"]): float(row["expected_errors"]) for row in read_csv(figures / "expected-yield.csv")
    }
    assert drawn == pytest.approx({at: wanted[at - 1] for at in drawn})


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def bins(own: Exported) -> list[tuple[int, float, float, float]]:
    """Return (n, confidence, accuracy, share) of the 15 bins of equal width that hold anything."""
    edges = np.linspace(0, 1, 16)
    at = np.searchsorted(edges[1:-1], own.confidence)
    return [
        (
            int((at == i).sum()),
            float(own.confidence[at == i].mean()),
            float(own.right[at == i].mean()),
            float((at == i).mean()),
        )
        for i in np.unique(at)
    ]
