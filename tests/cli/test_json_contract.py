"""What ``--json`` prints has the keys that docs/scripts.md promises, and none that it does not name."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import curate as library
from curate.cli import command_line
from curate.demo.gallery import GalleryImage, draw_gallery, plant_errors, write_listing
from tests.conftest import Curate

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scripts.md").read_text(encoding="utf-8")

ELSEWHERE = {"browse", "demo", "push --cancel", "sync-corrections --from"}
"""What needs a server: the tests of FiftyOne, of the demo and of Label Studio read these keys."""


def promised() -> dict[str, list[str]]:
    """Return the keys of each command's JSON, as the page has them."""
    found = {}
    for line in PAGE.splitlines():
        if match := re.fullmatch(r"\| `([^`]+)` \| [^|]+ \| (.+) \|", line):
            found[match[1]] = re.findall(r"`([^`]+)`", match[2])
    return found


def paths(value: Any, above: str = "") -> Iterator[str]:
    """Yield the path of every value in a JSON object."""
    if above:
        yield above
    if isinstance(value, dict):
        for key, below in value.items():
            yield from paths(below, f"{above}.{key.replace('.', '_')}" if above else key)
    elif isinstance(value, list):
        for below in value:
            yield from paths(below, f"{above}.[]")


def fits(key: str, path: str) -> bool:
    """Return whether a path is what a key promises; ``*`` is any name."""
    pattern = ".".join("[^.]+" if part == "*" else re.escape(part) for part in key.split("."))
    return re.fullmatch(pattern, path) is not None


def takes_json() -> set[str]:
    """Return every command that has ``--json``."""
    found = set()

    def walk(group: Any, words: tuple[str, ...]) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, (*words, name))
            elif any("--json" in option.opts for option in command.params):
                found.add(" ".join((*words, name)))

    walk(command_line(), ())
    return found


def test_the_page_names_every_command_that_prints_json() -> None:
    assert {name.partition(" --")[0] for name in promised()} == takes_json()


@pytest.mark.slow
def test_every_command_prints_the_keys_that_it_promises(tmp_path: Path, curate: Curate) -> None:
    """One small gallery, trained on for seconds, reviewed by hand and by sheet."""
    true = draw_gallery(tmp_path, 48, seed=4)
    listing, first = tmp_path / "labels.csv", tmp_path / true[0].filepath
    gone = GalleryImage("images/gone.jpg", true[0].labels)
    write_listing([*plant_errors(true, 0.15, seed=4), gone], listing)
    folder = tmp_path / "ws"
    curate("init", folder)
    printed: dict[str, list[Any]] = {}

    def run(name: str, *words: object, status: int = 0) -> None:
        command = [] if name.startswith("restore") else ["-w", folder]
        done = curate(*command, *words, "--json")
        assert done.status in (0, status), f"curate {words}: {done.stderr}"
        printed.setdefault(name, []).extend(done.lines())

    run("ingest --dry-run", "ingest", listing, "--dry-run")
    run("ingest", "ingest", listing)
    options = ["--backbone", "efficientnet_lite0", "--image-size", "48", "--epochs", "2", "--folds", "2"]
    run("train", "train", *options)
    library.open(folder, progress=False).export(tmp_path / "p.parquet", predictions=1)
    run("import-predictions", "import-predictions", tmp_path / "p.parquet")
    for name in ("stats", "runs", "issues", "evaluate", "report"):
        run(name, name)
    run("compare", "compare", 1, 2)
    run("predict", "predict", first, "--run", 1)
    run("export-model", "export-model", 1, tmp_path / "model")
    run("push --dry-run", "push", "--limit", 5, "--to", "csv", "--dry-run")
    run("push", "push", "--limit", 5, "--to", "csv", "--output", tmp_path / "sheet.csv")
    fill(tmp_path / "sheet.csv")
    run("sync-corrections", "sync-corrections", "--from", tmp_path / "sheet.csv")
    curate("-w", folder, "label", true[0].filepath, "style", "Cubism")
    for name in ("status", "reviewers", "relocate", "check"):
        run(name, name)
    run("doctor", "doctor", status=1)
    run("history", "history", true[0].filepath)
    run("history --ingests", "history", "--ingests")
    run("classes list", "classes", "list")
    run("classes list --changes", "classes", "list", "--changes")
    run("export", "export", tmp_path / "a.csv")
    run("export --like", "export", tmp_path / "b.csv", "--like", listing)
    run("export --history", "export", tmp_path / "c.csv", "--history")
    run("backup", "backup", tmp_path / "kept.zip")
    run("restore", "-w", tmp_path / "again", "restore", tmp_path / "kept.zip", "--yes")
    run("upgrade", "upgrade")
    run("undo", "undo", 1, "--yes")
    run("undo --ingest", "undo", "--ingest", 1, "--yes")

    keys = promised()
    assert set(keys) - ELSEWHERE == set(printed)
    differing = {}
    for name, objects in printed.items():
        told = {path for one in objects for path in paths(one)}
        lacking = {key for key in keys[name] if not any(fits(key, path) for path in told)}
        unnamed = {path.split(".")[0] for path in told} - {key.split(".")[0] for key in keys[name]}
        if lacking or unnamed:
            differing[name] = (lacking, unnamed)
    assert differing == {}


def fill(sheet: Path) -> None:
    """Answer the first row of a sheet: the label is right."""
    with sheet.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for column in rows[0]:
        if column.endswith("_verdict") and rows[0][column.replace("_verdict", "_label")]:
            rows[0][column] = "right"
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
