"""A run's predictions beside the labels, reduced to what every number and figure is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from db.classes.classes import ClassList, attributes, class_list
from db.engine.catalog import Catalog
from db.labels.table import label_table
from db.models import Run
from db.runs.evaluation import imported_labels, out_of_sample
from db.runs.runs import find_run, load_array, require_arrays, run_attributes, run_folder
from db.workspace.workspace import Workspace

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CHUNK = 4096
"""Rows of probabilities that are looked at together: 4,096 of 1,119 classes take 18 MB."""


@dataclass(frozen=True)
class Labels:
    """One set of labels of an attribute, and where the run's probabilities put them.

    Attributes:
        classes: Class indices, shape ``(N,)``; -1 where missing or not a class of the run.
        p_label: Probability of the label; NaN where either is missing.
        rank: How many classes the run finds likelier, as scikit-learn's ``top_k_accuracy_score`` orders
            ties; -1 where either is missing.
        uncovered: How many labels have a class that the run does not know.
    """

    classes: Ints
    p_label: Floats
    rank: Ints
    uncovered: int


@dataclass(frozen=True)
class AttributePredictions:
    """What a run says of one attribute of N artworks, and the labels it is compared with.

    Attributes:
        keys, names: The classes as they are now, K of them; merged ones are one.
        class_ids: Their catalog ids, shape ``(K,)``.
        usable: Where a probability is out of sample, shape ``(N,)``; the rest is not evaluated.
        predicted: The likeliest class, -1 where there is no probability, shape ``(N,)``.
        confidence: Its probability; NaN where there is none.
        corrected: The labels as they are now.
        imported: The labels had nobody reviewed any.
    """

    attribute: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    class_ids: Ints
    usable: Bools
    predicted: Ints
    confidence: Floats
    corrected: Labels
    imported: Labels

    def evaluated(self, labels: Labels) -> Ints:
        """Return the rows where an out-of-sample prediction meets a label."""
        return np.flatnonzero(self.usable & (self.predicted >= 0) & (labels.classes >= 0))


@dataclass(frozen=True)
class RunPredictions:
    """One run over the N usable artworks that it predicted, in the order of their ids.

    Attributes:
        folder: Where the run's files lie.
        groups: Duplicate groups, shape ``(N,)``: what a bootstrap draws.
        folds: The fold that predicted each artwork, -1 for none, shape ``(N,)``.
        label_ids: For each attribute the class ids of all labels, rare ones too, -1 where missing.
    """

    run: Run
    folder: Path
    artwork_ids: Ints
    uuids: list[UUID]
    roots: list[str]
    paths: list[str]
    groups: Ints
    folds: Ints
    attributes: dict[str, AttributePredictions]
    label_ids: dict[str, Ints]

    def __len__(self) -> int:
        return len(self.artwork_ids)


def read_predictions(
    workspace: Workspace, catalog: Catalog, run_id: int | None, command: str
) -> RunPredictions:
    """Read a run's arrays, one attribute after the other, and the labels as imported and as corrected.

    Raises:
        RunNotFound: No complete run has that number.
        NoRunYet: None is complete yet; ``command`` is what needs one.
    """
    with catalog.read() as session:
        run = find_run(session, run_id, command)
        folder = run_folder(session, workspace, run.uuid)
        table = label_table(session, ("ok", "unverified"))  # imported probabilities need no image
        imported = imported_labels(session, table)
        lists = {a.name: class_list(session, a) for a in attributes(session)}
        stored = run_attributes(session, run)
        judged = {name: out_of_sample(session, run, row.attribute_id) for name, row in stored.items()}
    require_arrays(folder, run.arrays_digest)
    artwork_ids = load_array(folder / "artworks.npy")
    places = table.rows_of(artwork_ids)
    kept = np.flatnonzero(places >= 0)
    rows = places[kept]
    by_attribute = {}
    for name, row in stored.items():
        probs = load_array(folder / f"pred_probs.{name}.npy", mapped=True)
        usable = np.isin(artwork_ids[kept], judged[name])
        labels = (table.labels[name][rows], imported[name][rows])
        by_attribute[name] = reduce_probabilities(lists[name], row.classes, probs, kept, usable, *labels)
    return RunPredictions(
        run=run,
        folder=folder,
        artwork_ids=artwork_ids[kept],
        uuids=[table.uuids[row] for row in rows],
        roots=[table.roots[row] for row in rows],
        paths=[table.paths[row] for row in rows],
        groups=table.groups[rows],
        folds=load_array(folder / "folds.npy").astype(np.int64)[kept],
        attributes=by_attribute,
        label_ids={name: labels[rows] for name, labels in table.labels.items()},
    )


def reduce_probabilities(
    classes: ClassList,
    run_classes: Sequence[str],
    pred_probs: NDArray[np.floating],
    rows: Ints,
    usable: Bools,
    corrected: Ints,
    imported: Ints,
) -> AttributePredictions:
    """Reduce the probabilities of one attribute to predictions, chunk by chunk.

    Args:
        classes: The attribute's current classes; columns of merged ones are summed.
        run_classes: The keys of the probabilities' columns.
        pred_probs: Shape ``(M, K)``; NaN rows where no image was read.
        rows: The rows of ``pred_probs`` to look at, shape ``(N,)``.
        usable: Which of them are out of sample, shape ``(N,)``.
        corrected: Class ids of the current labels, shape ``(N,)``, -1 where missing.
        imported: The same had nobody reviewed any.
    """
    current = classes.id_of
    ids_of_columns = np.array([current[key] for key in run_classes], dtype=np.int64)
    class_ids, column_of = np.unique(ids_of_columns, return_inverse=True)
    order = np.array(sorted(range(len(class_ids)), key=lambda i: classes.key[int(class_ids[i])]), dtype=int)
    class_ids, column_of = class_ids[order], np.argsort(order)[column_of]
    count = len(rows)
    predicted, confidence = np.full(count, -1), np.full(count, np.nan)
    sets = [_labels(class_ids, ids) for ids in (corrected, imported)]
    for part, probs in _chunks(pred_probs, rows, column_of, len(class_ids)):
        finite = np.isfinite(probs).all(axis=1)
        best = np.where(finite, np.nan_to_num(probs).argmax(axis=1), -1)
        predicted[part] = best
        confidence[part] = np.where(finite, probs[np.arange(len(probs)), best], np.nan)
        for labels in sets:
            labelled = np.flatnonzero(finite & (labels.classes[part] >= 0))
            labels.p_label[part][labelled], labels.rank[part][labelled] = _place(
                probs[labelled], labels.classes[part][labelled]
            )
    names = tuple(classes.name[int(i)] for i in class_ids)
    keys = tuple(classes.key[int(i)] for i in class_ids)
    return AttributePredictions(
        attribute=classes.attribute,
        keys=keys,
        names=names,
        class_ids=class_ids,
        usable=usable,
        predicted=predicted,
        confidence=confidence,
        corrected=sets[0],
        imported=sets[1],
    )


def _labels(class_ids: Ints, labels: Ints) -> Labels:
    """Return class ids as indices into the run's classes, without ranks yet."""
    index = {class_id: i for i, class_id in enumerate(class_ids.tolist())}
    indices = np.array([index.get(class_id, -1) for class_id in labels.tolist()], dtype=np.int64)
    uncovered = int(((labels >= 0) & (indices < 0)).sum())
    return Labels(indices, np.full(len(indices), np.nan), np.full(len(indices), -1), uncovered)


def _chunks(
    pred_probs: NDArray[np.floating], rows: Ints, column_of: Ints, width: int
) -> Iterator[tuple[slice, Floats]]:
    """Yield probabilities ``(n, width)`` by chunks of rows, columns of one class summed."""
    in_order = width == len(column_of) and bool((column_of == np.arange(width)).all())
    for start in range(0, len(rows), CHUNK):
        part = slice(start, min(start + CHUNK, len(rows)))
        probs = pred_probs[rows[part]].astype(np.float64)
        if in_order:
            yield part, probs
        else:
            summed = np.zeros((len(probs), width))
            np.add.at(summed.T, column_of, probs.T)
            yield part, summed


def _place(probs: Floats, labels: Ints) -> tuple[Floats, Ints]:
    """Return the probability of each label ``(n,)`` and how many classes come before it."""
    own = probs[np.arange(len(labels)), labels]
    likelier = (probs > own[:, None]).sum(axis=1)
    ties = (probs == own[:, None]) & (np.arange(probs.shape[1]) > labels[:, None])
    return own, likelier + ties.sum(axis=1)
