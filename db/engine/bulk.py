"""Many rows at once, past the ORM: the driver's own ``executemany`` on SQLite and PostgreSQL alike."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, Table, func, select, text
from sqlalchemy.orm import DeclarativeBase, Session

CHUNK = 1000
"""Values in one ``IN (…)``: far under SQLite's limit of 32,766, and enough to pay the round trip."""


def chunks(values: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    """Yield the values in pieces."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def table_of(model: type[DeclarativeBase]) -> Table:
    """Return a model's table."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def insert_rows(
    session: Session, model: type[DeclarativeBase], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows of values as the driver takes them: see ``stored_time`` and ``new_uuids``."""
    if rows:
        table = table_of(model)
        connection = session.connection()
        quote = connection.dialect.identifier_preparer.quote
        mark = _mark(session)
        names = ", ".join(quote(column) for column in columns)
        marks = ", ".join([mark] * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})", list(rows))


def update_rows(
    session: Session, model: type[DeclarativeBase], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Update rows by their ``id``, which stands last in each tuple, after the columns' values."""
    if rows:
        table = table_of(model)
        connection = session.connection()
        quote = connection.dialect.identifier_preparer.quote
        mark = _mark(session)
        assignments = ", ".join(f"{quote(column)} = {mark}" for column in columns)
        connection.exec_driver_sql(
            f"UPDATE {quote(table.name)} SET {assignments} WHERE id = {mark}", list(rows)
        )


def _mark(session: Session) -> str:
    return "?" if session.connection().dialect.paramstyle == "qmark" else "%s"


def next_ids(session: Session, model: type[DeclarativeBase], n: int) -> range | list[int]:
    """Return ``n`` free ids of a table, for a transaction that holds the write lock."""
    table = table_of(model)
    if session.connection().dialect.name == "postgresql":
        drawn = session.execute(
            text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :n)"),
            {"name": table.name, "n": n},
        )
        return [int(row[0]) for row in drawn]
    last = session.scalar(select(func.max(table.c.id))) or 0
    return range(last + 1, last + 1 + n)


def fetch(session: Session, statement: Select[Any]) -> list[Any]:
    """Return the rows of a statement as the driver's tuples: for columns of numbers and text."""
    result = session.connection().execute(statement)
    rows = list(result.cursor.fetchall()) if result.cursor else []
    result.close()
    return rows


def take_turns(session: Session) -> None:
    """Make writers of catalogs on PostgreSQL wait for each other, as SQLite's do anyway."""
    if session.connection().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('curate'))"))


def stored_time(when: datetime) -> str:
    """Return a time as both databases take it, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def new_uuids(n: int) -> list[str]:
    """Return random UUIDs (version 4) as 32 hexadecimal digits, the way SQLite keeps them."""
    drawn = os.urandom(16 * n).hex()
    uuids = []
    for start in range(0, 32 * n, 32):
        digits = drawn[start : start + 32]
        variant = "89ab"[int(digits[16], 16) & 3]
        uuids.append(f"{digits[:12]}4{digits[13:16]}{variant}{digits[17:]}")
    return uuids
