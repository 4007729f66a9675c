"""Files of probabilities and of embeddings: parquet, npz and CSV, one row an artwork."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.predictions.errors import NotPredictions, some
from db.errors import FileMissing

REFERENCES = ("artwork", "filepath", "filepaths", "path", "paths", "id", "ids", "artworks")
"""Names of the column, or array, that says whose row it is; the first that is there counts."""

FOLDS = ("fold", "folds")
PROVENANCE = "provenance"
VECTORS = ("embeddings", "embedding", "features")
FORMATS = (".parquet", ".npz", ".csv")


@dataclass(frozen=True)
class ClassColumns:
    """The probabilities of one attribute's classes.

    Attributes:
        attribute: Its name; None where the file doesn't say.
        names: The columns' names, K of them.
        values: Shape ``(N, K)``.
    """

    attribute: str | None
    names: tuple[str, ...]
    values: NDArray[np.floating]


@dataclass
class PredictionFile:
    """One file of probabilities of N artworks.

    Attributes:
        artworks: Which artworks, as the file names them, shape ``(N,)``.
        columns: Its probabilities, an entry for each attribute.
        folds: The fold whose model predicted each artwork, shape ``(N,)``, -1 for none; None if not said.
        provenance: Whose probability it is, shape ``(N,)``, as ``export --predictions`` writes it.
        notes: What was left aside.
    """

    path: Path
    artworks: NDArray[np.object_]
    columns: list[ClassColumns]
    folds: NDArray[np.int64] | None = None
    provenance: NDArray[np.object_] | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EmbeddingFile:
    """One file of features of N artworks.

    Attributes:
        artworks: Which artworks, as the file names them, shape ``(N,)``.
        vectors: Shape ``(N, D)``, or ``(N, T, D)`` for a sequence of T cells.
    """

    path: Path
    artworks: NDArray[np.object_]
    vectors: NDArray[np.floating]


def read_predictions_file(path: Path, attributes: Sequence[str]) -> PredictionFile:
    """Read a file of probabilities.

    A table has a column that names the artwork (``artwork``, ``filepath``, ``path`` or ``id``), and a column
    for each class, called by the class or ``<attribute>.<class>``; ``fold`` and ``provenance`` are read, too.
    An npz file has the arrays ``filepaths`` (or another of those names), ``classes`` and ``pred_probs``, or
    ``classes.<attribute>`` and ``pred_probs.<attribute>``; and ``folds``.

    Args:
        path: The file.
        attributes: The names of the workspace's attributes.

    Raises:
        FileMissing: It is not there.
        NotPredictions: It is not such a file; the sentence says what it lacks.
    """
    _check_format(path)
    if path.suffix.lower() == ".npz":
        return _from_arrays(path, _read_npz(path))
    return from_frame(path, _read_table(path), attributes)


def _check_format(path: Path) -> None:
    if not path.is_file():
        raise FileMissing(path, "file")
    if path.suffix.lower() not in FORMATS:
        raise NotPredictions(
            path, f"has the suffix {path.suffix or 'none'}", f"Give one of {', '.join(FORMATS)}."
        )


def _read_table(path: Path) -> pd.DataFrame:
    """Read a parquet or CSV file; what is not a number in CSV stays text."""
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        names = pd.read_csv(path, nrows=0).columns
        text = {name: str for name in names if str(name).lower() in REFERENCES}
        return pd.read_csv(path, dtype=text)
    except (ValueError, OSError, UnicodeDecodeError) as error:  # pyarrow's and pandas' own are ValueErrors
        said = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise NotPredictions(path, f"cannot be read ({said})", "Is it whole?") from error


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise NotPredictions(
            path,
            f"cannot be read ({str(error).splitlines()[0][:80]})",
            "An npz file holds arrays of numbers and of fixed-width strings; pickled objects are not opened.",
        ) from error


def from_frame(path: Path, frame: pd.DataFrame, attributes: Sequence[str]) -> PredictionFile:
    """Sort a table's columns into whose row it is, its fold and provenance, and classes by attribute."""
    frame = frame.rename(columns=str)
    reference = _reference(path, list(frame.columns), "column")
    rest = frame.drop(columns=[name for name in frame.columns if name.lower() in REFERENCES])
    folds = next((rest.pop(name) for name in FOLDS if name in rest), None)
    provenance = rest.pop(PROVENANCE) if PROVENANCE in rest else None
    numeric = [name for name in rest.columns if pd.api.types.is_numeric_dtype(rest[name].dtype)]
    aside = [name for name in rest.columns if name not in numeric]
    if not numeric:
        raise NotPredictions(
            path, "has no column of probabilities", "It needs one for each class, called by the class."
        )
    read = PredictionFile(
        path,
        frame[reference].astype(str).to_numpy(dtype=object),
        _by_attribute(rest, numeric, attributes),
        None if folds is None else folds.fillna(-1).to_numpy(dtype=np.int64),
        None if provenance is None else provenance.fillna("").astype(str).to_numpy(dtype=object),
    )
    if aside:
        read.notes.append(f"{path}: the columns {some(aside)} are not numbers and were left aside.")
    return read


def _by_attribute(frame: pd.DataFrame, names: Sequence[str], attributes: Sequence[str]) -> list[ClassColumns]:
    """Return ``<attribute>.<class>`` columns by attribute, and those of no attribute together."""
    groups: dict[str | None, list[tuple[str, str]]] = {}
    for name in names:
        attribute, point, rest = name.partition(".")
        prefixed = point and attribute in attributes
        groups.setdefault(attribute if prefixed else None, []).append((name, rest if prefixed else name))
    return [
        ClassColumns(
            attribute,
            tuple(shown for _, shown in listed),
            frame[[name for name, _ in listed]].to_numpy(dtype=np.float64),
        )
        for attribute, listed in groups.items()
    ]


def _from_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> PredictionFile:
    artworks = _named_artworks(path, arrays)
    columns = []
    for key in arrays:
        if key != "pred_probs" and not key.startswith("pred_probs."):
            continue
        attribute = key.removeprefix("pred_probs").removeprefix(".") or None
        listed = f"classes.{attribute}" if f"classes.{attribute}" in arrays else "classes"
        values = arrays[key]
        if listed not in arrays:
            raise NotPredictions(path, f"has {key} and no {listed}", "Name the classes of its columns there.")
        names = tuple(str(name) for name in arrays[listed].tolist())
        if values.ndim != 2 or values.shape != (len(artworks), len(names)):
            raise NotPredictions(
                path,
                f"has {key} of shape {values.shape}",
                f"({len(artworks)}, {len(names)}) was expected: one row an artwork, one column a class.",
            )
        columns.append(ClassColumns(attribute, names, values))
    if not columns:
        raise NotPredictions(
            path, f"has the arrays {some(list(arrays)) or 'none'}", "It needs pred_probs and classes."
        )
    folds = next((arrays[name].astype(np.int64) for name in FOLDS if name in arrays), None)
    provenance = arrays[PROVENANCE].astype(object) if PROVENANCE in arrays else None
    return PredictionFile(path, artworks, columns, folds, provenance)


def _named_artworks(path: Path, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.object_]:
    artworks = arrays[_reference(path, list(arrays), "array")]
    if artworks.ndim != 1:
        raise NotPredictions(path, f"names its artworks in the shape {artworks.shape}", "Give one each.")
    return artworks.astype(str).astype(object)


def _reference(path: Path, names: Sequence[str], what: str) -> str:
    """Return the name of the column that says whose row it is."""
    lowered = {name.lower(): name for name in reversed(names)}
    for reference in REFERENCES:
        if reference in lowered:
            return lowered[reference]
    raise NotPredictions(
        path,
        f"does not say whose rows these are ({what}s: {some(list(names)) or 'none'})",
        f"Name one {what} filepath (or artwork, for curate's ids; or id, for those of a list).",
    )


def read_embeddings_file(path: Path) -> EmbeddingFile:
    """Read a file of features.

    A table names the artwork as one of probabilities does; its numbers are the features, in columns of their
    own or as lists in one column. An npz file has ``filepaths`` and ``embeddings``, of shape ``(N, D)``, or
    ``(N, T, D)`` or ``(N, h, w, D)`` for a grid of cells, features last.

    Raises:
        FileMissing: It is not there.
        NotPredictions: It is not such a file; the sentence says what it lacks.
    """
    _check_format(path)
    if path.suffix.lower() == ".npz":
        arrays = _read_npz(path)
        key = next((name for name in VECTORS if name in arrays), None)
        if key is None:
            raise NotPredictions(
                path, f"has the arrays {some(list(arrays)) or 'none'}", "It needs one called embeddings."
            )
        return _checked(path, _named_artworks(path, arrays), arrays[key])
    frame = _read_table(path).rename(columns=str)
    reference = _reference(path, list(frame.columns), "column")
    rest = frame.drop(columns=[name for name in frame.columns if name.lower() in REFERENCES])
    lists = [name for name in VECTORS if name in rest and rest[name].dtype == object]
    try:
        if lists:
            vectors = np.stack([np.asarray(row, dtype=np.float32) for row in rest[lists[0]]])
        else:
            vectors = rest.select_dtypes("number").to_numpy(dtype=np.float32)
    except (ValueError, TypeError):
        raise NotPredictions(
            path, "has features of different lengths", "Every artwork needs as many numbers."
        ) from None
    return _checked(path, frame[reference].astype(str).to_numpy(dtype=object), vectors)


def _checked(path: Path, artworks: NDArray[np.object_], vectors: NDArray[Any]) -> EmbeddingFile:
    """Return features with their cells in a row.

    Raises:
        NotPredictions: They are not numbers, have another shape, or are infinite.
    """
    if vectors.ndim == 4:
        vectors = vectors.reshape(len(vectors), -1, vectors.shape[-1])
    if vectors.ndim not in (2, 3) or len(vectors) != len(artworks) or vectors.shape[-1] < 2:
        raise NotPredictions(
            path,
            f"has features of shape {vectors.shape} for {len(artworks)} artworks",
            "(N, D), (N, T, D) or (N, h, w, D) was expected.",
        )
    if vectors.dtype.kind not in "fiu" or np.isinf(vectors).any():
        raise NotPredictions(path, "has features that are infinite or not numbers", "Fix these rows.")
    return EmbeddingFile(path, artworks, vectors)
