"""Open the catalog: SQLite in the workspace, or PostgreSQL by URL.

Three traps of SQLite under SQLAlchemy are avoided here: Python's driver commits before DDL, so this
module begins transactions itself; a table that others point to cannot be altered while foreign keys are
enforced, so ``upgrade`` turns them off and checks them before it commits; and a transaction that
reads first and writes later fails at once when another has written, so writers take the lock first.

On both databases a catalog has one writer at a time: SQLite's own lock, or on PostgreSQL one advisory lock
held to the end of the transaction. Readers never wait, and each sees one snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Session

from db.engine.damage import damage_named, first_line
from db.engine.driver_errors import catalog_name, explained, parse_url
from db.engine.locks import begin_postgresql, begin_sqlite, this_process
from db.errors import CatalogDamaged, CatalogMissing, CatalogNewer, CatalogOutdated, DriverMissing
from db.models import Base

HEAD_REVISION = "0009"
"""The newest migration; a test compares it with the scripts, so that opening needs no Alembic."""

VERSION_TABLE = (
    "CREATE TABLE alembic_version ("
    "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""Alembic's own table, as it makes it."""

READ_BUSY_SECONDS = 10
"""How long a SQLite reader waits; only while another process opens, repairs or closes the file."""


class Catalog:
    """An open catalog. ``read()`` and ``write()`` give short transactions; none is kept open between."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self._reading = self.engine
        if self.engine.dialect.name == "postgresql":
            self._reading = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._writing = self.engine.execution_options(curate_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session on one consistent snapshot; nothing is written."""
        with explained(self.engine.url), Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session that holds the write lock, commit it at the end, roll it back on any error.

        Raises:
            CatalogLocked: Another writer did not end in ten minutes; a wait of seconds is only logged.
        """
        with (
            explained(self.engine.url),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return the database URL of a SQLite file."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


def make_engine(url: str) -> Engine:
    """Return an engine; on SQLite with WAL, foreign keys on, and transactions begun by us.

    Raises:
        BadDatabaseUrl: The URL names another kind of database.
        DriverMissing: It is PostgreSQL, and psycopg is not installed.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    try:
        engine = create_engine(parsed, pool_pre_ping=True, connect_args={"application_name": this_process()})
    except ModuleNotFoundError as error:
        raise DriverMissing(catalog_name(parsed)) from error

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if _is_writing(connection):
            begin_postgresql(connection, catalog_name(parsed))

    return engine


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": READ_BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "foreign_keys = 1", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if _is_writing(connection):
            begin_sqlite(connection, Path(url.database or ""))
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _is_writing(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("curate_write", False))


def schema_revision(engine: Engine) -> str:
    """Return the revision that the catalog has, ``none`` for a database without one."""
    with explained(engine.url), engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return "none"
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "none")


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the catalog's schema to a revision, in one transaction; a failure leaves it as it was.

    Raises:
        CatalogDamaged: Its tables are not those of the revision that it names.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "db:migrations")
    try:
        with _changing_schema(url) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except (SQLAlchemyError, ValueError, LookupError, TypeError) as error:
        said = f"its tables are not those of the schema that it names: {first_line(error)}"
        raise CatalogDamaged(catalog_name(parse_url(url)), said) from error


def _create(url: str) -> None:
    """Make the tables as the models have them, in one transaction, unless another process just did.

    Running every migration on an empty database ends in the same schema (``tests/db/test_catalog.py`` holds
    it), four times as slowly.
    """
    with _changing_schema(url) as connection:
        if not inspect(connection).has_table("alembic_version"):
            Base.metadata.create_all(connection, checkfirst=False)
            connection.exec_driver_sql(VERSION_TABLE)
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD_REVISION})


@contextmanager
def _changing_schema(url: str) -> Iterator[Connection]:
    """Open a transaction in which tables may be made again; it is refused where that loses a row's parent."""
    engine = make_engine(url)
    try:
        with (
            explained(engine.url),
            engine.execution_options(curate_write=True).connect() as connection,
        ):
            sqlite = connection.dialect.name == "sqlite"
            if sqlite:
                connection.connection.driver_connection.execute("PRAGMA foreign_keys = 0")  # type: ignore[union-attr]
            with connection.begin():
                yield connection
                if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                    raise ValueError(f"The migration leaves {len(broken)} rows without their parent.")
    finally:
        engine.dispose()


def prepare(url: str) -> None:
    """Make the tables in a database that has none; one that has them is left alone.

    Raises:
        CatalogOutdated: It has them, of another version; only ``curate upgrade`` changes those.
    """
    engine = make_engine(url)
    try:
        revision = schema_revision(engine)
    finally:
        engine.dispose()
    if revision == "none":
        _create(url)
    else:
        require_head(catalog_name(engine.url), revision)


def require_head(name: str, revision: str) -> None:
    """Refuse a schema that is not this version's.

    Raises:
        CatalogOutdated: It is older.
        CatalogNewer: It is newer.
        CatalogDamaged: No version of curate ever had it.
    """
    require_known(name, revision)
    if revision != HEAD_REVISION:
        raise CatalogOutdated(name, revision, HEAD_REVISION)


def require_known(name: str, revision: str) -> None:
    """Refuse a schema that this version does not know.

    Raises:
        CatalogNewer: It is newer.
        CatalogDamaged: No version of curate ever had it.
    """
    if revision == HEAD_REVISION:
        return
    scripts = Path(__file__).parents[1] / "migrations" / "versions"
    if revision in {script.name[:4] for script in scripts.glob("[0-9]*.py")}:
        return
    if re.fullmatch("[0-9]{4}", revision, re.ASCII) and revision > HEAD_REVISION:
        raise CatalogNewer(name, revision, HEAD_REVISION)
    raise CatalogDamaged(name, f"its schema has the revision {revision!r}, which curate never had")


def _without_revision(engine: Engine, path: Path) -> str:
    """Say what a file is that names no schema."""
    with explained(engine.url), engine.connect() as connection:
        if inspect(connection).has_table("artwork"):
            return "it does not say which schema its tables have"
    return f"none of curate's tables in its {path.stat().st_size} bytes"


@contextmanager
def open_catalog(url: str) -> Iterator[Catalog]:
    """Open a catalog whose schema is this version's; close it at the end.

    Raises:
        CatalogMissing: The SQLite file does not exist.
        CatalogDamaged: It is empty, cut off, or no SQLite file.
        CatalogOutdated: The schema is older; only ``curate upgrade`` changes it.
        CatalogNewer: The schema is newer than this version of curate.
    """
    parsed = parse_url(url)
    path = Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None
    if path and not path.exists():
        raise CatalogMissing(path)
    if path and path.is_dir():
        raise CatalogDamaged(str(path), "it is a folder")
    catalog = Catalog(url)
    try:
        with damage_named(catalog.engine):
            revision = schema_revision(catalog.engine)
            if path and revision == "none":
                raise CatalogDamaged(str(path), _without_revision(catalog.engine, path))
            require_head(catalog_name(parsed), revision)
            yield catalog
    finally:
        catalog.close()
