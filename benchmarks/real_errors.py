"""Errors that people made: our ranking and counts beside cleanlab, a kNN vote and a logistic regression.

Run it as ``python -m benchmarks.real_errors --data FOLDER... --cache DIR``. A folder holds ``truth.csv``,
lists of labels (``labels*.csv``) and ``pred_probs.*.npz`` of published models (``filepaths``, ``classes``,
``pred_probs``). The truth is in one of three forms: ``filepath, given, wrong`` (one list), ``filepath,
true_label, NAME_wrong`` (a list ``labels_NAME.csv`` each), ``filepath, attribute, given, status`` (``wrong``
against ``right`` and ``agree``; anything else is left out).

``--train`` also scores each list in the product: ``curate init``, ``ingest`` and ``train`` into a workspace
under the cache, which is kept, then all methods on the run's arrays. ``--half A`` or ``B`` measures on one
half of the artworks, by a fixed hash of the file names: choose on one, report on the other. ``--audits 50``
judges this many random labels first, as a batch's audit would, and measures what is estimated of the rest.

It prints a table for each list and set of probabilities and, last, one JSON line: by name ``auprc`` of every
method, ``precision_at_n``, ``expected_over_true`` (ours and cleanlab's counts), ``interval_holds`` and
``forecast_over_found`` at a quarter, half and all of the number of errors.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from benchmarks.label_errors_rivals import SCORES
from benchmarks.real_errors_counts import after_audits, counts
from curate.issues import LabelColumn, find_neighbours, score_labels
from curate.training.label_issues import mean_margin
from curate.training.run import attribute_labels
from db.classes.classes import read_class_lists
from db.labels.table import LabelTable, label_table
from db.runs.runs import RunArrays, find_run, read_arrays, run_folder
from db.workspace.train_settings import TrainSettings
from db.workspace.workspace import Workspace, open_workspace

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SIZE = {"paintings": 160}  # pixels that a collection is trained at; others at SMALL
SMALL = 96
FOLDS, NEAREST = 5, 10
CLEAR = ("wrong", "right", "agree")
FEWEST_WRONG = 20  # of an attribute; below, its figures are chance


@dataclass(frozen=True)
class Truth:
    """Which labels of one list and attribute are wrong, by path; a path that is missing was not judged."""

    collection: str
    listing: Path
    attribute: str
    wrong: Mapping[str, bool]

    @property
    def name(self) -> str:
        """Collection, list and attribute."""
        part = self.listing.stem.removeprefix("labels").strip("_")
        return " ".join(filter(None, (self.collection, part, self.attribute.replace("label", ""))))


@dataclass(frozen=True)
class Case:
    """One list with one set of probabilities.

    Attributes:
        name: Which.
        columns: All attributes; the one in question first.
        wrong: Shape ``(N,)``; only where ``judged``.
        judged: Shape ``(N,)``.
        half: 0 or 1, by a hash of the file name, shape ``(N,)``.
        groups, embedding, folds, layers: As for ``score_labels``.
    """

    name: str
    columns: list[LabelColumn]
    wrong: Flags
    judged: Flags
    groups: Ints
    half: Ints
    embedding: NDArray[np.float32] | None = None
    folds: Ints | None = None
    layers: NDArray[np.float32] | None = None


def read_truths(folder: Path) -> list[Truth]:
    """Read what is known of a folder's lists."""
    rows = _rows(folder / "truth.csv")
    if "status" in rows[0]:
        truths = []
        for attribute in sorted({row["attribute"] for row in rows}):
            mine = [
                r for r in rows if r["attribute"] == attribute and r["status"] in ("wrong", "right", "agree")
            ]
            wrong = {row["filepath"]: row["status"] == "wrong" for row in mine}
            if sum(wrong.values()) >= FEWEST_WRONG:
                truths.append(Truth(folder.name, folder / "labels.csv", attribute, wrong))
        return truths
    if "wrong" in rows[0]:
        wrong = {row["filepath"]: row["wrong"] == "1" for row in rows}
        return [Truth(folder.name, folder / "labels.csv", "label", wrong)]
    truths = []
    for column in rows[0]:
        if column.endswith("_wrong"):
            wrong = {row["filepath"]: row[column] == "1" for row in rows}
            listing = folder / f"labels_{column.removesuffix('_wrong')}.csv"
            truths.append(Truth(folder.name, listing, "label", wrong))
    return truths


def published(truth: Truth) -> Iterator[Case]:
    """Yield a case for each set of published probabilities."""
    given = {row["filepath"]: row[truth.attribute] for row in _rows(truth.listing)}
    part = truth.listing.stem.removeprefix("labels").strip("_")
    for path in sorted(truth.listing.parent.glob("pred_probs.*.npz")):
        names = path.name.split(".")[1:-1]
        if part and names[0] != part:
            continue
        arrays = np.load(path)
        files, classes = arrays["filepaths"].tolist(), arrays["classes"].tolist()
        labels = np.array([classes.index(given[file]) for file in files], dtype=np.int64)
        column = LabelColumn(
            truth.attribute,
            tuple(classes),
            labels,
            arrays["pred_probs"].astype(np.float64),
            np.zeros(len(labels), dtype=np.int8),
        )
        wrong, judged = _known(truth, files)
        yield _named(f"{truth.name} × {names[-1]}", files, [column], wrong, judged)


def trained(truth: Truth, cache: Path) -> Case:
    """Train on the list in a workspace under the cache, once, and return the case of the run's arrays."""
    folder = cache / truth.listing.parent.name / truth.listing.stem
    attributes = [name for name in _rows(truth.listing)[0] if name != "filepath"]
    if not (folder / "trained").exists():
        size = SIZE.get(truth.collection, SMALL)
        start = [["init", str(folder), "--attributes", ",".join(attributes)]]
        commands = [
            *(start if not (folder / "curate.toml").exists() else []),  # an interrupted one goes on
            ["-w", str(folder), "ingest", str(truth.listing), "--images", str(truth.listing.parent)],
            ["-w", str(folder), "train", "--backbone", "efficientnet_lite0", "--image-size", str(size)],
        ]
        for command in commands:
            subprocess.run([sys.executable, "-m", "curate.cli", *command], check=True, stdout=sys.stderr)
        (folder / "trained").touch()
    paths, columns, arrays, groups, layers = _run_arrays(folder)
    columns.sort(key=lambda column: column.attribute != truth.attribute)
    wrong, judged = _known(truth, paths)
    case = _named(f"{truth.name} × product", paths, columns, wrong, judged)
    return replace(case, groups=groups, embedding=arrays.embedding, folds=arrays.folds, layers=layers)


def _run_arrays(
    folder: Path,
) -> tuple[list[str], list[LabelColumn], RunArrays, Ints, NDArray[np.float32] | None]:
    """Return the paths, label columns, arrays, groups and layers of a workspace's newest run."""
    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        table, lists = label_table(session), read_class_lists(session)
        run = find_run(session, None, "benchmark")
        run_dir = run_folder(session, workspace, run.uuid)
    arrays = read_arrays(run_dir)
    margins = np.load(run_dir / "models" / "margins.npy").astype(np.float64)
    labels = {name: attribute_labels(table, name, classes, FOLDS) for name, classes in lists.items()}
    labels = {name: column for name, column in labels.items() if name in arrays.pred_probs}
    columns = [
        LabelColumn(
            name,
            column.classes,
            column.labels,
            arrays.pred_probs[name].astype(np.float64),
            np.zeros(len(table), dtype=np.int8),
            mean_margin(margins[:, :, at]),
            codes=table.labels[name],
        )
        for at, (name, column) in enumerate(labels.items())
    ]
    groups = np.unique(table.groups, return_inverse=True)[1].astype(np.int64)
    return table.paths, columns, arrays, groups, _layers(workspace, table, run.settings)


class Silent:
    """Progress that nobody watches."""

    def start(self, total: int | None, what: str) -> None:
        """Say nothing."""

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """Say nothing."""

    def message(self, text: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


def _layers(
    workspace: Workspace, table: LabelTable, settings: Mapping[str, object]
) -> NDArray[np.float32] | None:
    """Return the statistics of the layers, from the feature cache."""
    import torch

    from model.inputs.data import Example
    from model.inputs.features import extract
    from model.network.backbones import make_backbone
    from model.network.weights import load_weights

    resolved = TrainSettings.model_validate(settings).resolved()
    backbone = make_backbone(resolved.backbone, resolved.image_size)
    weights = load_weights(backbone, resolved.weights, resolved.seed)
    examples = [
        Example(int(artwork_id), workspace.image_path(root, path), sha256)
        for artwork_id, root, path, sha256 in zip(
            table.artwork_ids, table.roots, table.paths, table.sha256, strict=True
        )
    ]
    cpu, cache = torch.device("cpu"), workspace.cache_folder
    return extract(examples, backbone, weights, resolved, cache, cpu, Silent()).layers()


def _named(name: str, paths: list[str], columns: list[LabelColumn], wrong: Flags, judged: Flags) -> Case:
    half = np.array([hashlib.sha256(Path(path).name.encode()).digest()[0] % 2 for path in paths])
    return Case(name, columns, wrong, judged, np.arange(len(paths)), half)


def _known(truth: Truth, paths: list[str]) -> tuple[Flags, Flags]:
    wrong = np.array([truth.wrong.get(path, False) for path in paths], dtype=np.bool_)
    return wrong, np.array([path in truth.wrong for path in paths], dtype=np.bool_)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rivals(case: Case, rows: Ints) -> dict[str, Floats]:
    """Return what every other method says of the labels at ``rows``, lower is worse."""
    column = case.columns[0]
    labels, probs = column.labels[rows], column.pred_probs[rows].astype(np.float64)
    probs = np.maximum(probs, 1e-9)
    probs /= probs.sum(axis=1, keepdims=True)
    scores: dict[str, Floats] = {
        name: get_label_quality_scores(labels, probs, method=method, adjust_pred_probs=adjusted)
        for name, (method, adjusted) in SCORES.items()
    }
    best = probs.max(axis=1)
    scores["FiftyOne mistakenness"] = -np.where(probs.argmax(axis=1) == labels, 1.0 - best, 1.0 + best)
    if case.embedding is not None and case.folds is not None:
        embedding = case.embedding
        near = find_neighbours(embedding, case.groups, NEAREST).rows[rows]
        agree = (column.labels[near] == labels[:, None]) & (near >= 0)
        jitter = np.random.default_rng(0).random(len(rows)) * 1e-3
        scores["kNN vote"] = agree.mean(axis=1) + jitter
        scores["logistic regression"] = _regression(embedding, column.labels, case.folds, rows)
    return scores


def _regression(embedding: NDArray[np.float32], labels: Ints, folds: Ints, rows: Ints) -> Floats:
    """Return a logistic regression's out-of-fold probability of the given labels."""
    vectors = embedding - np.nanmean(embedding, axis=0)
    own = np.zeros(len(labels))
    for fold in np.unique(folds[rows]):
        train, test = np.flatnonzero((folds != fold) & (labels >= 0)), rows[folds[rows] == fold]
        model = LogisticRegression(C=3.0, max_iter=300).fit(vectors[train], labels[train])
        probs = np.zeros((len(test), int(labels.max()) + 1))
        probs[:, model.classes_] = model.predict_proba(vectors[test])
        own[test] = probs[np.arange(len(test)), labels[test]]
    return own[rows]


def measure(case: Case, audits: int) -> dict[str, object]:
    """Score the labels by every method, print the table and return the figures."""
    column = case.columns[0]
    scored = score_labels(
        case.columns,
        groups=case.groups,
        embedding=case.embedding,
        folds=case.folds,
        layers=case.layers,
        seed=0,
    )
    own = scored[column.attribute]
    rows = np.flatnonzero(column.scorable)
    judged = case.judged[rows]
    scores = {"ours": own.score[rows], **rivals(case, rows)}
    wrong = case.wrong[rows][judged]
    auprc, precision = {}, {}
    print(f"\n{case.name}: {len(rows)} labels, {wrong.sum()} of {judged.sum()} judged ones wrong")
    for name, score in scores.items():
        order = np.argsort(score[judged], kind="stable")
        auprc[name] = round(float(average_precision_score(wrong, -score[judged])), 4)
        precision[name] = round(float(wrong[order][: wrong.sum()].mean()), 4)
        print(f"  {name:38}{auprc[name]:8.3f}{precision[name]:8.3f}")
    figures = counts(
        column.labels[rows], column.pred_probs[rows].astype(np.float64), own, rows, judged, wrong
    )
    if audits:
        figures["after_audits"] = after_audits(own.score[rows][judged], wrong, audits)
    best = max((name for name in auprc if name.startswith("cleanlab")), key=lambda name: auprc[name])
    against = {"best_cleanlab": best, "difference": round(auprc["ours"] - auprc[best], 4)}
    print("  " + json.dumps(against | figures))
    return {"auprc": auprc, "precision_at_n": precision, **against, **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders with truth.csv")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "curate-real-errors")
    parser.add_argument("--train", action="store_true", help="also in the product: train on each list")
    parser.add_argument("--half", choices=("A", "B"), help="one half of the artworks, by file name")
    parser.add_argument("--audits", type=int, default=0, help="also the estimates after this many audits")
    args = parser.parse_args()
    figures = {}
    for truth in [truth for folder in args.data for truth in read_truths(folder)]:
        cases = list(published(truth)) + ([trained(truth, args.cache)] if args.train else [])
        for case in cases:
            if args.half is not None:
                case = replace(case, judged=case.judged & (case.half == "AB".index(args.half)))
            figures[case.name] = measure(case, args.audits)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
