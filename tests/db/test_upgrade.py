"""Catalogs of every released schema, kept in ``tests/assets``, become this version's, nothing lost."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from db.engine.catalog import HEAD_REVISION, make_engine, schema_revision
from tests.conftest import Curate

ASSETS = sorted((Path(__file__).parents[1] / "assets").glob("catalog-*.db"))
COUNTED = ("artwork", "label", "effective_label", "verdict", "task", "run", "issue")


def count(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    found = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED]
    connection.close()
    return found


@pytest.mark.parametrize("asset", ASSETS, ids=lambda path: path.stem)
def test_a_released_catalog_is_upgraded_and_whole(asset: Path, folder: Path, curate: Curate) -> None:
    path = folder / "catalog.db"
    for leftover in folder.glob("catalog.db*"):
        leftover.unlink()
    shutil.copy(asset, path)
    before = count(path)

    done = curate("-w", folder, "upgrade", "--json")

    assert done.status == 0 and done.json()["after"] == HEAD_REVISION
    assert bool(done.json()["backup"]) == (asset.stem != f"catalog-{HEAD_REVISION}")
    engine = make_engine(f"sqlite:///{path}")
    assert schema_revision(engine) == HEAD_REVISION
    engine.dispose()
    assert count(path) == before and all(before)


def checks_of(path: Path) -> set[str]:
    """The rules that tables state for their columns, without which any word would do."""
    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    return {line.strip().rstrip(",") for (sql,) in tables for line in sql.splitlines() if " CHECK " in line}


@pytest.mark.parametrize("asset", ASSETS, ids=lambda path: path.stem)
def test_an_upgraded_catalog_refuses_what_a_new_one_does(asset: Path, folder: Path, curate: Curate) -> None:
    """SQLite copies a table to change a rule of it, and rules that are not stated again would be lost."""
    fresh = checks_of(folder / "catalog.db")
    for leftover in folder.glob("catalog.db*"):
        leftover.unlink()
    shutil.copy(asset, folder / "catalog.db")

    assert curate("-w", folder, "upgrade").status == 0

    assert checks_of(folder / "catalog.db") == fresh
