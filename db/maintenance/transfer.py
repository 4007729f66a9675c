"""A whole catalog from one database into another: PostgreSQL into a SQLite file, and back.

PostgreSQL is the authority on types: its tables are reflected, made generic, and used on both sides, so
that a catalog of an older schema is copied as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Inspector, MetaData, Table, event, select, text
from sqlalchemy.dialects import sqlite

from db.engine.catalog import Catalog, schema_revision, sqlite_url, upgrade
from db.engine.driver_errors import PRIMARY_CODE, explained
from db.engine.locks import sqlite_writer
from db.errors import CatalogDamaged, CatalogLocked, CurateError, NoSpace, NotWritable

CHUNK = 5000
"""Rows that are in memory at once."""

Row = tuple[Any, ...]


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite catalog as it is at one moment; others may go on writing.

    Raises:
        CatalogDamaged: The copy is not sound: a backup of a damaged file would pass for a good one.
    """
    with copying(source, target):
        with closing(sqlite3.connect(source)) as before, closing(sqlite3.connect(target)) as after:
            before.backup(after)
            after.execute("PRAGMA journal_mode = DELETE")
            problems = [str(row[0]) for row in after.execute("PRAGMA integrity_check") if row[0] != "ok"]
            problems += [
                f"{row[0]} row {row[1]} has no {row[2]}" for row in after.execute("PRAGMA foreign_key_check")
            ]
    if problems:
        raise CatalogDamaged(str(source), f"{len(problems)} faults, the first: {problems[0]}")


@contextmanager
def copying(source: Path, target: Path) -> Iterator[None]:
    """Turn what SQLite says while ``source`` is copied and its copy is changed into a ``CurateError``."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _of_copying(source, target, error) from error
    except (UnicodeDecodeError, TypeError, ValueError) as error:  # of bytes that were text, times or numbers
        raise CatalogDamaged(str(source), str(error)) from error


def _of_copying(source: Path, target: Path, error: sqlite3.DatabaseError) -> CurateError:
    """Return whose fault it is that a catalog could not be copied: only a damaged one is called that."""
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
    place = target.parent.parent  # where the folder of temporary files lies that the copy is made in
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return NoSpace(str(place), str(error))
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return NotWritable(str(place), str(error))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CatalogLocked(str(source), sqlite_writer(source))
    return CatalogDamaged(str(source), str(error))


def postgresql_to_sqlite(catalog: Catalog, target: Path) -> None:
    """Copy a catalog on PostgreSQL, as one snapshot of it, into a new SQLite file of the same schema."""
    upgrade(sqlite_url(target), schema_revision(catalog.engine))
    with explained(catalog.engine.url), closing(sqlite3.connect(target, isolation_level=None)) as after:
        after.execute("PRAGMA journal_mode = DELETE")
        after.execute("BEGIN")
        with catalog.read() as session:
            connection = session.connection()
            for table in catalog_tables(connection):
                names = ", ".join(f'"{column.name}"' for column in table.columns)
                marks = ", ".join("?" * len(table.columns))
                stored = _sqlite_values(table)
                rows = connection.execution_options(yield_per=CHUNK).execute(select(table))
                for part in rows.partitions(CHUNK):
                    after.executemany(
                        f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})',
                        [stored(row) for row in part],
                    )
        after.execute("COMMIT")


def sqlite_to_postgresql(source: Path, connection: Connection) -> int:
    """Copy a SQLite catalog of this version's schema into empty tables, in the caller's transaction.

    Returns:
        How many rows were copied.
    """
    copied = 0
    driver: Any = connection.connection.driver_connection
    with closing(sqlite3.connect(source)) as before:
        for table in catalog_tables(connection):
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            with driver.cursor().copy(f'COPY "{table.name}" ({names}) FROM STDIN') as into:
                for row in _sqlite_rows(before, table):
                    into.write_row(row)
                    copied += 1
    for table in catalog_tables(connection):
        if "id" in table.columns:
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence(:name, 'id'), max(id)) "
                    f'FROM "{table.name}" HAVING max(id) IS NOT NULL'
                ),
                {"name": f'"{table.name}"'},
            )
    connection.execute(text("ANALYZE"))
    return copied


def catalog_tables(connection: Connection) -> list[Table]:
    """Return the catalog's tables, those that others point to first."""
    metadata = MetaData()

    @event.listens_for(metadata, "column_reflect")
    def generic(_inspector: Inspector, _table: Table, column: Any) -> None:
        column["type"] = column["type"].as_generic()

    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def _sqlite_values(table: Table) -> Any:
    """Return the function from a row of Python values to what a SQLite catalog stores."""
    dialect = sqlite.dialect()
    processors = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns]

    def stored(row: Any) -> Row:
        return tuple(
            value if process is None or value is None else process(value)
            for process, value in zip(processors, row, strict=True)
        )

    return stored


def _sqlite_rows(before: sqlite3.Connection, table: Table) -> Iterator[Row]:
    """Yield a table's rows as ``COPY`` takes them; JSON stays the text that it is."""
    dialect = sqlite.dialect()
    kinds = [column.type for column in table.columns]
    processors = [
        None if isinstance(kind, JSON) else kind.dialect_impl(dialect).result_processor(dialect, None)
        for kind in kinds
    ]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    for row in before.execute(f'SELECT {names} FROM "{table.name}"'):
        yield tuple(
            value if process is None or value is None else process(value)
            for process, value in zip(processors, row, strict=True)
        )
