"""Every kind of wrong input gives one sentence, word for word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import curate
from curate.errors import InvalidInput

LABELS = ["a", "b", "a", "b"]
PROBS = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
VECTORS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])


def changed(array: Any, row: int, column: Any, value: float) -> Any:
    """A copy with other values in one place."""
    copy = np.array(array)
    copy[row, column] = value
    return copy


def named(*names: Any) -> pd.DataFrame:
    return pd.DataFrame(PROBS, columns=list(names))


SORTED = np.array([0, 1, 2] * 30)
REVERSED = np.eye(3)[(SORTED + 1) % 3] * 0.7 + 0.1

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing to go by": (
        {"labels": LABELS},
        "Neither pred_probs nor embeddings were given. Give one of them, or both.",
    ),
    "zero rows": ({"labels": []}, "labels has 0 rows. There is nothing to look at."),
    "no columns": (
        {"labels": pd.DataFrame(index=range(4))},
        "labels has no columns. Give at least one column of labels.",
    ),
    "None for labels": (
        {"labels": None},
        "labels of 'label' are of the type NoneType. Give a list, an array, a Series, a dict or a DataFrame.",
    ),
    "a file name": (
        {"labels": "labels.csv"},
        "labels of 'label' are the text 'labels.csv'. Give a sequence with one label a row; a file of labels "
        "is read by pandas.read_csv, or by curate.open(FOLDER).ingest(FILE).",
    ),
    "one-hot labels": (
        {"labels": np.eye(4)},
        "labels of 'label' have shape (4, 4), expected (n_samples,). A one-hot array becomes labels by "
        ".argmax(axis=1).",
    ),
    "columns of other lengths": (
        {"labels": {"style": LABELS, "genre": ["x"]}},
        "labels of 'genre' have 1 rows and those of 'style' 4: they must agree.",
    ),
    "two columns of one name": (
        {"labels": pd.DataFrame([["a", "b"]] * 4, columns=["style", "style"])},
        "labels has several columns named 'style'. Rename all but one.",
    ),
    "numbers with fractions": (
        {"labels": [0.0, 1.5, 0.0, 1.0]},
        "labels of 'label' hold the number 1.5 at row 1. A label is a string, a whole number or a category.",
    ),
    "text and numbers": (
        {"labels": ["a", 1, "a", 1]},
        "labels of 'label' mix text and numbers ('a' and 1). Say which they are with .astype(str).",
    ),
    "several labels in a cell": (
        {"labels": [["a", "b"], ["a"], ["b"], ["a"]]},
        "labels of 'label' hold \"['a', 'b']\", which is of the type list. A label is a string, a "
        "whole number "
        "or a category; one label a row.",
    ),
    "dates": (
        {"labels": pd.Series(pd.to_datetime(["2020-01-01"] * 4))},
        "labels of 'label' hold '2020-01-01 00:00:00', which is of the type Timestamp. A label is "
        "a string, a "
        "whole number or a category; one label a row.",
    ),
    "one class": (
        {"labels": ["a"] * 4, "pred_probs": named("a", "b")},
        "labels of 'label' that have a prediction are all of one class ('a'). Two at least are needed.",
    ),
    "all labels missing": (
        {"labels": [None] * 4, "pred_probs": named("a", "b")},
        "No label of label has a prediction, so there is nothing to judge. Do the rows of labels and of "
        "pred_probs belong together?",
    ),
    "fewer predictions than labels": (
        {"pred_probs": PROBS[:3]},
        "pred_probs of 'label' have 3 rows, and labels has 4: they must agree.",
    ),
    "one number a row": (
        {"pred_probs": PROBS[:, 0]},
        "pred_probs of 'label' have shape (4,), expected (n_samples, n_columns).",
    ),
    "one column": (
        {"pred_probs": np.ones((4, 1))},
        "pred_probs of 'label' have 1 column. Two classes at least are needed.",
    ),
    "words for probabilities": (
        {"pred_probs": [["high", "low"]] * 4},
        "pred_probs of 'label' cannot be read as a table of numbers: every row needs as many, and "
        "nothing else.",
    ),
    "rows of different lengths": (
        {"pred_probs": [[0.5, 0.5], [1.0], [0.5, 0.5], [0.5, 0.5]]},
        "pred_probs of 'label' cannot be read as a table of numbers: every row needs as many, and "
        "nothing else.",
    ),
    "NaN in part of a row": (
        {"pred_probs": changed(PROBS, 2, 0, np.nan)},
        "pred_probs of 'label' are NaN in part of row 2 (1 such rows). A row without a prediction is NaN in "
        "all columns.",
    ),
    "NaN in every row": (
        {"pred_probs": np.full((4, 2), np.nan)},
        "pred_probs of 'label' are NaN in every row. There is no prediction to go by.",
    ),
    "infinite": (
        {"pred_probs": changed(PROBS, 1, 0, np.inf)},
        "pred_probs of 'label' are infinite at row 1.",
    ),
    "logits": (
        {"pred_probs": [[3.0, -2.0]] * 4},
        "pred_probs of 'label' reach from -2 to 3, expected 0 to 1. Logits become probabilities by "
        "scipy.special.softmax(logits, axis=1).",
    ),
    "rows that don't sum to one": (
        {"pred_probs": changed(PROBS, 3, 1, 0.3)},
        "pred_probs of 'label' sum to 0.700 at row 3, expected 1 (1 such rows). Were columns left out?",
    ),
    "a class without a column": (
        {"labels": ["a", "b", "c", "c"], "pred_probs": named("a", "b")},
        "labels of 'label' hold 'c' (2 rows), and pred_probs have no such column (columns: 'a', 'b'). "
        "Rename them, or set these labels to None.",
    ),
    "as many unnamed columns as classes is not": (
        {"labels": ["a", "b", "c", "c"]},
        "labels of 'label' have 3 classes, and pred_probs have 2 columns. Name the columns: a DataFrame, or "
        "classes=[…] in their order.",
    ),
    "a code beyond the columns": (
        {"labels": [0, 1, 0, 2], "classes": ["a", "b"]},
        "labels of 'label' hold the code 2, outside 0..1.",
    ),
    "two columns of one class": (
        {"pred_probs": named("a", "a")},
        "pred_probs of 'label' have several columns named 'a'.",
    ),
    "more classes than columns": (
        {"classes": ["a", "b", "c"]},
        "classes of 'label' are 3, and pred_probs have 2 columns.",
    ),
    "classes that contradict the columns": (
        {"classes": ["b", "a"], "pred_probs": named("a", "b")},
        "classes of 'label' differ from the names of pred_probs' columns. Leave one out.",
    ),
    "classes as a text": (
        {"classes": "ab"},
        "classes is 'ab'. Give a list of names in the order of the columns.",
    ),
    "columns in another order": (
        {"labels": SORTED, "pred_probs": REVERSED},
        "pred_probs of 'label' agree with 0% of the labels as their columns stand, and with 100% in another "
        "order. Name the columns: a DataFrame, or classes=[…] in their order.",
    ),
    "categories in an order of their own": (
        {"labels": pd.Categorical(LABELS, categories=["b", "a"])},
        "labels of 'label' are categories whose order isn't the sorted one, and pred_probs have no column "
        "names. Say the columns' order: classes=[…].",
    ),
    "one array for two attributes": (
        {"labels": {"style": LABELS, "genre": LABELS}},
        "pred_probs is one array, and labels has 2 attributes (style, genre). Give a dict: "
        "pred_probs={'style': …}.",
    ),
    "one list of classes for two attributes": (
        {"labels": {"style": LABELS, "genre": LABELS}, "pred_probs": {"style": PROBS}, "classes": ["a", "b"]},
        "classes is one list, and labels has 2 attributes (style, genre). Give a dict.",
    ),
    "probabilities of an unknown attribute": (
        {"labels": {"style": LABELS}, "pred_probs": {"genre": PROBS}},
        "pred_probs has 'genre', and labels has no such attribute. It has style.",
    ),
    "another index": (
        {
            "labels": pd.Series(LABELS, index=list("wxyz")),
            "pred_probs": pd.DataFrame(PROBS, columns=["a", "b"], index=list("wxyq")),
        },
        "pred_probs of 'label' have other row names (index) than labels. Give both the same index, or none: "
        ".reset_index(drop=True).",
    ),
    "paths that labels have not": (
        {
            "labels": pd.DataFrame({"filepath": list("wxyz"), "style": LABELS}),
            "pred_probs": named("a", "b").assign(filepath=list("wxyq")),
        },
        "pred_probs of 'style' have the filepath 'q', and labels do not have it (1 such rows).",
    ),
    "a path twice": (
        {
            "labels": pd.DataFrame({"filepath": list("wxyz"), "style": LABELS}),
            "pred_probs": named("a", "b").assign(filepath=list("wxyy")),
        },
        "pred_probs of 'style' or labels name a row twice. Give each row its own name, or none.",
    ),
    "a grid for embeddings": (
        {"embeddings": np.zeros((4, 7, 7, 16))},
        "embeddings have shape (4, 7, 7, 16), expected (n_samples, n_features). A grid of features "
        "becomes one "
        "vector by its mean over the cells.",
    ),
    "too few embeddings": (
        {"embeddings": VECTORS[:2]},
        "embeddings have 2 rows, and labels has 4: they must agree.",
    ),
    "embeddings of one number": (
        {"embeddings": VECTORS[:, :1]},
        "embeddings have 1 column. A vector of features was expected.",
    ),
    "embeddings that are NaN in part": (
        {"embeddings": changed(VECTORS, 1, 0, np.nan)},
        "embeddings are NaN in part of row 1 (1 such rows). A row without an image is NaN in all columns.",
    ),
    "infinite embeddings": (
        {"embeddings": changed(VECTORS, 1, 0, np.inf)},
        "embeddings are infinite at row 1.",
    ),
    "empty embeddings": (
        {"embeddings": np.zeros((4, 2))},
        "embeddings are zero or NaN in every row.",
    ),
    "too few for a classifier": (
        {"pred_probs": None, "embeddings": VECTORS},
        "Embeddings alone need two classes with as many labels each as there are folds (4), and label "
        "lacks them. Give more labels, or pred_probs.",
    ),
    "groups of another length": (
        {"groups": [1, 1]},
        "groups have 2 rows, and labels has 4: they must agree.",
    ),
    "folds that are words": (
        {"folds": ["one", "two", "one", "two"]},
        "folds hold 'one' at row 0, expected 0, 1, 2 …, or -1 for none.",
    ),
    "one fold": (
        {"folds": [0, 0, 0, 0]},
        "folds hold 1 fold. Two at least are needed; leave folds out if there are none.",
    ),
    "one path for all": (
        {"paths": "images"},
        "paths is the text 'images'. Give one path an artwork.",
    ),
    "a random state that is none": (
        {"random_state": "seven"},
        "random_state is 'seven'. Give a whole number, a RandomState or None.",
    ),
    "a negative random state": (
        {"random_state": -3},
        "random_state is -3, expected 0 to 4294967295.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_gives_one_sentence(case: str) -> None:
    arguments, sentence = CASES[case]
    given = arguments if case == "nothing to go by" else {"labels": LABELS, "pred_probs": PROBS, **arguments}

    with pytest.raises(InvalidInput) as caught:
        curate.find_issues(**given)

    assert str(caught.value) == sentence
    assert isinstance(caught.value, ValueError)


def test_asking_for_an_attribute_that_was_not_judged() -> None:
    issues = curate.find_issues({"style": LABELS, "artist": ["x", "y", "z", "z"]}, {"style": PROBS})

    with pytest.raises(InvalidInput) as caught:
        issues.probability_wrong("artist")
    assert str(caught.value) == "'artist' was not judged. These were: style."

    with pytest.raises(InvalidInput) as caught:
        issues.top(0)
    assert str(caught.value) == "k is 0. Give a whole number of at least 1."

    with pytest.raises(InvalidInput) as caught:
        issues.to_fiftyone("gallery")
    assert str(caught.value) == "The images' files are not known. Give find_issues their paths=[…]."
