"""Label Studio's own exports are taken back: JSON and JSON-MIN, from this server and from another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from db.models import Reviewer, Verdict
from review.label_studio.client import Server
from review.label_studio.scripted_reviewer import answer, choice
from tests.conftest import Curate
from tests.label_studio.conftest import Make, add_run, make_gallery
from tests.label_studio.test_contact_sheets import counted
from tests.label_studio.test_loop import labels


@pytest.mark.services
@pytest.mark.parametrize("kind", ["JSON", "JSON_MIN"])
def test_an_export_brings_what_a_sync_would(
    kind: str, curate: Curate, make: Make, server: Server, tmp_path: Path
) -> None:
    gallery = make(count=6, flagged=4)
    at, saved = ["-w", gallery.workspace.folder], tmp_path / "export.json"
    project = curate(*at, "push", "--audit", "0", "--json").json()["project"]
    tasks = list(server.tasks(project))
    answer(server, tasks[0].id, [choice("verdict_style", "wrong"), choice("class_style", "Art_Nouveau")])
    answer(server, tasks[1].id, [choice("verdict_style", "right")])
    answer(server, tasks[2].id, [], skipped=True)
    url = f"/api/projects/{project}/export?exportType={kind}&download_all_tasks=true"
    saved.write_bytes(server.get(url)[1])

    taken = curate(*at, "sync-corrections", "--from", saved, "--json").json()
    again = curate(*at, "sync-corrections", "--from", saved, "--json").json()
    synced = curate(*at, "sync-corrections", "--full", "--json").json()

    assert taken["verdicts"] == {"corrected": 1, "confirmed": 1}
    assert (again["annotations"], synced["verdicts"]) == (0, {})
    assert len(counted(gallery, Reviewer.user_id)) == 1
    assert labels(gallery.workspace, "style")[0] == "Art_Nouveau"


def exported(uuid: object, *annotations: dict[str, Any]) -> dict[str, Any]:
    stamp = {"updated_at": "2026-11-20T10:00:00.000000Z", "was_cancelled": False}
    return {
        "id": 900,
        "data": {"artwork": str(uuid), "batch": "elsewhere", "label_style": "Baroque"},
        "annotations": [stamp | annotation for annotation in annotations],
    }


def test_two_deleted_users_of_another_server_are_two_reviewers(curate: Curate, tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 3)
    add_run(gallery.workspace, {0: {"style": 0.1}})
    wrong = [choice("verdict_style", "wrong"), choice("class_style", "Rococo")]
    right = [choice("verdict_style", "right")]
    saved = tmp_path / "export.json"
    saved.write_text(
        json.dumps(
            [
                exported(
                    gallery.uuids[0],
                    {"id": 1, "completed_by": None, "result": wrong},
                    {"id": 2, "completed_by": None, "result": wrong},
                    {"id": 3, "completed_by": {"id": 8, "email": "bo@example.org"}, "result": right},
                ),
                exported("no-artwork", {"id": 4, "completed_by": 1, "result": right}),
            ]
        )
    )

    synced = curate("-w", gallery.workspace.folder, "sync-corrections", "--from", saved, "--json")

    assert synced.json()["verdicts"] == {"corrected": 2, "confirmed": 1}
    assert "the catalog has no artwork no-artwork" in synced.stderr
    assert counted(gallery, Reviewer.name) == {"deleted 1": 1, "deleted 2": 1, "bo@example.org": 1, "1": 1}
    assert counted(gallery, Verdict.server) == {"export": 3}
    assert labels(gallery.workspace, "style")[0] == "Rococo"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"a": 1}',
        "[1]",
        "[]",
        '[{"id": 1, "data": {}, "annotations": []}]',
        '[{"annotation_id": 1, "updated_at": "x"}]',
    ],
)
def test_what_is_no_export_is_named(text: str, curate: Curate, tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path, "http://127.0.0.1:9", 3)
    saved = tmp_path / "export.json"
    saved.write_text(text)

    refused = curate("-w", gallery.workspace.folder, "sync-corrections", "--from", saved)

    assert refused.status == 1
    assert f"{saved} is no export of Label Studio that this workspace can take" in refused.stderr
