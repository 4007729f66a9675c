"""However labels and probabilities are given, and in whatever order: the same result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from tests.issues.gallery import make_gallery

NAMES = np.array(["Baroque", "Cubism", "Pop Art", "Ukiyo-e"], dtype=object)
GALLERY = make_gallery(count=150)
CODES, PROBS = GALLERY.columns[0].labels, GALLERY.columns[0].pred_probs
TEXT = NAMES[CODES]
WRONG = curate.find_issues(TEXT, PROBS, GALLERY.embedding).probability_wrong()
ALONE = curate.find_issues(TEXT, embeddings=GALLERY.embedding).probability_wrong()

FORMS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "list": (TEXT.tolist(), PROBS.tolist(), {}),
    "tuple": (tuple(TEXT), PROBS, {}),
    "fixed-width strings": (TEXT.astype("U9"), PROBS, {}),
    "Series": (pd.Series(TEXT), PROBS, {}),
    "string dtype": (pd.Series(TEXT, dtype="string"), PROBS, {}),
    "categories": (pd.Categorical(TEXT), PROBS, {}),
    "unused categories": (
        pd.Categorical(TEXT, categories=["Art Brut", *NAMES]),
        pd.DataFrame(PROBS, columns=NAMES),
        {},
    ),
    "categories in another order": (
        pd.Series(pd.Categorical(TEXT, categories=NAMES[::-1])),
        pd.DataFrame(PROBS, columns=NAMES),
        {},
    ),
    "dict": ({"style": TEXT}, {"style": PROBS}, {}),
    "DataFrame": (pd.DataFrame({"style": TEXT}), {"style": pd.DataFrame(PROBS, columns=NAMES)}, {}),
    "codes": (CODES, PROBS, {"classes": NAMES}),
    "codes as floats": (CODES.astype(float), PROBS, {"classes": list(NAMES)}),
    "small codes": (CODES.astype(np.uint8).tolist(), PROBS, {"classes": {"label": NAMES}}),
    "codes of named columns": (CODES, pd.DataFrame(PROBS, columns=NAMES), {}),
    "nullable codes": (pd.Series(CODES, dtype="Int64"), PROBS, {"classes": NAMES}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(form: str) -> None:
    labels, probs, more = FORMS[form]

    issues = curate.find_issues(labels, probs, GALLERY.embedding, **more)

    np.testing.assert_array_equal(issues.probability_wrong(), WRONG)
    assert set(issues.to_frame()["label"]) == set(NAMES)


@pytest.mark.parametrize("form", ["list", "categories", "unused categories", "categories in another order"])
def test_every_form_gives_the_same_on_embeddings_alone(form: str) -> None:
    labels, _, _ = FORMS[form]

    np.testing.assert_array_equal(
        curate.find_issues(labels, embeddings=GALLERY.embedding).probability_wrong(), ALONE
    )


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(150)), st.permutations(range(4)))
def test_shuffled_rows_and_columns_give_the_same(rows: list[int], columns: list[int]) -> None:
    frame = pd.DataFrame(PROBS[rows][:, columns], columns=NAMES[columns])

    issues = curate.find_issues(TEXT[rows], frame, GALLERY.embedding[rows])

    np.testing.assert_array_equal(issues.probability_wrong(), WRONG[rows])


@settings(max_examples=4, deadline=None)
@given(st.permutations(range(150)))
def test_shuffled_rows_give_the_same_on_embeddings_alone(rows: list[int]) -> None:
    issues = curate.find_issues(TEXT[rows], embeddings=GALLERY.embedding[rows])

    np.testing.assert_array_equal(issues.probability_wrong(), ALONE[rows])


@settings(max_examples=3, deadline=None)
@given(st.permutations(["style", "genre", "artist"]))
def test_shuffled_attributes_give_the_same(names: list[str]) -> None:
    columns = {column.attribute: column for column in GALLERY.columns}

    def wrong(order: list[str]) -> Any:
        labels = pd.DataFrame({name: columns[name].labels for name in order})
        probs = {name: columns[name].pred_probs for name in order if name != "artist"}
        return curate.find_issues(labels, probs).probability_wrong("style")

    np.testing.assert_array_equal(wrong(names), wrong(["style", "genre", "artist"]))


PATHS = [f"images/{row:03}.jpg" for row in range(150)]


@pytest.mark.parametrize("named_by", ["column", "index"])
def test_rows_that_name_their_image_are_put_into_order(named_by: str) -> None:
    """As files come: labels with their paths, probabilities and embeddings of the same paths, shuffled."""
    shuffled = np.random.default_rng(3).permutation(150)
    paths = pd.Index([PATHS[row] for row in shuffled], name="filepath")
    probs = pd.DataFrame(PROBS[shuffled], index=paths, columns=NAMES)
    vectors = pd.DataFrame(np.asarray(GALLERY.embedding)[shuffled], index=paths)
    if named_by == "column":
        probs, vectors = probs.reset_index(), vectors.reset_index()

    issues = curate.find_issues(pd.DataFrame({"filepath": PATHS, "style": TEXT}), probs, vectors)

    np.testing.assert_array_equal(issues.probability_wrong(), WRONG)
    by = "filepath" if named_by == "column" else "index"
    assert f"pred_probs of 'style' were put into the order of labels, by their {by}." in issues.notes


def test_images_without_a_row_have_no_prediction() -> None:
    labels = pd.DataFrame({"filepath": PATHS, "style": TEXT})
    named = pd.DataFrame(PROBS, index=PATHS, columns=NAMES)
    blank = PROBS.copy()
    blank[5:9] = np.nan

    issues = curate.find_issues(labels, named.drop(index=PATHS[5:9]).sample(frac=1, random_state=1))

    np.testing.assert_array_equal(
        issues.probability_wrong(),
        curate.find_issues(TEXT, pd.DataFrame(blank, columns=NAMES)).probability_wrong(),
    )
    assert "pred_probs of 'style' have no row for 4 of 150 labels." in issues.notes


def test_paths_are_no_evidence() -> None:
    issues = curate.find_issues(TEXT, PROBS, GALLERY.embedding, paths=[f"{name}.jpg" for name in TEXT])

    np.testing.assert_array_equal(issues.probability_wrong(), WRONG)
