"""Attributes of older catalogs that would share a column: told by `check`, and nothing is overwritten."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.errors import AttributesClash
from review.fiftyone.dataset.sync import sync_dataset
from tests.conftest import Curate
from tests.label_studio.conftest import Gallery, add_run, make_gallery

WAY_OUT = (
    "one would overwrite the other, so nothing was written. `curate export labels.csv --history` has every "
    "label of both, and a new workspace takes them under other names.\n"
)


def older(tmp_path: Path, key: str, title: str | None) -> Gallery:
    """Return a workspace whose second attribute is called as no version would call it any more."""
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 4)
    add_run(gallery.workspace, {i: {"style": 0.2} for i in range(3)})
    with closing(sqlite3.connect(gallery.workspace.folder / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE attribute SET name = ?, title = ? WHERE name = 'genre'", (key, title))
    settings = gallery.workspace.settings_path
    settings.write_text(settings.read_text().replace('"genre"', f'"{key}"'))
    return gallery


def test_a_field_of_one_attribute_that_is_another(tmp_path: Path, curate: Curate) -> None:
    gallery = older(tmp_path, "style_pred", None)
    at = ["-w", gallery.workspace.folder]
    problem = "'style_pred' is what the pred of 'style' is called in sheets and in FiftyOne"

    checked = curate(*at, "check")
    pushed = curate(*at, "push", "--to", "csv", "--output", tmp_path / "sheet.csv")
    exported = curate(*at, "export", tmp_path / "labels.csv")

    assert checked.status == 1
    assert f"BROKEN  no attribute takes the columns of another: 1 not ({problem}); take" in checked.stdout
    assert (pushed.status, pushed.stderr) == (1, f"error: {problem}: {WAY_OUT}")
    assert not (tmp_path / "sheet.csv").exists()
    assert exported.status == 0
    assert (tmp_path / "labels.csv").read_text().startswith("filepath,style,style_pred,artist\n")
    with gallery.workspace.open_catalog() as catalog, pytest.raises(AttributesClash):
        sync_dataset(gallery.workspace, catalog)


@pytest.mark.parametrize(
    ("key", "title", "problem"),
    [
        ("kind", "style", "two attributes are called 'style'"),
        (
            "filepath",
            None,
            "an attribute is called 'filepath', as the column of the images in every list is",
        ),
    ],
)
def test_two_columns_of_one_name(
    tmp_path: Path, curate: Curate, key: str, title: str | None, problem: str
) -> None:
    at = ["-w", older(tmp_path, key, title).workspace.folder]
    (tmp_path / "labels.csv").write_text("mine")

    checked = curate(*at, "check")
    exported = curate(*at, "export", tmp_path / "labels.csv")
    history = curate(*at, "export", tmp_path / "all.csv", "--history")

    assert f"BROKEN  no attribute takes the columns of another: 1 not ({problem}); take" in checked.stdout
    assert (exported.status, exported.stderr) == (1, f"error: {problem[0].upper()}{problem[1:]}: {WAY_OUT}")
    assert (tmp_path / "labels.csv").read_text() == "mine"
    assert history.status == 0
    assert f",{key}," in (tmp_path / "all.csv").read_text()


def test_names_that_differ_by_signs_alone_are_told(tmp_path: Path, curate: Curate) -> None:
    at = ["-w", older(tmp_path, "kind", "Style").workspace.folder]

    checked = curate(*at, "check")
    exported = curate(*at, "export", tmp_path / "labels.csv")

    assert "'style' and 'Style' are one name but for case and punctuation" in checked.stdout
    assert exported.status == 0
    assert (tmp_path / "labels.csv").read_text().startswith("filepath,style,Style,artist\n")
