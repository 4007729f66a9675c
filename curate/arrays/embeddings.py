"""Image embeddings of any model, and class probabilities out of them where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.arrays.labels import GivenLabels, Ints, LabelTable
from curate.arrays.probabilities import aligned, as_matrix
from curate.errors import InvalidInput
from curate.issues import LabelColumn
from curate.issues.columns import Floats
from curate.training.splits import assign_folds

UNIT_TOLERANCE = 1e-3
FOLDS = 5
STRENGTHS = (1.0, 10.0, 100.0)
"""Inverse penalties of the logistic regression that are tried."""
TRIED_ON = 2000
"""Rows that they are tried on."""


def read_embeddings(embeddings: Any, labels: LabelTable) -> NDArray[np.float32] | None:
    """Return one unit vector an artwork, shape ``(N, D)``; NaN where there is none.

    Args:
        embeddings: Shape ``(N, D)``, of any length; a row of NaN or zeros where there is no image.
        labels: The labels that they belong to; told what was done.

    Raises:
        InvalidInput: They are not numbers, have another shape, or are infinite.
    """
    if embeddings is None:
        return None
    array = np.asarray(embeddings)
    if array.ndim > 2 and len(array) == labels.count:
        raise InvalidInput(
            f"embeddings have shape {array.shape}, expected (n_samples, n_features). "
            f"A grid of features becomes one vector by its mean over the cells."
        )
    if isinstance(embeddings, pd.DataFrame):
        embeddings = aligned("embeddings", embeddings, labels)
    vectors = as_matrix("embeddings", embeddings, labels.count)
    if vectors.shape[1] < 2:
        raise InvalidInput(f"embeddings have {vectors.shape[1]} column. A vector of features was expected.")
    missing = np.isnan(vectors)
    partly = np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1))
    if len(partly):
        raise InvalidInput(
            f"embeddings are NaN in part of row {partly[0]} ({len(partly)} such rows). "
            f"A row without an image is NaN in all columns."
        )
    if np.isinf(vectors).any():
        row = int(np.flatnonzero(np.isinf(vectors).any(axis=1))[0])
        raise InvalidInput(f"embeddings are infinite at row {row}.")
    return _unit(vectors, labels.notes)


def _unit(vectors: Floats, notes: list[str]) -> NDArray[np.float32]:
    """Scale each vector to length 1, where it isn't so already."""
    lengths = np.linalg.norm(vectors, axis=1)
    given = np.isfinite(lengths) & (lengths > 1e-12)
    if not given.any():
        raise InvalidInput("embeddings are zero or NaN in every row.")
    nothing = int((~given).sum())
    if nothing:
        notes.append(f"{nothing} embeddings are zero or NaN: these artworks are judged without one.")
    if (np.abs(lengths[given] - 1) > UNIT_TOLERANCE).any():
        notes.append("The embeddings were scaled to length 1.")
        vectors = vectors / np.where(given, lengths, np.nan)[:, None]
    elif nothing:
        vectors = np.where(given[:, None], vectors, np.nan)
    return vectors.astype(np.float32)


def cross_fitted(
    given: GivenLabels,
    embedding: NDArray[np.float32],
    groups: Ints,
    folds: Ints,
    seed: int,
    n_jobs: int | None,
    notes: list[str],
) -> LabelColumn | None:
    """Return the labels with probabilities of a logistic regression that saw neither them nor a duplicate.

    Classes with fewer groups than there are folds cannot be learnt and are left out. The penalty is the one
    of ``STRENGTHS`` under which the labels of a sample are likeliest, out of fold.

    Args:
        given: One attribute's labels, rows in canonical order.
        embedding: Unit vectors, shape ``(N, D)``; NaN where there is none.
        groups: Duplicate group of each artwork, shape ``(N,)``.
        folds: The fold of each artwork, shape ``(N,)``, groups whole; -1 where it has no label.
        seed: Makes the result repeatable.
        n_jobs: How many folds are fitted at once, as scikit-learn takes it.
        notes: Told which classes were left out.

    Returns:
        None where fewer than two classes are left.
    """
    count = int(folds.max(initial=-1)) + 1
    usable = np.asarray(np.isfinite(embedding).all(axis=1))
    kept = _learnable(given, groups, usable, count)
    places = {at: place for place, at in enumerate(kept)}
    table = np.array([*(places.get(at, -1) for at in range(len(given.values))), -1], dtype=np.int64)
    labels = table[given.codes]
    rare = int(((given.codes >= 0) & (labels < 0)).sum())
    if len(kept) < 2:
        notes.append(
            f"{given.attribute}: fewer than two classes have {count} labels each, so none is flagged."
        )
        return None
    if rare:
        notes.append(
            f"{given.attribute}: {rare} labels of classes with fewer than {count} labels were not judged."
        )
    features = np.where(usable[:, None], embedding, 0.0).astype(np.float64)
    features -= features[usable].mean(axis=0)
    trained = (labels >= 0) & usable & (folds >= 0)
    strength = _best_strength(features, labels, folds, np.flatnonzero(trained), seed)
    probs = _out_of_fold(
        features=features,
        labels=labels,
        folds=folds,
        trained=trained,
        width=len(kept),
        strength=strength,
        n_jobs=n_jobs,
    )
    probs[~usable] = np.nan
    return LabelColumn(
        given.attribute,
        tuple(str(given.values[at]) for at in kept),
        labels,
        probs,
        np.zeros(len(labels), dtype=np.int8),
        codes=given.codes,
    )


def deal_folds(labels: Sequence[Ints], groups: Ints, seed: int) -> Ints:
    """Return the fold of each artwork, groups whole and classes spread evenly, shape ``(N,)``."""
    columns = {str(at): codes for at, codes in enumerate(labels)}
    return assign_folds(columns, groups, FOLDS, seed)


def _learnable(given: GivenLabels, groups: Ints, usable: NDArray[np.bool_], count: int) -> list[int]:
    """Return the classes with at least ``count`` groups among the usable artworks."""
    labelled = (given.codes >= 0) & usable
    pairs = np.unique(np.stack([given.codes[labelled], groups[labelled]]), axis=1)
    classes, sizes = np.unique(pairs[0], return_counts=True)
    kept: list[int] = classes[sizes >= count].tolist()
    return kept


def _best_strength(features: Floats, labels: Ints, folds: Ints, rows: Ints, seed: int) -> float:
    """Return the inverse penalty that predicts a sample's labels best, out of fold."""
    if len(rows) > TRIED_ON:
        rows = np.sort(np.random.default_rng(seed).choice(rows, TRIED_ON, replace=False))
    some, given, held = features[rows], labels[rows], folds[rows]
    losses = []
    for strength in STRENGTHS:
        probs = _out_of_fold(
            features=some,
            labels=given,
            folds=held,
            trained=given >= 0,
            width=int(given.max()) + 1,
            strength=strength,
            n_jobs=None,
        )
        losses.append(-np.log(np.clip(probs[np.arange(len(rows)), given], 1e-6, 1)).mean())
    return STRENGTHS[int(np.argmin(losses))]


def _out_of_fold(
    features: Floats,
    labels: Ints,
    folds: Ints,
    trained: NDArray[np.bool_],
    width: int,
    strength: float,
    n_jobs: int | None,
) -> Floats:
    """Return each fold's probabilities from the model of the others, ``(N, width)``; their mean outside."""
    from joblib import Parallel, delayed

    present = np.unique(folds[folds >= 0]).tolist()
    fits = Parallel(n_jobs=n_jobs)(
        delayed(_fit)(
            features[trained & (folds != fold)],
            labels[trained & (folds != fold)],
            features[(folds == fold) | (folds < 0)],
            width,
            strength,
        )
        for fold in present
    )
    probs = np.zeros((len(labels), width))
    for fold, fitted in zip(present, fits, strict=True):
        at = (folds == fold) | (folds < 0)
        probs[at] += np.where(folds[at] >= 0, 1.0, 1.0 / len(present))[:, None] * fitted
    return probs


def _fit(features: Floats, labels: Ints, asked: Floats, width: int, strength: float) -> Floats:
    """Fit a logistic regression and return its probabilities ``(len(asked), width)``."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probs = np.full((len(asked), width), 1e-6)
    classes = np.unique(labels)
    if len(classes) < 2:
        probs[:, classes] = 1.0
    elif len(asked):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough: calibrated afterwards
            model = LogisticRegression(C=strength, max_iter=200).fit(features, labels)
        probs[:, classes] = model.predict_proba(asked)
    shares: Floats = probs / probs.sum(axis=1, keepdims=True)
    return shares
