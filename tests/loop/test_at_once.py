"""Commands on one workspace at the same time work or wait."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curate.demo.gallery import draw_gallery, write_listing
from tests.conftest import Curate
from tests.loop.conftest import TRAIN

pytestmark = pytest.mark.slow


def test_an_ingest_beside_a_training_leaves_both_whole(
    ingested: Path, tmp_path: Path, curate: Curate
) -> None:
    write_listing(draw_gallery(tmp_path / "more", 40, seed=9), tmp_path / "more" / "labels.csv")

    training = subprocess.Popen(
        [sys.executable, "-m", "curate.cli", "-w", str(ingested), *TRAIN, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    taken = []
    while training.poll() is None:
        taken.append(curate("-w", ingested, "ingest", tmp_path / "more" / "labels.csv", "--json"))
    stdout, stderr = training.communicate()

    assert training.returncode == 0, stderr
    assert [done.status for done in taken] == [0] * len(taken)
    assert sum(done.json()["added"] for done in taken) == 40
    assert json.loads(stdout)["metrics"]["style"]["n"] in (60, 100)  # the labels of one moment, not of two
    assert curate("-w", ingested, "check").status == 0
    assert curate("-w", ingested, *TRAIN, "--json").json()["metrics"]["style"]["n"] == 100
