"""``curate restore``: a backup put back, whole or not at all, by whoever made it.

A backup may come from a stranger: its digests, its catalog and its settings are looked at before anything
of it is in its place.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from sqlalchemy import inspect, select
from tomlkit.exceptions import TOMLKitError

from db.engine.catalog import (
    HEAD_REVISION,
    Catalog,
    make_engine,
    prepare,
    require_known,
    schema_revision,
    sqlite_url,
    upgrade,
)
from db.engine.driver_errors import catalog_name, disk_errors, explained, parse_url
from db.errors import BadBackup, BadSettings, CatalogDamaged, FileMissing, NoSpace, RestoreOccupied
from db.maintenance.archive import CATALOG, SETTINGS, Manifest, digest_of, extract, read_manifest, verify
from db.maintenance.backup import RESTORED_FROM
from db.maintenance.places import Place, places_in, refuse_strays, without_places
from db.maintenance.transfer import sqlite_to_postgresql
from db.models import Base, CatalogSetting
from db.workspace.outputs import sweep, temporary_name
from db.workspace.settings import validate_settings
from db.workspace.workspace import SETTINGS_FILE, make_private_folders, open_workspace, write_atomically

BOMB_BYTES, BOMB_RATIO = 2**30, 100
"""A backup that becomes larger than both is made to fill disks: catalogs shrink to a tenth, runs hardly."""


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
