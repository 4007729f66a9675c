"""Backups that are bombs, damaged, or made by somebody else: refused, and nothing is left of the attempt."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Curate

Change = Callable[[dict[str, Any], dict[str, bytes]], None]
RUN = "runs/00000000-0000-4000-8000-000000000000"


def entry(name: str, data: bytes = b"x") -> Change:
    """Return the change that adds a file, listed as it should be."""
    from hashlib import sha256

    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        files[name] = data
        manifest["files"][name] = {"sha256": sha256(data).hexdigest(), "bytes": len(data)}

    return change


def said(**values: Any) -> Change:
    return lambda manifest, files: manifest.update(values)


def sized(size: Any) -> Change:
    return lambda manifest, files: manifest["files"]["catalog.db"].update(bytes=size)


def without(name: str) -> Change:
    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        del files[name], manifest["files"][name]

    return change


def sqlite(*statements: str) -> bytes:
    import sqlite3
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "a.db")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        return (Path(folder) / "a.db").read_bytes()


def changed(statement: str) -> Change:
    """Return the change that a statement makes in the catalog, with a digest that fits."""
    import sqlite3
    import tempfile

    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "catalog.db"
            path.write_bytes(files["catalog.db"])
            connection = sqlite3.connect(path)
            with connection:
                connection.execute(statement)
            connection.close()
            entry("catalog.db", path.read_bytes())(manifest, files)

    return change


def both(*changes: Change) -> Change:
    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        for one in changes:
            one(manifest, files)

    return change


CHANGES: dict[str, Change] = {
    "a deep name": entry(f"{RUN}/{'a/' * 900}x"),
    "a name of 300 letters": entry(f"{RUN}/{'a' * 300}"),
    "a name of 300 bytes": entry(f"{RUN}/{'画' * 90}"),
    "up and away": entry(f"{RUN}/../../../evil"),
    "an absolute name": entry("/etc/evil"),
    "a drive": entry("C:/evil"),
    "backslashes": entry(f"{RUN}\\..\\evil"),
    "a NUL": entry(f"{RUN}/a\0b"),
    "a folder": entry(f"{RUN}/a/"),
    "another folder": entry("cache/x"),
    "a run that is none": entry("runs/x/artworks.npy"),
    "no catalog": without("catalog.db"),
    "no settings": without("curate.toml"),
    "a catalog of text": entry("catalog.db", b"hello"),
    "an empty catalog": entry("catalog.db", b""),
    "a catalog without tables": entry("catalog.db", sqlite("CREATE TABLE a (b)")),
    "a catalog that lacks a table": changed("DROP TABLE issue"),
    "a catalog of another schema than it says": changed("UPDATE alembic_version SET version_num = '0002'"),
    "a catalog of no schema": changed("DELETE FROM alembic_version"),
    "a catalog of a schema that never was": changed("UPDATE alembic_version SET version_num = 'zzzz'"),
    "a catalog that is newer than it says": changed("UPDATE alembic_version SET version_num = '7777'"),
    "an older schema, in name only": both(
        said(schema="0002"), changed("UPDATE alembic_version SET version_num = '0002'")
    ),
    "an artwork outside its root": changed("UPDATE artwork SET path = '../x.png' WHERE id = 1"),
    "an artwork at an absolute path": changed("UPDATE artwork SET path = '/etc/passwd' WHERE id = 1"),
    "an artwork whose path is bytes": changed("UPDATE artwork SET path = x'2e2e2f' WHERE id = 1"),
    "an artwork without a path": changed("UPDATE artwork SET path = '' WHERE id = 1"),
    "a trigger": changed("CREATE TRIGGER t AFTER INSERT ON label BEGIN DELETE FROM verdict; END"),
    "a view": changed("CREATE VIEW v AS SELECT 1"),
    "a catalog cut off": entry("catalog.db", sqlite("CREATE TABLE artwork (b)")[:2000]),
    "settings that are no TOML": entry("curate.toml", b"[[[["),
    "settings that are no text": entry("curate.toml", b"\xff\xfe\x00"),
    "settings out of range": entry("curate.toml", b"[train]\nepochs = 0\n"),
    "settings of a colleague's plugin": entry("curate.toml", b"[evil]\nx = 1\n"),
    "an unknown schema": said(schema="zzzz"),
    "a schema of long ago": said(schema="0000"),
    "a newer schema": said(schema="7777"),
    "a newer format": said(format=2),
    "no format": said(format=None),
    "files as a list": said(files=[]),
    "files as a number": said(files=7),
    "a size of text": sized("many"),
    "a negative size": sized(-1),
    "a size of a terabyte": sized(10**12),
    "a size beyond any disk": sized(10**30),
    "another digest": lambda manifest, files: manifest["files"]["catalog.db"].update(sha256="0" * 64),
    "a file not listed": lambda manifest, files: files.update(extra=b"x"),
    "a file listed only": lambda manifest, files: manifest["files"].update(
        {f"{RUN}/x": {"sha256": "0" * 64, "bytes": 1}}
    ),
}


@pytest.fixture
def saved(curate: Curate, used: Path, tmp_path: Path) -> Path:
    assert curate("-w", used, "backup", tmp_path / "b.zip").status == 0
    return tmp_path / "b.zip"


def rewritten(saved: Path, change: Change) -> Path:
    with zipfile.ZipFile(saved) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    change(manifest, files)
    out = saved.with_name("changed.zip")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    return out


def refuse(curate: Curate, file: Path, target: Path) -> str:
    """Restore what cannot be; return the error's one line, having seen that nothing is left.

    Before it stands at most where the backup says that things were.
    """
    done = curate("-w", target, "restore", file)

    assert (done.status, done.stdout) == (1, ""), done
    *places, said = done.stderr.splitlines(keepends=True)
    assert said.startswith("error: ")
    assert all(line.startswith(("This backup names places", "  ")) for line in places)
    assert not target.exists()
    return said


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_archive_is_refused_without_a_trace(
    curate: Curate, saved: Path, tmp_path: Path, name: str
) -> None:
    refuse(curate, rewritten(saved, CHANGES[name]), tmp_path / "again")


BOMBS: dict[str, bytes] = {
    "70 MB of spaces": b" " * (70 * 2**20),
    "70 MB of zeros": b"0" * (70 * 2**20),
    "200,000 brackets": b"[" * 200_000,
    "200,000 objects": b'{"files":' * 200_000,
    "a number of a million digits": b'{"format": ' + b"9" * 1_000_000 + b"}",
    "nothing": b"",
    "text": b"hello",
    "not UTF-8": b"\xff\xfe",
    "null": b"null",
    "a list": b"[]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_manifest_is_read_within_bounds(curate: Curate, saved: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(saved.with_name("bomb.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", BOMBS[name])

    assert "manifest.json" in refuse(curate, saved.with_name("bomb.zip"), tmp_path / "again")


@pytest.mark.slow
def test_an_archive_that_would_fill_the_disk_is_refused_before_it_is_unpacked(
    curate: Curate, saved: Path, tmp_path: Path
) -> None:
    from hashlib import sha256

    size, digest, name = 1200 * 2**20, sha256(), f"{RUN}/zeros"
    with zipfile.ZipFile(saved) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    bomb = saved.with_name("bomb.zip")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for one, data in files.items():
            archive.writestr(one, data)
        with archive.open(name, "w", force_zip64=True) as entry:
            for _ in range(size // 2**20):
                entry.write(bytes(2**20))
                digest.update(bytes(2**20))
        manifest["files"][name] = {"sha256": digest.hexdigest(), "bytes": size}
        archive.writestr("manifest.json", json.dumps(manifest))

    assert "MB, which no backup by curate does" in refuse(curate, bomb, tmp_path / "again")


@pytest.mark.parametrize("where", ["catalog.db", "curate.toml", "runs"])
def test_what_was_there_before_a_failed_restore_stays(
    curate: Curate, saved: Path, tmp_path: Path, where: str
) -> None:
    target = tmp_path / "again"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    if where == "runs":
        (target / "runs" / "mine").mkdir(parents=True)
    broken = rewritten(saved, entry("catalog.db", b"hello"))

    done = curate("-w", target, "restore", broken)

    assert done.status == 1
    left = sorted(path.relative_to(target).as_posix() for path in target.rglob("*"))
    assert left == (["mine.txt", "runs", "runs/mine"] if where == "runs" else ["mine.txt"])


@pytest.mark.parametrize("year", [1970, 1979, 1980, 2107, 2150])
def test_a_clock_outside_a_zips_years_makes_a_backup_too(
    curate: Curate, used: Path, tmp_path: Path, year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setattr("time.localtime", lambda *_: time.struct_time((year, 1, 1, 0, 0, 0, 0, 1, 0)))

    saved = curate("-w", used, "backup", tmp_path / "b.zip")

    assert saved.status == 0, saved
    assert zipfile.ZipFile(io.BytesIO((tmp_path / "b.zip").read_bytes())).testzip() is None
    assert curate("-w", tmp_path / "again", "restore", tmp_path / "b.zip").status == 0
