"""Listed paths on a disk as Windows has it: one file has one key, whatever separator and case a list has."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from curate.ingest.places.files import FoundFile, ImageFolder, NotFound
from db.workspace import system
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
