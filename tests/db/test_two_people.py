"""Two people on one PostgreSQL catalog: at once, with each other's runs, and with one Label Studio."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.demo.gallery import draw_gallery, plant_errors, write_listing
from db.models import Run, Task, Verdict
from db.workspace.workspace import change_settings, open_workspace
from review.label_studio.local_server import LocalServer
from review.label_studio.scripted_reviewer import answer_tasks
from tests.conftest import Curate
from tests.loop.conftest import TRAIN
from tests.loop.test_kill_review import labels
from tests.postgres import Postgres

pytestmark = pytest.mark.slow

IMAGES = 50


@pytest.fixture
def people(tmp_path: Path, postgres: Postgres, curate: Curate) -> dict[str, Path]:
    """Anna's and Ben's workspaces on one catalog, each with pictures of its own to take in."""
    url = postgres.database()
    for seed, name in enumerate(("anna", "ben")):
        made = curate("init", tmp_path / name, "--database-url", url, "--runs-url", tmp_path / "runs")
        assert made.status == 0, made.stderr
        pictures = tmp_path / f"{name}s-pictures"
        listing = plant_errors(draw_gallery(pictures, IMAGES, seed=seed), 0.1, seed=seed)
        write_listing(listing, pictures / "labels.csv")
    return {name: tmp_path / name for name in ("anna", "ben")}


def begin(place: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a command of one of them."""
    return subprocess.Popen(
        [sys.executable, "-m", "curate.cli", "-w", str(place), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(*commands: subprocess.Popen[str]) -> None:
    """Wait for commands; each must have done its work."""
    for command in commands:
        _, stderr = command.communicate()
        assert command.returncode == 0, stderr


def run_files(folder: Path) -> Iterator[Path]:
    """Yield what a run has written so far."""
    return (path for path in folder.rglob("*.safetensors"))


@pytest.mark.services
def test_two_people_go_round_on_one_catalog(
    people: dict[str, Path],
    tmp_path: Path,
    curate: Curate,
    label_studio: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    anna, ben = people["anna"], people["ben"]

    pictures = {name: tmp_path / f"{name}s-pictures" for name in people}
    ended(*(begin(place, "ingest", pictures[name] / "labels.csv") for name, place in people.items()))
    for place, other in ((anna, pictures["ben"]), (ben, pictures["anna"])):
        assert curate("-w", place, "relocate", other.name, other).status == 0
        change_settings(open_workspace(place), "label_studio", "url", label_studio.url)
    assert curate("-w", ben, "stats", "--json").json()["artworks"] == 2 * IMAGES

    killed = begin(anna, *TRAIN)
    while killed.poll() is None and not any(run_files(tmp_path / "runs")):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    resumed = curate("-w", ben, *TRAIN, "--json")
    assert (resumed.status, resumed.json()["run"]) == (0, 1), resumed.stderr
    assert [run["state"] for run in curate("-w", anna, "runs", "--json").lines()] == ["complete"]
    picture = next(pictures["ben"].rglob("*.jpg"))
    assert curate("-w", anna, "predict", picture, "--json").status == 0
    assert curate("-w", anna, "report").status == 0

    assert curate("-w", anna, "push", "--limit", "12").status == 0
    project = open_workspace(anna).settings.label_studio.project
    assert project is not None
    change_settings(open_workspace(ben), "label_studio", "project", project)
    truth = labels(open_workspace(anna))
    answered = answer_tasks(open_workspace(anna).settings.label_studio, truth, truth)
    ended(
        begin(anna, "sync-corrections"),
        begin(ben, "sync-corrections"),
        begin(ben, "push", "--limit", "8"),
        begin(anna, *TRAIN, "--seed", "5"),
    )

    with open_workspace(ben).open_catalog() as catalog, catalog.read() as session:
        verdicts = Counter((v.annotation_id, v.attribute_id) for v in session.query(Verdict))
        tasks = session.query(Task).all()
        complete = session.query(Run).filter(Run.state == "complete").count()
    assert max(verdicts.values()) == 1
    assert len({annotation for annotation, _ in verdicts}) == answered == 12
    assert max(Counter((t.artwork_id, t.purpose) for t in tasks if t.state == "open").values()) == 1
    assert complete == 2
    for place in people.values():
        assert curate("-w", place, "check", "--images").status == 0
