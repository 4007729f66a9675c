"""Consoles that know few characters: every command prints, and nothing ends in a UnicodeEncodeError."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Curate
from tests.ingest.conftest import draw

NAMES = {"a": "Дега→印象派", "b": "Dürer"}


@pytest.fixture
def named(folder: Path, tmp_path: Path, curate: Curate) -> Path:
    """A workspace whose classes have names that no code page knows all of."""
    rows = ["filepath,style"]
    for number, (stem, name) in enumerate(NAMES.items()):
        draw(tmp_path / f"{stem}.png", number)
        rows.append(f"{stem}.png,{name}")
    (tmp_path / "list.csv").write_text("\n".join(rows), encoding="utf-8")
    assert curate("-w", folder, "ingest", tmp_path / "list.csv").status == 0
    return folder


def printed(folder: Path, encoding: str, *words: str) -> str:
    """Run a command whose console has an encoding; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "curate.cli", "-w", folder, *words],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("utf-8" if encoding == "ascii" else encoding)  # as typer takes ASCII to be


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437", "cp932", "utf-8"])
def test_every_console_shows_what_it_can(named: Path, encoding: str) -> None:
    shown = printed(named, encoding, "classes", "list", "style")

    lines = [line for line in shown.splitlines() if "Дега" in line or "\\u0414" in line]
    assert len(lines) == 1, shown
    if encoding == "cp1252":
        assert "\\u0414\\u0435\\u0433\\u0430->\\u5370" in shown
        assert "Dürer" in shown


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_json_is_exact_on_every_console(named: Path, encoding: str) -> None:
    counts = json.loads(printed(named, encoding, "stats", "--json"))["attributes"]["style"]["counts"]

    assert set(counts) == set(NAMES.values())


def test_help_is_shown_on_every_console(named: Path) -> None:
    assert "sync-corrections" in printed(named, "cp437", "--help")
