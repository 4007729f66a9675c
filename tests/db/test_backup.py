"""Backup, restore and upgrade: nothing lost on the way, nothing overwritten, nothing trusted unread."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select, text

from db.engine.catalog import HEAD_REVISION, make_engine, upgrade
from db.errors import BadBackup, CatalogDamaged, CatalogNewer, FileExists, RestoreOccupied
from db.maintenance.archive import MANIFEST
from db.maintenance.backup import back_up
from db.maintenance.restore import restore
from db.models import Artwork, Base, CatalogSetting
from db.runs.runs import read_arrays, run_folder, runs
from db.workspace.workspace import Workspace, change_settings, init_workspace, open_workspace
from tests.conftest import Curate
from tests.db.conftest import Database
from tests.db.filled import fill
from tests.postgres import Postgres

PLACES = ("runs_url", "restored_from")
"""Catalog settings that belong to a place, so that a copy has its own."""


def rows(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    found = {}
    with workspace.open_catalog() as catalog, catalog.read() as session:
        for table in Base.metadata.sorted_tables:
            assert isinstance(table, Table)
            key = list(table.primary_key.columns)
            found[table.name] = [tuple(row) for row in session.execute(select(table).order_by(*key))]
    found["catalog_setting"] = [row for row in found["catalog_setting"] if row[0] not in PLACES]
    return found


@pytest.fixture
def filled(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """A workspace with rows in every table, on SQLite and on PostgreSQL."""
    url = None
    if database == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database(template=request.getfixturevalue("migrated"))
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"), url)
    workspace = change_settings(workspace, "roots", "r", "/images")
    fill(workspace)
    return workspace


@pytest.mark.services
@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_everything_comes_back_on_either_database(
    filled: Workspace, into: Database, curate: Curate, postgres: Postgres, tmp_path: Path
) -> None:
    before = rows(filled)
    file = tmp_path / "backup.zip"
    url = ["--database-url", postgres.database()] if into == "postgresql" else []

    made = curate("-w", filled.folder, "backup", file, "--json").json()
    filled.folder.rename(tmp_path / "gone")
    back = curate("-w", tmp_path / "again", "restore", file, *url, "--yes", "--json")

    assert (made["artworks"], made["verdicts"], made["runs"], made["damaged_runs"]) == (12, 3, 1, [])
    assert (back.status, back.json()["upgraded_from"]) == (0, None)
    again = open_workspace(tmp_path / "again")
    assert all(before.values())
    assert rows(again) == before
    assert again.settings.model_copy(update={"database_url": None}) == filled.settings.model_copy(
        update={"database_url": None}
    )
    with again.open_catalog() as catalog:
        with catalog.read() as session:
            (run,) = runs(session)
            folder = run_folder(session, again, run.uuid)
            assert folder.parent == tmp_path / "again" / "runs"
            assert read_arrays(folder).pred_probs["style"].shape == (12, 3)
        with catalog.write() as session:
            session.add(Artwork(collection="c", root="r", path="the next id is free", status="unverified"))
    assert curate("-w", again.folder, "check").status == 0


def count_artworks(workspace: Workspace) -> int:
    with workspace.open_catalog() as catalog, catalog.read() as session:
        return session.query(Artwork).count()


def test_a_backup_while_others_write_is_one_moment(filled: Workspace, tmp_path: Path) -> None:
    """Each transaction adds one artwork and its split; a backup never has one without the other."""
    program = f"""
from pathlib import Path
from db.models import Artwork, SplitFact
from db.workspace.workspace import open_workspace
with open_workspace(Path({str(filled.folder)!r})).open_catalog() as catalog:
    for i in range(1_000_000):
        with catalog.write() as session:
            artwork = Artwork(collection="c", root="r", path=f"new {{i}}", status="ok")
            session.add(artwork)
            session.flush()
            session.add(SplitFact(artwork_id=artwork.id, source_id=1, split="test"))
"""
    writer = subprocess.Popen([sys.executable, "-c", program])
    while count_artworks(filled) == 12:
        time.sleep(0.1)

    sizes = [back_up(filled, tmp_path / f"{i}.zip").artworks for i in range(3)]
    assert writer.poll() is None
    writer.kill()
    writer.wait()

    assert 12 < sizes[0] < sizes[1] < sizes[2]
    for i in range(3):
        restore(tmp_path / f"{i}.zip", tmp_path / f"again{i}")
        with sqlite3.connect(tmp_path / f"again{i}" / "catalog.db") as copy:
            lone = "SELECT count(*) FROM artwork WHERE id NOT IN (SELECT artwork_id FROM split_fact)"
            assert copy.execute(lone).fetchone() == (0,)
            assert copy.execute("SELECT count(*) FROM artwork").fetchone() == (sizes[i],)
        copy.close()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of a filled workspace on SQLite."""
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"))
    fill(workspace)
    back_up(workspace, tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def test_nothing_is_overwritten(backup: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExists) as twice:
        back_up(open_workspace(tmp_path / "ws"), backup)
    with pytest.raises(RestoreOccupied) as occupied:
        restore(backup, tmp_path / "ws")
    before = rows(open_workspace(tmp_path / "ws"))
    (array,) = (tmp_path / "ws" / "runs").glob("*/folds.npy")
    array.write_bytes(b"another")
    with pytest.raises(RestoreOccupied) as other:
        restore(backup, tmp_path / "ws")

    assert (
        str(twice.value)
        == f"{backup} is there already. Give another name for the backup, or remove it first."
    )
    for error, place in ((occupied, tmp_path / "ws" / "catalog.db"), (other, array)):
        assert str(error.value) == (
            f"{place} is there already, and a restore never overwrites. "
            f"Move it away, or restore into an empty folder: `curate -w DIR restore FILE`."
        )
    assert array.read_bytes() == b"another" and rows(open_workspace(tmp_path / "ws")) == before


def test_a_lost_catalog_is_put_back_beside_its_settings(backup: Path, tmp_path: Path) -> None:
    workspace = change_settings(open_workspace(tmp_path / "ws"), "label_studio", "project", 42)
    before = rows(workspace)
    for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
        (workspace.folder / name).unlink(missing_ok=True)

    restore(backup, workspace.folder)

    assert rows(workspace) == before
    assert open_workspace(workspace.folder).settings.label_studio.project == 42


@pytest.mark.services
def test_a_database_in_use_is_not_filled(backup: Path, postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    init_workspace(tmp_path / "other", ("style",), url)

    with pytest.raises(RestoreOccupied):
        restore(backup, tmp_path / "again", url)

    with open_workspace(tmp_path / "other").open_catalog() as catalog, catalog.read() as session:
        assert session.query(Artwork).count() == 0
    assert not (tmp_path / "again" / "curate.toml").exists()


@pytest.mark.parametrize("database_too", [False, True])
def test_a_restore_that_was_cut_off_goes_on(
    backup: Path, database_too: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The last step is missing: the settings were not written."""
    url = None
    if database_too:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database()
    restore(backup, tmp_path / "again", url)
    (tmp_path / "again" / "curate.toml").unlink()

    restore(backup, tmp_path / "again", url)

    assert rows(open_workspace(tmp_path / "again")) == rows(open_workspace(tmp_path / "ws"))


@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_a_changed_byte_is_found_before_anything_is_written(
    backup: Path, where: float, tmp_path: Path
) -> None:
    data = bytearray(backup.read_bytes())
    data[int(len(data) * where)] ^= 0xFF
    backup.write_bytes(data)

    with pytest.raises(BadBackup) as error:
        restore(backup, tmp_path / "again")

    assert str(error.value).startswith(f"{backup} cannot be restored: ")
    assert str(error.value).endswith(". Nothing was changed. Take another backup file.")
    assert not (tmp_path / "again").exists()


def test_a_file_that_was_cut_off_or_is_something_else(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"not a zip at all"):
        backup.write_bytes(data)
        with pytest.raises(BadBackup, match="it is not a whole zip file: File is not a zip file"):
            restore(backup, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def repacked(backup: Path, change: str, add: dict[str, bytes]) -> Path:
    """Write the backup anew: one manifest entry renamed as ``old=new``, files added."""
    old, _, new = change.partition("=")
    out = backup.with_name("changed.zip")
    with zipfile.ZipFile(backup) as before, zipfile.ZipFile(out, "w") as after:
        manifest = json.loads(before.read(MANIFEST))
        for name in before.namelist():
            if name != MANIFEST:
                after.writestr(new if name == old else name, before.read(name))
        if old in manifest["files"]:
            manifest["files"][new] = manifest["files"].pop(old)
        elif old:
            manifest[old] = new
        for name, data in add.items():
            after.writestr(name, data)
        after.writestr(MANIFEST, json.dumps(manifest))
    return out


@pytest.mark.parametrize(
    ("change", "add", "problem"),
    [
        ("curate.toml=../curate.toml", {}, "the file '../curate.toml' has no place in a workspace"),
        ("curate.toml=/etc/cron.d/x", {}, "the file '/etc/cron.d/x' has no place in a workspace"),
        ("curate.toml=runs/../../x", {}, "the file 'runs/../../x' has no place in a workspace"),
        ("curate.toml=cache/x", {}, "the file 'cache/x' has no place in a workspace"),
        ("", {"extra": b""}, "its files are not those that its manifest lists"),
        ("files=none", {}, "its manifest.json is not one"),
        ("format=2", {}, "it has format 2, and this version of curate reads 1"),
        (
            f"curate.toml=runs/{'0' * 8}-0000-0000-0000-{'0' * 12}/a/../../../b",
            {},
            f"the file 'runs/{'0' * 8}-0000-0000-0000-{'0' * 12}/a/../../../b' has no place in a workspace",
        ),
        (f"curate.toml=runs/{'0' * 8}-0000-0000-0000-{'0' * 12}/a", {}, "it has no catalog or no settings"),
    ],
)
def test_an_archive_never_reaches_outside_its_folder(
    backup: Path, change: str, add: dict[str, bytes], problem: str, tmp_path: Path
) -> None:
    changed = repacked(backup, change, add)

    with pytest.raises(BadBackup) as error:
        restore(changed, tmp_path / "again")

    assert str(error.value) == (
        f"{changed} cannot be restored: {problem}. Nothing was changed. Take another backup file."
    )
    assert not (tmp_path / "again").exists()


def test_a_damaged_catalog_is_not_backed_up_as_if_it_were_whole(backup: Path, tmp_path: Path) -> None:
    path = tmp_path / "ws" / "catalog.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 5000] = bytes(5000)
    path.write_bytes(data)

    with pytest.raises(CatalogDamaged):
        back_up(open_workspace(tmp_path / "ws"), tmp_path / "bad.zip")

    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup.zip", "ws"]


def test_a_run_with_lost_arrays_is_named_and_the_rest_is_kept(
    backup: Path, curate: Curate, tmp_path: Path
) -> None:
    (run,) = (tmp_path / "ws" / "runs").iterdir()
    shutil.rmtree(run)

    shown = curate("-w", tmp_path / "ws", "backup", tmp_path / "rest.zip")

    assert shown.status == 0
    assert (
        shown.stderr == "run 1 went in as it is: files of it are lost or damaged; `curate check` names them\n"
    )


def outdate(workspace: Workspace, revision: str) -> None:
    """Give the catalog another schema revision: the version that has two will need this no more."""
    engine = make_engine(workspace.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()


def test_upgrade_has_nothing_to_do(filled: Workspace, curate: Curate) -> None:
    shown = curate("-w", filled.folder, "upgrade")

    assert (shown.status, shown.stdout) == (
        0,
        f"The schema is {HEAD_REVISION} already, this version's; nothing to do.\n",
    )
    assert not (filled.folder / "backups").exists()


def test_a_newer_catalog_is_refused_by_every_way_in(filled: Workspace, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b.zip")
    newer = repacked(tmp_path / "b.zip", "schema=9999", {})
    outdate(filled, "9999")

    with pytest.raises(CatalogNewer) as opened, filled.open_catalog():
        pass
    with pytest.raises(CatalogNewer):
        restore(newer, tmp_path / "again")

    assert str(opened.value).endswith(
        f" has schema revision 9999, and this version of curate knows none after {HEAD_REVISION}. "
        f"Install the newer version: `pip install --upgrade curate-labels`."
    )


def test_settings_in_a_backup_hold_no_password(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database().replace("postgres@", "postgres:hunter2@")
    workspace = init_workspace(tmp_path / "ws", ("style",), url)

    back_up(workspace, tmp_path / "b.zip")

    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert b"hunter2" not in b"".join(archive.read(name) for name in archive.namelist())


def test_upgrading_twice_changes_nothing(filled: Workspace) -> None:
    before = rows(filled)

    upgrade(filled.database_url)

    assert rows(filled) == before
    with filled.open_catalog() as catalog, catalog.read() as session:
        assert session.get(CatalogSetting, "restored_from") is None
