"""Listed paths on a disk as Windows has it: one file has one key, whatever separator and case a list has."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import cast

import pytest

from curate.ingest.places.files import FoundFile, ImageFolder, NotFound
from db.errors import ImageRefused
from db.workspace import system
from db.workspace.workspace import change_settings, init_workspace
from review.label_studio.push.images import _prefixes
from tests.portability.windows import WindowsOs, WindowsRoot


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageFolder:
    """``C:\\pics`` with two images, its folder and its names in mixed case."""
    folder = tmp_path.resolve() / "pics"
    (folder / "Impressionism").mkdir(parents=True)
    (folder / "Impressionism" / "Sea.JPG").write_bytes(b"x")
    (folder / "top.jpg").write_bytes(b"x")
    windows = WindowsOs(folder)
    monkeypatch.setattr("curate.ingest.places.files.os", windows)
    monkeypatch.setattr(system, "os", windows)
    return ImageFolder(cast(Path, WindowsRoot("C:\\pics")))


@pytest.mark.parametrize(
    "listed",
    [
        "Impressionism/Sea.JPG",
        "Impressionism\\Sea.JPG",
        ".\\Impressionism\\Sea.JPG",
        "impressionism/sea.jpg",
        "C:\\pics\\Impressionism\\Sea.JPG",
        "c:\\PICS\\impressionism\\..\\impressionism\\sea.jpg",
        "C:/pics/Impressionism/Sea.JPG",
    ],
)
def test_a_path_of_windows_has_the_key_that_every_system_gives_it(images: ImageFolder, listed: str) -> None:
    found = images.find(listed)

    assert isinstance(found, FoundFile), found
    assert found.path == "Impressionism/Sea.JPG"


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("C:\\other\\a.jpg", "outside_root"),
        ("D:\\pics\\top.jpg", "outside_root"),
        ("\\\\server\\pics\\top.jpg", "outside_root"),
        ("..\\secret.txt", "outside_root"),
        ("Impressionism\\..\\..\\secret.txt", "outside_root"),
        ("none.jpg", "missing"),
        ("Impressionism", "not_a_file"),
    ],
)
def test_a_path_of_windows_never_leaves_the_root(images: ImageFolder, listed: str, reason: str) -> None:
    found = images.find(listed)

    assert isinstance(found, NotFound)
    assert found.reason == reason


@pytest.mark.skipif(os.name == "nt", reason="the file cannot be made there")
def test_names_that_only_other_systems_have_are_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog made on Linux may hold them; `a:b.jpg` would be a stream of `a`, `nul.jpg` a device."""
    workspace = init_workspace(tmp_path / "ws", ("style",))
    (tmp_path / "art").mkdir()
    for name in ("sea?.jpg", "ok.jpg"):
        (tmp_path / "art" / name).write_bytes(b"x")
    workspace = change_settings(workspace, "roots", "art", str(tmp_path / "art"))
    assert workspace.find_image("art", "sea?.jpg") is not None

    windows = SimpleNamespace(**{**vars(os), "name": "nt"})
    monkeypatch.setattr("db.workspace.workspace.os", windows)

    assert workspace.find_image("art", "ok.jpg") == tmp_path / "art" / "ok.jpg"
    for name in ("sea?.jpg", "a:b.jpg", "Monet/*.jpg", "Monet./a.jpg", "nul.jpg"):
        assert workspace.find_image("art", name) is None
    with pytest.raises(ImageRefused) as caught:
        workspace.image_path("art", "sea?.jpg")
    assert str(caught.value) == (
        "The image 'sea?.jpg' of the root 'art' has a name that Windows cannot have ('?'); it is not opened. "
        "Rename the file, and ingest it again."
    )


@pytest.mark.parametrize(
    ("folder", "prefixes"),
    [
        ("D:\\scans\\art", ["art/", "scans/art/"]),
        ("D:/scans/art", ["art/", "scans/art/"]),
        ("\\\\nas\\share\\scans\\art", ["art/", "scans/art/"]),
    ],
)
def test_label_studios_document_root_may_be_any_folder_above_on_windows(
    folder: str, prefixes: list[str]
) -> None:
    assert list(_prefixes(PureWindowsPath(folder))) == prefixes
