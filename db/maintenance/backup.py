"""``curate backup``: the catalog, its runs and the settings in one file.

The catalog always travels as a SQLite file, so that a backup of either database can be restored into
either. It is one snapshot; complete runs never change afterwards, so copying their folders later than
the snapshot is consistent. Images, caches and unfinished runs are not in a backup.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import tomlkit
from sqlalchemy import URL

from db.engine.catalog import HEAD_REVISION, Catalog, require_known, schema_revision
from db.engine.damage import damage_named
from db.engine.driver_errors import catalog_name, disk_errors, parse_url
from db.errors import CatalogDamaged, CatalogMissing, FileExists, FileMissing
from db.maintenance.archive import CATALOG, SETTINGS, digest_of, run_files, verify, write_archive
from db.maintenance.check import damaged_checkpoints
from db.maintenance.transfer import copy_sqlite, copying, postgresql_to_sqlite
from db.models import Base, now
from db.runs.runs import arrays_digest, runs_folder
from db.workspace.outputs import temporary_name
from db.workspace.workspace import Workspace, write_atomically

RESTORED_FROM = "restored_from"
"""The catalog setting that names the archive's catalog by digest, so that a torn restore can go on."""


@dataclass(frozen=True)
class BackupSummary:
    """What a backup holds; ``damaged_runs`` have lost files, or have others than were written."""

    file: str
    sha256: str
    bytes: int
    artworks: int
    labels: int
    verdicts: int
    runs: int
    damaged_runs: tuple[int, ...] = ()


def back_up(workspace: Workspace, file: Path, runs: bool = True) -> BackupSummary:
    """Write the whole workspace but its images to one file, read it back and compare every digest.

    Raises:
        FileExists: There is a file of that name.
        CatalogDamaged: The catalog is not sound.
        NoSpace: The disk cannot take it.
    """
    if file.exists():
        raise FileExists(file, "backup")
    if not file.absolute().parent.is_dir():
        raise FileMissing(file.absolute().parent, "folder")
    with (
        disk_errors(file),
        tempfile.TemporaryDirectory(prefix=f"{temporary_name()}-", dir=file.absolute().parent) as kept,
    ):
        folder = Path(kept)
        revision, uuids, damaged = _snapshot(workspace, folder / CATALOG)
        with copying(Path(catalog_name(parse_url(workspace.database_url))), folder / CATALOG):
            counts = _normalise(folder / CATALOG)
        write_atomically(folder / SETTINGS, _portable_settings(workspace))
        files = [(SETTINGS, folder / SETTINGS), (CATALOG, folder / CATALOG)]
        for uuid, place in uuids.items() if runs else ():
            files += [(f"runs/{uuid}/{p.relative_to(place).as_posix()}", p) for p in run_files(place)]
        facts = {
            "created_at": now().isoformat(),
            "schema": revision,
            "database": parse_url(workspace.database_url).get_backend_name(),
        }
        manifest = write_archive(folder / "backup.zip", files, facts)
        verify(folder / "backup.zip", manifest)
        sha256, size = digest_of(folder / "backup.zip"), (folder / "backup.zip").stat().st_size
        if file.exists():
            raise FileExists(file, "backup")
        (folder / "backup.zip").chmod(0o600)
        (folder / "backup.zip").replace(file)
    return BackupSummary(str(file), sha256, size, *counts, len(uuids), damaged)


def _snapshot(workspace: Workspace, target: Path) -> tuple[str, dict[UUID, Path], tuple[int, ...]]:
    """Copy the catalog as it is now; return its schema, its complete runs, and which are damaged."""
    with unchecked_catalog(workspace) as (url, catalog, revision):
        if url.get_backend_name() == "sqlite":
            copy_sqlite(Path(str(url.database)), target)
        else:
            postgresql_to_sqlite(catalog, target)
    with copying(Path(catalog_name(url)), target), closing(sqlite3.connect(target)) as copy:
        runs_url = copy.execute("SELECT value FROM catalog_setting WHERE key = 'runs_url'").fetchone()[0]
        complete = copy.execute(
            "SELECT id, uuid, arrays_digest FROM run WHERE state = 'complete' ORDER BY id"
        ).fetchall()
        tables = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if revision == HEAD_REVISION and (missing := sorted(set(Base.metadata.tables) - tables)):
        raise CatalogDamaged(catalog_name(url), f"it has no table {missing[0]}")
    root = runs_folder(workspace, runs_url)
    places = {UUID(uuid): root / str(UUID(uuid)) for _, uuid, _ in complete}
    damaged = [
        id_
        for id_, uuid, digest in complete
        if arrays_digest(places[UUID(uuid)]) != digest or damaged_checkpoints(places[UUID(uuid)])
    ]
    return revision, places, tuple(damaged)


@contextmanager
def unchecked_catalog(workspace: Workspace) -> Iterator[tuple[URL, Catalog, str]]:
    """Open a catalog of whatever schema; give its URL, itself and its revision."""
    url = parse_url(workspace.database_url)
    name = catalog_name(url)
    if url.get_backend_name() == "sqlite" and not Path(name).exists():
        raise CatalogMissing(Path(name))
    if url.get_backend_name() == "sqlite" and Path(name).is_dir():
        raise CatalogDamaged(name, "it is a folder")
    catalog = Catalog(workspace.database_url)
    try:
        with damage_named(catalog.engine):
            revision = schema_revision(catalog.engine)
            if revision == "none":
                raise CatalogDamaged(name, "it does not say which schema its tables have")
            if revision <= HEAD_REVISION or not revision.isdecimal():
                require_known(name, revision)
            yield url, catalog, revision
    finally:
        catalog.close()


def _normalise(path: Path) -> tuple[int, int, int]:
    """Make the copy's runs lie beside it; return how many artworks, labels and verdicts it has."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("UPDATE catalog_setting SET value = 'runs' WHERE key = 'runs_url'")
        connection.execute("DELETE FROM catalog_setting WHERE key = ?", (RESTORED_FROM,))
        counts = [
            int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in ("artwork", "label", "verdict")
        ]
    return counts[0], counts[1], counts[2]


def _portable_settings(workspace: Workspace) -> str:
    """Return the settings without the database's URL: where a restore goes is said when it is made."""
    document = tomlkit.parse(workspace.settings_path.read_text(encoding="utf-8-sig"))
    document.pop("database_url", None)
    return tomlkit.dumps(document)
