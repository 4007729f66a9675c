"""What an ingest leaves in the catalog, and what a second one changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select

from curate.ingest import IngestSummary
from curate.ingest.places.presence import FolderEmpty
from db.classes.classes import find_attribute, find_class
from db.engine.catalog import Catalog
from db.models import Artwork, DuplicateGroup, EffectiveLabel, Issue, Label, Refusal, now
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import record
from db.workspace.workspace import Workspace
from tests.ingest.conftest import Take, draw


def counts(summary: IngestSummary) -> tuple[int, int, int, int, int]:
    written = summary.written
    return (summary.read, written.added, written.updated, written.unchanged, summary.refused.total())


def artwork(catalog: Catalog, path: str) -> Artwork:
    with catalog.read() as session:
        return session.scalars(select(Artwork).where(Artwork.path == path)).one()


def effective(catalog: Catalog) -> dict[tuple[str, str], str]:
    """Return class keys by (path, attribute), as the catalog derives them."""
    from db.models import Attribute, Class

    with catalog.read() as session:
        rows = session.execute(
            select(Artwork.path, Attribute.name, Class.key)
            .join(EffectiveLabel, EffectiveLabel.artwork_id == Artwork.id)
            .join(Attribute, Attribute.id == EffectiveLabel.attribute_id)
            .join(Class, Class.id == EffectiveLabel.class_id)
        )
        return {(path, attribute): key for path, attribute, key in rows}


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_list_becomes_artworks_labels_and_effective_labels(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    summary = take(gallery / "labels.csv")

    assert counts(summary) == (6, 6, 0, 0, 0)
    assert summary.new_classes == {"style": 3, "genre": 2, "artist": 2}
    labels = effective(catalog)
    assert len(labels) == 6 + 4 + 6
    assert labels["images/3.jpg", "style"] == "Cubism"
    assert ("images/2.jpg", "genre") not in labels
    first = artwork(catalog, "images/0.jpg")
    assert (first.status, first.width, first.height, first.image_format) == ("ok", 64, 48, "JPEG")
    assert first.sha256 is not None and len(first.sha256) == 64
    assert first.phash is not None and len(first.phash) == 64


def test_again_nothing_changes_and_no_row_is_added(take: Take, catalog: Catalog, gallery: Path) -> None:
    take(gallery / "labels.csv")
    with catalog.read() as session:
        before = session.scalar(select(func.count(Label.id)))

    summary = take(gallery / "labels.csv")

    assert counts(summary) == (6, 0, 0, 6, 0)
    with catalog.read() as session:
        assert session.scalar(select(func.count(Label.id))) == before


def test_a_changed_cell_adds_a_label_and_takes_the_old_one_back(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    take(gallery / "labels.csv")
    replace_in(gallery / "labels.csv", "images/0.jpg,Baroque,portrait", "images/0.jpg,Fauvism,")

    summary = take(gallery / "labels.csv")

    assert counts(summary) == (6, 0, 1, 5, 0)
    labels = effective(catalog)
    assert labels["images/0.jpg", "style"] == "Fauvism"
    assert ("images/0.jpg", "genre") not in labels
    with catalog.read() as session:
        rows = session.scalars(select(Label).where(Label.retracts_id.is_not(None))).all()
    assert len(rows) == 2


def test_an_import_never_overrides_a_verdict_and_says_so(take: Take, catalog: Catalog, gallery: Path) -> None:
    take(gallery / "labels.csv")
    target = artwork(catalog, "images/0.jpg")
    with catalog.write() as session:
        style = find_attribute(session, "style")
        decision = Decision(style.id, "corrected", find_class(session, style, "Cubism"))
        record(session, [Answer("local", "1", target.id, ("me", "me"), now(), [decision])])
    replace_in(gallery / "labels.csv", "images/0.jpg,Baroque", "images/0.jpg,Fauvism")

    summary = take(gallery / "labels.csv")

    assert summary.written.overruled == 1
    assert effective(catalog)["images/0.jpg", "style"] == "Cubism"


def test_new_bytes_at_a_path_are_a_revision_and_make_issues_stale(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    take(gallery / "labels.csv")
    before = artwork(catalog, "images/1.jpg")
    with catalog.write() as session:
        session.add(Issue(artwork_id=before.id, kind="label", score=0.1))
    draw(gallery / "images/1.jpg", 99)

    summary = take(gallery / "labels.csv")

    assert counts(summary) == (6, 0, 1, 5, 0)
    after = artwork(catalog, "images/1.jpg")
    assert (after.uuid, after.revision) == (before.uuid, 2)
    assert after.sha256 != before.sha256
    with catalog.read() as session:
        assert session.scalars(select(Issue.state).where(Issue.artwork_id == after.id)).all() == ["stale"]


def test_a_touched_file_is_read_again_and_is_unchanged(take: Take, catalog: Catalog, gallery: Path) -> None:
    take(gallery / "labels.csv")
    os.utime(gallery / "images/1.jpg", ns=(1, 1))

    summary = take(gallery / "labels.csv")

    assert counts(summary) == (6, 0, 0, 6, 0)
    assert artwork(catalog, "images/1.jpg").mtime_ns == 1
    assert artwork(catalog, "images/1.jpg").revision == 1


def test_verify_finds_bytes_that_changed_under_the_same_size_and_time(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    draw(gallery / "images/1.jpg", 1, comment=b"one")
    take(gallery / "labels.csv")
    file = gallery / "images/1.jpg"
    info = file.stat()
    file.write_bytes(file.read_bytes().replace(b"one", b"two"))
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))

    assert counts(take(gallery / "labels.csv")) == (6, 0, 0, 6, 0)
    assert counts(take(gallery / "labels.csv", verify=True)) == (6, 0, 1, 5, 0)
    assert artwork(catalog, "images/1.jpg").revision == 2


def test_the_same_bytes_at_a_new_path_are_the_artwork_that_moved(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    take(gallery / "labels.csv")
    before = artwork(catalog, "images/5.jpg")
    (gallery / "images/5.jpg").rename(gallery / "images/renamed.jpg")
    replace_in(gallery / "labels.csv", "images/5.jpg", "images/renamed.jpg")

    summary = take(gallery / "labels.csv")

    assert counts(summary) == (6, 0, 1, 5, 0)
    assert summary.written.moved == 1
    assert artwork(catalog, "images/renamed.jpg").uuid == before.uuid


def test_the_same_bytes_under_a_root_unknown_here_are_not_taken_from_it(
    take: Take, workspace: Workspace, catalog: Catalog, gallery: Path
) -> None:
    take(gallery / "labels.csv")
    settings = workspace.folder / "curate.toml"
    settings.write_text(settings.read_text().replace(f'gallery = "{gallery}"', ""))
    shutil.copytree(gallery, gallery.parent / "copy")

    summary = take(gallery.parent / "copy" / "labels.csv")

    assert (counts(summary), summary.written.moved) == ((6, 6, 0, 0, 0), 0)
    with catalog.read() as session:
        assert set(session.scalars(select(Artwork.root))) == {"gallery", "copy"}


def test_a_copy_is_another_artwork_of_an_exact_group(take: Take, catalog: Catalog, gallery: Path) -> None:
    shutil.copy(gallery / "images/0.jpg", gallery / "images/copy.jpg")
    with (gallery / "labels.csv").open("a") as file:
        file.write("images/copy.jpg,Fauvism,portrait,painter-0\n")

    summary = take(gallery / "labels.csv")

    assert (summary.exact_groups, summary.near_groups) == (1, 0)
    one, two = artwork(catalog, "images/0.jpg"), artwork(catalog, "images/copy.jpg")
    assert one.uuid != two.uuid
    assert one.duplicate_group_id == two.duplicate_group_id is not None
    with catalog.read() as session:
        issues = session.scalars(select(Issue).where(Issue.kind == "duplicate")).all()
    assert {(issue.artwork_id, issue.score, issue.reason) for issue in issues} == {
        (one.id, 0.5, "the same image is also labelled Fauvism"),
        (two.id, 0.5, "the same image is also labelled Baroque"),
    }


def test_a_contradiction_that_is_fixed_closes_its_issue(take: Take, catalog: Catalog, gallery: Path) -> None:
    shutil.copy(gallery / "images/0.jpg", gallery / "images/copy.jpg")
    with (gallery / "labels.csv").open("a") as file:
        file.write("images/copy.jpg,Fauvism,portrait,painter-0\n")
    assert take(gallery / "labels.csv").conflicts == 2
    replace_in(gallery / "labels.csv", "copy.jpg,Fauvism", "copy.jpg,Baroque")

    summary = take(gallery / "labels.csv")

    assert summary.conflicts == 0
    with catalog.read() as session:
        assert set(session.scalars(select(Issue.state))) == {"resolved"}


def test_a_missing_image_keeps_its_labels_and_comes_in_when_it_turns_up(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    (gallery / "images/2.jpg").rename(gallery / "away.jpg")
    first = take(gallery / "labels.csv")
    again = take(gallery / "labels.csv")
    (gallery / "away.jpg").rename(gallery / "images/2.jpg")

    found = take(gallery / "labels.csv")

    assert counts(first) == (6, 5, 0, 0, 1)
    assert dict(first.refused) == {"missing": 1}
    assert counts(again) == (6, 0, 0, 5, 1)
    assert counts(found) == (6, 0, 1, 5, 0)
    assert effective(catalog)["images/2.jpg", "style"] == "Cubism"
    with catalog.read() as session:
        rows = session.scalars(select(Refusal).where(Refusal.ingest_id == first.ingest_id)).all()
    assert [(row.record, row.reason, row.detail) for row in rows] == [
        ("labels.csv: line 4", "missing", "images/2.jpg")
    ]


def test_a_file_that_leaves_its_folder_is_missing_until_it_is_back(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    take(gallery / "images")
    take(gallery / "labels.csv")
    (gallery / "images/2.jpg").rename(gallery / "away.jpg")

    listed = gallery / "other.csv"
    listed.write_text("filepath,style\n0.jpg,Baroque\n")
    # A list says nothing of the artworks that it leaves out.
    of_list = take(listed, images=gallery / "images")
    assert (of_list.vanished, artwork(catalog, "2.jpg").status) == (0, "ok")
    gone = take(gallery / "images")

    assert (counts(gone), gone.vanished) == ((5, 0, 0, 5, 0), 1)
    assert (artwork(catalog, "2.jpg").status, artwork(catalog, "images/2.jpg").status) == ("missing", "ok")
    assert take(gallery / "images").vanished == 0
    (gallery / "away.jpg").rename(gallery / "images/2.jpg")
    assert counts(take(gallery / "images")) == (6, 0, 1, 5, 0)
    assert artwork(catalog, "2.jpg").status == "ok"


def test_an_empty_folder_is_a_disk_that_is_not_mounted(take: Take, catalog: Catalog, gallery: Path) -> None:
    take(gallery / "images", format="folders")
    for at in range(6):
        (gallery / f"images/{at}.jpg").rename(gallery / f"{at}.jpg")

    with pytest.raises(FolderEmpty) as refused:
        take(gallery / "images", format="folders")

    assert str(refused.value).startswith(
        f"There is no image in {gallery / 'images'}, and the catalog has 6 of it. Is its disk mounted?"
    )
    assert {artwork(catalog, f"{at}.jpg").status for at in range(6)} == {"ok"}
    assert take(gallery / "images", format="folders", allow_missing=True).vanished == 6
    assert {artwork(catalog, f"{at}.jpg").status for at in range(6)} == {"missing"}


def test_most_of_a_folder_gone_is_told_and_left_as_it_is(take: Take, catalog: Catalog, gallery: Path) -> None:
    take(gallery / "images", format="folders")
    for at in range(4):
        (gallery / f"images/{at}.jpg").rename(gallery / f"{at}.jpg")

    half_mounted = take(gallery / "images", format="folders")

    assert half_mounted.vanished == 0
    assert half_mounted.remarks[0].startswith("4 of the 6 images that this folder had are gone.")
    assert artwork(catalog, "0.jpg").status == "ok"
    assert take(gallery / "images", format="folders", allow_missing=True).vanished == 4
    assert artwork(catalog, "0.jpg").status == "missing"


def test_images_without_any_label_are_told(take: Take, gallery: Path) -> None:
    told = take(gallery / "images", format="folders").remarks

    assert told == [
        f"None of these 6 images has a label: folders in {gallery / 'images'} would be their classes. If a "
        f"list has the labels, type `curate ingest LIST --images {gallery / 'images'}`."
    ]


def test_a_refused_image_is_an_issue_until_it_is_fixed(take: Take, catalog: Catalog, gallery: Path) -> None:
    whole = (gallery / "images/4.jpg").read_bytes()
    (gallery / "images/4.jpg").write_bytes(whole[:-200])
    first = take(gallery / "labels.csv")
    take(gallery / "labels.csv")

    with catalog.read() as session:
        issue = session.scalars(select(Issue).where(Issue.kind == "unreadable")).one()
    assert (first.unreadable, issue.artwork_id, issue.state, issue.reason, issue.score) == (
        1,
        artwork(catalog, "images/4.jpg").id,
        "open",
        "truncated",
        0.0,
    )
    (gallery / "images/4.jpg").write_bytes(whole)
    assert take(gallery / "labels.csv").unreadable == 0
    with catalog.read() as session:
        assert session.scalars(select(Issue.state)).all() == ["stale"]


def test_lists_without_images_come_in_unverified_and_are_adopted_by_their_images(
    take: Take, catalog: Catalog, gallery: Path, tmp_path: Path
) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    shutil.copy(gallery / "labels.csv", lists / "labels.csv")
    first = take(lists / "labels.csv", check_images=False)
    uuids = {path: artwork(catalog, path).uuid for path in ("images/0.jpg", "images/5.jpg")}
    assert artwork(catalog, "images/0.jpg").status == "unverified"
    again = take(lists / "labels.csv", check_images=False)

    summary = take(lists / "labels.csv", images=gallery)

    assert counts(first) == (6, 6, 0, 0, 0)
    assert counts(again) == (6, 0, 0, 6, 0)
    assert counts(summary) == (6, 0, 6, 0, 0)
    assert {path: artwork(catalog, path).uuid for path in uuids} == uuids
    assert artwork(catalog, "images/0.jpg").status == "ok"


def test_a_path_that_comes_twice_is_refused_the_second_time(take: Take, gallery: Path) -> None:
    with (gallery / "labels.csv").open("a") as file:
        file.write("./images/0.jpg,Cubism,portrait,painter-0\n")

    summary = take(gallery / "labels.csv")

    assert counts(summary) == (7, 6, 0, 0, 1)
    assert dict(summary.refused) == {"listed_twice": 1}


def test_groups_of_one_catalog_do_not_change_when_nothing_does(
    take: Take, catalog: Catalog, gallery: Path
) -> None:
    shutil.copy(gallery / "images/0.jpg", gallery / "images/copy.jpg")
    take(gallery / "images")
    with catalog.read() as session:
        before = session.scalars(select(DuplicateGroup.id)).all()
    draw(gallery / "images/new.jpg", 77)

    take(gallery / "images")

    with catalog.read() as session:
        assert session.scalars(select(DuplicateGroup.id)).all() == before


def test_a_likeness_of_class_names_is_told_and_nothing_is_merged(take: Take, gallery: Path) -> None:
    take(gallery / "labels.csv")
    replace_in(gallery / "labels.csv", "Baroque", "Barroque")

    summary = take(gallery / "labels.csv")

    assert summary.new_classes == {"style": 1}
    assert summary.near_matches == [("style", "Barroque", "Baroque")]
