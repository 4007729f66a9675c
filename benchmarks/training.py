"""What training is worth and what it costs, on real paintings.

    python benchmarks/training.py quality                  out-of-fold accuracy beside a logistic regression
    python benchmarks/training.py price                    the cost in passes through the backbone
    python benchmarks/training.py recipes --splits 3       the default recipe against the seed's, fine-tuned
    python benchmarks/training.py all

The gallery is a CSV ``filepath,<attributes…>`` (default: the 3,000 paintings of ../shared/data/wikiart224).
Prints a table a part and, last, one JSON line. Training states are kept under ``--work`` and go on there.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import json
import resource
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import model  # noqa: F401  # isort: skip  (first: it tells OpenMP how to wait, before torch is loaded)

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curate.issues import IMPORTED
from curate.training.label_issues import score_run
from curate.training.splits import assign_folds, assign_splits
from db.labels.attribute_labels import AttributeLabels
from db.labels.table import LabelTable
from db.workspace.progress import Silent
from db.workspace.train_settings import TrainSettings
from model.distributed import World
from model.inputs.data import Example, Transform, pixels
from model.inputs.features import extract, normalise, transform_for
from model.inputs.images import ImageFeed, pack
from model.network.backbones import feature_shape, make_backbone
from model.network.cnn_lstm import CnnLstm
from model.network.weights import load_weights
from model.training.fit import Fit, Job
from model.training.train import RunResult, cross_validate, holdout

PAINTINGS = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "wikiart224" / "labels.csv"
SEED_PUBLISHED = {"style": 0.4734, "genre": 0.3576, "artist": 0.3257}  # EfficientNetB0+LSTM, by its README
Figures = dict[str, Any]


@dataclass
class Gallery:
    """The examples and targets of a CSV, and which images are the same bytes."""

    examples: list[Example]
    targets: list[AttributeLabels]
    groups: NDArray[np.int64]

    @property
    def labels(self) -> dict[str, NDArray[np.int64]]:
        """Class indices by attribute."""
        return {target.attribute: target.labels for target in self.targets}


def read_gallery(path: Path, min_count: int, limit: int | None) -> Gallery:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:limit]
    files = [path.parent / row["filepath"] for row in rows]
    examples = [
        Example(number, file, hashlib.sha256(file.read_bytes()).hexdigest())
        for number, file in enumerate(files)
    ]
    targets = []
    for name in [column for column in rows[0] if column != "filepath"]:
        counts = Counter(row[name] for row in rows if row[name])
        kept = sorted(key for key, count in counts.items() if count >= min_count)
        index = {key: place for place, key in enumerate(kept)}
        labels = np.array([index.get(row[name], -1) for row in rows], dtype=np.int64)
        targets.append(
            AttributeLabels(name, tuple(kept), labels, sum(counts.values()) - int((labels >= 0).sum()))
        )
    order = {sha: place for place, sha in enumerate(dict.fromkeys(item.sha256 for item in examples))}
    return Gallery(examples, targets, np.array([order[item.sha256] for item in examples]))


def settings_of(options: argparse.Namespace, **changes: object) -> TrainSettings:
    values = {
        "backbone": options.backbone,
        "weights": options.weights,
        "image_size": options.image_size,
        "min_class_count": options.min_class_count,
        "tensorboard": False,
    }
    return TrainSettings.model_validate({**values, **changes})


def out_of_fold(
    gallery: Gallery, folds: NDArray[np.int64], settings: TrainSettings, work: Path, name: str
) -> RunResult:
    return cross_validate(
        gallery.examples,
        gallery.targets,
        folds,
        settings,
        cache_dir=work / "cache",
        run_dir=work / name,
        progress=Silent(),
    )


def pooled_features(gallery: Gallery, settings: TrainSettings, work: Path) -> NDArray[np.float32]:
    """Mean-pooled features of the whole backbone's width, (N, C), as a plain script would take them."""
    settings = settings.resolved().model_copy(update={"projection": 0})
    backbone = make_backbone(settings.backbone, settings.image_size)
    weights = load_weights(backbone, settings.weights, settings.seed)
    features = extract(
        gallery.examples, backbone, weights, settings, work / "whole", torch.device("cpu"), Silent()
    )
    rows = range(len(gallery.examples))
    return np.stack([features.gather([row])[0].astype(np.float32).mean(axis=0) for row in rows])


def logistic_regression(
    gallery: Gallery, folds: NDArray[np.int64], features: NDArray[np.float32], strength: float
) -> dict[str, float]:
    """Out-of-fold accuracy of scikit-learn's multinomial logistic regression, an attribute at a time."""
    from sklearn.linear_model import LogisticRegression

    accuracies = {}
    for target in gallery.targets:
        given, hits = target.labels >= 0, 0
        for fold in range(folds.max() + 1):
            train, test = given & (folds != fold) & (folds >= 0), given & (folds == fold)
            classifier = LogisticRegression(C=strength, max_iter=300)
            classifier.fit(features[train], target.labels[train])
            hits += int((classifier.predict(features[test]) == target.labels[test]).sum())
        accuracies[target.attribute] = hits / int((given & (folds >= 0)).sum())
    return accuracies


def quality(gallery: Gallery, options: argparse.Namespace) -> Figures:
    settings = settings_of(options)
    folds = assign_folds(gallery.labels, gallery.groups, 5, 0)
    result = out_of_fold(gallery, folds, settings, options.work, "quality")
    features = pooled_features(gallery, settings, options.work)
    linear = logistic_regression(gallery, folds, features, 1.0)
    print("out of fold, 5 folds           " + "".join(f"{name:>10}" for name in result.metrics))
    for title, values in (
        ("always the commonest class", {name: m["majority"] for name, m in result.metrics.items()}),
        ("logistic regression, pooled", linear),
        (f"{settings.backbone} + LSTM", {name: m["accuracy"] for name, m in result.metrics.items()}),
        ("calibration error", {name: m["ece_calibrated"] for name, m in result.metrics.items()}),
        ("classes", {name: float(m["classes"]) for name, m in result.metrics.items()}),
    ):
        print(f"{title:31}" + "".join(f"{value:10.3f}" for value in values.values()))
    return {
        "accuracy": {name: m["accuracy"] for name, m in result.metrics.items()},
        "majority": {name: m["majority"] for name, m in result.metrics.items()},
        "logistic_regression": linear,
        "calibration_error": {name: m["ece_calibrated"] for name, m in result.metrics.items()},
        "macro_f1": {name: m["macro_f1"] for name, m in result.metrics.items()},
    }


class Clock:
    """Wall and processor seconds of a block; where other work shares the cores, trust the latter's ratio."""

    def __enter__(self) -> Clock:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu


@torch.inference_mode()
def bare_pass(gallery: Gallery, settings: TrainSettings) -> Clock:
    """Decode every image and take it through the backbone, in the plainest way there is."""
    backbone = make_backbone(settings.backbone, settings.image_size)
    load_weights(backbone, settings.weights, settings.seed)
    backbone = backbone.to(memory_format=torch.channels_last).eval()
    transform = transform_for(backbone, settings)
    with Clock() as clock:
        for start in range(0, len(gallery.examples), 32):
            batch = [pixels(item.path, transform) for item in gallery.examples[start : start + 32]]
            backbone(normalise(torch.from_numpy(np.stack(batch)), transform))
    return clock


def evidence(gallery: Gallery, result: RunResult, folds: NDArray[np.int64]) -> Clock:
    """Score every label, as `curate train` does when the models are trained."""
    numbers = np.arange(len(gallery.examples), dtype=np.int64)
    nothing = [""] * len(numbers)
    trust = {name: np.full(labels.shape, IMPORTED, np.int8) for name, labels in gallery.labels.items()}
    uuids = [UUID(int=int(number)) for number in numbers]
    shas = [example.sha256 for example in gallery.examples]
    table = LabelTable(numbers, uuids, nothing, nothing, shas, gallery.groups, gallery.labels, trust)
    columns = {
        target.attribute: dataclasses.replace(
            target, attribute_id=place, class_ids=np.arange(len(target.classes), dtype=np.int64)
        )
        for place, target in enumerate(gallery.targets)
    }
    with Clock() as clock:
        score_run(table, columns, result, folds, {}, 0)
    return clock


def price(gallery: Gallery, options: argparse.Namespace) -> Figures:
    settings = settings_of(options).resolved()
    folds = assign_folds(gallery.labels, gallery.groups, 5, 0)
    work = Path(tempfile.mkdtemp(dir=options.work))
    passes, wholes, results, scored = [], [], [], []
    for turn in range(options.turns):  # interleaved, so that other work on the machine slows both alike
        passes.append(bare_pass(gallery, settings))
        with Clock() as whole:
            results.append(out_of_fold(gallery, folds, settings, work / str(turn), "price"))
            scored.append(evidence(gallery, results[-1], folds))
        wholes.append(whole)
    passes.append(bare_pass(gallery, settings))
    with Clock() as again:
        out_of_fold(gallery, folds, settings.model_copy(update={"lstm_hidden": 128}), work / "0", "again")
    shutil.rmtree(work)
    wall, cpu = (statistics.median(getattr(one, kind) for one in passes) for kind in ("wall", "cpu"))
    without_refit = statistics.median(one.seconds["features"] + one.seconds["heads"] for one in results)
    with_refit = statistics.median(one.seconds["total"] for one in results)
    judging = statistics.median(one.wall for one in scored)
    naive = 1 + settings.folds * (settings.epochs or 1) * (settings.folds - 1) / settings.folds
    figures = {
        "pass_seconds": wall,
        "total_over_pass": without_refit / wall,
        "total_over_pass_with_refit": with_refit / wall,
        "total_over_pass_with_refit_and_evidence": (with_refit + judging) / wall,
        "cpu_over_pass_with_refit_and_evidence": statistics.median(one.cpu for one in wholes) / cpu,
        "second_run_over_pass": again.wall / wall,
        "naive_over_pass": naive,
        "seconds": {**results[-1].seconds, "evidence": judging},
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for name, value in figures.items():
        print(f"{name:42}" + (f"{value:10.2f}" if isinstance(value, float) else f"  {value}"))
    figures["finetune_step_over_bare"] = step_ratio(gallery, options)
    print(f"{'finetune_step_over_bare':42}{figures['finetune_step_over_bare']:10.2f}")
    return figures


class Memory:
    """A feed whose batches are in memory already."""

    def __init__(self, batches: Sequence[tuple[NDArray[np.int64], Tensor]]) -> None:
        self.batches = batches

    def training(
        self, plan: Sequence[NDArray[np.int64]], seed: Sequence[int]
    ) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Yield the batches, whatever was asked for."""
        return iter(self.batches)

    def plain(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Yield the batches, whatever was asked for."""
        return iter(self.batches)


def step_ratio(gallery: Gallery, options: argparse.Namespace, rows: int = 192, repeats: int = 5) -> float:
    """The rate of fine-tuning steps fed from image files, over the same steps on tensors in memory."""
    settings = settings_of(options, mode="finetune", image_size=96, epochs=1, batch_size=32).resolved()
    few = gallery.examples[:rows]
    labels = np.stack([target.labels[:rows] for target in gallery.targets], axis=1)
    backbone = make_backbone(settings.backbone, settings.image_size)
    load_weights(backbone, settings.weights, settings.seed)
    shape = feature_shape(backbone, settings.image_size)
    network = CnnLstm(backbone, shape, [len(target.classes) for target in gallery.targets], settings)
    transform: Transform = transform_for(backbone, settings)
    names = [target.attribute for target in gallery.targets]
    job = Job("steps", 0, np.arange(rows), np.empty(0, np.int64))
    seconds: dict[str, list[float]] = {"files": [], "memory": []}
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        store, _ = pack(few, settings, Path(folder), Silent(), World())
        with ImageFeed(store, few, transform, settings, torch.device("cpu")) as files:
            plan = [np.arange(start, start + 32) for start in range(0, rows, 32)]
            memory = Memory(list(files.training(plan, (0, 0))))
            for repeat in range(repeats + 1):
                for name, feed in (("files", files), ("memory", memory)):
                    fit = Fit(network, feed, labels, names, settings, torch.device("cpu"))
                    with Clock() as clock:
                        fit.run(job, Path(folder) / f"{name}-{repeat}")
                    seconds[name].append(clock.wall)
    return statistics.median(seconds["memory"][1:]) / statistics.median(seconds["files"][1:])


def recipes(gallery: Gallery, options: argparse.Namespace) -> Figures:
    """Fine-tune by the default recipe and by the seed's, on the same splits; test accuracy of each."""
    by_recipe: dict[str, list[dict[str, float]]] = {"default": [], "seed": []}
    majority: dict[str, float] = {}
    for split in range(options.splits):
        splits = assign_splits(gallery.labels, gallery.groups, split)
        for recipe in by_recipe:
            settings = settings_of(
                options,
                recipe=recipe,
                mode="finetune",
                protocol="holdout",
                image_size=options.recipe_size,
                epochs=options.epochs,
                seed=split,
            )
            result = holdout(
                gallery.examples,
                gallery.targets,
                splits,
                settings,
                cache_dir=options.work / "cache",
                run_dir=options.work / f"{recipe}-{split}-{options.recipe_size}",
                progress=Silent(),
            )
            by_recipe[recipe].append({name: m["accuracy"] for name, m in result.metrics.items()})
            majority = {name: m["majority"] for name, m in result.metrics.items()}
            print(
                f"split {split} {recipe:8} "
                + "  ".join(f"{n} {v:.3f}" for n, v in by_recipe[recipe][-1].items())
            )
    means = {
        recipe: {name: statistics.mean(run[name] for run in runs) for name in runs[0]}
        for recipe, runs in by_recipe.items()
    }
    for title, values in (("always the commonest class", majority), ("seed's recipe", means["seed"])):
        print(f"{title:31}" + "".join(f"{value:10.3f}" for value in values.values()))
    print(f"{'default recipe':31}" + "".join(f"{value:10.3f}" for value in means["default"].values()))
    print("The seed's own figures, on its 11,274 images: " + json.dumps(SEED_PUBLISHED))
    gain = statistics.mean(means["default"].values()) - statistics.mean(means["seed"].values())
    return {"seed_recipe": means["seed"], "finetuned": means["default"], "gain_over_seed": gain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", choices=("quality", "price", "recipes", "all"))
    parser.add_argument("--gallery", type=Path, default=PAINTINGS)
    parser.add_argument("--work", type=Path, default=None, help="a folder kept; else a temporary one")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--recipe-size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--turns", type=int, default=1, help="price: passes and runs, taken in turn")
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--min-class-count", type=int, default=10)
    parser.add_argument("--limit", type=int, default=None)
    options = parser.parse_args()
    if not options.gallery.is_file():
        parser.error(f"there is no list of paintings at {options.gallery}; name one with --gallery CSV")
    keep = options.work is not None
    options.work = options.work or Path(tempfile.mkdtemp(prefix="curate-training-"))
    options.work.mkdir(parents=True, exist_ok=True)
    gallery = read_gallery(options.gallery, options.min_class_count, options.limit)
    parts = {"quality": quality, "price": price, "recipes": recipes}
    figures: Figures = {"paintings": len(gallery.examples), "backbone": options.backbone}
    for name, part in parts.items():
        if options.part in (name, "all"):
            figures |= part(gallery, options)
    if not keep:
        shutil.rmtree(options.work)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
