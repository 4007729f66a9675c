"""Catalogs whose file was cut, overwritten or changed: every command says that, and how to fix it."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import reduce
from pathlib import Path

import pytest

from tests.conftest import Curate

pytestmark = pytest.mark.slow

COMMANDS = (
    ("status",),
    ("check",),
    ("issues",),
    ("label", "PATH", "style", "CLASS"),
    ("backup", "OUT/b.zip"),
    ("export", "OUT/e.csv"),
    ("upgrade",),
    ("stats",),
    ("runs",),
    ("evaluate",),
)


def statement(*sql: str) -> Callable[[Path], None]:
    """Return the damage that somebody does with SQLite's own shell."""

    def run(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = 0")
            for one in sql:
                connection.execute(one)

    return run


def flip(seed: int, count: int) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        rng, data = random.Random(seed), bytearray(path.read_bytes())
        for _ in range(count):
            data[rng.randrange(4096, len(data))] ^= 0xFF
        path.write_bytes(bytes(data))

    return run


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def other_tables(path: Path) -> None:
    path.unlink()
    statement("CREATE TABLE a (b)")(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "100 bytes": lambda path: os.truncate(path, 100),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "all but a page": lambda path: os.truncate(path, path.stat().st_size - 4096),
    "noise": lambda path: path.write_bytes(random.Random(1).randbytes(400_000)),
    "another header": lambda path: path.write_bytes(b"XXXX" + path.read_bytes()[4:]),
    "text": lambda path: path.write_text("hello"),
    "a folder": to_folder,
    "zeros in the middle": lambda path: path.write_bytes(
        path.read_bytes()[:40960] + bytes(20480) + path.read_bytes()[61440:]
    ),
    "another program's tables": other_tables,
    "no revision": statement("DELETE FROM alembic_version"),
    "a blank revision": statement("UPDATE alembic_version SET version_num = ''"),
    "revision zzzz": statement("UPDATE alembic_version SET version_num = 'zzzz'"),
    "revision 0000": statement("UPDATE alembic_version SET version_num = '0000'"),
    "a revision with quotes": statement("UPDATE alembic_version SET version_num = '''; drop'"),
    "a negative revision": statement("UPDATE alembic_version SET version_num = '-001'"),
}
for _table in (
    "artwork",
    "label",
    "effective_label",
    "verdict",
    "attribute",
    "class",
    "run",
    "catalog_setting",
):
    DAMAGE[f"no table {_table}"] = statement(f"DROP TABLE {_table}")


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_one_sentence_that_says_how_to_mend_it(curate: Curate, used: Path, damage: str) -> None:
    with closing(sqlite3.connect(used / "catalog.db")) as connection:
        path = connection.execute("SELECT path FROM artwork WHERE id = 2").fetchone()[0]
        style = connection.execute("SELECT key FROM class ORDER BY id").fetchone()[0]
    DAMAGE[damage](used / "catalog.db")

    for words in COMMANDS:
        places = {"PATH": path, "CLASS": style, "OUT": str(used.parent)}
        typed = [reduce(lambda text, key: text.replace(key, places[key]), places, word) for word in words]
        done = curate("-w", used, *typed)

        if done.status == 0:  # one that does not read what is gone
            assert damage.startswith(("no table", "zeros")) and words != ("check",), (words, done)
            continue
        assert done.status == 1, (words, done)
        if "BROKEN  the database file is sound" in done.stdout:
            continue
        said = done.stderr.splitlines()[-1]
        assert f"The catalog {used / 'catalog.db'} is damaged (" in said, (words, done)
        assert "`curate restore FILE`" in said
        assert "sqlalche.me" not in done.stderr and "Alembic" not in done.stderr
    assert not (used.parent / "b.zip").exists()


@pytest.mark.parametrize("revision", ["0100", "9999", "7777"])
def test_a_newer_schema_asks_for_a_newer_curate(curate: Curate, used: Path, revision: str) -> None:
    statement(f"UPDATE alembic_version SET version_num = '{revision}'")(used / "catalog.db")

    for words in (("status",), ("check",), ("upgrade",), ("issues",)):
        done = curate("-w", used, *words)
        assert (done.status, done.stdout) == (1, "")
        assert f"has schema revision {revision}, and this version of curate knows none after" in done.stderr


@pytest.mark.parametrize("lost", ["", "verdict", "artwork", "batch_item"])
@pytest.mark.parametrize("revision", ["0001", "0002", "0005", "0006"])
def test_an_earlier_revision_that_the_tables_do_not_have_is_named_and_nothing_is_changed(
    curate: Curate, used: Path, revision: str, lost: str
) -> None:
    """The upgrade ended in the database's own words, and a traceback."""
    statement(f"UPDATE alembic_version SET version_num = '{revision}'")(used / "catalog.db")
    if lost:
        statement(f"DROP TABLE {lost}")(used / "catalog.db")
    with closing(sqlite3.connect(used / "catalog.db")) as connection:
        before = list(connection.iterdump())

    done = curate("-w", used, "upgrade")

    with closing(sqlite3.connect(used / "catalog.db")) as connection:
        assert list(connection.iterdump()) == before
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"The catalog {used / 'catalog.db'} is damaged (" in done.stderr
    assert "sqlalche.me" not in done.stderr


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("count", [1, 150])
def test_turned_bytes_never_crash(curate: Curate, used: Path, seed: int, count: int) -> None:
    """One byte may lie where nothing is; then all is well, or it is a letter of a text."""
    flip(seed, count)(used / "catalog.db")

    for words in (("status",), ("check",), ("stats",), ("backup", str(used.parent / "b.zip"))):
        done = curate("-w", used, *words)

        assert done.status in (0, 1), done
        if done.status == 1 and words != ("check",):
            assert "error: " in done.stderr, done
    if count > 1:
        assert curate("-w", used, "check").status == 1


ROWS = {
    "a time that is none": "UPDATE artwork SET added_at = 'yesterday'",
    "a uuid that is none": "UPDATE artwork SET uuid = 'nothing' WHERE id = 1",
    "a list that is none": "UPDATE run SET settings = '{not json'",
    "bytes for text": "UPDATE artwork SET path = x'ff00fe' WHERE id = 1",
    "text for a number": "UPDATE artwork SET width = 'wide'",
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_cannot_be_read_are_named(curate: Curate, used: Path, name: str) -> None:
    statement(ROWS[name])(used / "catalog.db")

    for words in (("status",), ("issues",), ("evaluate",), ("export", str(used / "e.csv")), ("runs",)):
        done = curate("-w", used, *words)

        assert done.status in (0, 1), done
        assert done.status == 0 or "is damaged (" in done.stderr or "error: " in done.stderr, done
