"""Ingest called from Python wherever people do: an unguarded script, standard input, a notebook.

More images than are checked in one process, so that others are started.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from curate.ingest.images.checking import INLINE
from tests.conftest import Curate
from tests.ingest.conftest import draw

pytestmark = pytest.mark.slow

IMAGES = INLINE + 5

CODE = """
from curate.cli import main

print("begun")
try:
    main(["-w", {folder!r}, "ingest", {source!r}, "--json"])
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.fixture
def code(folder: Path, tmp_path: Path) -> str:
    """A script that ingests a folder of images, and guards nothing."""
    for number in range(IMAGES):
        draw(tmp_path / "images" / "Cubism" / f"{number}.png", number)
    return CODE.format(folder=str(folder), source=str(tmp_path / "images"))


def count_of(curate: Curate, folder: Path) -> int:
    found: int = curate("-w", folder, "stats", "--json").json()["status"]["ok"]
    return found


def test_from_a_script_that_guards_nothing(code: str, folder: Path, tmp_path: Path, curate: Curate) -> None:
    (tmp_path / "script.py").write_text(code, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("begun") == 1
    assert count_of(curate, folder) == IMAGES


def test_from_standard_input(code: str, folder: Path, curate: Curate) -> None:
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("begun") == 1
    assert count_of(curate, folder) == IMAGES


@pytest.mark.filterwarnings("ignore")  # the kernel's and its client's own
def test_from_a_notebook(code: str, folder: Path, curate: Curate) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])

    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()

    printed = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    assert printed.count("begun") == 1
    assert count_of(curate, folder) == IMAGES
