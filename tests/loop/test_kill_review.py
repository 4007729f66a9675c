"""Killing `push` or `sync-corrections` at any moment: one task an artwork, every answer one verdict."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from db.models import Task, Verdict
from db.workspace.workspace import Workspace, change_settings, open_workspace
from review.label_studio.client import connect
from review.label_studio.local_server import LocalServer
from review.label_studio.scripted_reviewer import answer_tasks
from tests.conftest import Curate
from tests.loop.conftest import TRAIN, Kill

pytestmark = pytest.mark.slow


def labels(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return the labels as they stand, by artwork uuid."""
    from db.classes.classes import attributes, class_list
    from db.labels.table import label_table

    with workspace.open_catalog() as catalog, catalog.read() as session:
        table = label_table(session)
        keys = {a.name: class_list(session, a).key for a in attributes(session)}
    return {
        str(uuid): {name: key[table.labels[name][row]] for name, key in keys.items()}
        for row, uuid in enumerate(table.uuids)
    }


@pytest.mark.services
def test_push_and_sync_killed_and_run_again(
    ingested: Path, curate: Curate, kill: Kill, label_studio: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    workspace = change_settings(open_workspace(ingested), "label_studio", "url", label_studio.url)
    at = ["-w", str(ingested)]
    assert curate(*at, *TRAIN).status == 0

    hits = kill([*at, "push", "--limit", "20"], 4, 5.0)
    assert curate(*at, "push", "--limit", "20").status == 0

    workspace = open_workspace(ingested)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        tasks = session.query(Task).filter(Task.state == "open").all()
    with connect(label_studio.url, label_studio.token) as server:
        standing = list(server.client.tasks.list(project=workspace.settings.label_studio.project))
    assert {task.task_id for task in tasks} == {task.id for task in standing}
    assert max(Counter((task.artwork_id, task.purpose) for task in tasks).values()) == 1

    truth = labels(workspace)
    answered = answer_tasks(workspace.settings.label_studio, truth, truth)
    hits += kill([*at, "sync-corrections"], 3, 5.0)
    assert curate(*at, "sync-corrections").status == 0

    with workspace.open_catalog() as catalog, catalog.read() as session:
        verdicts = session.query(Verdict).all()
        done = session.query(Task).filter(Task.state == "done").count()
    assert hits > 0, "no kill landed: the commands were faster than the clock of this test"
    assert answered == done == len(standing)
    assert max(Counter((v.annotation_id, v.attribute_id) for v in verdicts).values()) == 1
    assert {v.artwork_id for v in verdicts} <= {task.artwork_id for task in tasks}
    assert labels(workspace) == truth
    assert curate(*at, "check").status == 0
