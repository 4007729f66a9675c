"""A catalog with a handful of artworks, on a real SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import make_url

from db.engine.catalog import Catalog, open_catalog, sqlite_url, upgrade
from db.models import Artwork, Attribute
from tests.postgres import Postgres, postgres_server

Database = Literal["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """The name of a PostgreSQL database that has the schema and no rows, to be copied."""
    url = postgres.database()
    upgrade(url)
    return str(make_url(url).database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database(request: pytest.FixtureRequest) -> Database:
    """The kind of database that a test runs on: each test runs on both."""
    kind: Database = request.param
    return kind


@pytest.fixture
def empty_url(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if database == "sqlite":
        return sqlite_url(tmp_path / "catalog.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def empty_url_2(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of another database without tables."""
    if database == "sqlite":
        return sqlite_url(tmp_path / "second.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def url(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with this version's schema and no rows."""
    if database == "sqlite":
        upgrade(sqlite_url(tmp_path / "catalog.db"))
        return sqlite_url(tmp_path / "catalog.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database(template=request.getfixturevalue("migrated"))


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    """Three artworks, two attributes, no labels."""
    with open_catalog(url) as catalog:
        with catalog.write() as session:
            session.add_all(Attribute(name=name, position=i) for i, name in enumerate(("style", "genre")))
            session.flush()
            session.add_all(
                Artwork(collection="c", root="r", path=f"{i}.jpg", status="ok", sha256=f"{i // 2:064}")
                for i in range(3)
            )
        yield catalog
