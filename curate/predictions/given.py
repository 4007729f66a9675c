"""Predictions that come as tables and arrays, in the form that files are read into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.arrays.labels import LabelTable
from curate.arrays.probabilities import aligned, as_numbers
from curate.errors import InvalidInput
from curate.predictions.files import ClassColumns, EmbeddingFile, PredictionFile, from_frame

GIVEN = Path("predictions")
"""What messages call predictions that come from no file."""


def as_files(
    predictions: Any,
    pred_probs: Any,
    classes: Sequence[str] | None,
    attribute: str | None,
    attributes: Sequence[str],
) -> list[Path | PredictionFile]:
    """Return predictions as files, or as what is read of them; see ``Workspace.import_predictions``.

    Raises:
        InvalidInput: They are neither files nor tables nor arrays that belong together.
    """
    if pred_probs is not None:
        return [_from_arrays(predictions, pred_probs, classes, attribute)]
    if isinstance(predictions, pd.DataFrame):
        return [from_frame(GIVEN, predictions, attributes)]
    if isinstance(predictions, str | PathLike):
        return [Path(predictions)]
    if isinstance(predictions, Sequence) and predictions and isinstance(predictions[0], str | PathLike):
        return [Path(one) for one in predictions]
    raise InvalidInput(
        f"predictions is of the type {type(predictions).__name__}. Give a file, a DataFrame with a column "
        f"filepath, or the artworks' paths with pred_probs=…."
    )


def _from_arrays(
    artworks: Any, pred_probs: Any, classes: Sequence[str] | None, attribute: str | None
) -> PredictionFile:
    named = np.asarray(artworks, dtype=object)
    if named.ndim != 1:
        raise InvalidInput(f"The artworks have the shape {named.shape}. Give one path or id each.")
    given = pred_probs if isinstance(pred_probs, Mapping) else {attribute: pred_probs}
    columns = []
    rows = LabelTable({}, len(named), paths=[str(one) for one in named])
    for name, values in given.items():
        if isinstance(values, pd.DataFrame):
            values = aligned("pred_probs", values, rows)
        labelled: list[object] = list(values.columns) if isinstance(values, pd.DataFrame) else []
        if labelled and labelled != list(range(len(labelled))):
            names = tuple(str(column) for column in labelled)
        elif classes is not None:
            names = tuple(str(one) for one in classes)
        else:
            raise InvalidInput("pred_probs has columns without names. Give a DataFrame, or classes=[…].")
        array = as_numbers("pred_probs", values)
        if array.shape != (len(named), len(names)):
            raise InvalidInput(
                f"pred_probs has shape {array.shape}, expected ({len(named)}, {len(names)}): one row an "
                f"artwork, one column a class."
            )
        columns.append(ClassColumns(name, names, array))
    return PredictionFile(GIVEN, named.astype(str).astype(object), columns, notes=rows.notes)


def as_vectors(embeddings: Any, files: Sequence[Path | PredictionFile]) -> Path | EmbeddingFile | None:
    """Return features as a file, or as what is read of one: an array is over the predictions' artworks.

    Raises:
        InvalidInput: An array has other rows than the predictions.
    """
    if embeddings is None:
        return None
    if isinstance(embeddings, str | PathLike):
        return Path(embeddings)
    vectors = np.asarray(embeddings, dtype=np.float32)
    first = files[0]
    if not isinstance(first, PredictionFile) or vectors.ndim != 2 or len(vectors) != len(first.artworks):
        raise InvalidInput(
            f"embeddings has shape {vectors.shape}. Give one row for each artwork of predictions, or a file."
        )
    return EmbeddingFile(Path("embeddings"), first.artworks, vectors)
