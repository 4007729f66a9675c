"""A decoder that dies with its process, as a broken library does: its image is refused, the rest stay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from curate.ingest.images.checking import INLINE, Checker
from curate.ingest.places.files import FoundFile

KILLER = """
import os, sys

def die(event, arguments):
    if event == "open" and str(arguments[0]).endswith("killer.png"):
        os.abort()

sys.addaudithook(die)
"""


def test_an_image_that_kills_its_process_is_refused_and_no_other_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process started from now on aborts when it opens the killer, by an audit hook of its own."""
    (tmp_path / "sitecustomize.py").write_text(KILLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    files = []
    for number in range(INLINE + 2):
        path = tmp_path / ("killer.png" if number == 30 else f"{number}.png")
        Image.new("RGB", (64, 64), (number, 0, 0)).save(path)
        found = path.stat()
        files.append(FoundFile(path.name, str(path), found.st_size, found.st_mtime_ns))

    with Checker(processes=2) as checker:
        states = checker.submit(files).result()
        later = checker.submit(files[:3] * 20).result()

    assert [place for place, state in enumerate(states) if state.reason == "kills_decoder"] == [30]
    assert {state.status for state in states} == {"ok", "refused"}
    assert {state.status for state in later} == {"ok"}


def test_a_process_that_checks_images_imports_little_else() -> None:
    """One starts on each core for every ingest: with the catalog's modules that took a second more."""
    code = "import sys, curate.ingest.images.checking; print(*sys.modules)"

    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"sqlalchemy", "pydantic", "pandas", "typer"} & set(modules.split())
