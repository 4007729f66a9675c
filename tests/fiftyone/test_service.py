"""FiftyOne's MongoDB as a process: killed under the App, without its watcher, or of another folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest

from db.workspace.system import apart, end_tree
from review.fiftyone.service import _serves, of_folder, port_of_left_over
from review.label_studio.local_server import free_port
from review.mongod import fiftyone_folder, own_mongod
from tests.hostile.workspaces import small_workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mongoengine.*"),
]

LIMIT = 180


def start_mongod(folder: Path, port: int) -> psutil.Popen:
    """Start the mongod that FiftyOne brings, and wait until it answers."""
    where = fiftyone_folder()
    assert where is not None
    (folder / "log").mkdir(parents=True, exist_ok=True)
    words = [own_mongod(where), "--dbpath", folder, "--logpath", folder / "log" / "own.log", "--port", port]
    process = psutil.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(
        f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=60_000
    )
    with client:
        client.server_info()
    return process


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[tuple[psutil.Popen, int]]:
    """A mongod of our own on a folder of its own, with its port."""
    port = free_port()
    process = start_mongod(tmp_path / "db", port)
    yield process, port
    if process.is_running():
        process.kill()
    process.wait()


def await_line(path: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + LIMIT
    while text not in path.read_text(encoding="utf-8", errors="replace"):
        assert process.poll() is None, path.read_text(encoding="utf-8")
        assert time.monotonic() < until, path.read_text(encoding="utf-8")
        time.sleep(0.2)


def test_a_mongodb_that_is_killed_under_the_app_ends_it_with_one_sentence(
    curate: Any, tmp_path: Path, mongod: tuple[psutil.Popen, int]
) -> None:
    process, port = mongod
    folder = small_workspace(curate, tmp_path, 4)
    environment = {**os.environ, "FIFTYONE_DATABASE_URI": f"mongodb://127.0.0.1:{port}"}
    command = [sys.executable, "-m", "curate.cli", "-w", str(folder), "browse"]
    told = tmp_path / "app.txt"
    with told.open("wb") as out:
        app = subprocess.Popen(
            [*command, "--remote"], stdout=out, stderr=subprocess.STDOUT, env=environment, **apart()
        )
    try:
        await_line(told, "The App is at http://", app)

        process.send_signal(signal.SIGKILL)
        process.wait()

        assert app.wait(60) == 1
    finally:
        end_tree(app.pid)
    last = told.read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith(f"error: `curate -w {folder} browse` lost its MongoDB (")
    assert last.endswith("See that it runs, then type the same command again: it writes what is missing.")

    again = start_mongod(tmp_path / "db", port)
    try:
        done = subprocess.run(
            [*command, "--no-launch"], capture_output=True, text=True, env=environment, timeout=LIMIT
        )
    finally:
        again.kill()
        again.wait()
    assert "4 samples" in done.stdout
    assert "0 added, 0 updated, 0 removed" in done.stdout


def test_a_mongodb_without_its_watcher_is_used_and_one_of_another_folder_is_not(
    tmp_path: Path, mongod: tuple[psutil.Popen, int]
) -> None:
    _, port = mongod

    assert port_of_left_over(tmp_path / "db") == port
    assert port_of_left_over(tmp_path / "other") is None


def test_fiftyone_attaches_to_the_mongodb_of_its_own_folder_alone(
    tmp_path: Path, mongod: tuple[psutil.Popen, int]
) -> None:
    """Both are what FiftyOne looks for; it would take the first."""
    from fiftyone.service import util

    process, _ = mongod
    looked_for = ["--dbpath", str(tmp_path / "db")]

    with of_folder(tmp_path / "db"):
        own = [found.pid for found in util.find_processes_by_args(looked_for)]
    with of_folder(tmp_path / "other"):
        others = list(util.find_processes_by_args(looked_for))

    assert (own, others) == ([process.pid], [])
    assert [found.pid for found in util.find_processes_by_args(looked_for)] == [process.pid]


def test_a_process_that_ended_serves_nothing(tmp_path: Path, mongod: tuple[psutil.Popen, int]) -> None:
    process, _ = mongod
    known = psutil.Process(process.pid)
    process.kill()
    process.wait()

    assert not _serves(known, tmp_path / "db")
    assert port_of_left_over(tmp_path / "db") is None
