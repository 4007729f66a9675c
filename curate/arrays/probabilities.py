"""Class probabilities of any model: checked, and their columns matched with the classes of the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from curate.arrays.labels import PATH_COLUMN, GivenLabels, Ints, LabelTable
from curate.errors import InvalidInput
from curate.issues import LabelColumn
from curate.issues.columns import Floats

SUM_TOLERANCE = 0.01
"""How far a row of probabilities may be from summing to 1: half precision and rounding stay well below."""

FEWEST_COMPARED = 50
"""Rows from which on it is asked whether unnamed columns fit the labels better in another order."""

BOOKKEEPING = ("artwork", "fold", "provenance")
"""Columns that ``curate export --predictions`` writes beside the classes and the paths."""


@dataclass(frozen=True)
class Probabilities:
    """One attribute's probabilities as they were given, checked.

    Attributes:
        values: Shape ``(N, K)``; rows of NaN where there is no prediction.
        names: The names of the columns; None where they have none.
    """

    values: Floats
    names: tuple[Any, ...] | None


def read_pred_probs(pred_probs: Any, labels: LabelTable) -> dict[str, Probabilities]:
    """Read probabilities in any of their forms, by attribute.

    Args:
        pred_probs: One ``(N, K)`` array or DataFrame where there is one attribute, else a dict of them.
        labels: The labels that they belong to.

    Raises:
        InvalidInput: They cannot be probabilities of these labels' classes.
    """
    if pred_probs is None:
        return {}
    names = list(labels.attributes)
    if isinstance(pred_probs, pd.DataFrame) and (named := _named_attributes(pred_probs, names)):
        pred_probs = dict.fromkeys(named, pred_probs)
    if not isinstance(pred_probs, Mapping):
        if len(names) > 1:
            raise InvalidInput(
                f"pred_probs is one array, and labels has {len(names)} attributes ({', '.join(names)}). "
                f"Give a dict: pred_probs={{{names[0]!r}: …}}."
            )
        pred_probs = {names[0]: pred_probs}
    unknown = [str(name) for name in pred_probs if str(name) not in labels.attributes]
    if unknown:
        raise InvalidInput(
            f"pred_probs has {unknown[0]!r}, and labels has no such attribute. It has {', '.join(names)}."
        )
    return {str(name): _read_one(str(name), given, labels) for name, given in pred_probs.items()}


def _read_one(attribute: str, given: Any, labels: LabelTable) -> Probabilities:
    names: tuple[Any, ...] | None = None
    if isinstance(given, pd.DataFrame):
        given = _class_columns(attribute, given, labels)
        given = aligned(f"pred_probs of {attribute!r}", given, labels)
        if not isinstance(given.columns, pd.RangeIndex):
            names = tuple(given.columns.tolist())
    values = as_matrix(f"pred_probs of {attribute!r}", given, labels.count)
    check_rows(attribute, values)
    return Probabilities(values, names)


def _named_attributes(frame: pd.DataFrame, attributes: Sequence[str]) -> list[str]:
    """Return the attributes that columns called ``<attribute>.<class>`` are of; none if some have no dot."""
    named = [str(column) for column in frame.columns if column not in (PATH_COLUMN, *BOOKKEEPING)]
    if not all("." in name for name in named):
        return []
    return [one for one in attributes if any(name.startswith(f"{one}.") for name in named)]


def _class_columns(attribute: str, frame: pd.DataFrame, labels: LabelTable) -> pd.DataFrame:
    """Return a table's columns of an attribute's classes, called by the class alone, and that of the paths.

    ``curate export --predictions`` writes all attributes in one table, and beside them whose row it is and
    which fold's model predicted it.
    """
    values = {str(value) for value in labels.attributes[attribute].values}
    aside = [name for name in BOOKKEEPING if name in frame.columns and name not in values]
    start = f"{attribute}."
    if _named_attributes(frame, [attribute]):
        own = {name: str(name).removeprefix(start) for name in frame.columns if str(name).startswith(start)}
        kept = [name for name in frame.columns if name == PATH_COLUMN or name in own]
        frame = frame[kept].rename(columns=own)
    elif aside:
        frame = frame.drop(columns=aside)
    if aside:
        told = f"pred_probs of {attribute!r}: {', '.join(aside)} were left aside; folds are given as folds=…."
        labels.notes.append(told)
    return frame


def as_matrix(what: str, given: Any, count: int) -> Floats:
    """Return numbers of shape ``(count, K)`` as float64.

    Raises:
        InvalidInput: They are not numbers, or have another shape.
    """
    values = as_numbers(what, given)
    if values.ndim != 2:
        raise InvalidInput(f"{what} have shape {values.shape}, expected (n_samples, n_columns).")
    if len(values) != count:
        raise InvalidInput(f"{what} have {len(values)} rows, and labels has {count}: they must agree.")
    return values


def as_numbers(what: str, given: Any) -> Floats:
    """Return an array of float64.

    Raises:
        InvalidInput: It cannot be one.
    """
    try:
        array = np.asarray(given)
        values: Floats = array.astype(np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"{what} cannot be read as a table of numbers: every row needs as many, and nothing else."
        ) from None
    if array.dtype.kind == "c":
        raise InvalidInput(f"{what} are complex numbers; real ones were expected.")
    return values


def aligned(what: str, frame: pd.DataFrame, labels: LabelTable) -> pd.DataFrame:
    """Return a table's rows in the order of the labels, where both name their rows.

    They name them by a column ``filepath``, or by the index. A label without a row in the table gets one of
    NaN: nothing is known of it.

    Raises:
        InvalidInput: The table names rows that the labels do not have, or one of them twice.
    """
    by_column = PATH_COLUMN in frame.columns
    if by_column:
        frame = frame.set_index(PATH_COLUMN)
    elif isinstance(frame.index, pd.RangeIndex):
        return frame
    names = _matching_names(frame.index, labels)
    if names is None:
        if by_column and labels.paths is not None:
            stray = frame.index[~frame.index.isin(labels.paths)]
            raise InvalidInput(
                f"{what} have the {PATH_COLUMN} {str(stray[0])!r}, and labels do not have it "
                f"({len(stray)} such rows)."
            )
        if labels.index is not None and len(frame) == labels.count and not by_column:
            raise InvalidInput(
                f"{what} have other row names (index) than labels. Give both the same index, "
                f"or none: .reset_index(drop=True)."
            )
        return frame
    if frame.index.equals(names):
        return frame
    if not (frame.index.is_unique and names.is_unique):
        raise InvalidInput(f"{what} or labels name a row twice. Give each row its own name, or none.")
    if not names.isin(frame.index).all():
        lacking = int((~names.isin(frame.index)).sum())
        labels.notes.append(f"{what} have no row for {lacking} of {labels.count} labels.")
    by = PATH_COLUMN if by_column else "index"
    labels.notes.append(f"{what} were put into the order of labels, by their {by}.")
    return frame.reindex(names)


def _matching_names(index: pd.Index, labels: LabelTable) -> pd.Index | None:
    """Return the names of the labels' rows that a table's rows go by: their index, or the images' paths."""
    paths = None if labels.paths is None or None in labels.paths else pd.Index(labels.paths)
    for names in (labels.index, paths):
        if names is not None and len(index) and index.isin(names).all():
            return names
    return None


def check_rows(attribute: str, values: Floats, what: str = "pred_probs") -> None:
    """Raise InvalidInput where rows are not probabilities; a row of NaN alone is a missing prediction."""
    name = f"{what} of {attribute!r}"
    if values.shape[1] < 2:
        raise InvalidInput(f"{name} have {values.shape[1]} column. Two classes at least are needed.")
    missing = np.isnan(values)
    empty = missing.all(axis=1)
    partly = np.flatnonzero(missing.any(axis=1) & ~empty)
    if len(partly):
        raise InvalidInput(
            f"{name} are NaN in part of row {partly[0]} ({len(partly)} such rows). "
            f"A row without a prediction is NaN in all columns."
        )
    if empty.all():
        raise InvalidInput(f"{name} are NaN in every row. There is no prediction to go by.")
    predicted = values[~empty]
    if np.isinf(predicted).any():
        row = int(np.flatnonzero(np.isinf(values).any(axis=1))[0])
        raise InvalidInput(f"{name} are infinite at row {row}.")
    low, high = float(predicted.min()), float(predicted.max())
    sums = predicted.sum(axis=1)
    if low < -1e-6 or (high > 1 + 1e-6 and (np.abs(sums - 1) > SUM_TOLERANCE).any()):
        raise InvalidInput(
            f"{name} reach from {low:.3g} to {high:.3g}, expected 0 to 1. "
            f"Logits become probabilities by scipy.special.softmax(logits, axis=1)."
        )
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if off.any():
        row = int(np.flatnonzero(~empty)[np.argmax(off)])
        raise InvalidInput(
            f"{name} sum to {sums[np.argmax(off)]:.3f} at row {row}, expected 1 ({int(off.sum())} such "
            f"rows). "
            f"Were columns left out?"
        )


def match_classes(
    given: GivenLabels, probabilities: Probabilities, classes: Sequence[Any] | None, notes: list[str]
) -> LabelColumn:
    """Return the labels as columns of the probabilities, whose classes are found by name, code or order.

    Args:
        given: One attribute's labels.
        probabilities: Its probabilities.
        classes: The classes in the order of the columns, where the caller says so.
        notes: Told what was presumed.

    Raises:
        InvalidInput: The labels' classes are not those of the columns.
    """
    width = probabilities.values.shape[1]
    names = _named_columns(given, probabilities, classes)
    if names is not None:
        codes = _by_name(given, names) if not _are_codes(given, names) else _by_code(given, width)
        _tell_unused(given, names, codes, notes)
    else:
        names, codes = _by_order(given, width, notes)
        _refuse_other_order(given, codes, probabilities.values)
    return LabelColumn(
        given.attribute,
        tuple(str(name) for name in names),
        codes,
        probabilities.values,
        np.zeros(len(codes), dtype=np.int8),
    )


def _named_columns(
    given: GivenLabels, probabilities: Probabilities, classes: Sequence[Any] | None
) -> tuple[Any, ...] | None:
    """Return the names of the columns, from themselves or from ``classes``."""
    width = probabilities.values.shape[1]
    names = probabilities.names
    if classes is not None:
        stated = tuple(classes)
        if len(stated) != width:
            raise InvalidInput(
                f"classes of {given.attribute!r} are {len(stated)}, and pred_probs have {width} columns."
            )
        if names is not None and [str(name) for name in names] != [str(name) for name in stated]:
            raise InvalidInput(
                f"classes of {given.attribute!r} differ from the names of pred_probs' columns. Leave one out."
            )
        names = stated
    if names is not None:
        text = [str(name) for name in names]
        twice = sorted({name for name in text if text.count(name) > 1})
        if twice:
            raise InvalidInput(f"pred_probs of {given.attribute!r} have several columns named {twice[0]!r}.")
    return names


def _are_codes(given: GivenLabels, names: Sequence[Any]) -> bool:
    """Return whether whole numbers are places among named columns, not names themselves."""
    if not given.numbers:
        return False
    text = {str(name) for name in names}
    return not all(str(value) in text for value in given.values)


def _by_code(given: GivenLabels, width: int) -> Ints:
    """Return the columns that codes mean."""
    values = np.array([*given.values, -1], dtype=np.int64)
    if len(given.values) and (values[:-1].min() < 0 or values[:-1].max() >= width):
        odd = next(value for value in given.values if not 0 <= value < width)
        raise InvalidInput(f"labels of {given.attribute!r} hold the code {odd}, outside 0..{width - 1}.")
    return values[given.codes]


def _by_name(given: GivenLabels, names: Sequence[Any]) -> Ints:
    """Return the columns that have the labels' names."""
    places = {str(name): at for at, name in enumerate(names)}
    used = np.unique(given.codes[given.codes >= 0])
    lost = [given.values[at] for at in used if str(given.values[at]) not in places]
    if lost:
        rows = int(np.isin(given.codes, [given.values.index(value) for value in lost]).sum())
        some = ", ".join(repr(str(value)) for value in lost[:3]) + (" …" if len(lost) > 3 else "")
        have = ", ".join(repr(str(name)) for name in names[:4]) + (" …" if len(names) > 4 else "")
        raise InvalidInput(
            f"labels of {given.attribute!r} hold {some} ({rows} rows), and pred_probs have no such column "
            f"(columns: {have}). Rename them, or set these labels to None."
        )
    table = np.array([*(places.get(str(value), -1) for value in given.values), -1], dtype=np.int64)
    return table[given.codes]


def _by_order(given: GivenLabels, width: int, notes: list[str]) -> tuple[tuple[Any, ...], Ints]:
    """Return the classes of unnamed columns: the labels' own in sorted order, or codes 0..K-1."""
    if given.ordered:
        raise InvalidInput(
            f"labels of {given.attribute!r} are categories whose order isn't the sorted one, and pred_probs "
            f"have no column names. Say the columns' order: classes=[…]."
        )
    used = np.unique(given.codes[given.codes >= 0])
    present = tuple(given.values[at] for at in used)
    for values in (given.values, present):
        if len(values) == width:
            _tell_order(given.attribute, values, notes)
            places = {value: at for at, value in enumerate(values)}
            table = np.array([*(places.get(value, -1) for value in given.values), -1], dtype=np.int64)
            return values, table[given.codes]
    if given.numbers and present and min(present) >= 0 and max(present) < width:
        return tuple(range(width)), _by_code(given, width)
    raise InvalidInput(
        f"labels of {given.attribute!r} have {len(present)} classes, and pred_probs have {width} columns. "
        f"Name the columns: a DataFrame, or classes=[…] in their order."
    )


def _tell_order(attribute: str, values: Sequence[Any], notes: list[str]) -> None:
    some = ", ".join(str(value) for value in values[:4]) + (" …" if len(values) > 4 else "")
    notes.append(f"{attribute}: the columns of pred_probs were taken for the sorted classes ({some}).")


def _tell_unused(given: GivenLabels, names: Sequence[Any], codes: Ints, notes: list[str]) -> None:
    unused = sorted(set(range(len(names))) - set(codes[codes >= 0].tolist()))
    if unused:
        some = ", ".join(str(names[at]) for at in unused[:3]) + (" …" if len(unused) > 3 else "")
        notes.append(f"{given.attribute}: no label is of {len(unused)} of the columns' classes ({some}).")


def _refuse_other_order(given: GivenLabels, codes: Ints, values: Floats) -> None:
    """Raise InvalidInput where unnamed columns fit the labels far better in another order."""
    rows = np.flatnonzero((codes >= 0) & np.isfinite(values).all(axis=1))
    width = values.shape[1]
    if len(rows) < FEWEST_COMPARED:
        return
    from scipy.optimize import linear_sum_assignment

    table = np.zeros((width, width))
    np.add.at(table, (codes[rows], values[rows].argmax(axis=1)), 1)
    best = table[linear_sum_assignment(-table)].sum() / len(rows)
    as_given = float(np.trace(table)) / len(rows)
    if best > 0.5 and as_given < best / 2:
        raise InvalidInput(
            f"pred_probs of {given.attribute!r} agree with {as_given:.0%} of the labels as their "
            f"columns stand, "
            f"and with {best:.0%} in another order. Name the columns: a DataFrame, or classes=[…] in "
            f"their order."
        )
