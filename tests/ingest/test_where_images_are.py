"""From a listed name to a file: what is told, what is refused before anything is written, what gives way."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from curate.ingest.places.presence import MostImagesMissing
from db.engine.catalog import Catalog
from db.models import Artwork, Class, EffectiveLabel, Ingest
from db.workspace.workspace import Workspace, open_workspace
from tests.conftest import Curate
from tests.ingest.conftest import Take, draw


def styles(catalog: Catalog) -> dict[str, str]:
    """Return the label that counts, by path."""
    with catalog.read() as session:
        rows = session.execute(
            select(Artwork.path, Class.name)
            .join(EffectiveLabel, EffectiveLabel.artwork_id == Artwork.id)
            .join(Class, Class.id == EffectiveLabel.class_id)
        )
        return {row[0]: row[1] for row in rows}


def listed(folder: Path, *rows: str) -> Path:
    """Write a list of ``file,style`` rows."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "list.csv"
    path.write_text("\n".join(["filepath,style", *rows]) + "\n")
    return path


def test_names_without_suffix_and_of_another_machine_are_found_and_told(
    take: Take, catalog: Catalog, tmp_path: Path
) -> None:
    for at, name in enumerate(("1923.4.jpg", "Bilder/a.tif", "Bilder/b.jpg")):
        draw(tmp_path / "g" / name, at)

    summary = take(
        listed(tmp_path / "g", "1923.4,Cubism", r"D:\scans\a.jpg,Realism", r"Bilder\b.jpg,Fauvism")
    )

    assert styles(catalog) == {"1923.4.jpg": "Cubism", "Bilder/a.tif": "Realism", "Bilder/b.jpg": "Fauvism"}
    assert summary.remarks == [
        "2 listed files were found by the name without its suffix, or by the end of the path: "
        "1923.4 is 1923.4.jpg."
    ]


def test_a_loose_match_never_takes_the_file_of_a_record_that_names_it(
    take: Take, catalog: Catalog, tmp_path: Path
) -> None:
    """``1.jpg`` is gone, and ``1.png`` is another work, further down the list."""
    draw(tmp_path / "g/1.png", 1)
    draw(tmp_path / "g/2.png", 2)

    summary = take(listed(tmp_path / "g", "1.jpg,Cubism", "2.png,Realism", "1.png,Fauvism"))

    assert styles(catalog) == {"1.png": "Fauvism", "2.png": "Realism", "1.jpg": "Cubism"}
    assert dict(summary.refused) == {"missing": 1}
    assert take(tmp_path / "g/list.csv").written.unchanged == 2


def test_two_loose_matches_of_one_file_are_no_answer(take: Take, catalog: Catalog, tmp_path: Path) -> None:
    draw(tmp_path / "g/1.png", 1)
    for at in (2, 3):
        draw(tmp_path / f"g/{at}.png", at)

    rows = ("1.jpg,Cubism", "1.tif,Realism", "2.png,Fauvism", "3.png,Fauvism")
    summary = take(listed(tmp_path / "g", *rows))

    assert (summary.written.added, dict(summary.refused)) == (2, {"missing": 2})


def test_the_same_row_twice_is_listed_twice(take: Take, tmp_path: Path) -> None:
    draw(tmp_path / "g/1.png", 1)

    summary = take(listed(tmp_path / "g", "1,Cubism", "1,Cubism"))

    assert (summary.written.added, dict(summary.refused)) == (1, {"listed_twice": 1})


@pytest.mark.parametrize("where", ["Bilder", "../scans/1923"])
def test_where_most_images_are_missing_nothing_is_written_and_the_folder_is_named(
    take: Take, catalog: Catalog, tmp_path: Path, where: str
) -> None:
    folder = (tmp_path / "g" / where).resolve()
    for at in range(5):
        draw(folder / f"{at}.jpg", at)
    draw(tmp_path / "g/other.jpg", 9)
    path = listed(tmp_path / "g", "other.jpg,Cubism", *(f"{at}.jpg,Cubism" for at in range(7)))

    with pytest.raises(MostImagesMissing) as error:
        take(path)

    shown = f"{tmp_path / 'g' / 'Bilder' if where == 'Bilder' else tmp_path / 'scans/1923'}"
    assert str(error.value) == (
        f"7 of the 8 images that {path} lists are not in {tmp_path / 'g'}, 0.jpg among them; nothing was "
        f"written. The images are in {shown}: type `curate ingest {path} --images {shown}`. "
        f"If most are really not here, add `--allow-missing`."
    )
    with catalog.read() as session:
        assert [session.scalar(select(func.count(table.id))) for table in (Ingest, Artwork, Class)] == [
            0,
            0,
            0,
        ]
    assert take(path, images=folder).written.added == 5


def test_where_nobody_knows_the_folder_the_user_is_asked_to_name_it(take: Take, tmp_path: Path) -> None:
    path = listed(tmp_path / "g", *(f"{at}.jpg,Cubism" for at in range(3)))

    with pytest.raises(MostImagesMissing) as error:
        take(path)

    assert "Name the folder that its paths start from: type `curate ingest " in str(error.value)
    assert dict(take(path, allow_missing=True).refused) == {"missing": 3}


def test_a_long_list_is_judged_as_a_whole(take: Take, tmp_path: Path) -> None:
    """Its first thousand images are elsewhere, the twelve hundred after them are here."""
    for at in range(1200):
        (tmp_path / f"g/{at}.jpg").parent.mkdir(exist_ok=True)
        (tmp_path / f"g/{at}.jpg").write_bytes(b"")
    rows = [*(f"gone-{at}.jpg,Cubism" for at in range(1000)), *(f"{at}.jpg,Cubism" for at in range(1200))]

    assert take(listed(tmp_path / "g", *rows)).refused["missing"] == 1000


def test_what_is_not_named_like_an_image_is_counted_and_told(take: Take, tmp_path: Path) -> None:
    draw(tmp_path / "g/a/1.jpg", 1)
    for name in ("a/2", "a/3", "a/4.psd", "a/Thumbs.db", "a/.hidden", "a/5.txt"):
        (tmp_path / "g" / name).write_bytes(b"x")

    summary = take(tmp_path / "g", format="folders")

    assert summary.remarks == ["Not named like images, and not read: 2 without a suffix, 1 .psd, 1 .txt."]


def test_a_git_lfs_pointer_says_what_to_run(take: Take, tmp_path: Path) -> None:
    draw(tmp_path / "g/a/1.jpg", 1)
    (tmp_path / "g/a/2.jpg").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n")

    assert take(tmp_path / "g").remarks == [
        f"1 files are Git LFS pointers, not images: run `git lfs pull` in {tmp_path / 'g'}, "
        f"then this command again."
    ]


def test_a_hubs_cache_is_read_with_follow_links_and_stays_so(
    workspace: Workspace, tmp_path: Path, curate: Curate
) -> None:
    """A snapshot of links into blobs without suffix, as the hub's own client lays it out."""
    for at in range(4):
        blob = draw(tmp_path / f"blobs/{at}.png", at).rename(tmp_path / f"blobs/{at:064x}")
        link = tmp_path / f"snapshots/main/{('Cubism', 'Realism')[at % 2]}/{at}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (tmp_path / "snapshots/main/loop").symlink_to(tmp_path / "snapshots")
    ingest = ("-w", workspace.folder, "ingest", tmp_path / "snapshots/main", "--json")

    refused = curate(*ingest).json()
    taken = curate(*ingest, "--follow-links").json()
    again = curate(*ingest).json()

    assert refused["refused"] == {"linked_folder": 1, "outside_root": 4}
    assert (taken["added"], again["unchanged"]) == (4, 4)
    opened = open_workspace(workspace.folder)
    assert opened.settings.follow_links == ("main",)
    assert opened.image_path("main", "Cubism/0.png").read_bytes()
    assert curate("-w", workspace.folder, "check", "--images").status == 0
