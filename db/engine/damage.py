"""Why a command crashed: if the SQLite catalog is damaged, the user is told so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from db.errors import CatalogDamaged, CurateError
from db.models import Base


@contextmanager
def damage_named(engine: Engine) -> Iterator[None]:
    """Turn an error while a SQLite catalog is open into ``CatalogDamaged``, where damage is its cause.

    The catalog is read through only when something did go wrong that no error of ours explains.
    """
    try:
        yield
    except (CurateError, OSError):
        raise
    except Exception as error:
        said = find_damage(engine)
        if said is None:
            raise
        raise CatalogDamaged(engine.url.database or "", said) from error


def find_damage(engine: Engine) -> str | None:
    """Return what is wrong with a SQLite file: its pages, its tables, or a row that cannot be read."""
    if engine.dialect.name != "sqlite" or not Path(engine.url.database or "").is_file():
        return None
    try:
        with engine.connect() as connection:
            said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if said != "ok":
                return str(said)
            there = set(inspect(connection).get_table_names())
    except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError, ValueError, TypeError) as error:
        return first_line(error)
    for table in Base.metadata.sorted_tables:
        if table.name not in there:
            return f"it has no table {table.name}"
        try:
            with engine.connect() as connection:
                for _ in connection.execution_options(yield_per=1000).execute(select(table)):
                    pass
        except (SQLAlchemyError, sqlite3.Error, ValueError, TypeError, LookupError) as error:
            return f"a row of its table {table.name} cannot be read: {first_line(error)}"
    return None


def first_line(error: Exception) -> str:
    """Return what a driver said, without the statement that it said it of."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0][:200]
