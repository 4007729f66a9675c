"""Which driver errors a user can fix, and the error that says how; all others stay what they are."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from db.engine.locks import sqlite_writer
from db.errors import (
    BadDatabaseUrl,
    CatalogDamaged,
    CatalogLocked,
    CatalogReadOnly,
    CatalogUnreachable,
    CurateError,
    NoSpace,
    NotWritable,
    NumberTooLarge,
    UnusableName,
)

UNUSABLE = (
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENOENT,
    errno.EEXIST,
    errno.ENXIO,
    errno.ETXTBSY,
)
"""What a system says of a path that is no place for what was to be done there."""

BROKEN = ("no such table", "no such column", "no such index", "Could not decode to UTF-8")
"""What SQLite says of a catalog that has lost a table, or bytes of it; our own statements name none wrong."""

HIDDEN = "***"
"""Stands for what may be a password: a text that is no URL."""

PRIMARY_CODE = 0xFF
"""SQLite's extended result codes keep the primary one in their lowest byte."""


def parse_url(url: str) -> URL:
    """Return the URL of a catalog; PostgreSQL is always spoken through psycopg.

    Raises:
        BadDatabaseUrl: It is no URL, or names a database other than SQLite and PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadDatabaseUrl(url.partition("://")[0][:20] if "://" in url else HIDDEN) from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadDatabaseUrl(parsed.drivername)
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise BadDatabaseUrl("sqlite:// without a file")
    return parsed


def catalog_name(url: URL) -> str:
    """Return what people know a catalog by: SQLite's file, else the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return url.render_as_string(hide_password=True)


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn the driver errors that a user can fix into a ``CurateError`` that says how."""
    try:
        yield
    except OverflowError as error:
        raise NumberTooLarge from error
    except DBAPIError as error:
        explanation = explain(url, error)
        if explanation is None:
            raise
        raise explanation from error


def explain(url: URL, error: DBAPIError) -> CurateError | None:
    """Return the error that tells a user what a driver error means, None where it is a programmer's."""
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(url, error.orig)
    return _of_postgresql(url, error.orig)


def _of_sqlite(url: URL, error: sqlite3.Error) -> CurateError | None:
    path = Path(url.database or ":memory:")
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or str(error).startswith(BROKEN):
        return CatalogDamaged(str(path), str(error))
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return CatalogReadOnly(str(path), str(error))
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return NoSpace(str(path), str(error))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CatalogLocked(str(path), sqlite_writer(path))
    return None


def _of_postgresql(url: URL, error: BaseException | None) -> CurateError | None:
    name = catalog_name(url)
    state = getattr(error, "sqlstate", None)
    said = (str(error).strip().splitlines() or ["no answer"])[0]
    if state in ("42501", "25006"):
        return CatalogReadOnly(name, said)
    if state == "22003":
        return NumberTooLarge()
    if state in ("42P01", "42703"):
        return CatalogDamaged(name, said)
    if state == "53100":
        return NoSpace(name, said)
    if state == "55P03":
        return CatalogLocked(name, "another session")
    if type(error).__name__ in ("OperationalError", "InterfaceError") and state is None:
        return CatalogUnreachable(name, said)
    if state is not None and (state[:2] in ("08", "28", "3D") or state[:4] == "57P0"):
        return CatalogUnreachable(name, said)
    return None


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what a disk says while files are written into a ``CurateError`` that names the place."""
    try:
        yield
    except OSError as error:
        explanation = explain_disk(error, str(path))
        if explanation is None:
            raise
        raise explanation from error


def explain_disk(error: OSError, name: str) -> CurateError | None:
    """Return the error that tells a user what a disk said, None where it is something else."""
    place, said = str(error.filename or name), error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        return NoSpace(place, said)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return NotWritable(place, said)
    if error.errno in UNUSABLE and error.filename is not None:
        return UnusableName(shortened(place), said)
    return None


def shortened(text: str, longest: int = 200) -> str:
    """Return a text with its middle left out where it is too long for a line."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"
