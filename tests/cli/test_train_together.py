"""``curate train`` in two processes, as torchrun starts them, and after a kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from review.label_studio.local_server import free_port
from tests.cli.test_train import SMALL, gallery
from tests.conftest import Curate

pytestmark = pytest.mark.slow


def together(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start ``curate train`` in two processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    port = ["--master-port", str(free_port()), "-m", "curate.cli"]
    return subprocess.Popen(
        [*launcher, *port, "-w", str(folder), "train", *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def predictions(folder: Path, run: int) -> list[int]:
    """Return how many artworks, and how many rows a pair of artwork and attribute, a run predicted."""
    with sqlite3.connect(folder / "catalog.db") as catalog:
        count = "select count(distinct artwork_id), count(*) from prediction where run_id = ?"
        found = list(catalog.execute(count, [run]).fetchone())
    catalog.close()
    return found


@pytest.mark.parametrize("mode", ["frozen", "finetune"])
def test_two_processes_predict_each_artwork_once(tmp_path: Path, curate: Curate, mode: str) -> None:
    path = gallery(tmp_path)
    for name in ("alone", "both"):
        assert curate("init", tmp_path / name).status == 0
        assert curate("-w", tmp_path / name, "ingest", path).status == 0
    options = [*SMALL, "--mode", mode, "--json"]

    process = together(tmp_path / "both", *options)
    printed, said = process.communicate(timeout=300)
    alone = curate("-w", tmp_path / "alone", "train", *options).json()

    assert process.returncode == 0, said
    both = json.loads(printed)
    assert predictions(tmp_path / "both", both["run"]) == [36, 72]
    for attribute in ("style", "genre"):
        assert both["metrics"][attribute]["n"] == 36
        near = 0.0 if mode == "frozen" else 0.25
        assert both["metrics"][attribute]["accuracy"] == pytest.approx(
            alone["metrics"][attribute]["accuracy"], abs=near
        )


@pytest.mark.parametrize("mode", ["frozen", "finetune"])
def test_killed_the_same_command_goes_on_to_the_same_metrics(
    tmp_path: Path, curate: Curate, mode: str
) -> None:
    path = gallery(tmp_path)
    for name in ("unbroken", "killed"):
        assert curate("init", tmp_path / name).status == 0
        assert curate("-w", tmp_path / name, "ingest", path).status == 0
    options = [*SMALL, "--mode", mode, "--epochs", "6", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "curate.cli", "-w", str(tmp_path / "killed"), "train", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if any((tmp_path / "killed" / "runs").glob("*/models/*/epoch-*.json")):
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    resumed = curate("-w", tmp_path / "killed", "train", *options).json()
    unbroken = curate("-w", tmp_path / "unbroken", "train", *options).json()

    assert resumed["metrics"] == unbroken["metrics"]
    assert resumed["run"] == unbroken["run"] == 1
