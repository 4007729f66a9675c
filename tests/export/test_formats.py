"""Exports for other tools: ArtGAN's lists, folders of images, the history; each is read again."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from db.workspace.workspace import Workspace
from tests.conftest import Curate
from tests.ingest.conftest import gallery

__all__ = ["gallery"]


@pytest.fixture
def corrected(workspace: Workspace, gallery: Path, curate: Curate) -> Path:
    """The workspace with six drawings of three styles, one of them corrected."""
    assert curate("-w", workspace.folder, "ingest", gallery / "labels.csv").status == 0
    done = curate("-w", workspace.folder, "label", "images/0.jpg", "style", "Cubism", "--comment", "seen")
    assert done.status == 0
    return workspace.folder


def labels(folder: Path, curate: Curate, out: Path) -> dict[str, dict[str, str]]:
    """Return the labels of a workspace by file name, as the plain export has them."""
    assert curate("-w", folder, "export", out).status == 0
    with out.open(encoding="utf-8", newline="") as file:
        return {Path(row.pop("filepath")).name: row for row in csv.DictReader(file)}


def test_artgans_lists_are_read_again_as_the_same_labels(
    corrected: Path, gallery: Path, tmp_path: Path, curate: Curate
) -> None:
    done = curate("-w", corrected, "export", tmp_path / "lists", "--format", "artgan")

    assert done.stdout == f"{tmp_path / 'lists'}: 6 artworks\n"
    listed = sorted(path.name for path in (tmp_path / "lists").iterdir())
    assert listed == [
        f"{name}_{end}"
        for name in ("artist", "genre", "style")
        for end in ("class.txt", "train.csv", "val.csv")
    ]
    curate("init", tmp_path / "again")
    taken = curate("-w", tmp_path / "again", "ingest", tmp_path / "lists", "--images", gallery)
    assert taken.status == 0, taken.stderr
    before = labels(corrected, curate, tmp_path / "before.csv")
    after = labels(tmp_path / "again", curate, tmp_path / "after.csv")
    assert {name: (row["style"], row["genre"]) for name, row in after.items()} == {
        name: (row["style"], row["genre"]) for name, row in before.items()
    }
    assert after["0.jpg"]["style"] == "Cubism"


def test_a_folder_a_class_is_read_again_as_the_same_labels(
    corrected: Path, gallery: Path, tmp_path: Path, curate: Curate
) -> None:
    done = curate("-w", corrected, "export", tmp_path / "out", "--format", "imagefolder")

    assert done.stdout == f"{tmp_path / 'out'}: 6 artworks\n"
    folders = {path.name: len(list(path.iterdir())) for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert folders == {"Baroque": 1, "Cubism": 3, "Fauvism": 2}
    with (tmp_path / "out" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["file_name"].split("/")[0] == row["style"] for row in rows)
    assert all((tmp_path / "out" / row["file_name"]).is_file() for row in rows)
    assert sorted(row["genre"] for row in rows) == ["", "", "landscape", "landscape", "portrait", "portrait"]
    originals = {path.read_bytes() for path in (gallery / "images").iterdir()}
    assert {(tmp_path / "out" / row["file_name"]).read_bytes() for row in rows} == originals


def test_folders_by_another_attribute_leave_out_what_has_no_label(
    corrected: Path, tmp_path: Path, curate: Curate
) -> None:
    words = ("export", tmp_path / "out", "--format", "imagefolder", "--attribute", "genre")

    assert curate("-w", corrected, *words, "--json").json() == {"out": str(tmp_path / "out"), "artworks": 4}


@pytest.mark.parametrize("format", ["artgan", "imagefolder"])
def test_a_folder_with_something_in_it_is_left_alone(
    corrected: Path, tmp_path: Path, curate: Curate, format: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    done = curate("-w", corrected, "export", tmp_path / "out", "--format", format)

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_the_history_has_every_label_that_was_ever_said(
    corrected: Path, tmp_path: Path, curate: Curate, suffix: str
) -> None:
    out = tmp_path / f"history.{suffix}"
    curate("-w", corrected, "undo", "images/0.jpg", "style", "--yes")

    done = curate("-w", corrected, "export", out, "--history")

    read = {"csv": pd.read_csv, "xlsx": pd.read_excel, "parquet": pd.read_parquet}[suffix]
    table = read(out)  # type: ignore[operator]
    assert done.stdout == f"{out}: {len(table)} labels\n"
    of_style = table[(table["filepath"] == "images/0.jpg") & (table["attribute"] == "style")]
    assert list(of_style["class"]) == ["Baroque", "Cubism", "Cubism"]
    assert list(of_style["action"]) == ["says", "says", "takes back"]
    assert len(table) == 6 + 4 + 6 + 2


@pytest.mark.parametrize("name", ["labels.xls", "labels.csv.gz", "labels.json", "labels.tsv"])
@pytest.mark.parametrize("options", [(), ("--history",), ("--predictions", "1")])
def test_no_table_is_called_what_it_is_not(
    corrected: Path, tmp_path: Path, curate: Curate, name: str, options: tuple[str, ...]
) -> None:
    done = curate("-w", corrected, "export", tmp_path / name, *options)

    assert done.status == 1
    assert done.stderr == (
        f"error: {tmp_path / name} does not end like a table that curate writes (csv, xlsx, parquet). "
        f"Call it {Path(name).stem}.csv, or add `--format`.\n"
    )
    assert not (tmp_path / name).exists()


def test_a_list_of_changes_is_called_what_it_is(
    corrected: Path, gallery: Path, tmp_path: Path, curate: Curate
) -> None:
    like = ("--like", gallery / "labels.csv", "--changes", tmp_path / "changes.xls")

    done = curate("-w", corrected, "export", tmp_path / "out.csv", *like)

    assert (done.status, list(tmp_path.glob("out.csv"))) == (1, [])
    assert "does not end like a table" in done.stderr
