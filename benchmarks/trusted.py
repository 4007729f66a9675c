"""Is it worth training on what is trusted? ``--drop-doubtful`` and ``--weight-by-score`` on planted errors.

    python -m benchmarks.trusted --data ../shared/data/wikiart224 --seeds 2

A tenth of the style and genre labels is made wrong, in a third each uniformly, confusably and to another of
the artist's classes. The CNN+LSTM is trained on them by cross-validation, its probabilities give the scores,
and by these it is trained again: on the labels above even odds, and on all by their scores. Out-of-fold
predictions are compared with the true labels of an audit, a fifth of the paintings drawn at random, never
with the labels trained on. Beside it: the same on the true labels, the most that any trust could bring.

Printed last, as JSON: ``accuracy`` by way of training, attribute and seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from hashlib import sha256
from pathlib import Path

import model  # noqa: F401  # isort: skip  (first: it tells OpenMP how to wait, before torch is loaded)

import numpy as np
import pandas as pd

from benchmarks.label_errors_bench import TESTED, Bench
from benchmarks.painting_data import Floats, Ints, load_paintings
from db.labels.attribute_labels import AttributeLabels
from db.runs.label_weights import WRONG_BELOW
from db.workspace.progress import Silent
from db.workspace.train_settings import TrainSettings
from model.inputs.data import Example
from model.training.train import RunResult, cross_validate

RATE, AUDITED = 0.10, 0.2
ATTRIBUTES = ("style", "genre")


def examples_of(folder: Path) -> list[Example]:
    """Return the paintings as training reads them."""
    paths = [folder / path for path in pd.read_csv(folder / "labels.csv")["filepath"]]
    return [Example(number, path, sha256(path.read_bytes()).hexdigest()) for number, path in enumerate(paths)]


def spoiled(bench: Bench, seed: int) -> dict[str, Ints]:
    """Return the labels with errors of every kind in style and genre."""
    labels = {name: bench.data.labels[name].copy() for name in bench.data.labels}
    for place, name in enumerate(ATTRIBUTES):
        for kind in TESTED:
            planted, wrong = bench.plant(name, kind, RATE / len(TESTED), 100 * seed + place)
            labels[name][wrong] = planted[wrong]
    return labels


def ways_of(
    bench: Bench, labels: dict[str, Ints], result: RunResult, seed: int
) -> dict[str, dict[str, Floats]]:
    """Return how much each label counts, by way of training and attribute."""
    probs = {name: result.pred_probs[name].astype(np.float64) for name in labels}
    scored = bench.ours(labels, probs, seed)
    scores = {name: np.nan_to_num(scored[name].score, nan=1.0) for name in labels}
    kept = {name: (score >= WRONG_BELOW).astype(np.float64) for name, score in scores.items()}
    return {"--drop-doubtful": kept, "--weight-by-score": scores}


def show(way: str, accuracy: dict[str, float]) -> None:
    """Print one line of accuracies."""
    print(f"{way:28}" + "".join(f"{name:>8} {value:.3f}" for name, value in accuracy.items()), flush=True)


def compare(folder: Path, work: Path, seeds: int, backbone: str) -> dict[str, dict[str, list[float]]]:
    """Train in every way and return the accuracies on the audits."""
    bench = Bench(load_paintings(folder, work))
    examples, data = examples_of(folder), bench.data
    settings = TrainSettings(backbone=backbone, image_size=160, min_class_count=5, tensorboard=False)
    accuracies: dict[str, dict[str, list[float]]] = {}

    def train(way: str, labels: dict[str, Ints], label_weight: dict[str, Floats], seed: int) -> RunResult:
        targets = [AttributeLabels(name, data.classes[name], labels[name]) for name in labels]
        if label_weight:
            targets = [
                dataclasses.replace(target, label_weight=label_weight[target.attribute].astype(np.float32))
                for target in targets
            ]
        result = cross_validate(
            examples,
            targets,
            data.folds,
            settings.model_copy(update={"seed": seed}),
            cache_dir=work / "cache",
            run_dir=work / f"{way.strip('-')}-{seed}",
            progress=Silent(),
        )
        for name in ATTRIBUTES:
            true = data.labels[name]
            audit = np.random.default_rng(seed).random(len(true)) < AUDITED
            rows = np.flatnonzero(audit & (true >= 0))
            right = result.pred_probs[name][rows].argmax(axis=1) == true[rows]
            accuracies.setdefault(way, {}).setdefault(name, []).append(round(float(right.mean()), 4))
        show(f"seed {seed}  {way}", {name: values[-1] for name, values in accuracies[way].items()})
        return result

    for seed in range(seeds):
        labels = spoiled(bench, seed)
        plain = train("all labels alike", labels, {}, seed)
        for way, label_weight in ways_of(bench, labels, plain, seed).items():
            train(way, labels, label_weight, seed)
        train("the true labels", data.labels, {}, seed)
    return accuracies


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder with labels.csv and images")
    parser.add_argument("--work", type=Path, default=None, help="a folder kept; else a temporary one")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        accuracies = compare(args.data, args.work or Path(temporary), args.seeds, args.backbone)
    for way, by_attribute in accuracies.items():
        show(way, {name: float(np.mean(values)) for name, values in by_attribute.items()})
    print(json.dumps({"accuracy": accuracies}))


if __name__ == "__main__":
    main()
