"""A sync that is killed at any moment ends, run again, in the dataset that one undisturbed sync makes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from review.fiftyone.dataset.sync import sync_dataset
from tests.fiftyone.conftest import dump
from tests.fiftyone.test_dataset import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:fiftyone.*"),
]

SYNC = """
import sys
from pathlib import Path
import review.fiftyone.dataset.writer as write
from db.workspace.workspace import open_workspace
from review.fiftyone.dataset.sync import sync_dataset
write.CHUNK = 2
workspace = open_workspace(Path(sys.argv[1]))

class Tell:
    def start(self, total, what): print(what, flush=True)
    def advance(self, steps=1): print(steps, flush=True)
    def message(self, text): pass

with workspace.open_catalog() as catalog:
    sync_dataset(workspace, catalog, progress=Tell())
"""


def kill_after(gallery: Any, lines: int, wait: float) -> None:
    """Start a sync in its own process, and kill it so many seconds after it told so many steps."""
    command = [sys.executable, "-c", SYNC, str(gallery.workspace.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("lines", [1, 2, 9, 16, 17])
def test_a_killed_sync_is_finished_by_the_next(gallery: Any, lines: int) -> None:
    gallery.add_run()
    kill_after(gallery, lines, wait=0.01)

    summary = sync_dataset(gallery.workspace, gallery.catalog)
    after = dump(load(gallery))
    views, state = load(gallery).list_saved_views(), load(gallery).info["curate"]

    assert summary.samples == 30
    assert state["done"]
    load(gallery).delete()
    sync_dataset(gallery.workspace, gallery.catalog)
    assert after == dump(load(gallery))
    assert views == load(gallery).list_saved_views()
    assert sorted(load(gallery).list_evaluations()) == ["artist_eval", "genre_eval", "style_eval"]


def test_a_killed_update_is_finished_by_the_next(gallery: Any) -> None:
    gallery.add_run(seed=0)
    sync_dataset(gallery.workspace, gallery.catalog)
    gallery.add_run(seed=1)
    kill_after(gallery, 7, wait=0.0)

    summary = sync_dataset(gallery.workspace, gallery.catalog)

    assert summary.rebuilt == "the last sync was stopped before its end"
    after = dump(load(gallery))
    load(gallery).delete()
    sync_dataset(gallery.workspace, gallery.catalog)
    assert after == dump(load(gallery))
