"""The example notebooks run, one after the other, on drawn images laid out as Kaggle lays out WikiArt."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from curate.demo.gallery import GalleryImage, draw_gallery
from curate.ingest.readers.kaggle_codes import CODES

NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
STYLES = {
    "Cubism": "Cubism",
    "Engraving": "Ukiyo_e",
    "Hard_Edge": "Minimalism",
    "Pointillism": "Pointillism",
}
"""WikiArt's name for each drawn style."""
ARTISTS = ("paul-cezanne", "claude-monet", "rembrandt", "edgar-degas")

EXECUTE = """
import sys, nbclient, nbformat
book = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(book, timeout=900, kernel_name="python3").execute()
nbformat.write(book, sys.argv[2])
"""


def lay_out(folder: Path, drawn: list[GalleryImage]) -> None:
    """Move drawn images to folders of styles, and write the two lists that Kaggle ships beside them."""
    code = {name: {text: n for n, text in table.items()} for name, table in CODES.items()}
    artists = sorted({record.labels["artist"] for record in drawn})
    named, coded = [], []
    for number, record in enumerate(drawn):
        style = STYLES[record.labels["style"]]
        artist = ARTISTS[artists.index(record.labels["artist"]) % len(ARTISTS)]
        name = f"{style}/{artist}_picture-{number}.jpg"
        (folder / style).mkdir(exist_ok=True)
        (folder / record.filepath).rename(folder / name)
        style_list = str([style.replace("_", " ")])
        spoken = artist.replace("-", " ")
        named.append([name, spoken, style_list, f"picture-{number}", f"{number:x}", 160, 160, 1, "train"])
        genre = code["genre"][record.labels["genre"]]
        coded.append([name, code["artist"][artist], genre, code["style"][style]])
    (folder / "images").rmdir()
    header = "filename artist genre description phash width height genre_count subset".split()
    lists: dict[str, list[list[Any]]] = {
        "classes.csv": [header, *named],
        "wclasses.csv": [CODED_HEADER, *coded],
    }
    for path, rows in lists.items():
        with (folder / path).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


CODED_HEADER = ["file", "artist", "genre", "style"]


def execute(name: str, out: Path, **variables: str | Path) -> str:
    """Run a notebook as Kaggle does; return everything that its cells printed or showed."""
    environment = os.environ | {key: str(value) for key, value in variables.items()}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    command = [sys.executable, "-c", EXECUTE, str(NOTEBOOKS / name), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cells = json.loads(out.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    shown = [output.get("text") or output.get("data", {}).get("text/html", "") for output in outputs]
    return "".join("".join(text) for text in shown)


@pytest.mark.parametrize("name", ["resnet-lstm.ipynb", "efficientnet-lstm.ipynb"])
def test_notebooks_are_kept_without_output(name: str) -> None:
    cells = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]

    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)


def test_the_notebooks_run_one_after_the_other(tmp_path: Path) -> None:
    """Random weights and small images: what is tested is that the cells work and fit together."""
    lay_out(tmp_path, draw_gallery(tmp_path, 60, seed=3))
    options = "--weights none --image-size 64 --epochs 2 --folds 2 --min-class-count 4"
    given: dict[str, str | Path] = {"INPUT": tmp_path, "OPTIONS": options}

    first = execute("resnet-lstm.ipynb", tmp_path / "1.ipynb", CURATE_WORKSPACE=tmp_path / "a", **given)
    second = execute(
        "efficientnet-lstm.ipynb",
        tmp_path / "2.ipynb",
        CURATE_WORKSPACE=tmp_path / "b",
        PREVIOUS=tmp_path / "a",
        **given,
    )

    assert "run 1: resnet50, cross-validation" in first
    assert "run 2: efficientnet_b0, cross-validation" in second
    for text, folder in ((first, tmp_path / "a"), (second, tmp_path / "b")):
        assert "<iframe srcdoc=" in text
        assert (folder / "report.html").is_file()
        assert (folder / "figures" / "style-confusion.svg").is_file()
    compared = second[second.index("difference") :]
    assert [line.split()[:2] for line in compared.splitlines()[1:3]] == [["style", "1"], ["style", "2"]]
