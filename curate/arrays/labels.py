"""Labels as people have them: a table, a dict or one sequence, of strings, codes or categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.errors import InvalidInput

Ints = NDArray[np.int64]

DEFAULT_NAME = "label"
"""What a single sequence of labels is called, where it has no name."""

PATH_COLUMN = "filepath"
"""The column of a table that says where the images are, as in the lists that ``curate ingest`` reads."""


@dataclass(frozen=True)
class GivenLabels:
    """One attribute's labels before its classes are matched with columns of probabilities.

    Attributes:
        attribute: Its name.
        values: The distinct labels, sorted; M of them. Categories that no artwork has are among them.
        codes: Which of ``values`` each artwork has, shape ``(N,)``; -1 where missing.
        numbers: Whether the labels are whole numbers, which may be codes of classes.
        ordered: Whether they are categories whose own order isn't the sorted one.
    """

    attribute: str
    values: tuple[Any, ...]
    codes: Ints
    numbers: bool = False
    ordered: bool = False


@dataclass
class LabelTable:
    """All attributes' labels over the same N artworks, and what there is to tell about them."""

    attributes: dict[str, GivenLabels]
    count: int
    index: pd.Index | None = None
    paths: list[str | None] | None = None
    notes: list[str] = field(default_factory=list)


def read_labels(labels: Any) -> LabelTable:
    """Read labels in any of their forms.

    Args:
        labels: A DataFrame or a dict, one attribute a column, or one sequence of N labels. Labels are
            strings, whole numbers or categories; None, NaN and blank strings are missing.

    Raises:
        InvalidInput: They are none of these; the sentence says what was found.
    """
    columns, index = _columns(labels)
    paths = _own_paths(columns) if isinstance(labels, pd.DataFrame) else None
    if not columns:
        raise InvalidInput("labels has no columns. Give at least one column of labels.")
    lengths = {name: len(values) for name, values in columns.items()}
    count = next(iter(lengths.values()))
    for name, length in lengths.items():
        if length != count:
            first = next(iter(lengths))
            raise InvalidInput(
                f"labels of {name!r} have {length} rows and those of {first!r} {count}: they must agree."
            )
    if count == 0:
        raise InvalidInput("labels has 0 rows. There is nothing to look at.")
    table = LabelTable({}, count, index, paths)
    for name, values in columns.items():
        table.attributes[name] = _read_one(name, values, table.notes)
    if paths is not None:
        table.notes.append(f"The column {PATH_COLUMN!r} was taken for the images' paths.")
    return table


def _columns(labels: Any) -> tuple[dict[str, pd.Series], pd.Index | None]:
    """Return the columns by name, and the index where the caller's rows have names."""
    if isinstance(labels, pd.DataFrame):
        names = [str(name) for name in labels.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInput(f"labels has several columns named {twice[0]!r}. Rename all but one.")
        columns = {name: labels.iloc[:, at] for at, name in enumerate(names)}
        return columns, _own_index(labels.index)
    if isinstance(labels, pd.Series):
        name = DEFAULT_NAME if labels.name is None else str(labels.name)
        return {name: labels}, _own_index(labels.index)
    if isinstance(labels, Mapping):
        return {str(name): _series(str(name), values) for name, values in labels.items()}, None
    return {DEFAULT_NAME: _series(DEFAULT_NAME, labels)}, None


def _own_index(index: pd.Index) -> pd.Index | None:
    return None if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 else index


def _own_paths(columns: dict[str, pd.Series]) -> list[str | None] | None:
    """Take the column of paths out of a table's columns."""
    column = columns.pop(PATH_COLUMN, None)
    if column is None:
        return None
    return [None if missing else str(path) for path, missing in zip(column, column.isna(), strict=True)]


def _series(name: str, values: Any) -> pd.Series:
    """Return one column of labels as a Series."""
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True)
    if isinstance(values, pd.Categorical):
        return pd.Series(values)
    if isinstance(values, str | bytes):
        raise InvalidInput(
            f"labels of {name!r} are the text {str(values)[:40]!r}. Give a sequence with one label a row; "
            f"a file of labels is read by pandas.read_csv, or by curate.open(FOLDER).ingest(FILE)."
        )
    if not isinstance(values, Sequence) and not hasattr(values, "__array__"):
        raise InvalidInput(
            f"labels of {name!r} are of the type {type(values).__name__}. "
            f"Give a list, an array, a Series, a dict or a DataFrame."
        )
    array = values if isinstance(values, list | tuple) else np.asarray(values)
    if isinstance(array, np.ndarray) and array.ndim != 1:
        hint = " A one-hot array becomes labels by .argmax(axis=1)." if array.ndim == 2 else ""
        raise InvalidInput(f"labels of {name!r} have shape {array.shape}, expected (n_samples,).{hint}")
    if isinstance(array, np.ndarray) and array.dtype.kind in "US":
        array = array.astype(object)
    return pd.Series(list(array), dtype=object) if isinstance(array, list | tuple) else pd.Series(array)


def _read_one(name: str, column: pd.Series, notes: list[str]) -> GivenLabels:
    """Read one column of labels, whatever they are."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _read_categories(name, column)
    missing = column.isna().to_numpy()
    kept = column[~missing]
    kind = _kind_of(name, kept)
    if kind == "text":
        return _read_text(name, kept, missing, notes)
    return _read_numbers(name, kept, missing, notes)


def _kind_of(name: str, kept: pd.Series) -> str:
    """Return whether labels are text or whole numbers.

    Raises:
        InvalidInput: They are both, or neither.
    """
    if pd.api.types.is_bool_dtype(kept.dtype) and len(kept):
        return "text"
    if pd.api.types.is_numeric_dtype(kept.dtype) and kept.dtype.kind not in "c":
        return "number"
    kinds: dict[str, tuple[int, Any]] = {}
    for row, value in zip(np.arange(len(kept)), kept, strict=True):
        kind = "text" if isinstance(value, str | bool | np.bool_) else "other"
        if kind == "other" and isinstance(value, int | float | np.integer | np.floating):
            kind = "number"
        kinds.setdefault(kind, (int(row), value))
    if "other" in kinds:
        _, value = kinds["other"]
        raise InvalidInput(
            f"labels of {name!r} hold {str(value)[:40]!r}, which is of the type {type(value).__name__}. "
            f"A label is a string, a whole number or a category; one label a row."
        )
    if len(kinds) > 1:
        raise InvalidInput(
            f"labels of {name!r} mix text and numbers ({kinds['text'][1]!r} and {kinds['number'][1]!r}). "
            f"Say which they are with .astype(str)."
        )
    return next(iter(kinds), "text")


def _read_text(name: str, kept: pd.Series, missing: NDArray[np.bool_], notes: list[str]) -> GivenLabels:
    text = kept.astype(str).to_numpy(dtype=object)
    blank = np.array([not value.strip() for value in text], dtype=bool)
    if blank.any():
        notes.append(f"{name}: {int(blank.sum())} blank labels were taken for missing.")
        missing = missing.copy()
        missing[np.flatnonzero(~missing)[blank]] = True
        text = text[~blank]
    codes, values = pd.factorize(text, sort=True)
    return GivenLabels(name, tuple(values.tolist()), _spread(codes, missing))


def _read_numbers(name: str, kept: pd.Series, missing: NDArray[np.bool_], notes: list[str]) -> GivenLabels:
    numbers = kept.to_numpy(dtype=np.float64)
    whole = np.isfinite(numbers) & (numbers == np.round(numbers))
    if not whole.all():
        at = int(np.argmin(whole))
        row = int(np.flatnonzero(~missing)[at])
        raise InvalidInput(
            f"labels of {name!r} hold the number {numbers[at]:g} at row {row}. "
            f"A label is a string, a whole number or a category."
        )
    if (numbers == -1).any() and not (numbers < -1).any():
        gone = numbers == -1
        notes.append(f"{name}: {int(gone.sum())} labels are -1 and were taken for missing.")
        missing = missing.copy()
        missing[np.flatnonzero(~missing)[gone]] = True
        numbers = numbers[~gone]
    values, codes = np.unique(numbers.astype(np.int64), return_inverse=True)
    return GivenLabels(name, tuple(values.tolist()), _spread(codes, missing), numbers=True)


def _read_categories(name: str, column: pd.Series) -> GivenLabels:
    values = tuple(column.cat.categories.tolist())
    codes = column.cat.codes.to_numpy().astype(np.int64)
    if any(not isinstance(value, str | int | np.integer) for value in values):
        odd = next(value for value in values if not isinstance(value, str | int | np.integer))
        raise InvalidInput(
            f"labels of {name!r} have the category {odd!r}, which is of the type {type(odd).__name__}. "
            f"A category is a string or a whole number."
        )
    try:
        order = sorted(range(len(values)), key=values.__getitem__)
    except TypeError:
        raise InvalidInput(
            f"labels of {name!r} have categories that are text and categories that are numbers. "
            f"Say which they are with .astype(str)."
        ) from None
    places = np.array([*np.argsort(order), -1], dtype=np.int64)
    in_order = order == list(range(len(order)))
    return GivenLabels(name, tuple(values[at] for at in order), places[codes], ordered=not in_order)


def _spread(codes: NDArray[Any], missing: NDArray[np.bool_]) -> Ints:
    """Return the codes at their rows, -1 where the label is missing."""
    spread = np.full(len(missing), -1, dtype=np.int64)
    spread[~missing] = codes
    return spread
