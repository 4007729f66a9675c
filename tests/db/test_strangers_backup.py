"""A backup that a stranger made: what it says of this machine and of servers is shown, and not believed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tomllib
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from db.maintenance.archive import CATALOG, MANIFEST, SETTINGS
from db.maintenance.backup import back_up
from db.maintenance.places import places_in, without_places
from db.workspace.workspace import init_workspace, open_workspace
from tests.conftest import Curate
from tests.db.filled import fill

pytestmark = pytest.mark.slow

SETTINGS_OF_A_STRANGER = """\
collection = "paintings"
attributes = ["style", "genre"]
database_url = "postgresql://user@db.example/theirs"
follow_links = ["r"]

[roots]
r = "/home/ada"
web = "https://images.example/a"

[train]
weights = "/home/ada/model.pth"
backbone = "hf-hub:somebody/something"
epochs = 3

[label_studio]
url = "http://label-studio.example:8080"
images = "upload"
project = 7

[fiftyone]
dataset = "curate-theirs"
"""

SHOWN = [
    "follow_links = ['r']",
    "roots.r = /home/ada",
    "roots.web = https://images.example/a",
    "train.weights = /home/ada/model.pth",
    "train.backbone = hf-hub:somebody/something",
    "label_studio.url = http://label-studio.example:8080",
    "label_studio.images = upload",
]

Change = Callable[[dict[str, bytes], Path], None]


def changed(backup: Path, change: Change) -> Path:
    """Write a backup anew, as somebody would who knows its format: every digest fits."""
    with zipfile.ZipFile(backup) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop(MANIFEST))
    change(files, backup.parent)
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()
    }
    with zipfile.ZipFile(backup, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(MANIFEST, json.dumps(manifest))
    return backup


def in_catalog(statement: str) -> Change:
    def change(files: dict[str, bytes], folder: Path) -> None:
        (folder / "theirs.db").write_bytes(files[CATALOG])
        with closing(sqlite3.connect(folder / "theirs.db")) as connection, connection:
            connection.execute(statement)
        files[CATALOG] = (folder / "theirs.db").read_bytes()

    return change


def their_settings(files: dict[str, bytes], folder: Path) -> None:
    files[SETTINGS] = SETTINGS_OF_A_STRANGER.encode()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A sound backup with rows in every table."""
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"))
    fill(workspace)
    back_up(workspace, tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def test_places_are_shown_and_set_aside(backup: Path, tmp_path: Path, curate: Curate) -> None:
    changed(backup, their_settings)

    result = curate("-w", tmp_path / "again", "restore", backup, "--json")

    assert result.status == 0
    assert result.json()["set_aside"] == SHOWN
    assert all(f"  {place}\n" in result.stderr for place in SHOWN)
    settings = open_workspace(tmp_path / "again").settings
    assert (settings.roots, settings.root_urls, settings.database_url) == ({}, {}, None)
    assert (settings.label_studio.url, settings.label_studio.images) == ("http://127.0.0.1:8080", "local")
    assert (settings.label_studio.project, settings.train.weights) == (None, "auto")
    assert (settings.train.epochs, settings.fiftyone.dataset) == (3, "curate-theirs")
    text = (tmp_path / "again" / "curate.toml").read_text(encoding="utf-8")
    assert [line.removeprefix("# ") for line in text.splitlines()[-len(SHOWN) :]] == SHOWN


def test_places_are_taken_over_by_who_says_so(backup: Path, tmp_path: Path, curate: Curate) -> None:
    changed(backup, their_settings)

    result = curate("-w", tmp_path / "again", "restore", backup, "--yes", "--json")

    settings = open_workspace(tmp_path / "again").settings
    assert result.json()["set_aside"] == []
    assert all(f"  {place}\n" in result.stderr for place in SHOWN)
    assert (settings.roots["r"], settings.follow_links) == (Path("/home/ada"), ("r",))
    assert (settings.label_studio.url, settings.label_studio.project) == (
        "http://label-studio.example:8080",
        7,
    )
    assert settings.database_url is None  # where the catalog goes is said here, and by nobody else


def test_where_the_catalog_and_its_runs_lie_is_never_taken_over(
    backup: Path, tmp_path: Path, curate: Curate
) -> None:
    changed(backup, their_settings)
    changed(
        backup,
        in_catalog("UPDATE catalog_setting SET value = 'file:///home/ada/runs' WHERE key = 'runs_url'"),
    )

    curate("-w", tmp_path / "again", "restore", backup, "--yes")

    with closing(sqlite3.connect(tmp_path / "again" / "catalog.db")) as catalog:
        found = catalog.execute("SELECT value FROM catalog_setting WHERE key = 'runs_url'").fetchone()
    assert found == ("runs",)


@pytest.mark.parametrize(
    "path", ["../../secret.txt", "/etc/passwd", "a/../../b.jpg", "..\\secret.txt", "a\0b"]
)
def test_a_catalog_that_leads_out_of_its_roots_is_refused(
    backup: Path, path: str, tmp_path: Path, curate: Curate
) -> None:
    quoted = "||char(0)||".join(f"'{part}'" for part in path.split("\0"))
    changed(backup, in_catalog(f"UPDATE artwork SET path = {quoted} WHERE id = 1"))

    result = curate("-w", tmp_path / "again", "restore", backup, "--yes")

    assert result.status == 1
    assert result.stderr.startswith(
        f"error: {backup} cannot be restored: 1 of its artworks lie outside their root"
    )
    assert not (tmp_path / "again" / "curate.toml").exists()


@pytest.mark.parametrize(
    "made", ["TRIGGER theirs AFTER INSERT ON label BEGIN SELECT 1; END", "VIEW theirs AS SELECT 1"]
)
def test_a_catalog_with_code_of_its_own_is_refused(
    backup: Path, made: str, tmp_path: Path, curate: Curate
) -> None:
    changed(backup, in_catalog(f"CREATE {made}"))

    result = curate("-w", tmp_path / "again", "restore", backup, "--yes")

    assert result.status == 1
    assert f"its catalog has a {made.split()[0].lower()} of its own, 'theirs'" in result.stderr


@pytest.mark.parametrize("text", ["not = = toml", "\xff", "a = " + "[" * 5000])
def test_settings_that_are_none_are_refused(backup: Path, text: str, tmp_path: Path, curate: Curate) -> None:
    def change(files: dict[str, bytes], folder: Path) -> None:
        files[SETTINGS] = text.encode("latin-1")

    result = curate("-w", tmp_path / "again", "restore", changed(backup, change))

    assert result.status == 1
    assert "its curate.toml cannot be used" in result.stderr
    assert not (tmp_path / "again").exists()


def test_what_every_workspace_has_is_no_place_to_ask_about(
    backup: Path, tmp_path: Path, curate: Curate
) -> None:
    result = curate("-w", tmp_path / "again", "restore", backup)

    assert result.status == 0
    assert result.stderr == ""


def test_names_with_dots_and_control_signs_are_shown_as_they_are_and_taken_out() -> None:
    settings = 'x = 1\n[roots]\n"a.b\\u001b[31m" = "/c"\n'

    (place,) = places_in(settings)
    left = without_places(settings)

    assert str(place) == "roots.a.b [31m = /c"
    assert tomllib.loads(left) == {"x": 1, "roots": {}}
