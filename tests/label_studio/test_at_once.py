"""Other tokens, other pushes and a watcher beside: as people really use it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest

from db.reviews.asking.tasks import open_tasks
from db.workspace.workspace import open_workspace
from review.label_studio.client import Server, connect
from review.label_studio.local_server import LocalServer
from review.label_studio.scripted_reviewer import answer, choice
from tests.conftest import Curate
from tests.label_studio.conftest import Make, add_run, make_gallery
from tests.label_studio.people import sign_up
from tests.label_studio.proxy import proxy_to
from tests.label_studio.test_loop import tasks_by_artwork

pytestmark = pytest.mark.services

CURATE = [sys.executable, "-m", "curate.cli", "-w"]


@pytest.mark.filterwarnings("ignore:The `parse_obj` method:DeprecationWarning")
def test_a_personal_access_token_pushes_and_syncs(
    curate: Curate, make: Make, label_studio: LocalServer, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is exchanged for one that lives five minutes, by the SDK and where an image is fetched."""
    gallery = make(count=3, flagged=2)
    folder = gallery.workspace.folder
    legacy = sign_up(label_studio, f"personal-{uuid4().hex[:8]}@example.org")
    with connect(label_studio.url, legacy) as person:
        personal = str(person.client.tokens.create().token)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal)

    pushed = curate("-w", folder, "push", "--audit", "0", "--json").json()
    answer(server, tasks_by_artwork(server, gallery)[0], [choice("verdict_style", "right")])
    synced = curate("-w", folder, "sync-corrections", "--json").json()

    assert personal.count(".") == 2
    assert (pushed["created"], synced["verdicts"]) == (2, {"confirmed": 1})


def test_two_pushes_at_once_make_one_task_an_artwork(make: Make, server: Server) -> None:
    gallery = make(count=8, flagged=8)
    folder = gallery.workspace.folder
    push = [*CURATE, str(folder), "push", "--audit", "0"]

    both = [subprocess.Popen(push, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate(timeout=300)[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    project = open_workspace(folder).settings.label_studio.project
    assert project is not None
    tasks = {task.id: task.data["artwork"] for task in server.tasks(project)}
    assert Counter(tasks.values()) == Counter(map(str, gallery.uuids))
    with gallery.workspace.open_catalog() as catalog, catalog.read() as session:
        assert {task.task_id for task in open_tasks(session, server.url, project)} == tasks.keys()


def test_a_watcher_brings_in_what_comes_and_ends_by_ctrl_c(
    curate: Curate, make: Make, server: Server
) -> None:
    gallery = make(count=3, flagged=2)
    folder = gallery.workspace.folder
    curate("-w", folder, "push", "--audit", "0")
    watch = [*CURATE, str(folder), "sync-corrections", "--watch", "--every", "1", "--json"]

    with subprocess.Popen(watch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            first = json.loads(process.stdout.readline())
            answer(server, tasks_by_artwork(server, gallery)[0], [choice("verdict_style", "atypical")])
            second = json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
        process.wait(60)

    assert (first["annotations"], second["verdicts"]) == (0, {"atypical": 1})
    assert process.returncode == 0


def test_a_watcher_waits_for_a_server_that_is_away(
    curate: Curate,
    tmp_path: Path,
    label_studio: LocalServer,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ended at the first look without an answer; it says so once, and goes on when the server is back."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    with proxy_to(label_studio.url) as proxy:
        gallery = make_gallery(tmp_path, proxy.url, 3)
        add_run(gallery.workspace, {0: {"style": 0.1}, 1: {"style": 0.2}})
        folder = gallery.workspace.folder
        curate("-w", folder, "push", "--audit", "0")
        watch = [*CURATE, str(folder), "sync-corrections", "--watch", "--every", "1"]
        with subprocess.Popen(watch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            try:
                assert process.stdout.readline().startswith("0 answers")
                proxy.choose = lambda _method, _path: "cut_before"
                away = next(line for line in islice(process.stderr, 50) if "Still" in line)
                proxy.choose = lambda _method, _path: "500"
                time.sleep(3)
                answer(server, tasks_by_artwork(server, gallery)[0], [choice("verdict_style", "right")])
                proxy.choose = lambda _method, _path: None
                back = next(line for line in islice(process.stderr, 50) if "again." in line)
                brought = process.stdout.readline()
            finally:
                process.send_signal(signal.SIGINT)
            process.wait(60)

    assert "it is asked again every 1 s" in away
    assert back == "The server answers again.\n"
    assert brought.startswith("1 answers: 1 confirmed")
    assert process.returncode == 0
