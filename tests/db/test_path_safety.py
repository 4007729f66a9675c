"""A path in the catalog never leads out of its root, whoever wrote the catalog."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from db.errors import ImageRefused
from db.models import Artwork
from db.workspace.workspace import Workspace, change_settings, init_workspace
from tests.conftest import Curate


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a root ``art``, and a secret beside it."""
    (tmp_path / "art" / "sub").mkdir(parents=True)
    (tmp_path / "art" / "sub" / "a.jpg").write_bytes(b"a")
    (tmp_path / "secret.txt").write_text("secret")
    made = init_workspace(tmp_path / "ws", ("style",))
    return change_settings(made, "roots", "art", str(tmp_path / "art"))


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "sub/../../secret.txt",
        "sub/..",
        "..",
        "/etc/passwd",
        "sub/\0a.jpg",
        "link-to-secret",
        "linked-folder/secret.txt",
        "fifo",
        "device",
        "sub",
    ],
)
def test_what_leads_out_of_the_root_is_refused(workspace: Workspace, path: str) -> None:
    art = workspace.settings.roots["art"]
    (art / "link-to-secret").symlink_to("../secret.txt")
    (art / "linked-folder").symlink_to("..")
    (art / "device").symlink_to("/dev/zero")
    os.mkfifo(art / "fifo")

    with pytest.raises(ImageRefused) as error:
        workspace.image_path("art", path)

    assert str(error.value).startswith(f"The image {path!r} of the root 'art' ")
    assert workspace.find_image("art", path) is None


@pytest.mark.parametrize("path", ["sub/a.jpg", "sub/gone.jpg", "none/a.jpg", "inner", "a..b/c..jpg"])
def test_what_stays_below_it_is_not(workspace: Workspace, path: str) -> None:
    art = workspace.settings.roots["art"]
    (art / "inner").symlink_to("sub/a.jpg")

    assert workspace.image_path("art", path) == art / path


def test_a_root_may_be_a_link_itself(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "moved").symlink_to("art")
    moved = change_settings(workspace, "roots", "art", str(tmp_path / "moved"))

    assert moved.image_path("art", "sub/a.jpg") == tmp_path / "moved/sub/a.jpg"


def test_check_finds_paths_that_leave_their_root(workspace: Workspace, curate: Curate) -> None:
    paths = ("../secret.txt", "sub/../../secret.txt", "/etc/passwd", "sub/..", "sub/a..b.jpg")
    with workspace.open_catalog() as catalog, catalog.write() as session:
        session.add_all(
            Artwork(collection="c", root="art", path=path, status="missing", reason="missing")
            for path in paths
        )

    checked = curate("-w", workspace.folder, "check", "--json")

    assert checked.status == 1
    assert "every artwork's path stays below its root" in checked.stdout
    assert "'sub/a..b.jpg'" not in checked.stdout
