"""Open the catalog: SQLite in the workspace, or PostgreSQL by URL.

Three traps of SQLite under SQLAlchemy are avoided here: Python's driver commits before DDL, so this
module begins transactions itself; a table that others point to cannot be altered while foreign keys are
enforced, so ``upgrade`` turns them off and checks them before it commits; and a transaction that
reads first and writes later fails at once when another has written, so writers take the lock first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.orm import Session

from db.errors import CatalogMissing, CatalogOutdated

HEAD_REVISION = "0001"
"""The newest migration; a test compares it with the scripts, so that opening needs no Alembic."""

BUSY_SECONDS = 120
"""How long a SQLite writer waits for another one."""


class Catalog:
    """An open catalog. ``read()`` and ``write()`` give short transactions; none is kept open between."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self._writing = self.engine.execution_options(curate_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session on one consistent snapshot; nothing is written."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session that holds the write lock, commit it at the end, roll it back on any error."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return the database URL of a SQLite file."""
    return f"sqlite:///{path.absolute()}"


def make_engine(url: str) -> Engine:
    """Return an engine; on SQLite with WAL, foreign keys on, and transactions begun by us."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "foreign_keys = 1", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("curate_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def schema_revision(engine: Engine) -> str:
    """Return the revision that the catalog has, ``none`` for a database without one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return "none"
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "none")


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the catalog's schema to a revision, in one transaction; a failure leaves it as it was."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "db:migrations")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    engine = make_engine(url)
    try:
        with engine.execution_options(curate_write=True).connect() as connection:
            sqlite = connection.dialect.name == "sqlite"
            if sqlite:
                connection.connection.driver_connection.execute("PRAGMA foreign_keys = 0")  # type: ignore[union-attr]
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
                if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                    raise ValueError(f"The migration leaves {len(broken)} rows without their parent.")
    finally:
        engine.dispose()


@contextmanager
def open_catalog(url: str) -> Iterator[Catalog]:
    """Open a catalog whose schema is this version's; close it at the end.

    Raises:
        CatalogMissing: The SQLite file does not exist.
        CatalogOutdated: The schema is older or newer; only ``curate upgrade`` changes it.
    """
    parsed = make_url(url)
    name = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        name = parsed.database
        if not Path(parsed.database).exists():
            raise CatalogMissing(Path(parsed.database))
    catalog = Catalog(url)
    try:
        found = schema_revision(catalog.engine)
        if found != HEAD_REVISION:
            raise CatalogOutdated(name, found, HEAD_REVISION)
        yield catalog
    finally:
        catalog.close()
