"""A token in the environment and a password in a URL are shown nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from db.models import Run
from db.runs.runs import start_run
from db.workspace.workspace import open_workspace
from tests.conftest import Curate

TOKEN = "planted-token-3f9a"
PASSWORD = "planted-password-77"
URL = f"postgresql://anna:{PASSWORD}@127.0.0.1:9/paintings"

CRASH = f"""
import logging, threading
from db.workspace.secrets import guard
guard()
logging.warning("asked with %s at %s", "{TOKEN}", "{URL}")
try:
    raise ValueError("in a log: {TOKEN}")
except ValueError:
    logging.exception("it failed")
def work():
    raise ValueError("in a thread: {TOKEN}")
thread = threading.Thread(target=work)
thread.start()
thread.join()
raise RuntimeError("crashed on {URL} with {TOKEN}")
"""


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)


def hidden(text: str) -> bool:
    """Return whether neither secret is in a text."""
    return TOKEN not in text and PASSWORD not in text


def test_logs_and_tracebacks() -> None:
    done = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert hidden(done.stderr)
    assert "WARNING:root:asked with *** at postgresql://anna:***@127.0.0.1:9/paintings" in done.stderr
    assert "ValueError: in a log: ***" in done.stderr
    assert "ValueError: in a thread: ***" in done.stderr
    assert done.stderr.endswith(
        "RuntimeError: crashed on postgresql://anna:***@127.0.0.1:9/paintings with ***\n"
    )


def test_errors_and_the_doctor(folder: Path, curate: Curate) -> None:
    settings = folder / "curate.toml"
    settings.write_text(f"database_url = '{URL}'\n" + settings.read_text())

    refused = curate("-w", folder, "status")
    looked = curate("-w", folder, "doctor", "--json")

    assert refused.status == 1
    assert refused.stderr.startswith(
        "error: The catalog postgresql+psycopg://anna:***@127.0.0.1:9/paintings "
    )
    assert hidden(refused.stderr)
    assert looked.stdout
    assert hidden(looked.stdout + looked.stderr)


def test_what_a_run_remembers_of_its_settings(folder: Path) -> None:
    said = {
        "weights": f"https://anna:{PASSWORD}@host/w.pth",
        "note": TOKEN,
        "hub": {"api_key": "abcdefgh"},
        "lr": 0.1,
    }
    with open_workspace(folder).open_catalog() as catalog:
        with catalog.write() as session:
            start_run(session, backbone="b", protocol="p", seed=0, settings=said, digest="0" * 64)
        with catalog.read() as session:
            stored = session.get_one(Run, 1).settings

    assert stored == {
        "weights": "https://anna:***@host/w.pth",
        "note": "***",
        "hub": {"api_key": "***"},
        "lr": 0.1,
    }
