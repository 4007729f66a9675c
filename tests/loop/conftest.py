"""A small drawn gallery in a workspace of its own, and commands as processes that can be killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from curate.demo.gallery import draw_gallery, plant_errors, write_listing
from tests.conftest import Curate

TRAIN = [
    *("train", "--backbone", "efficientnet_lite0", "--image-size", "64"),
    *("--epochs", "4", "--folds", "3", "--ensemble", "1"),
]
"""A run that takes seconds: what these tests ask of training does not depend on how good it is."""


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty drawn images and their list, a tenth of the labels wrong."""
    folder = tmp_path_factory.mktemp("gallery")
    write_listing(plant_errors(draw_gallery(folder, 60, seed=3), 0.1, seed=3), folder / "labels.csv")
    return folder


@pytest.fixture
def ingested(folder: Path, gallery: Path, curate: Curate) -> Path:
    """A workspace that has the gallery."""
    assert curate("-w", folder, "ingest", gallery / "labels.csv").status == 0
    return folder


Kill = Callable[[Sequence[str], int, float], int]


@pytest.fixture
def kill() -> Kill:
    """Start a command line again and again, and kill it after a random while; return how often it was hit."""
    rng = random.Random(7)

    def run(arguments: Sequence[str], times: int, longest: float) -> int:
        hits = 0
        for _ in range(times):
            process = subprocess.Popen(
                [sys.executable, "-m", "curate.cli", *arguments],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            deadline = time.monotonic() + rng.uniform(0.3 * longest, longest)
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            if process.poll() is None:
                hits += 1
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return hits

    return run
