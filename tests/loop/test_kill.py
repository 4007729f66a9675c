"""Killing a command at any moment and running it again gives the same catalog as running it once."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db.workspace.workspace import open_workspace
from tests.conftest import Curate
from tests.loop.conftest import TRAIN, Kill

pytestmark = pytest.mark.slow


def predictions(folder: Path) -> list[tuple[object, ...]]:
    """Return what the newest run says of every label, keyed by path."""
    from sqlalchemy import text

    with open_workspace(folder).open_catalog() as catalog, catalog.read() as session:
        rows = session.execute(
            text(
                "SELECT path, attribute_id, fold, provenance, predicted_id, p_predicted, score "
                "FROM prediction JOIN artwork ON artwork.id = artwork_id "
                "WHERE run_id = (SELECT max(id) FROM run) ORDER BY path, attribute_id"
            )
        ).all()
    return [tuple(row) for row in rows]


@dataclass(frozen=True)
class Trained:
    """A workspace with one run; each test trains on a copy of it."""

    folder: Path
    metrics: dict[str, Any]

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copytree(self.folder, folder))


@pytest.fixture
def trained(
    made_once: dict[str, Trained], gallery: Path, tmp_path_factory: pytest.TempPathFactory, curate: Curate
) -> Trained:
    """The gallery, and a run on it that nothing interrupted."""
    if "trained" not in made_once:
        folder = tmp_path_factory.mktemp("trained") / "ws"
        curate("init", folder)
        curate("-w", folder, "ingest", gallery / "labels.csv")
        made_once["trained"] = Trained(folder, curate("-w", folder, *TRAIN, "--json").json()["metrics"])
    return made_once["trained"]


def test_train_killed_and_run_again_gives_the_same_run(
    ingested: Path, trained: Trained, curate: Curate, kill: Kill
) -> None:
    hits = kill(["-w", str(ingested), *TRAIN], 4, 8.0)
    done = curate("-w", ingested, *TRAIN, "--json")

    assert hits > 0, "no kill landed: the commands were faster than the clock of this test"
    assert done.status == 0
    states = [run["state"] for run in curate("-w", ingested, "runs", "--json").lines()]
    assert set(states) == {"complete"}, "a killed run was left behind, instead of being continued"
    assert predictions(ingested) == predictions(trained.folder)
    assert curate("-w", ingested, "check").status == 0


def test_train_twice_makes_two_runs_with_the_same_numbers(
    trained: Trained, tmp_path: Path, curate: Curate
) -> None:
    second = curate("-w", trained.copy(tmp_path / "ws"), *TRAIN, "--json").json()

    assert second["run"] == 2
    assert second["metrics"] == trained.metrics


def test_another_seed_gives_other_numbers(trained: Trained, tmp_path: Path, curate: Curate) -> None:
    second = curate("-w", trained.copy(tmp_path / "ws"), *TRAIN, "--seed", "5", "--json").json()

    assert json.dumps(second["metrics"]) != json.dumps(trained.metrics)


def test_an_unreadable_image_is_listed_and_stops_nothing(
    ingested: Path, gallery: Path, curate: Curate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image was whole when it was ingested, and is cut short when training reads it."""
    victim = gallery / "images" / "00007.jpg"
    whole = victim.read_bytes()
    try:
        victim.write_bytes(whole[:300])
        done = curate("-w", ingested, *TRAIN, "--json")
    finally:
        victim.write_bytes(whole)

    assert done.status == 0
    assert [path for path, _reason in done.json()["unreadable"]] == ["images/00007.jpg"]
    assert curate("-w", ingested, "check").status == 0
