"""Listed paths against names on disk: found whatever they went through, and never outside the folder."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from curate.ingest.places.files import FoundFile, ImageFolder, NotFound, repaired

SOROLLA = "joaquã\u00adn-sorolla_sea-1904.jpg"
"""As ArtGAN's lists spell it: UTF-8 read as Latin-1, then lower-cased."""


def put(root: Path, name: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def path_of(root: Path, listed: str) -> str:
    found = ImageFolder(root).find(listed)
    assert isinstance(found, FoundFile), found
    return found.path


def reason_of(root: Path, listed: str) -> str:
    found = ImageFolder(root).find(listed)
    assert isinstance(found, NotFound), found
    return found.reason


@pytest.mark.parametrize(
    "on_disk",
    [
        SOROLLA,
        "joaquín-sorolla_sea-1904.jpg",
        unicodedata.normalize("NFD", "joaquín-sorolla_sea-1904.jpg"),
        unicodedata.normalize("NFD", SOROLLA),
        "joaquin-sorolla_sea-1904.jpg",
        "joaqun-sorolla_sea-1904.jpg",
        "joaqu_n-sorolla_sea-1904.jpg",
        "joaqu__n-sorolla_sea-1904.jpg",
        "joaqu#U00e3#U00adn-sorolla_sea-1904.jpg",
        "joaquan-sorolla_sea-1904.jpg",
    ],
)
def test_a_misspelt_name_is_found_however_the_disk_has_it(tmp_path: Path, on_disk: str) -> None:
    put(tmp_path, f"Impressionism/{on_disk}")
    put(tmp_path, "Impressionism/joaquin-mir_sea-1904.jpg")

    found = path_of(tmp_path, f"Impressionism/{SOROLLA}")

    assert found == unicodedata.normalize("NFC", f"Impressionism/{on_disk}")


@pytest.mark.parametrize(
    "on_disk", ["georgia-o-keeffe_sky.jpg", "georgia-okeeffe_sky.jpg", "georgia-o#U0027keeffe_sky.jpg"]
)
def test_an_apostrophe_is_found_however_the_disk_has_it(tmp_path: Path, on_disk: str) -> None:
    put(tmp_path, on_disk)

    assert path_of(tmp_path, "georgia-o'keeffe_sky.jpg") == on_disk


def test_two_files_that_could_be_meant_are_no_answer(tmp_path: Path) -> None:
    put(tmp_path, "joaquin-sorolla_sea-1904.jpg")
    put(tmp_path, "joaqu-in-sorolla_sea-1904.jpg")

    assert reason_of(tmp_path, SOROLLA) == "missing"


def test_two_plain_names_that_differ_are_two_files(tmp_path: Path) -> None:
    put(tmp_path, "beach-18901.jpg")
    put(tmp_path, "beach_view.jpg")

    assert reason_of(tmp_path, "beach-1890(1).jpg") == "missing"
    assert reason_of(tmp_path, "beach-view.jpg") == "missing"


def test_the_second_work_of_an_awkward_title_is_not_taken_for_the_first(tmp_path: Path) -> None:
    put(tmp_path, "joaquin-sorolla_sea-19041.jpg")

    assert reason_of(tmp_path, "joaquã\u00adn-sorolla_sea-1904(1).jpg") == "missing"


def test_case_and_backslashes_are_found_where_nothing_else_could_be_meant(tmp_path: Path) -> None:
    put(tmp_path, "Scans/Image One.JPG")

    assert path_of(tmp_path, r"scans\image one.jpg") == "Scans/Image One.JPG"


def test_an_absolute_path_counts_when_it_lies_in_the_folder(tmp_path: Path) -> None:
    inside = put(tmp_path / "root", "a.jpg")
    outside = put(tmp_path / "other", "a.jpg")

    assert path_of(tmp_path / "root", str(inside)) == "a.jpg"
    assert reason_of(tmp_path / "root", str(outside)) == "outside_root"


@pytest.mark.parametrize(
    "listed",
    [
        "../secret.jpg",
        "a/../../secret.jpg",
        "/etc/passwd",
        "C:\\secret.jpg",
        "\\\\server\\secret.jpg",
        "link.jpg",
        "linked/secret.jpg",
        "..\\secret.jpg",
    ],
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, listed: str) -> None:
    put(tmp_path, "secret.jpg")
    root = tmp_path / "root"
    put(root, "a/b.jpg")
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "linked").symlink_to(tmp_path)

    assert reason_of(root, listed) == "outside_root"


def test_links_inside_the_folder_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "loop").symlink_to("loop")

    assert path_of(tmp_path, "b.jpg") == "b.jpg"
    assert reason_of(tmp_path, "loop.jpg") == "unreadable"
    assert reason_of(tmp_path, "loop/a.jpg") == "unreadable_folder"


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("", "no_path"),
        ("  ", "no_path"),
        ("a\0b.jpg", "bad_path"),
        ("a\nb.jpg", "bad_path"),
        ("x" * 300 + ".jpg", "bad_path"),
        ("x/" * 3000 + "a.jpg", "bad_path"),
        ("https://example.org/a.jpg", "url"),
        ("caf\udce9.jpg", "not_utf8"),
        (".", "not_a_file"),
        ("folder", "not_a_file"),
        ("folder/", "not_a_file"),
        ("pipe", "not_a_file"),
        ("folder/nothing.jpg", "missing"),
        ("nowhere/a.jpg", "missing"),
        ("=cmd|' /C calc'!A0", "missing"),
    ],
)
def test_what_is_no_file_has_its_reason(tmp_path: Path, listed: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    assert reason_of(tmp_path, listed) == reason


def test_repair_leaves_what_was_never_broken() -> None:
    assert repaired("ukiyo-e_françois.jpg") == "ukiyo-e_françois.jpg"
    assert repaired("georges-lacombeâ\u00a0_the-violet-wave-1896.jpg") == (
        "georges-lacombe\u00a0_the-violet-wave-1896.jpg"
    )


def how(root: Path, listed: str) -> tuple[str, str]:
    found = ImageFolder(root).find(listed)
    assert isinstance(found, FoundFile), found
    return found.path, found.how


@pytest.mark.parametrize("listed", ["1923.4", "1923.4.tif", "1923.4.JPEG"])
def test_a_name_without_its_suffix_or_with_another_is_found(tmp_path: Path, listed: str) -> None:
    put(tmp_path, "scans/1923.4.jpg")
    put(tmp_path, "scans/1923.5.jpg")
    put(tmp_path, "scans/1923.txt")

    assert how(tmp_path, f"scans/{listed}") == ("scans/1923.4.jpg", "suffix")


def test_two_suffixes_of_one_name_are_no_answer(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    put(tmp_path, "a.png")

    assert reason_of(tmp_path, "a") == "missing"
    assert how(tmp_path, "a.png") == ("a.png", "")


@pytest.mark.parametrize(
    ("listed", "path"),
    [
        (r"D:\scans\1923\a.jpg", "1923/a.jpg"),
        (r"D:\scans\1923\A.TIF", "1923/a.jpg"),
        ("d:/scans/1924/a.jpg", "1924/a.jpg"),
        (r"\\server\share\1924\b", "1924/b.jpg"),
        ("/Users/ada/Pictures/1924/b.jpg", "1924/b.jpg"),
        ("scans/1924/b.jpg", "1924/b.jpg"),
        (r"..scans\1924\b.jpg", "1924/b.jpg"),
    ],
)
def test_a_path_of_another_machine_is_matched_by_the_longest_end_that_one_file_has(
    tmp_path: Path, listed: str, path: str
) -> None:
    for name in ("1923/a.jpg", "1924/a.jpg", "1924/b.jpg"):
        put(tmp_path, name)

    assert how(tmp_path, listed) == (path, "tail")


@pytest.mark.parametrize("listed", [r"D:\scans\a.jpg", "/Users/ada/a.jpg", "elsewhere/a.jpg"])
def test_an_end_that_two_files_share_is_no_answer(tmp_path: Path, listed: str) -> None:
    put(tmp_path, "1923/a.jpg")
    put(tmp_path, "1924/a.jpg")

    assert reason_of(tmp_path, listed) in ("missing", "outside_root")


def test_a_file_that_is_gone_is_not_taken_for_its_namesake_in_another_folder(tmp_path: Path) -> None:
    put(tmp_path, "train/2.jpg")
    put(tmp_path, "test/1.jpg")

    assert reason_of(tmp_path, "train/1.jpg") == "missing"
    assert reason_of(tmp_path, "1.jpg") == "missing"


def test_links_to_a_hubs_cache_are_followed_where_that_was_asked_for(tmp_path: Path) -> None:
    put(tmp_path, "blobs/0a1b")
    (tmp_path / "snapshot/images").mkdir(parents=True)
    (tmp_path / "snapshot/images/a.jpg").symlink_to(tmp_path / "blobs/0a1b")
    (tmp_path / "snapshot/all").symlink_to(tmp_path / "blobs")
    followed = ImageFolder(tmp_path / "snapshot", follow_links=True)

    assert reason_of(tmp_path / "snapshot", "images/a.jpg") == "outside_root"
    assert [getattr(followed.find(p), "path", None) for p in ("images/a.jpg", "all/0a1b")] == [
        "images/a.jpg",
        "all/0a1b",
    ]
    assert isinstance(followed.find("../blobs/0a1b"), NotFound)


@pytest.mark.parametrize("depth", [450, 990, 1900])
def test_folders_a_thousand_deep_are_just_missing(tmp_path: Path, depth: int) -> None:
    assert reason_of(tmp_path, "a/" * depth + "x.jpg") == "missing"
