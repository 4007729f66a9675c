"""One order of artworks and classes, whatever order they come in: the result must not depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.issues.base_models.neighbours import Neighbours
from curate.issues.columns import Findings, Floats, Ints, LabelColumn

HASHED_AT_ONCE = 2048  # artworks


@dataclass(frozen=True)
class Canonical:
    """Artworks in the order of what is known of them, classes in the order of their keys.

    Attributes:
        artworks: The caller's row at each canonical place, shape ``(N,)``.
        place: The canonical place of each of the caller's rows, shape ``(N,)``.
        groups: Duplicate groups in canonical order, numbered by first appearance, shape ``(N,)``.
    """

    artworks: Ints
    place: Ints
    groups: Ints

    def column(self, column: LabelColumn) -> LabelColumn:
        """Return a column with its artworks and classes in canonical order."""
        sorted_classes = _class_order(column)
        codes = None if column.codes is None else column.codes[self.artworks]
        return replace(
            column,
            classes=tuple(column.classes[at] for at in sorted_classes),
            labels=_renumbered(column.labels, sorted_classes)[self.artworks],
            pred_probs=np.ascontiguousarray(_taken(column.pred_probs[self.artworks], sorted_classes)),
            reviewed=column.reviewed[self.artworks],
            margins=None if column.margins is None else column.margins[self.artworks],
            codes=codes,
        )

    def neighbours(self, neighbours: Neighbours) -> Neighbours:
        """Return neighbours in canonical order."""
        rows = neighbours.rows[self.artworks]
        return Neighbours(np.where(rows >= 0, self.place[rows], -1), neighbours.similarity[self.artworks])

    def findings(self, findings: Findings, column: LabelColumn) -> Findings:
        """Return findings about canonical rows and classes."""
        given = _renumbered(findings.given, _class_order(column))
        return Findings(self.place[findings.rows], given, findings.wrong)

    def restore(self, values: Floats) -> Floats:
        """Return values at the caller's rows."""
        return values[self.place]

    def restore_classes(self, classes: Ints, column: LabelColumn) -> Ints:
        """Return the caller's class indices at the caller's rows; -1 stays."""
        own = _class_order(column)
        return np.where(classes >= 0, own[classes], -1)[self.place] if len(own) else classes[self.place]


def canonical_order(
    columns: Sequence[LabelColumn], groups: Ints, embedding: NDArray[np.floating] | None
) -> Canonical:
    """Order the artworks by a digest of everything known of them."""
    arrays: list[NDArray[Any]] = []
    for column in sorted(columns, key=lambda column: column.attribute):
        if (column.labels >= 0).any():
            own = _class_order(column)
            arrays += [_renumbered(column.labels, own)[:, None], _taken(column.pred_probs, own)]
    if embedding is not None:
        arrays.append(embedding)
    keys = np.zeros(len(groups), dtype="S16")
    for start in range(0, len(groups) if arrays else 0, HASHED_AT_ONCE):
        keys[start : start + HASHED_AT_ONCE] = _digests(arrays, slice(start, start + HASHED_AT_ONCE))
    artworks = np.argsort(keys, kind="stable").astype(np.int64)
    place = np.empty(len(groups), dtype=np.int64)
    place[artworks] = np.arange(len(groups))
    _, first, inverse = np.unique(groups[artworks], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return Canonical(artworks, place, rank[inverse].astype(np.int64))


def _digests(arrays: Sequence[NDArray[Any]], some: slice) -> list[bytes]:
    """Return a digest of each of some rows, over the bytes that all arrays hold there, one after another."""
    parts = [np.ascontiguousarray(values[some]).view(np.uint8) for values in arrays]
    return [blake2b(row, digest_size=16).digest() for row in np.concatenate(parts, axis=1)]


def _taken(probs: NDArray[np.floating], order: Ints) -> NDArray[np.floating]:
    """Return the columns in an order, without copying them where that is theirs."""
    return probs if (order == np.arange(len(order))).all() else probs[:, order]


def _class_order(column: LabelColumn) -> Ints:
    return np.array(sorted(range(len(column.classes)), key=lambda at: column.classes[at]), dtype=np.int64)


def _renumbered(labels: Ints, order: Ints) -> Ints:
    """Return labels as places in ``order``; -1 stays."""
    places = np.empty(len(order) + 1, dtype=np.int64)
    places[order] = np.arange(len(order))
    places[-1] = -1
    return places[labels]
