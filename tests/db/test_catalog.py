from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from db.catalog import HEAD_REVISION, Catalog, make_engine, open_catalog, schema_revision, sqlite_url, upgrade
from db.errors import CatalogMissing, CatalogOutdated
from db.models import Artwork, Base, Label


def test_head_revision_is_the_newest_migration() -> None:
    """Opening compares with a constant, so that Alembic need not be imported."""
    assert ScriptDirectory("db/migrations").get_heads() == [HEAD_REVISION]


def test_models_and_migrations_agree(catalog: Catalog) -> None:
    with catalog.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, Base.metadata) == []


def test_sqlite_has_wal_and_foreign_keys(catalog: Catalog) -> None:
    with catalog.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1

    with pytest.raises(IntegrityError), catalog.write() as session:
        session.add(Label(artwork_id=99, attribute_id=1, class_id=1, source_id=1))


def test_a_failed_write_leaves_nothing(catalog: Catalog) -> None:
    """Python's sqlite3 would commit a table before a failing statement; ours must not."""
    with pytest.raises(OperationalError), catalog.write() as session:
        session.execute(text("CREATE TABLE half (id INTEGER)"))
        session.execute(text("INSERT INTO nowhere VALUES (1)"))

    with catalog.read() as session:
        assert session.execute(text("SELECT name FROM sqlite_master WHERE name = 'half'")).all() == []


def test_a_reader_sees_one_snapshot_while_another_writes(catalog: Catalog) -> None:
    with catalog.read() as reader:
        before = reader.execute(text("SELECT count(*) FROM artwork")).scalar()
        with catalog.write() as writer:
            writer.add(Artwork(collection="c", root="r", path="new.jpg", status="ok"))
        after = reader.execute(text("SELECT count(*) FROM artwork")).scalar()

    assert before == after == 3


def test_writers_wait_for_each_other(catalog: Catalog) -> None:
    """Each reads, then writes what it read plus one: none may be lost."""

    def add(n: int) -> None:
        for _ in range(10):
            with catalog.write() as session:
                row = session.get_one(Artwork, 1)
                row.revision += n

    threads = [threading.Thread(target=add, args=(1,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with catalog.read() as session:
        assert session.get_one(Artwork, 1).revision == 41


def test_a_missing_catalog_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogMissing) as error, open_catalog(sqlite_url(tmp_path / "catalog.db")):
        pass

    assert str(error.value) == (
        f"The catalog {tmp_path / 'catalog.db'} is missing. Put it back from a backup, "
        f"or begin anew with `curate init` in an empty folder."
    )


def test_an_outdated_catalog_is_refused_and_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    upgrade(sqlite_url(path))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()

    with pytest.raises(CatalogOutdated) as error, open_catalog(sqlite_url(path)):
        pass

    assert str(error.value) == (
        f"{path} has schema revision 0000, and this version of curate needs {HEAD_REVISION}. "
        f"Back it up, then run `curate upgrade`."
    )
    assert schema_revision(make_engine(sqlite_url(path))) == "0000"
