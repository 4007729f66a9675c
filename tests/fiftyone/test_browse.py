"""``curate browse`` as it is typed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore::DeprecationWarning:fiftyone.*")]


def test_browse_says_what_it_did(gallery: Any, curate: Any) -> None:
    run = gallery.add_run()
    name = gallery.workspace.settings.fiftyone.dataset

    first = curate("-w", gallery.workspace.folder, "browse", "--no-launch")
    again = curate("-w", gallery.workspace.folder, "browse", "--no-launch", "--json")

    views = again.json()["saved_views"]
    assert first.stdout == (
        f"{name}: 30 samples (run {run}); 30 added, 0 updated, 0 removed; {views} saved views.\n"
    )
    assert again.json() == {
        "dataset": name,
        "samples": 30,
        "added": 0,
        "updated": 0,
        "removed": 0,
        "saved_views": views,
        "run": run,
        "rebuilt": None,
    }


def test_a_port_in_use_is_refused_before_anything_is_written(gallery: Any, curate: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = curate("-w", gallery.workspace.folder, "browse", "--port", port)

    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: Port {port} is in use. Name a free one: `curate browse --port {port + 1}`.\n"
    )


def browse_with(folder: Path, fiftyone: Path | None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``curate browse`` in its own process, with another fiftyone package or other surroundings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FIFTYONE_")} | variables
    if fiftyone is not None:
        environment["PYTHONPATH"] = str(fiftyone)
    code = "from curate.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "-w", str(folder), "browse", "--no-launch"],
        env=environment,
        capture_output=True,
        text=True,
    )


def install_fiftyone(folder: Path, mongod: str | None) -> Path:
    """Lay out a fiftyone package as pip leaves it, with the mongod given, or with none."""
    (folder / "fiftyone" / "db" / "bin").mkdir(parents=True)
    (folder / "fiftyone" / "__init__.py").touch()
    if mongod is not None:
        path = folder / "fiftyone" / "db" / "bin" / "mongod"
        path.write_text(mongod)
        path.chmod(0o755)
    return folder


def test_without_a_mongod_the_error_names_what_was_looked_for(folder: Path, tmp_path: Path) -> None:
    result = browse_with(folder, install_fiftyone(tmp_path / "site", None), HOME=str(tmp_path))

    assert result.returncode == 1
    assert result.stderr == (
        f"error: `curate -w {folder} browse` found no MongoDB: FiftyOne's own mongod is not installed and "
        "FIFTYONE_DATABASE_URI is not set. Run `curate doctor` for the two ways to fix it.\n"
    )


def test_a_mongod_that_does_not_run_is_named_with_its_complaint(folder: Path, tmp_path: Path) -> None:
    complaint = "libcrypto.so.1.1: cannot open shared object file"
    site = install_fiftyone(tmp_path / "site", f"#!/bin/sh\necho '{complaint}' >&2\nexit 127\n")

    result = browse_with(folder, site, HOME=str(tmp_path))

    assert result.returncode == 1
    assert result.stderr == (
        f"error: `curate -w {folder} browse` found no MongoDB: {site}/fiftyone/db/bin/mongod does not run "
        f"({complaint}) and FIFTYONE_DATABASE_URI is not set. "
        f"Run `curate doctor` for the two ways to fix it.\n"
    )


def test_a_server_that_does_not_answer_is_named_without_its_password(folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

        result = browse_with(folder, None, FIFTYONE_DATABASE_URI=f"mongodb://ada:secret@127.0.0.1:{port}")

    assert result.returncode == 1
    assert result.stderr == (
        f"error: `curate -w {folder} browse` found no MongoDB: no server answers at FIFTYONE_DATABASE_URI, "
        f"mongodb://127.0.0.1:{port} (127.0.0.1:{port}: [Errno 111] Connection refused). "
        f"Run `curate doctor` for the two ways to fix it.\n"
    )


def test_an_outside_server_is_used(gallery: Any) -> None:
    """FiftyOne's own mongod, reached by URI as a user's server would be."""
    import fiftyone.core.odm as odm

    host, port = odm.get_db_client().address
    result = browse_with(
        gallery.workspace.folder,
        None,
        FIFTYONE_DATABASE_URI=f"mongodb://{host}:{port}",
        FIFTYONE_DATABASE_NAME=os.environ["FIFTYONE_DATABASE_NAME"],
    )

    assert (result.returncode, result.stderr) == (0, "samples …\nevaluation and map …\n")
    assert "30 added" in result.stdout


def test_the_config_file_of_fiftyone_may_name_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from review.mongod import database_uri

    (tmp_path / "config.json").write_text(json.dumps({"database_uri": "mongodb://db.example"}))
    monkeypatch.setenv("FIFTYONE_CONFIG_PATH", str(tmp_path / "config.json"))
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)

    assert database_uri() == "mongodb://db.example"


def test_a_mongod_that_works_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    from review.mongod import fiftyone_folder, find_mongod, install, own_mongod

    folder = fiftyone_folder()
    assert folder is not None
    before = own_mongod(folder).stat().st_mtime_ns

    assert install(pytest.fail) == find_mongod()

    assert own_mongod(folder).stat().st_mtime_ns == before


def test_fiftyone_is_imported_after_a_package_that_takes_over_metadata() -> None:
    """``importlib_metadata`` raises for fields that are not there, where FiftyOne expects None."""
    program = (
        "import importlib_metadata\n"
        "from review.fiftyone.connect import import_plain_fiftyone\n"
        "print(import_plain_fiftyone('browse').__version__)"
    )

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True)

    assert (done.returncode, done.stdout[:2]) == (0, "1."), done.stderr
