"""Real paintings for the label-error benchmark: labels, frozen features, out-of-fold probabilities."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
IMAGE_SIZE = 160
SAME_PICTURE = 0.95  # cosine of mean-pooled features; nothing between 0.90 and 0.98 occurs in wikiart224
MIN_CLASS_COUNT = 5


@dataclass
class Paintings:
    """N paintings: their labels by attribute, what groups them, and what they look like."""

    labels: dict[str, Ints]  # classes of at least MIN_CLASS_COUNT works, -1 otherwise
    codes: dict[str, Ints]  # every value, -1 missing
    classes: dict[str, tuple[str, ...]]
    class_codes: dict[str, Ints]  # the value that each class stands for
    groups: Ints
    folds: Ints
    embedding: Floats  # (N, 256) PCA of the mean-pooled features, L2-normalised
    inputs: Floats  # what the logistic regression reads
    layers: NDArray[np.float32] | None = None  # (N, S) axes of the layers' statistics, as in a run
    duplicates: Ints = field(
        default_factory=lambda: np.empty((0, 2), dtype=np.int64)
    )  # (P, 2) pairs of one picture

    def with_codes(self, **codes: Ints) -> Paintings:
        """Return the same paintings with other values in some attributes."""
        return replace(self, codes={**self.codes, **codes})

    def with_twins(self, share: float, seed: int = 0) -> Paintings:
        """Return the paintings with a share of them standing in the collection twice."""
        count = len(self.groups)
        twice = np.sort(np.random.default_rng(seed).choice(count, round(share * count), replace=False))
        rows = np.concatenate([np.arange(count), twice])
        return replace(
            self,
            labels={name: labels[rows] for name, labels in self.labels.items()},
            codes={name: codes[rows] for name, codes in self.codes.items()},
            groups=self.groups[rows],
            folds=self.folds[rows],
            embedding=self.embedding[rows],
            inputs=self.inputs[rows],
            layers=None if self.layers is None else self.layers[rows],
            duplicates=np.stack([twice, count + np.arange(len(twice))], axis=1),
        )


def load_paintings(folder: Path, cache: Path) -> Paintings:
    """Read ``labels.csv`` under ``folder``; features are extracted once and kept in ``cache``."""
    table = pd.read_csv(folder / "labels.csv")
    features, layers = _features([folder / path for path in table["filepath"]], cache)
    codes: dict[str, Ints] = {}
    labels: dict[str, Ints] = {}
    classes: dict[str, tuple[str, ...]] = {}
    class_codes: dict[str, Ints] = {}
    for attribute in ("style", "genre", "artist"):
        values, names = pd.factorize(table[attribute], sort=True)
        codes[attribute] = values.astype(np.int64)
        common = np.flatnonzero(np.bincount(values[values >= 0]) >= MIN_CLASS_COUNT)
        renumbered = np.full(len(names) + 1, -1, dtype=np.int64)
        renumbered[common] = np.arange(len(common))
        labels[attribute] = renumbered[values]
        classes[attribute] = tuple(str(names[at]) for at in common)
        class_codes[attribute] = common.astype(np.int64)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    alike = csr_matrix(np.triu(unit @ unit.T > SAME_PICTURE, 1))
    count, groups = connected_components(alike, directed=False)
    folds = (np.random.default_rng(0).permutation(count) % 5)[groups]
    reduced = PCA(256, random_state=0).fit_transform(unit - unit.mean(axis=0))
    embedding = reduced / np.linalg.norm(reduced, axis=1, keepdims=True)
    return Paintings(
        labels, codes, classes, class_codes, groups.astype(np.int64), folds, embedding, 30.0 * reduced, layers
    )


def _features(paths: list[Path], cache: Path) -> tuple[Floats, NDArray[np.float32]]:
    """Return EfficientNet-Lite0's pooled features, ``(N, 1280)``, and its layers' statistics, ``(N, S)``."""
    import torch

    from db.workspace.train_settings import TrainSettings
    from model.inputs.data import pixels
    from model.inputs.features import SAMPLE, normalise, transform_for
    from model.inputs.layers import LayerStatistics, principal_axes
    from model.network.backbones import make_backbone
    from model.network.weights import load_weights

    settings = TrainSettings(backbone="efficientnet_lite0", image_size=IMAGE_SIZE).resolved()
    backbone = make_backbone("efficientnet_lite0", IMAGE_SIZE)
    digest = load_weights(backbone, "auto", 0)
    key = hashlib.sha256("\n".join([digest, *(str(path) for path in paths)]).encode()).hexdigest()[:16]
    kept = [cache / f"{name}-{IMAGE_SIZE}-{key}.npy" for name in ("lite0", "axes")]
    if all(path.exists() for path in kept):
        return np.load(kept[0]), np.load(kept[1])
    transform = transform_for(backbone, settings)
    backbone.eval()
    statistics, pooled, layers = LayerStatistics(backbone, IMAGE_SIZE), [], []
    with torch.inference_mode(), statistics.listening():
        for start in range(0, len(paths), 50):
            squares = np.stack([pixels(path, transform) for path in paths[start : start + 50]])
            grid = backbone(normalise(torch.from_numpy(squares), transform))
            pooled.append(grid.mean(dim=(2, 3)).numpy().astype(np.float64))
            layers.append(statistics.take().numpy().astype(np.float16))
    cache.mkdir(parents=True, exist_ok=True)
    seen = np.concatenate(layers)
    drawn = np.random.default_rng(0).permutation(len(seen))[:SAMPLE]
    mean, matrix = (part.numpy() for part in principal_axes(seen[drawn], statistics.blocks))
    arrays = np.concatenate(pooled), np.concatenate([(part - mean) @ matrix for part in layers])
    for path, array in zip(kept, arrays, strict=True):
        np.save(path, array)
    return arrays


def out_of_fold(inputs: Floats, labels: Ints, folds: Ints, width: int) -> Floats:
    """Return five-fold probabilities of a logistic regression, shape ``(N, width)``."""
    pred_probs: Floats = np.zeros((len(labels), width))
    with threadpool_limits(1):
        for fold in np.unique(folds):
            train, test = (folds != fold) & (labels >= 0), folds == fold
            model = LogisticRegression(C=10.0 / train.sum(), max_iter=300, tol=1e-3)
            model.fit(inputs[train], labels[train])
            pred_probs[np.ix_(test, model.classes_)] = model.predict_proba(inputs[test])
    floored = np.maximum(pred_probs, 1e-6)
    normal: Floats = floored / floored.sum(axis=1, keepdims=True)
    return normal


def plant_errors(
    rng: np.random.Generator, labels: Ints, kind: str, rate: float, peers: Ints, pred_probs: Floats
) -> tuple[Ints, NDArray[np.bool_]]:
    """Make each label wrong with probability ``rate``, where the kind allows; return labels, and which.

    Kinds: ``uniform`` any other class alike; ``confusable`` a class that the model, trained on the labels as
    the collection gives them, takes for the right one; ``same-artist`` (for artists: ``same-style``) the
    class of another work with the same value in ``peers`` (so an artist with one class only gets none).
    """
    width = pred_probs.shape[1]
    wrong = labels.copy()
    taken = _taken_for(labels, pred_probs)
    labelled = labels >= 0
    for row in np.flatnonzero(labelled & (rng.random(len(labels)) < rate)):
        given = labels[row]
        if kind == "uniform":
            wrong[row] = rng.choice(np.delete(np.arange(width), given))
        elif kind == "confusable" and taken[given].any():
            wrong[row] = rng.choice(width, p=taken[given] / taken[given].sum())
        elif kind in ("same-artist", "same-style"):
            others = np.flatnonzero((peers == peers[row]) & labelled & (labels != given))
            if len(others):
                wrong[row] = labels[rng.choice(others)]
    return wrong, wrong != labels


def plant_conflicts(
    rng: np.random.Generator, labels: Ints, duplicates: Ints, pred_probs: Floats
) -> tuple[Ints, NDArray[np.bool_]]:
    """Give one copy of a picture a confusable class, in half of the pairs; return labels, and which."""
    wrong = labels.copy()
    taken = _taken_for(labels, pred_probs)
    for pair in duplicates[rng.random(len(duplicates)) < 0.5]:
        row = rng.choice(pair)
        if labels[row] >= 0 and taken[labels[row]].any():
            wrong[row] = rng.choice(len(taken), p=taken[labels[row]] / taken[labels[row]].sum())
    return wrong, wrong != labels


def _taken_for(labels: Ints, pred_probs: Floats) -> Floats:
    """Return how often each class is taken for each other, shape ``(K, K)``."""
    taken: Floats = np.zeros((pred_probs.shape[1], pred_probs.shape[1]))
    labelled = labels >= 0
    np.add.at(taken, (labels[labelled], pred_probs[labelled].argmax(axis=1)), 1.0)
    np.fill_diagonal(taken, 0.0)
    return taken
