from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db.engine.catalog import (
    HEAD_REVISION,
    Catalog,
    make_engine,
    open_catalog,
    prepare,
    schema_revision,
    sqlite_url,
    upgrade,
)
from db.engine.driver_errors import catalog_name, parse_url
from db.errors import CatalogMissing, CatalogOutdated
from db.models import Artwork, Base, Label


def test_head_revision_is_the_newest_migration() -> None:
    """Opening compares with a constant, so that Alembic need not be imported."""
    assert ScriptDirectory("db/migrations").get_heads() == [HEAD_REVISION]


def test_models_and_migrations_agree(catalog: Catalog) -> None:
    with catalog.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, Base.metadata) == []


def schema_of(url: str) -> dict[str, list[str]]:
    """Everything that the database says of its tables, in an order of ours."""
    engine = make_engine(url)
    with engine.connect() as connection:
        told = inspect(connection)
        kinds = (
            told.get_columns,
            told.get_foreign_keys,
            told.get_unique_constraints,
            told.get_check_constraints,
            told.get_indexes,
        )
        schema = {
            name: [
                str(told.get_pk_constraint(name)),
                *sorted(_told(one) for kind in kinds for one in kind(name)),
            ]
            for name in told.get_table_names()
        }
    engine.dispose()
    return schema


def _told(facts: Mapping[str, object]) -> str:
    options = facts.get("dialect_options") or {}
    assert isinstance(options, dict)
    told = {**facts, "dialect_options": {key: str(value) for key, value in options.items()}}
    return str({key: str(value) for key, value in told.items()})


def test_a_new_catalog_has_the_schema_that_the_migrations_end_in(url: str, empty_url_2: str) -> None:
    prepare(empty_url_2)

    assert schema_of(empty_url_2) == schema_of(url)
    assert "artwork" in schema_of(url)


def test_sqlite_has_wal_and_foreign_keys(tmp_path: Path) -> None:
    upgrade(sqlite_url(tmp_path / "catalog.db"))

    with open_catalog(sqlite_url(tmp_path / "catalog.db")) as catalog, catalog.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2


def test_a_row_without_its_parent_is_refused(catalog: Catalog) -> None:
    with pytest.raises(IntegrityError), catalog.write() as session:
        session.add(Label(artwork_id=99, attribute_id=1, class_id=1, source_id=1))


def test_a_failed_write_leaves_nothing(catalog: Catalog) -> None:
    """Python's sqlite3 would commit a table before a failing statement; ours must not."""
    with pytest.raises(DBAPIError), catalog.write() as session:
        session.execute(text("CREATE TABLE half (id INTEGER)"))
        session.execute(text("INSERT INTO half VALUES (1, 2)"))

    assert not inspect(catalog.engine).has_table("half")


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
        f"or start again with `curate init` in an empty folder."
    )


def test_an_outdated_catalog_is_refused_and_never_changed(url: str) -> None:
    name = catalog_name(parse_url(url))
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    with pytest.raises(CatalogOutdated) as error, open_catalog(url):
        pass

    assert str(error.value) == (
        f"{name} has schema revision 0001, and this version of curate needs {HEAD_REVISION}. "
        f"Back it up, then run `curate upgrade`."
    )
    assert schema_revision(engine) == "0001"
    engine.dispose()


def test_a_migration_runs_once_where_two_begin_it_together(empty_url: str) -> None:
    """Each waits for the lock, and the second finds that there is nothing left to do."""
    program = f"from db.engine.catalog import upgrade; upgrade({empty_url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]

    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    with open_catalog(empty_url) as catalog, catalog.read() as session:
        assert session.query(Artwork).count() == 0


def test_two_processes_lose_no_write_of_each_other(catalog: Catalog) -> None:
    """Each process reads a number and writes it plus one, fifteen times."""
    program = f"""
from db.engine.catalog import open_catalog
from db.models import Artwork
with open_catalog({catalog.url!r}) as catalog:
    for _ in range(15):
        with catalog.write() as session:
            session.get_one(Artwork, 1).revision += 1
"""
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]

    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    with catalog.read() as session:
        assert session.get_one(Artwork, 1).revision == 31
