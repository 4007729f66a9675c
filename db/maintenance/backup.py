"""``curate backup``, ``restore`` and ``upgrade``: the catalog, its runs and the settings in one file.

The catalog always travels as a SQLite file, so that a backup of either database can be restored into
either. It is one snapshot; complete runs never change afterwards, so copying their folders later than
the snapshot is consistent. Images, caches and unfinished runs are not in a backup.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import tomlkit
from sqlalchemy import URL, inspect, select
from tomlkit.exceptions import TOMLKitError

from db.engine.catalog import (
    HEAD_REVISION,
    Catalog,
    make_engine,
    prepare,
    require_head,
    require_known,
    schema_revision,
    sqlite_url,
    upgrade,
)
from db.engine.damage import damage_named
from db.engine.driver_errors import catalog_name, disk_errors, explained, parse_url
from db.errors import (
    BadBackup,
    BadSettings,
    CatalogDamaged,
    CatalogMissing,
    FileExists,
    FileMissing,
    NoSpace,
    RestoreOccupied,
)
from db.maintenance.archive import (
    CATALOG,
    SETTINGS,
    Manifest,
    digest_of,
    extract,
    read_manifest,
    run_files,
    verify,
    write_archive,
)
from db.maintenance.check import damaged_checkpoints
from db.maintenance.places import Place, places_in, refuse_strays, without_places
from db.maintenance.transfer import copy_sqlite, copying, postgresql_to_sqlite, sqlite_to_postgresql
from db.models import Base, CatalogSetting, now
from db.runs.runs import arrays_digest, runs_folder
from db.workspace.outputs import sweep, temporary_name
from db.workspace.settings import validate_settings
from db.workspace.workspace import (
    SETTINGS_FILE,
    Workspace,
    make_private_folders,
    open_workspace,
    write_atomically,
)

RESTORED_FROM = "restored_from"
"""The catalog setting that names the archive's catalog by digest, so that a torn restore can go on."""


BOMB_BYTES, BOMB_RATIO = 2**30, 100
"""A backup that becomes larger than both is made to fill disks: catalogs shrink to a tenth, runs hardly."""


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
    with _unchecked(workspace) as (url, catalog, revision):
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
def _unchecked(workspace: Workspace) -> Iterator[tuple[URL, Catalog, str]]:
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


@dataclass(frozen=True)
class RestoreSummary:
    """What was restored.

    Attributes:
        upgraded_from: The schema of the backup, where it was an older one.
        set_aside: The places outside it that the backup names and that were not taken over.
    """

    workspace: str
    catalog: str
    created_at: str
    files: int
    upgraded_from: str | None
    set_aside: tuple[str, ...] = ()


def believe_nothing(places: Sequence[Place]) -> bool:
    """Say of a backup's addresses and folders that they may not be taken over."""
    return False


def restore(
    file: Path,
    folder: Path,
    database_url: str | None = None,
    believe: Callable[[Sequence[Place]], bool] = believe_nothing,
) -> RestoreSummary:
    """Put a backup back: runs first, then the catalog in one step, the settings last.

    Every digest is compared before anything is written; a restore that was cut off goes on when it is
    repeated. Settings that are there already are kept.

    Args:
        file: The backup.
        folder: The workspace's.
        database_url: A database to restore into, instead of ``catalog.db``.
        believe: Asked, once the backup is known to be sound and before anything of it is in its place,
            whether the addresses and the folders that its settings name may be taken over; else its
            settings know local places alone.

    Raises:
        FileMissing: There is no such file.
        BadBackup: The file is cut off, changed, or no backup.
        RestoreOccupied: A catalog or another run file is there already.
        CatalogNewer: A newer version of curate made it.
    """
    if not file.is_file():
        raise FileMissing(file, "backup")
    folder = folder.absolute()
    with disk_errors(folder):
        manifest = read_manifest(file)
        require_known(str(file), manifest.schema)
        _require_room(file, folder, manifest)
        verify(file, manifest)
        settled = open_workspace(folder) if (folder / SETTINGS_FILE).exists() else None
        url = database_url or (settled.settings.database_url if settled else None)
        runs = [name for name in manifest.files if name.startswith("runs/")]
        for name in runs:
            if (folder / name).exists() and digest_of(folder / name) != manifest.files[name][0]:
                raise RestoreOccupied(str(folder / name))
        settings = _settings_in(file, manifest, None if settled else folder)
        with cleared_on_failure(folder):
            make_private_folders(folder)
            sweep(folder)
            with tempfile.TemporaryDirectory(prefix=f"{temporary_name()}-", dir=folder) as kept:
                copy = _sound_catalog(file, manifest, Path(kept))
                outside = [] if settled else places_in(settings)
                believed = bool(outside) and believe(outside)
                for name in runs:
                    extract(file, manifest, name, folder / name)
                place = _restore_catalog(file, manifest, copy, folder, url, torn=settled is None)
            if settled is None:
                _restore_settings(settings if believed else without_places(settings), folder, url)
    old = manifest.schema if manifest.schema != HEAD_REVISION else None
    aside = () if believed else tuple(str(place) for place in outside)
    return RestoreSummary(
        str(folder),
        catalog=place,
        created_at=manifest.created_at,
        files=len(manifest.files),
        upgraded_from=old,
        set_aside=aside,
    )


def _settings_in(file: Path, manifest: Manifest, folder: Path | None) -> str:
    """Return the settings of a backup, without the database that they may name: none is ever taken over.

    Where they will be those of a workspace, in ``folder``, they must be ones that it can have.

    Raises:
        BadBackup: They are not TOML in UTF-8, or say what cannot be.
    """
    with tempfile.TemporaryDirectory(prefix=f"{temporary_name()}-") as kept:
        extract(file, manifest, SETTINGS, Path(kept) / SETTINGS)
        try:
            document = tomlkit.parse((Path(kept) / SETTINGS).read_text(encoding="utf-8"))
            document.pop("database_url", None)
            if folder is not None:
                validate_settings(folder / SETTINGS_FILE, document.unwrap())
        except (UnicodeDecodeError, TOMLKitError, RecursionError, BadSettings) as error:
            raise BadBackup(file, f"its {SETTINGS} cannot be used: {error}") from error
    return tomlkit.dumps(document)


def _require_room(file: Path, folder: Path, manifest: Manifest) -> None:
    """Refuse what the disk cannot hold, before it is full.

    Raises:
        NoSpace: The files of the backup are larger than what is free.
        BadBackup: They would be so much larger than the backup that it is made to fill disks.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    needed = sum(size for _, size in manifest.files.values())
    packed = file.stat().st_size
    if needed > BOMB_BYTES and needed > BOMB_RATIO * packed:
        said = f"its {packed / 1e6:.1f} MB would become {needed / 1e6:.0f} MB, which no backup by curate does"
        raise BadBackup(file, said)
    free = shutil.disk_usage(there).free
    if needed > free:
        raise NoSpace(
            str(folder), f"the backup holds {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free"
        )


@contextmanager
def cleared_on_failure(folder: Path) -> Iterator[None]:
    """Remove what was put into a folder, and the folder if it is new, when it ends in an error.

    What a killed restore leaves is for the next one to go on with; an error says that nothing was changed.
    """
    before = {folder, *folder.parents} if folder.exists() else set(folder.parents)
    places = [*(folder / name for name in ("", "runs", "cache", CATALOG, SETTINGS_FILE))]
    places += folder.glob("runs/*")
    before |= {place for place in places if place.exists()}
    try:
        yield
    except Exception:
        for place in [*folder.glob("runs/*"), *reversed(places)]:
            if place not in before and place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            elif place not in before:
                place.unlink(missing_ok=True)
        raise


def _sound_catalog(file: Path, manifest: Manifest, folder: Path) -> Path:
    """Take the catalog of a backup out into a folder of temporary files, and find it sound.

    Raises:
        BadBackup: It is no catalog, is damaged, or leads out of its roots.
    """
    copy = folder / CATALOG
    extract(file, manifest, CATALOG, copy)
    _require_catalog(file, copy)
    refuse_strays(file, copy)
    return copy


def _restore_catalog(
    file: Path, manifest: Manifest, copy: Path, folder: Path, url: str | None, torn: bool
) -> str:
    """Put the catalog, as it was taken out, where it belongs; return where that is.

    Without settings (``torn``) a catalog of this very backup is what an earlier try left: it stays.
    """
    digest = manifest.files[CATALOG][0]
    target = parse_url(url or sqlite_url(folder / CATALOG))
    name = catalog_name(target)
    path = Path(str(target.database)) if target.get_backend_name() == "sqlite" else None
    for leftover in (path, path.with_name(f"{path.name}-wal")) if path else ():
        if leftover.exists():
            if torn and leftover == path and _restored_from(sqlite_url(path)) == digest:
                return name
            raise RestoreOccupied(str(leftover))
    _bring_up_to_date(file, copy, manifest.schema)
    _mark(file, copy, digest)
    if path is not None:
        copy.chmod(0o600)
        copy.replace(path)
    else:
        url = target.render_as_string(hide_password=False)
        if not (torn and _restored_from(url) == digest):
            _fill_postgresql(url, copy, (folder / "runs").as_uri())
    return name


def _bring_up_to_date(file: Path, copy: Path, schema: str) -> None:
    """Upgrade the catalog of an older backup, and see that it has this version's tables.

    Raises:
        BadBackup: Its tables are not those of the schema that the manifest names.
    """
    url = sqlite_url(copy)
    try:
        if schema != HEAD_REVISION:
            upgrade(url)
        engine = make_engine(url)
        try:
            revision, tables = schema_revision(engine), set(inspect(engine).get_table_names())
        finally:
            engine.dispose()
    except CatalogDamaged as error:
        raise BadBackup(file, f"its {CATALOG} is not one: {error.said}") from error
    if revision != HEAD_REVISION:
        raise BadBackup(
            file, f"its {CATALOG} has the schema {revision[:40]!r}, and its manifest says {schema}"
        )
    if missing := sorted(set(Base.metadata.tables) - tables):
        raise BadBackup(file, f"its {CATALOG} has no table {missing[0]}")


def _require_catalog(file: Path, copy: Path) -> None:
    """Refuse an archive whose catalog is no sound one.

    Raises:
        BadBackup: SQLite finds a fault in it, or a table of ours is not there.
    """
    try:
        with closing(sqlite3.connect(copy)) as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise BadBackup(file, f"its {CATALOG} is not one: {error}") from error
    if said != "ok":
        raise BadBackup(file, f"its {CATALOG} is damaged: {said}")
    if missing := sorted({"artwork", "label", "verdict", "run", "catalog_setting"} - tables):
        raise BadBackup(file, f"its {CATALOG} has no table {missing[0]}")


def _mark(file: Path, copy: Path, digest: str) -> None:
    try:
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO catalog_setting (key, value) VALUES (?, ?)", (RESTORED_FROM, digest)
            )
            connection.execute("UPDATE catalog_setting SET value = 'runs' WHERE key = 'runs_url'")
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise BadBackup(file, f"its {CATALOG} is not one: {error}") from error


def _fill_postgresql(url: str, copy: Path, runs_url: str) -> None:
    """Copy the rows in one transaction that holds the writers' lock."""
    prepare(url)
    catalog = Catalog(url)
    try:
        with catalog.write() as session:
            if session.scalar(select(CatalogSetting.key).limit(1)) is not None:
                raise RestoreOccupied(catalog_name(catalog.engine.url))
            sqlite_to_postgresql(copy, session.connection())
            session.get_one(CatalogSetting, "runs_url").value = runs_url
    finally:
        catalog.close()


def _restored_from(url: str) -> str | None:
    """Return the digest of the backup that a catalog was restored from, None where it was not."""
    engine = make_engine(url)
    try:
        if schema_revision(engine) == "none":
            return None
        with explained(engine.url), engine.connect() as connection:
            return connection.scalar(select(CatalogSetting.value).where(CatalogSetting.key == RESTORED_FROM))
    finally:
        engine.dispose()


def _restore_settings(text: str, folder: Path, url: str | None) -> None:
    """Write the settings, with the URL of the database they are for."""
    if url is not None:
        text = f"database_url = {tomlkit.item(url).as_string()}\n{text}"
    write_atomically(folder / SETTINGS_FILE, text, private=True)


@dataclass(frozen=True)
class UpgradeSummary:
    """From which schema to which; ``backup`` is empty where there was nothing to do."""

    before: str
    after: str
    backup: str = ""


def upgrade_workspace(workspace: Workspace) -> UpgradeSummary:
    """Back the catalog up, then bring its schema to this version's.

    Raises:
        CatalogNewer: It is newer than this version of curate.
    """
    with _unchecked(workspace) as (url, _, revision):
        pass
    if revision == HEAD_REVISION:
        return UpgradeSummary(revision, revision)
    require_head(catalog_name(url), max(revision, HEAD_REVISION))
    folder = workspace.folder / "backups"
    folder.mkdir(exist_ok=True)
    file = folder / f"before-upgrade-{revision}-{now():%Y%m%dT%H%M%S}.zip"
    back_up(workspace, file, runs=False)
    upgrade(workspace.database_url)
    return UpgradeSummary(revision, HEAD_REVISION, str(file))
