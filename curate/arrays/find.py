"""``curate.find_issues``: from labels, probabilities and embeddings to the labels that are probably wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.arrays.embeddings import cross_fitted, deal_folds, read_embeddings
from curate.arrays.found import Issues
from curate.arrays.labels import GivenLabels, Ints, LabelTable, read_labels
from curate.arrays.probabilities import Probabilities, match_classes, read_pred_probs
from curate.arrays.scores import score
from curate.errors import InvalidInput
from curate.issues import LabelColumn, evidence_only

if TYPE_CHECKING:
    from numpy.random import RandomState

FEW = 60
"""Labels of an attribute below which there is too little to learn from; see docs/ranking.md."""


def find_issues(
    labels: Any,
    pred_probs: Any = None,
    embeddings: Any = None,
    *,
    groups: Any = None,
    folds: Any = None,
    classes: Sequence[Any] | NDArray[Any] | Mapping[str, Sequence[Any] | NDArray[Any]] | None = None,
    paths: Sequence[str | PathLike[str] | None] | None = None,
    random_state: int | RandomState | None = 0,
    n_jobs: int | None = None,
) -> Issues:
    """Find the labels that are probably wrong, from arrays alone.

    N is the number of artworks (any images), K the number of classes of an attribute. Attributes are judged
    together: the artist's record speaks about a style. At least one of ``pred_probs`` and ``embeddings`` is
    needed. Without probabilities, an attribute gets those of a logistic regression on the embeddings, cross-
    fitted: none of its models saw the label that it judges, nor a duplicate's.

    Args:
        labels: The given labels: a DataFrame or a dict (one attribute a column), or one sequence of length N.
            Strings, whole numbers or categories; None, NaN, blank strings and codes of -1 are missing. A
            column ``filepath`` of a DataFrame is taken for ``paths``.
        pred_probs: Out-of-sample class probabilities, shape ``(N, K)``, or a dict of them by attribute. The
            columns have names (a DataFrame, or ``classes``), or are in the order of the sorted classes, as
            scikit-learn's ``classes_`` are. Rows of NaN are artworks without a prediction. Probabilities of
            images that the model was trained on make wrong labels look right:
            ``sklearn.model_selection.cross_val_predict(..., method="predict_proba")`` gives the right ones.
        embeddings: Features of the images, shape ``(N, D)``; scaled to length 1 where they aren't. Rows of
            NaN are artworks without an image.
        groups: Duplicate group of each artwork, shape ``(N,)``, any values; missing where it has none.
        folds: The fold whose model predicted each artwork, shape ``(N,)``, from 0 on; -1 or missing: none.
        classes: The classes in the order of the columns of ``pred_probs``; a dict where there are several
            attributes.
        paths: The images' files, shape ``(N,)``, for thumbnails and FiftyOne; never read as evidence.
        random_state: Makes the result repeatable; None draws again each time.
        n_jobs: How many models are fitted at once on embeddings; -1 takes all cores.

    Returns:
        The label issues. The order of the rows and of the columns makes no difference to them.

    Raises:
        InvalidInput: An array cannot be used as it was given. It is a ``ValueError``.

    Example:
        >>> import curate
        >>> issues = curate.find_issues(["cat", "dog", "dog"], [[0.9, 0.1], [0.2, 0.8], [0.97, 0.03]])
        >>> issues.top(1)[["row", "label", "suggested"]].values.tolist()
        [[2, 'dog', 'cat']]
    """
    table = read_labels(labels)
    probabilities = read_pred_probs(pred_probs, table)
    embedding = read_embeddings(embeddings, table)
    if not probabilities and embedding is None:
        raise InvalidInput("Neither pred_probs nor embeddings were given. Give one of them, or both.")
    seed = _seed(random_state)
    grouped, folded = _read_groups(groups, table.count), _read_folds(folds, table.count)
    named = _read_classes(classes, table)
    columns: dict[str, LabelColumn] = {}
    for name, given in table.attributes.items():
        if name in probabilities:
            columns[name] = match_classes(given, probabilities[name], named.get(name), table.notes)
    if embedding is not None:
        others = {name: given for name, given in table.attributes.items() if name not in columns}
        fitted, folded = _fit_others(
            others=others,
            table=table,
            probabilities=probabilities,
            embedding=embedding,
            groups=grouped,
            folds=folded,
            seed=seed,
            n_jobs=n_jobs,
        )
        columns |= fitted
    columns = {
        name: columns.get(name) or evidence_only(name, given.codes)
        for name, given in table.attributes.items()
    }
    _check_judged(columns, table, None if probabilities else folded)
    scores = score(list(columns.values()), grouped, embedding, folded, seed)
    shown = table.paths if paths is None else _read_paths(paths, table.count)
    return Issues(columns, scores, table, grouped, shown)


def _fit_others(
    others: Mapping[str, GivenLabels],
    table: LabelTable,
    probabilities: Mapping[str, Probabilities],
    embedding: NDArray[np.float32],
    groups: Ints,
    folds: Ints | None,
    seed: int,
    n_jobs: int | None,
) -> tuple[dict[str, LabelColumn], Ints | None]:
    """Return the attributes without probabilities with those of the embedding, and the folds used."""
    if not others:
        return {}, folds
    order = _canonical_rows(table, embedding)
    sorted_groups = pd.factorize(groups[order])[0].astype(np.int64)
    codes = {name: _dense(table.attributes[name].codes)[order] for name in sorted(table.attributes)}
    if folds is None:
        dealt = deal_folds(list(codes.values()), sorted_groups, seed)
    else:
        dealt = folds[order]
    columns = {}
    for name, given in others.items():
        moved = GivenLabels(name, given.values, given.codes[order])
        column = cross_fitted(
            given=moved,
            embedding=embedding[order],
            groups=sorted_groups,
            folds=dealt,
            seed=seed,
            n_jobs=n_jobs,
            notes=table.notes,
        )
        if column is not None:
            columns[name] = _restored(column, order)
    restored = np.empty_like(dealt)
    restored[order] = dealt
    own = folds is not None or not probabilities
    return columns, restored if own else None  # another model's probabilities know nothing of these folds


def _canonical_rows(table: LabelTable, embedding: NDArray[np.float32]) -> Ints:
    """Return the rows in an order that depends on what they hold, not on their places."""
    codes = np.stack([_dense(table.attributes[name].codes) for name in sorted(table.attributes)], axis=1)
    keys = [
        blake2b(code.tobytes() + vector.tobytes(), digest_size=16).digest()
        for code, vector in zip(codes, np.ascontiguousarray(embedding), strict=True)
    ]
    return np.argsort(np.array(keys, dtype="S16"), kind="stable").astype(np.int64)


def _dense(codes: Ints) -> Ints:
    """Return codes without gaps, so that categories that nothing has don't count; -1 stays."""
    present = np.unique(codes[codes >= 0])
    return np.where(codes >= 0, np.searchsorted(present, codes), -1)


def _restored(column: LabelColumn, order: Ints) -> LabelColumn:
    """Return a column's rows at their own places."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    codes = None if column.codes is None else column.codes[place]
    return LabelColumn(
        column.attribute,
        column.classes,
        column.labels[place],
        column.pred_probs[place],
        column.reviewed,
        codes=codes,
    )


def _check_judged(columns: Mapping[str, LabelColumn], table: LabelTable, dealt: Ints | None) -> None:
    """Raise InvalidInput where no label can be judged; note where few can.

    Args:
        columns: The attributes.
        table: What was given of them.
        dealt: The folds of models of embeddings; None where there are probabilities.
    """
    judged = 0
    for name, column in columns.items():
        rows = int(column.scorable.sum())
        if len(np.unique(column.labels[column.scorable])) == 1:
            raise InvalidInput(
                f"labels of {name!r} that have a prediction are all of one class "
                f"({column.classes[int(column.labels[column.scorable][0])]!r}). Two at least are needed."
            )
        if not rows:
            table.notes.append(f"{name}: nothing predicts it, so it is evidence about the others only.")
        elif rows < FEW:
            table.notes.append(f"{name}: {rows} labels are too few to learn from; the model's word is taken.")
        judged += rows
    if not judged and dealt is not None:
        folds = len(np.unique(dealt[dealt >= 0]))
        raise InvalidInput(
            f"Embeddings alone need two classes with as many labels each as there are folds ({folds}), and "
            f"{', '.join(columns)} lacks them. Give more labels, or pred_probs."
        )
    if not judged:
        raise InvalidInput(
            f"No label of {', '.join(columns)} has a prediction, so there is nothing to judge. "
            f"Do the rows of labels and of pred_probs belong together?"
        )


def _seed(random_state: Any) -> int:
    """Return a seed, as scikit-learn reads ``random_state``."""
    if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer):
        from sklearn.utils import check_random_state

        try:
            return int(check_random_state(random_state).randint(2**31 - 1))
        except (ValueError, TypeError):
            raise InvalidInput(
                f"random_state is {random_state!r}. Give a whole number, a RandomState or None."
            ) from None
    if not 0 <= random_state < 2**32:
        raise InvalidInput(f"random_state is {random_state}, expected 0 to 4294967295.")
    return int(random_state)


def _one_column(what: str, given: Any, count: int) -> pd.Series:
    column = given.reset_index(drop=True) if isinstance(given, pd.Series) else None
    if column is None:
        array = given if isinstance(given, list | tuple) else np.asarray(given)
        if np.ndim(array) != 1 and not isinstance(array, list | tuple):
            raise InvalidInput(f"{what} have shape {np.shape(array)}, expected (n_samples,).")
        column = pd.Series(list(array), dtype=object)
    if len(column) != count:
        raise InvalidInput(f"{what} have {len(column)} rows, and labels has {count}: they must agree.")
    return column


def _read_groups(groups: Any, count: int) -> Ints:
    """Return a group for each artwork, numbered from 0; those of none get their own."""
    if groups is None:
        return np.arange(count, dtype=np.int64)
    column = _one_column("groups", groups, count)
    codes = pd.factorize(column)[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return codes


def _read_folds(folds: Any, count: int) -> Ints | None:
    """Return the fold of each artwork, -1 for none."""
    if folds is None:
        return None
    column = _one_column("folds", folds, count)
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    odd = (numbers.isna() & column.notna()) | (numbers.notna() & ((numbers % 1 != 0) | (numbers < -1)))
    if odd.any():
        row = int(np.argmax(odd))
        raise InvalidInput(f"folds hold {column[row]!r} at row {row}, expected 0, 1, 2 …, or -1 for none.")
    given: Ints = numbers.fillna(-1).to_numpy().astype(np.int64)
    present = np.unique(given[given >= 0])
    if len(present) < 2:
        raise InvalidInput(
            f"folds hold {len(present)} fold. Two at least are needed; leave folds out if there are none."
        )
    return np.where(given >= 0, np.searchsorted(present, given), -1)


def _read_classes(classes: Any, table: LabelTable) -> dict[str, Sequence[Any]]:
    """Return the stated classes by attribute."""
    if classes is None:
        return {}
    names = list(table.attributes)
    if isinstance(classes, str) or not isinstance(classes, Mapping | Sequence | np.ndarray | pd.Index):
        raise InvalidInput(f"classes is {classes!r}. Give a list of names in the order of the columns.")
    if isinstance(classes, Mapping):
        unknown = [str(name) for name in classes if str(name) not in table.attributes]
        if unknown:
            raise InvalidInput(
                f"classes has {unknown[0]!r}, and labels has no such attribute. It has {', '.join(names)}."
            )
        return {str(name): list(listed) for name, listed in classes.items()}
    if len(names) > 1:
        raise InvalidInput(
            f"classes is one list, and labels has {len(names)} attributes ({', '.join(names)}). Give a dict."
        )
    return {names[0]: list(classes)}


def _read_paths(paths: Any, count: int) -> list[str | None]:
    if isinstance(paths, str):
        raise InvalidInput(f"paths is the text {paths[:40]!r}. Give one path an artwork.")
    column = _one_column("paths", paths if hasattr(paths, "__array__") else list(paths), count)
    return [None if path is None or path != path else str(path) for path in column]
