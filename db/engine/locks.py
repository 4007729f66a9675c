"""Who is writing: writers of one catalog take turns, and one that waits says for whom."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from db.errors import CatalogLocked

LOG = logging.getLogger(__name__)

NOTICE_SECONDS = 2.0
"""A writer that waits longer than this says for whom it waits."""

GIVE_UP_SECONDS = 600.0
"""A writer that waited this long gives up; nothing of what it was to write is written."""

POLL_SECONDS = 0.5
"""The longest that Ctrl-C waits while SQLite's own busy handler sleeps."""

WAL_WRITE_LOCK = 120
"""The byte of ``catalog.db-shm`` that SQLite's writer locks (SQLite, WAL-mode file format, 2.3.1)."""

POSTGRES_LOCK = 0x63757261
"""The key of the advisory lock that writers of a catalog on PostgreSQL take ("cura")."""


def this_process() -> str:
    """Return what others read when they wait for this process."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def sqlite_writer(path: Path) -> str:
    """Return who holds the write lock of a SQLite file, as Linux tells it; another system does not.

    Asking through ``fcntl`` would need a file descriptor of our own, and closing that one drops every lock
    that SQLite holds in this process; so the kernel's list is read instead.
    """
    try:
        inode = path.with_name(f"{path.name}-shm").stat().st_ino
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return "another process"
    for line in locks.splitlines():
        fields = line.split()
        if "WRITE" not in fields or "->" in fields:
            continue
        pid, place, start, end = fields[-4:]
        covers = int(start) <= WAL_WRITE_LOCK and (end == "EOF" or WAL_WRITE_LOCK <= int(end))
        if place.endswith(f":{inode}") and covers and int(pid) > 0:
            return f"process {pid} on {socket.gethostname()}"
    return "another process"


def begin_sqlite(connection: Connection, path: Path) -> None:
    """Begin a transaction that holds the write lock, waiting for the turn.

    Raises:
        CatalogLocked: Another one held it for ``GIVE_UP_SECONDS``.
    """
    started, told = time.monotonic(), False
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(POLL_SECONDS * 1000)}")
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            waited = time.monotonic() - started
            if waited >= GIVE_UP_SECONDS:
                raise CatalogLocked(str(path), sqlite_writer(path)) from error
            if waited >= NOTICE_SECONDS and not told:
                told = True
                LOG.warning("%s is locked by %s, waiting", path, sqlite_writer(path))


def begin_postgresql(connection: Connection, name: str) -> None:
    """Take the catalog's advisory lock for this transaction, waiting for the turn.

    Raises:
        CatalogLocked: Another one held it for ``GIVE_UP_SECONDS``.
    """
    started, told, pause = time.monotonic(), False, 0.01
    while not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK}):
        waited = time.monotonic() - started
        if waited >= GIVE_UP_SECONDS:
            raise CatalogLocked(name, postgresql_writer(connection))
        if waited >= NOTICE_SECONDS and not told:
            told = True
            LOG.warning("%s is locked by %s, waiting", name, postgresql_writer(connection))
        time.sleep(pause)
        pause = min(pause * 2, POLL_SECONDS)


def postgresql_writer(connection: Connection) -> str:
    """Return who holds the advisory lock: curate names its process and host to the server."""
    application = connection.scalar(
        text(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND objid = :key AND classid = 0 "
            "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        {"key": POSTGRES_LOCK},
    )
    return str(application or "another session")
