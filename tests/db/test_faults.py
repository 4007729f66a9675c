"""What a user reads when the catalog is cut off, overwritten, locked, read-only, full or away."""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from db.engine import locks
from db.engine.catalog import Catalog, make_engine, open_catalog, sqlite_url, upgrade
from db.errors import (
    BadDatabaseUrl,
    CatalogDamaged,
    CatalogLocked,
    CatalogReadOnly,
    CatalogUnreachable,
    CurateError,
)
from db.models import Artwork
from tests.postgres import Postgres, postgres_server

COMMAND = [sys.executable, "-c", "from curate.cli import main; main()"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace on SQLite with 200 artworks, closed."""
    from db.workspace.workspace import init_workspace

    workspace = init_workspace(tmp_path / "ws", ("style",))
    with workspace.open_catalog() as catalog, catalog.write() as session:
        session.add_all(Artwork(collection="c", root="r", path=f"{i}.jpg", status="ok") for i in range(200))
    return workspace.folder


def refused(folder: Path, kind: type[CurateError]) -> str:
    """Return the message with which a read and a write of the catalog are refused."""
    with pytest.raises(kind) as error, open_catalog(sqlite_url(folder / "catalog.db")) as catalog:
        with catalog.read() as session:
            session.execute(text("SELECT * FROM artwork")).all()
        add_one(catalog)
    return str(error.value)


def add_one(catalog: Catalog) -> None:
    with catalog.write() as session:
        session.add(Artwork(collection="c", root="r", path="new.jpg", status="ok"))


@pytest.mark.parametrize("kept", [10, 600, 4096, 30_000])
def test_a_file_that_was_cut_off_is_named_damaged(workspace: Path, kept: int) -> None:
    path = workspace / "catalog.db"
    os.truncate(path, kept)

    message = refused(workspace, CatalogDamaged)

    said = "file is not a database" if kept < 512 else "database disk image is malformed"
    assert message == (
        f"The catalog {path} is damaged ({said}). Move it away together with its -wal and -shm files, "
        f"and put a backup back with `curate restore FILE`."
    )


def test_an_emptied_file_and_a_text_file_are_named_damaged(workspace: Path) -> None:
    path = workspace / "catalog.db"
    path.write_bytes(b"")
    empty = refused(workspace, CatalogDamaged)
    path.write_text("a note, by mistake saved under this name" * 50)
    note = refused(workspace, CatalogDamaged)

    assert f"{path} is damaged (none of curate's tables in its " in empty
    assert f"{path} is damaged (file is not a database)" in note


def test_a_catalog_in_a_read_only_folder_is_refused(workspace: Path) -> None:
    """Root may write everywhere, so the command runs without that power."""
    (workspace / "catalog.db").chmod(0o444)
    workspace.chmod(0o555)
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    shown = subprocess.run(
        [*drop, *COMMAND, "-w", str(workspace), "label", "1.jpg", "style", "A"],
        capture_output=True,
        text=True,
    )
    workspace.chmod(0o755)

    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith(f"error: The catalog {workspace / 'catalog.db'} cannot be written (")
    assert shown.stderr.endswith(
        "). Give this user the right to write the file and its folder (or the tables), "
        "then run the command again.\n"
    )


def test_a_full_disk_is_named_and_leaves_the_catalog_whole(workspace: Path) -> None:
    path = workspace / "catalog.db"
    program = (
        "from db.engine.catalog import open_catalog\nfrom db.models import Artwork\n"
        f"with open_catalog({sqlite_url(path)!r}) as catalog, catalog.write() as session:\n"
        "    session.add_all(Artwork(collection='c', root='r', path=f'{i}' * 50, status='ok') "
        "for i in range(9999))\n"
    )
    wrapped = (
        "from db.errors import CurateError\n"
        f"try:\n    exec({program!r})\nexcept CurateError as e:\n    print(e)"
    )
    limit = path.stat().st_size + 20_000

    shown = subprocess.run(
        [sys.executable, "-c", wrapped],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )

    assert shown.stderr == ""
    assert shown.stdout == (
        f"{path} could not be written (disk I/O error). Make room on that disk and run the command again; "
        f"nothing was left half-written.\n"
    )
    with open_catalog(sqlite_url(path)) as catalog, catalog.read() as session:
        assert session.query(Artwork).count() == 200


def test_a_writer_says_for_whom_it_waits_and_goes_on(url: str, tmp_path: Path) -> None:
    """This process holds the lock for as long as it takes the other one to complain."""
    name = make_url(url).database if url.startswith("sqlite") else "postgresql+psycopg://postgres@/"
    program = (
        "from db.engine.catalog import open_catalog\nfrom db.models import Artwork\n"
        f"with open_catalog({url!r}) as catalog, catalog.write() as session:\n"
        "    session.add(Artwork(collection='c', root='r', path='second', status='ok'))\n"
    )
    with open_catalog(url) as catalog:
        with catalog.write() as session:
            session.add(Artwork(collection="c", root="r", path="first", status="ok"))
            session.flush()
            other = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
            assert other.stderr is not None
            said = other.stderr.readline()
        status = other.wait(timeout=60)
        other.stderr.close()

        assert said.startswith(str(name))
        assert said.endswith(f" is locked by process {os.getpid()} on {socket.gethostname()}, waiting\n")
        assert status == 0
        with catalog.read() as session:
            assert session.query(Artwork).count() == 2


def test_a_writer_gives_up_in_the_end(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "GIVE_UP_SECONDS", 0.0)
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.05)
    with open_catalog(url) as holder, open_catalog(url) as waiting, holder.write() as session:
        session.add(Artwork(collection="c", root="r", path="first", status="ok"))
        session.flush()

        with pytest.raises(CatalogLocked) as error:
            add_one(waiting)

    assert str(error.value).endswith(
        f" is still locked by process {os.getpid()} on {socket.gethostname()}; nothing was written. "
        f"Wait until it is done, or end it, then run the command again."
    )


def test_a_stranger_with_the_lock_is_found_too(workspace: Path) -> None:
    """Another program (here: sqlite3 alone) that writes the same file is named by its process."""
    path = workspace / "catalog.db"
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")

    found = locks.sqlite_writer(path)
    stranger.execute("ROLLBACK")
    stranger.close()

    assert found == f"process {os.getpid()} on {socket.gethostname()}"
    assert locks.sqlite_writer(path) == "another process"


@pytest.mark.parametrize("given", ["mysql://root@host/db", "oracle+cx://x", "not a url"])
def test_another_kind_of_database_is_refused(given: str) -> None:
    with pytest.raises(BadDatabaseUrl) as error:
        make_engine(given)

    shown = given.partition("://")[0] if "://" in given else "***"  # what is no URL may be a password
    assert str(error.value) == (
        f"{shown!r} is no database that curate can keep its catalog in. "
        f"Give a URL such as postgresql://USER@HOST/DATABASE, or none for a SQLite file in the workspace."
    )


def test_without_psycopg_the_extra_is_named() -> None:
    program = (
        "import sys\nsys.modules['psycopg'] = None\nfrom db.engine.catalog import make_engine\n"
        "from db.errors import CurateError\n"
        "try:\n    make_engine('postgresql://me:secret@host/paintings')\n"
        "except CurateError as e:\n    print(e)"
    )

    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert shown.stdout == (
        "The catalog postgresql+psycopg://me:***@host/paintings is on PostgreSQL, and the package psycopg "
        "is not installed. Type `pip install 'curate-labels[postgresql]'`.\n"
    )


def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    url = f"postgresql://me:secret@127.0.0.1:{port}/paintings"
    with pytest.raises(CatalogUnreachable) as error, open_catalog(url):
        pass

    message = str(error.value)
    assert message.startswith(
        f"The catalog postgresql+psycopg://me:***@127.0.0.1:{port}/paintings cannot be reached "
        f"(connection failed:"
    )
    assert message.endswith(
        "). Start the server or fix database_url in curate.toml, then run the command again; "
        "nothing was left half-written."
    )
    assert "secret" not in message and "\n" not in message


@pytest.mark.services
def test_a_database_that_does_not_exist_is_named(postgres: Postgres) -> None:
    with pytest.raises(CatalogUnreachable, match=r'database "nowhere" does not exist'):
        upgrade(postgres.url("nowhere"))


def migrated_in(postgres: Postgres) -> str:
    url = postgres.database()
    upgrade(url)
    return url


@pytest.mark.services
def test_a_server_that_dies_under_a_writer_leaves_nothing_half() -> None:
    with postgres_server() as postgres, open_catalog(migrated_in(postgres)) as catalog:
        add_one(catalog)

        with pytest.raises(CatalogUnreachable), catalog.write() as session:
            session.add(Artwork(collection="c", root="r", path="half.jpg", status="ok"))
            session.flush()
            postgres.kill()
            session.execute(text("SELECT 1"))
        postgres.start()

        with catalog.read() as session:
            assert session.query(Artwork).count() == 1
        with catalog.write() as session:
            session.add(Artwork(collection="c", root="r", path="after.jpg", status="ok"))


@pytest.mark.services
def test_a_user_who_may_only_read_is_told_so(postgres: Postgres, migrated: str) -> None:
    url = postgres.database(template=migrated)
    database = str(make_url(url).database)
    postgres.execute("CREATE ROLE guest LOGIN")
    postgres.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", database)

    with pytest.raises(CatalogReadOnly) as error, open_catalog(url.replace("postgres@", "guest@")) as catalog:
        with catalog.read() as session:
            assert session.query(Artwork).count() == 0
        add_one(catalog)

    assert "cannot be written (permission denied for table artwork)" in str(error.value)


def test_reading_never_writes(catalog: Catalog) -> None:
    """What is done inside ``read`` is gone afterwards, or refused, on either database."""

    def write(session: Session) -> None:
        session.get_one(Artwork, 1).revision = 99
        session.flush()

    if catalog.engine.dialect.name == "postgresql":
        with pytest.raises(CatalogReadOnly), catalog.read() as session:
            write(session)
    else:
        with catalog.read() as session:
            write(session)
    with catalog.read() as session:
        assert session.get_one(Artwork, 1).revision == 1
