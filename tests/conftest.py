"""What every test may use: the command line in-process, a workspace, drawn galleries, the real paintings."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from db.engine import catalog

pytest_plugins = ["tests.servers"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real paintings and lists, beside the checkout on the developers' machines; absent elsewhere."""

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""Which of several processes of this test run this is; empty where it is the only one, or leads them."""

if WORKER:
    os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if WORKER or "FIFTYONE_DATABASE_NAME" not in os.environ:
    os.environ["FIFTYONE_DATABASE_NAME"] = f"curate_test_{os.getpid()}"
if WORKER or "FIFTYONE_DATABASE_DIR" not in os.environ:
    os.environ["FIFTYONE_DATABASE_DIR"] = tempfile.mkdtemp(prefix="curate-mongo-")
    atexit.register(shutil.rmtree, os.environ["FIFTYONE_DATABASE_DIR"], ignore_errors=True)


COLLECTED = pytest.StashKey[Counter[str]]()
"""How many tests each file has, before ``-m`` and ``-k`` leave some out."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests share a process where several run side by side: those of one server, or of one file.

    What takes long begins first: at the end, no process waits for another's last file.
    """
    config.stash[COLLECTED] = Counter(item.nodeid.partition("::")[0] for item in items)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_server_of(item) or item.nodeid.partition("::")[0]))
    if WORKER:
        slow_files = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (_server_of(item) is None, item.path not in slow_files))


def _server_of(item: pytest.Item) -> str | None:
    """Return the server that a test needs, where starting it again would cost a minute or much memory."""
    if "label_studio" in getattr(item, "fixturenames", ()):
        return "Label Studio"
    if item.get_closest_marker("services") is None:
        return None
    return {"fiftyone": "FiftyOne", "db": "PostgreSQL"}.get(item.path.parent.name)


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once() -> Iterator[None]:
    """Let SQLite's engines share what SQLAlchemy has compiled: each command opens one, in one process here.

    Compiling took a sixth of the time of tests that run commands. A cache belongs to an engine, and its keys
    name the engine's dialect; so both are those of one engine.
    """
    first = sqlalchemy.create_engine("sqlite://")
    with first.connect():
        pass

    def create_engine(*arguments: Any, **options: Any) -> sqlalchemy.Engine:
        engine = sqlalchemy.create_engine(*arguments, **options)
        if engine.dialect.name == "sqlite":
            engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "create_engine", create_engine)
        yield
    first.dispose()


@dataclass(frozen=True)
class Result:
    """What a command did: its exit status and what it printed."""

    status: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Return the one object that ``--json`` printed."""
        return json.loads(self.stdout)

    def lines(self) -> list[Any]:
        """Return the objects that ``--json`` printed, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


Curate = Callable[..., Result]


@pytest.fixture
def curate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Curate:
    """Run ``curate ARGUMENTS`` in this process, as ``main`` does for a user."""
    from curate.cli import main
    from db.errors import typed

    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        try:
            main([str(argument) for argument in arguments])
            status = 0
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        printed = capsys.readouterr()
        named = [
            f"curate -w {typed(a)} " for before, a in pairwise(map(str, arguments)) if before == "-w" and a
        ]
        return Result(status, *(_as_inside(text, named) for text in (printed.out, printed.err)))

    return run


def _as_inside(text: str, named: list[str]) -> str:
    """Return what was printed as it is printed in the workspace; tests/cli/test_suggested.py has the rest."""
    for command in named:
        text = text.replace(command, "curate ")
    return text


@pytest.fixture(scope="module")
def made_once() -> dict[str, Any]:
    """What ``curate``, a fixture of one test, has made for all tests of a file; they only read it."""
    return {}


@pytest.fixture
def folder(tmp_path: Path, curate: Curate) -> Path:
    """An empty workspace."""
    assert curate("init", tmp_path / "ws").status == 0
    return tmp_path / "ws"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real paintings and lists; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real paintings of ../shared/data are not on this machine")
    return SHARED
