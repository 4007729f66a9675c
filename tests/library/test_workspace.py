"""A workspace in Python: its tables speak of the same classes, and what cannot be gives one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import curate as library
from db.errors import CurateError
from db.runs.runs import start_run
from tests.conftest import Curate
from tests.ingest.conftest import draw

SUBJECTS = ("Religiöse Malerei", "religiöse  malerei", "St. Ives/School", "C++", "C#")
COUNT = 70
OWN = "sujet_motiv"
"""The key of the attribute `Sujet / Motiv`."""


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> library.Workspace:
    """Classes with blanks and signs, in two spellings, of an attribute with a name of its own; and a run."""
    folder = tmp_path_factory.mktemp("museum")
    for at in range(COUNT):
        draw(folder / f"{at}.jpg", at)
    listed = pd.DataFrame(
        {
            "Datei": [f"{at}.jpg" for at in range(COUNT)],
            "Inv. Nr.": [f"I {at}" for at in range(COUNT)],
            "Sujet / Motiv": [SUBJECTS[at % len(SUBJECTS)] for at in range(COUNT)],
            "Material": ["Öl" if at % 2 else "Holz" for at in range(COUNT)],
        }
    )
    workspace = library.init(folder / "ws", progress=False)
    workspace.ingest(listed, images=folder, file="Datei", map={"Sujet / Motiv": "Sujet / Motiv"})
    probs = model(workspace.labels()).sample(frac=1, random_state=1)
    paths = workspace.labels()["filepath"]
    workspace.import_predictions(paths, {OWN: probs}, out_of_sample="fold", name="mine")
    return workspace


def model(given: pd.DataFrame) -> pd.DataFrame:
    """Return the probabilities of a model that mostly agrees with the labels, with the images' paths."""
    names = sorted(given[OWN].unique())
    probs = np.random.default_rng(0).uniform(0, 0.2, size=(len(given), len(names)))
    probs[np.arange(len(given)), [names.index(one) for one in given[OWN]]] += 1
    probs[::9] = np.roll(probs[::9], 1, axis=1)
    table = pd.DataFrame(probs / probs.sum(axis=1, keepdims=True), columns=names)
    return table.assign(filepath=given["filepath"])


def test_labels_probabilities_and_issues_call_a_class_alike(museum: library.Workspace) -> None:
    given, issues, probs = museum.labels(), museum.issues(), museum.pred_probs()[OWN]

    assert set(given[OWN]) == {"Religiöse Malerei", "St. Ives/School", "C++", "C#"} == set(probs.columns)
    assert set(issues["label"]) <= set(given[OWN])
    assert set(issues["attribute"]) == {OWN}
    expected = model(given).set_index("filepath")[list(probs.columns)]
    np.testing.assert_allclose(probs.loc[expected.index], expected, atol=1e-3)


def test_an_exported_table_of_probabilities_is_understood(museum: library.Workspace, tmp_path: Path) -> None:
    given = museum.labels()[["filepath", OWN]]
    museum.export(tmp_path / "probs.parquet", predictions=1)
    museum.export(tmp_path / "probs.csv", predictions=1)

    wanted = library.find_issues(given, museum.pred_probs()).probability_wrong()
    tables = [pd.read_parquet(tmp_path / "probs.parquet"), pd.read_csv(tmp_path / "probs.csv")]

    for table in tables:
        for pred_probs in (table, {OWN: table}):
            found = library.find_issues(given, pred_probs)
            np.testing.assert_allclose(found.probability_wrong(), wanted, atol=1e-6)
            assert any("artwork, fold, provenance were left aside" in note for note in found.notes)


def test_issues_are_searched_by_what_lists_say(museum: library.Workspace) -> None:
    oil = museum.issues(where={"Material": "ö*"}, every=True)

    assert len(oil) == COUNT // 2
    assert {kept["Material"] for kept in oil["kept"]} == {"Öl"}


def test_as_many_images_are_saved_as_are_listed(museum: library.Workspace, curate: Curate) -> None:
    """Also where a condition picks them; but a fixed threshold saves all below it, as the seed did."""
    picked = ("--where", "Material=ö*", "--limit", 2)

    listed = curate("-w", museum.folder, "issues", *picked, "--save", museum.folder / "picked")
    below = museum.issue_list(below=0.5, where={"Material": "*"}, limit=2)

    assert "picked: 2 images, flagged.csv, grid.png\n" in listed.stderr
    assert len(list((museum.folder / "picked").glob("0*.jpg"))) == 2
    assert len(below.rows) == 2 < len(below.flagged)


def test_numbers_may_be_numpys(museum: library.Workspace) -> None:
    """As they come out of the tables that the verbs return."""
    run = museum.runs().query("state == 'complete'")["run"].max()
    one, two = (pd.Series([1, 2])[at] for at in (0, 1))  # of NumPy's own type

    assert len(museum.issues(run=run, limit=two, every=True)) == 2
    assert len(museum.pred_probs(run)[OWN]) == COUNT
    assert list(museum.refused(one)) == []
    assert museum.undo(ingest=one, dry_run=True).as_record()["labels_taken_back"] == COUNT


def test_a_run_that_is_not_complete_is_called_so(museum: library.Workspace) -> None:
    with museum._catalog() as catalog, catalog.write() as session:
        begun = start_run(session, backbone="b", protocol="p", seed=0, settings={}, digest="").id

    with pytest.raises(
        CurateError, match=rf"^Run {begun} is not complete\. Complete runs in this catalog: 1\.$"
    ):
        museum.issues(run=begun)


def test_classes_are_shown_as_they_are_called(museum: library.Workspace, curate: Curate) -> None:
    """Text for people has a class's name, also one that it was given later; tables keep its key."""
    before = museum.issues()["label"].tolist()

    museum.rename_class(OWN, "C++", "C++ (language)")

    issues = curate("-w", museum.folder, "issues", "--limit", 100)
    stats = curate("-w", museum.folder, "stats")
    assert " C++ (language) → " in issues.stdout and " C++ → " not in issues.stdout
    assert "  Religiöse Malerei " in stats.stdout and "  C++ (language) " in stats.stdout
    assert museum.issues()["label"].tolist() == before
    told = museum.classes(OWN).set_index("key")
    assert told.loc["C++", "name"] == "C++ (language)"
    assert told["labelled"].sum() == COUNT
    museum.rename_class(OWN, "C++", "C++")


WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no table": (
        lambda ws: ws.ingest(5),
        "The source is, or holds, '5' of the type int. Give the path of a list or a folder, a DataFrame, or "
        "dicts from column to cell.",
    ),
    "no column of files": (
        lambda ws: ws.ingest(pd.DataFrame({"a": ["x"], "style": ["y"]})),
        "records has the columns a, style; none of them is a path. Name the column of the image files: "
        "`ingest(…, file='COLUMN')`.",
    ),
    "no column of labels": (
        lambda ws: ws.ingest(pd.DataFrame({"filepath": ["x.jpg"], "Schule": ["y"]}), check_images=False),
        "records has the columns filepath, Schule; none is an attribute of this workspace (style, genre, "
        "artist, sujet_motiv); Schule looks like labels. Say which is what: "
        "`ingest(…, map={'Schule': 'schule'})`.",
    ),
    "images elsewhere": (
        lambda ws: ws.ingest(pd.DataFrame({"filepath": ["1.jpg", "no.jpg"], "style": "y"}), images=ws.folder),
        "2 of the 2 images that records lists are not in {folder}, 1.jpg among them; nothing was written. "
        "Name the folder that its paths start from: images='DIR'. If most are really not here, add "
        "allow_missing=True.",
    ),
    "a sheet of a table": (
        lambda ws: ws.ingest(pd.DataFrame({"filepath": ["x"], "style": ["y"]}), sheet="1"),
        "sheet: a table in memory has none. Leave it out.",
    ),
    "several values": (
        lambda ws: ws.ingest("list.csv", values="last"),
        "values: 'last' cannot be. It is 'missing', 'first' or 'whole'.",
    ),
    "one word for several": (
        lambda ws: ws.ingest("list.csv", missing="o. J."),
        "missing: 'o. J.' cannot be. It is a list of spellings, as ['o. J.', 'n/a'].",
    ),
    "an unknown setting": (
        lambda ws: ws.train(fold=3),
        "Workspace.train has no setting fold. Did you mean folds? `curate train --help` lists all.",
    ),
    "one run to compare": (
        lambda ws: ws.compare(1),
        "Name two different runs, or more, to compare; these were named: 1.",
    ),
    "nothing to undo": (
        lambda ws: ws.undo(),
        "Give a verdict's number, an artwork and an attribute, or ingest=N.",
    ),
    "an artwork to undo": (
        lambda ws: ws.undo("I 1"),
        "'I 1' is not the number of a verdict. With an artwork, name the attribute too.",
    ),
    "an unknown attribute": (
        lambda ws: ws.import_predictions(
            ["1.jpg"], {"mood": pd.DataFrame({"a": [0.5], "b": [0.5]})}, out_of_sample="fold"
        ),
        "There is no attribute 'mood'. Attributes of this workspace: style, genre, artist, sujet_motiv.",
    ),
    "probabilities that are text": (
        lambda ws: ws.import_predictions(["1.jpg"], {"style": pd.DataFrame({"a": ["high"], "b": ["low"]})}),
        "pred_probs cannot be read as a table of numbers: every row needs as many, and nothing else.",
    ),
    "a word that is none": (
        lambda ws: ws.import_predictions(["1.jpg"], {OWN: {}}, out_of_sample="folds"),
        "out_of_sample is 'folds', expected one of fold, holdout, unknown.",
    ),
    "no issues": (
        lambda ws: ws.issues(limit=0),
        "limit is 0, expected at least 1.",
    ),
    "a condition in words": (
        lambda ws: ws.issues(where="Material=oil"),
        "where is 'Material=oil'. Give a dict: {'Material': 'oil*'}.",
    ),
    "a kind that is none": (
        lambda ws: ws.issues("labels"),
        "kind is 'labels', expected one of label, label_conflict, outlier, unusable, duplicate, unreadable, "
        "property.",
    ),
    "more audits than all": (
        lambda ws: ws.push(5, audit=2, dry_run=True),
        "audit is 2, expected 0 to 1.",
    ),
    "an empty batch": (
        lambda ws: ws.push(0, dry_run=True),
        "limit is 0, expected at least 1.",
    ),
    "a sheet that is none": (
        lambda ws: ws.push(5, sheet="sheet.doc"),
        "The suffix of sheet is 'doc', expected one of csv, xlsx, html.",
    ),
    "a report that is none": (
        lambda ws: ws.report(format="doc"),
        "format is 'doc', expected one of html, pdf, json.",
    ),
    "an export that is none": (
        lambda ws: ws.export("out.csv", format="tsv"),
        "format is 'tsv', expected one of csv, xlsx, parquet, artgan, imagefolder.",
    ),
    "letters for attributes": (
        lambda ws: library.init("elsewhere", "style"),
        "attributes is the text 'style'. Give a list: ['style'].",
    ),
    "an old workbook": (
        lambda ws: ws.export("labels.xls"),
        "labels.xls does not end like a table that curate writes (csv, xlsx, parquet). Call it labels.csv, "
        "or add `--format`.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_gives_one_sentence(case: str, museum: library.Workspace) -> None:
    call, sentence = WRONG[case]

    with pytest.raises(CurateError) as caught:
        call(museum)

    assert str(caught.value) == sentence.replace("{folder}", str(museum.folder))


def test_a_workspace_is_opened_by_a_function() -> None:
    with pytest.raises(TypeError, match=r"^A workspace is opened by curate\.open\('gallery'\), or made by"):
        library.Workspace("gallery")  # type: ignore[arg-type]
