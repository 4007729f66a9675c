"""The example notebooks run, the seed's on drawn images laid out as Kaggle lays out WikiArt."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from curate.demo.gallery import GalleryImage, draw_gallery
from curate.ingest.readers.kaggle_codes import CODES

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
STYLES = {
    "Cubism": "Cubism",
    "Engraving": "Ukiyo_e",
    "Hard_Edge": "Minimalism",
    "Pointillism": "Pointillism",
}
"""WikiArt's name for each drawn style."""
SMALL = {"image_size": 64, "folds": 2, "min_class_count": 4}
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


def execute(name: str, folder: Path, **variables: str | Path) -> str:
    """Run a notebook in a folder; return everything that its cells printed or showed."""
    environment = os.environ | {key: str(value) for key, value in variables.items()}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["PYTHONPATH"] = str(NOTEBOOKS.parents[1])
    out = folder / name
    command = [sys.executable, "-c", EXECUTE, str(NOTEBOOKS / name), str(out)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cells = json.loads(out.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    shown = [output.get("text") or output.get("data", {}).get("text/html", "") for output in outputs]
    return "".join("".join(text) for text in shown)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_python_kept_without_output(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]

    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)
    assert not any(line.startswith(("%", "!")) for cell in cells for line in cell["source"])


def test_own_arrays(tmp_path: Path) -> None:
    shown = execute("own-arrays.ipynb", tmp_path)

    assert "<img src='data:image/jpeg;base64," in shown
    counts = re.search(r"(\d+) were planted; (\d+) are among the first", shown)
    assert counts is not None and int(counts[2]) >= 0.7 * int(counts[1])


def test_the_loop_finds_what_was_planted(tmp_path: Path) -> None:
    settings = SMALL | {"epochs": 4, "ensemble": 1}
    shown = execute("the-loop.ipynb", tmp_path, SETTINGS=json.dumps(settings))

    assert "artworks reviewed" in shown and "wrong labels left" in shown
    changed = re.search(r"(\d+) labels changed", shown)
    assert changed is not None and int(changed[1]) >= 5
    assert (tmp_path / "the-loop" / "curated.csv").is_file()


def test_the_seeds_comparison(tmp_path: Path) -> None:
    """Random weights and small images: what is tested is that the cells work and fit together."""
    lay_out(tmp_path, draw_gallery(tmp_path, 60, seed=3))
    settings = SMALL | {"weights": "none", "epochs": 2, "ensemble": 1}

    shown = execute(
        "seed-comparison.ipynb",
        tmp_path,
        CURATE_WORKSPACE=tmp_path / "ws",
        INPUT=tmp_path,
        SETTINGS=json.dumps(settings),
    )

    assert "<iframe srcdoc=" in shown
    assert "gained" in shown
    assert (tmp_path / "ws" / "report.html").is_file()
    assert (tmp_path / "ws" / "figures" / "style-confusion.svg").is_file()
