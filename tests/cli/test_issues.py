"""What `curate issues` lists and saves, on a run whose probabilities are made by the test."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from db.classes.classes import attributes, resolve_classes
from db.models import Artwork
from db.runs.issues import replace_issues
from db.runs.runs import complete_run, start_run
from db.workspace.workspace import open_workspace, root_of
from tests.conftest import Curate

SCORES = [(0.9, None), (0.2, 0.5), (0.1, None), (0.6, 0.3)]
"""By artwork: the score of its style, and of its genre."""


@pytest.fixture
def flagged(folder: Path, tmp_path: Path) -> Path:
    """Four artworks named after formulas and markup, with flagged labels."""
    images = tmp_path / "images"
    images.mkdir()
    workspace, root = root_of(open_workspace(folder), images)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        ids = {a.name: a.id for a in attributes(session)}
        classes = {
            name: resolve_classes(session, a, ["=SUM(A1)", "Realism"], "test")
            for a in attributes(session)
            for name in [a.name]
        }
        run = start_run(session, backbone="b", protocol="p", seed=0, settings={}, digest="")
        predictions, issues = [], []
        for number, scores in enumerate(SCORES):
            path = f"{number}.png"
            Image.new("RGB", (40, 30), (number * 60, 90, 120)).save(images / path)
            artwork = Artwork(collection="c", root=root, path=path, status="ok")
            session.add(artwork)
            session.flush()
            for name, score in zip(("style", "genre"), scores, strict=True):
                if score is None:
                    continue
                given, other = classes[name]["=SUM(A1)"], classes[name]["Realism"]
                scored = {"score": score, "class_id": given, "suggested_id": other}
                scored |= {"p_label": score / 2, "p_suggested": 1 - score / 2}
                scored |= {"artwork_id": artwork.id, "attribute_id": ids[name]}
                predicted = {"fold": 0, "provenance": "fold", "predicted_id": other, "p_predicted": 0.9}
                predictions.append(scored | predicted)
                issues.append(scored | {"kind": "label", "reason": "said so", "evidence": {}})
        complete_run(session, run, digest="", classes={}, metrics={}, seconds={}, predictions=predictions)
        replace_issues(session, run, issues)
    return folder


def test_labels_come_worst_first(curate: Curate, flagged: Path) -> None:
    rows = curate("-w", flagged, "issues", "--json").lines()

    assert [row["score"] for row in rows] == [0.1, 0.2, 0.3, 0.5, 0.6, 0.9]
    assert rows[0]["path"] == "2.png"
    assert rows[0]["label"] == "=SUM(A1)" and rows[0]["suggested"] == "Realism"


def test_of_how_many_is_told_whatever_the_limit(curate: Curate, flagged: Path) -> None:
    told = [curate("-w", flagged, "issues", "--limit", limit).stderr.split(";")[0] for limit in (2, 6, 20)]
    none_left = curate("-w", flagged, "issues", "--attribute", "genre", "--limit", 1)

    assert told == ["2 of 6 shown", "6 of 6 shown", "6 of 6 shown"]
    assert none_left.stderr.startswith("1 of 2 shown")


def test_artworks_come_by_the_errors_to_be_expected(curate: Curate, flagged: Path) -> None:
    """Two issues of one picture are worth more of one look than a single worse one."""
    rows = curate("-w", flagged, "issues", "--by", "artwork", "--limit", 2, "--json").lines()

    assert [row["path"] for row in rows] == ["1.png", "1.png", "3.png", "3.png"]


def test_the_threshold_rule_goes_by_the_probability_alone(curate: Curate, flagged: Path) -> None:
    rows = curate("-w", flagged, "issues", "--rule", "threshold", "--threshold", 0.2, "--json").lines()

    assert [row["p_label"] for row in rows] == [0.05, 0.1, 0.15]


def test_saved_images_say_nothing_in_their_names(curate: Curate, flagged: Path, tmp_path: Path) -> None:
    out = tmp_path / "flagged"

    result = curate("-w", flagged, "issues", "--save", out, "--limit", 6)

    assert result.status == 0
    with (out / "flagged.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["filepath"] for row in rows] == ["2.png", "1.png", "3.png", "1.png", "3.png", "0.png"]
    assert rows[0]["label"] == "'=SUM(A1)"
    assert {row["file"] for row in rows} == {path.name for path in out.glob("0*.png")}
    assert len(list(out.glob("0*.png"))) == 4
    with Image.open(out / "grid.png") as grid:
        assert grid.width == 1300


def test_a_reviewed_label_is_not_flagged_again(curate: Curate, flagged: Path) -> None:
    assert curate("-w", flagged, "label", "2.png", "style", "=SUM(A1)").status == 0

    rows = curate("-w", flagged, "issues", "--json").lines()

    assert "2.png" not in [row["path"] for row in rows]
    with open_workspace(flagged).open_catalog() as catalog, catalog.read() as session:
        assert session.scalar(select(Artwork.id).where(Artwork.path == "2.png")) is not None


LIGHT = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"scipy", "sklearn", "pandas", "pyarrow", "torch", "fiftyone"}:
            raise ImportError(f"{name} must not be imported")

sys.meta_path.insert(0, Block())
from curate.cli import main
main(sys.argv[1:])
assert "curate.cli.care.demo" not in sys.modules, "a command needs no other command's module"
"""


@pytest.mark.parametrize("command", ["issues", "status", "history 0.png", "stats"])
def test_what_is_asked_often_imports_nothing_slow(flagged: Path, command: str) -> None:
    """Half of what such a command costs is imports: scipy's alone took longer than all the queries."""
    words = [sys.executable, "-c", LIGHT, "-w", str(flagged), *command.split()]

    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
