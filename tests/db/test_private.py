"""What a workspace holds is its owner's alone, whatever the umask; what the user has written out is not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from db.maintenance.backup import back_up
from db.maintenance.restore import restore
from db.workspace.workspace import change_settings, init_workspace, open_workspace
from tests.conftest import Curate
from tests.db.filled import fill

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes count on POSIX alone")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022], ids=oct)
def umask(request: pytest.FixtureRequest) -> object:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_a_new_workspace_is_its_owners_alone(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "ws", ("style",))

    assert mode(workspace.folder) == 0o700


@pytest.mark.usefixtures("umask")
def test_in_a_folder_that_was_there_its_files_are_and_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir(mode=0o755)
    before = mode(tmp_path / "ws")
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"))
    fill(workspace)
    change_settings(workspace, "label_studio", "project", 3)

    with workspace.open_catalog() as catalog, catalog.write():
        found = {path.name: mode(path) for path in workspace.folder.iterdir()}

    assert mode(workspace.folder) == before
    assert {name: found[name] for name in ("catalog.db", "curate.toml")} == dict.fromkeys(
        ("catalog.db", "curate.toml"), 0o600
    )
    assert (found["runs"], found["cache"]) == (0o700, 0o700)
    assert all(value & 0o077 == 0 for value in found.values()), found


@pytest.mark.usefixtures("umask")
def test_a_backup_and_what_it_becomes_are_their_owners_alone(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "ws", ("style", "genre"))
    fill(workspace)

    back_up(workspace, tmp_path / "backup.zip")
    restore(tmp_path / "backup.zip", tmp_path / "again")

    assert mode(tmp_path / "backup.zip") == 0o600
    assert mode(tmp_path / "again") == 0o700
    assert mode(tmp_path / "again" / "catalog.db") == 0o600
    assert open_workspace(tmp_path / "again").settings.attributes == ("style", "genre")


def test_an_export_is_as_readable_as_the_user_has_it(tmp_path: Path, folder: Path, curate: Curate) -> None:
    before = os.umask(0o022)
    try:
        assert curate("-w", folder, "export", tmp_path / "out.csv").status == 0
    finally:
        os.umask(before)

    assert mode(tmp_path / "out.csv") == 0o644
