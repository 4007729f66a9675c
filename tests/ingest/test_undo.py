"""Take an ingest back: what it alone brought goes, what others said stays, and nothing is deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from db.classes.classes import find_attribute
from db.engine.catalog import Catalog
from db.models import Artwork, Class, EffectiveLabel, Label, Listing, SplitFact, Withheld
from db.workspace.workspace import Workspace
from tests.conftest import Curate
from tests.ingest.conftest import Take, draw


def labels(catalog: Catalog, attribute: str = "style") -> dict[str, str]:
    """Return the label that counts, by path."""
    with catalog.read() as session:
        of = find_attribute(session, attribute)
        rows = session.execute(
            select(Artwork.path, Class.key)
            .join(EffectiveLabel, EffectiveLabel.artwork_id == Artwork.id)
            .join(Class, Class.id == EffectiveLabel.class_id)
            .where(EffectiveLabel.attribute_id == of.id)
        )
        return {row[0]: row[1] for row in rows}


def statuses(catalog: Catalog) -> dict[str, str]:
    with catalog.read() as session:
        return {row[0]: row[1] for row in session.execute(select(Artwork.path, Artwork.status))}


def rows(catalog: Catalog) -> int:
    with catalog.read() as session:
        return session.scalar(select(func.count(Label.id))) or 0


def test_an_ingest_by_mistake_is_as_if_it_had_not_been(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    """Folder names for styles, over a list that had said better."""
    take(gallery / "labels.csv")
    before = labels(catalog), labels(catalog, "genre")
    draw(gallery / "Bilder/new.jpg", 77)
    mistake = take(gallery, format="folders")
    assert labels(catalog) != before[0]

    done = curate("-w", workspace.folder, "undo", "--ingest", mistake.ingest_id, "--yes")

    assert done.stdout == (
        f"ingest {mistake.ingest_id} taken back: 1 artworks set aside, 7 labels taken back, 0 restored; "
        f"7 labels changed\n"
    )
    assert (labels(catalog), labels(catalog, "genre")) == before
    assert statuses(catalog)["Bilder/new.jpg"] == "missing"
    assert curate("-w", workspace.folder, "check").status == 0


def test_a_list_that_replaced_labels_gives_them_back(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    path = gallery / "labels.csv"
    take(path)
    before = labels(catalog)
    path.write_text(path.read_text().replace("Baroque", "Rococo"))
    second = take(path)
    assert labels(catalog) != before
    kept = rows(catalog)

    done = curate("-w", workspace.folder, "undo", "--ingest", second.ingest_id, "--yes", "--json").json()

    assert (done["labels_taken_back"], done["labels_restored"], done["artworks_set_aside"]) == (2, 2, 0)
    assert labels(catalog) == before
    assert rows(catalog) == kept + 4
    assert curate("-w", workspace.folder, "check").status == 0
    assert take(path).written.updated == 2


def test_what_a_list_says_beside_its_labels_goes_with_it(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    take(gallery / "labels.csv")
    museum = gallery / "museum.csv"
    museum.write_text('Inv no;File name;Gattung\nI 1;images/0.jpg;Bildnis\nI 2;images/1.jpg;"a; b"\n')
    stated = {"map": {"Gattung": "genre"}, "id": "Inv no"}
    taken = take(museum, stated=stated)
    before = curate("-w", workspace.folder, "history", "images/1.jpg").stdout
    assert curate("-w", workspace.folder, "history", "I 2").status == 0

    curate("-w", workspace.folder, "undo", "--ingest", taken.ingest_id, "--yes")

    unknown = curate("-w", workspace.folder, "history", "I 2")
    assert unknown.stderr.startswith("error: No artwork has the id or path 'I 2'")
    with catalog.read() as session:
        assert session.scalar(select(func.count(Withheld.id))) == 0
        assert session.scalar(select(func.count(Listing.id)).where(Listing.known_as.is_not(None))) == 0
    assert curate("-w", workspace.folder, "check").status == 0
    assert take(museum, stated=stated).withheld["genre"].total() == 1
    again = curate("-w", workspace.folder, "history", "images/1.jpg").stdout
    assert ("I 2" in before, "I 2" in again) == (True, True)


def test_what_an_earlier_ingest_of_the_same_list_said_stays(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    museum = gallery / "museum.csv"
    museum.write_text("Inv no;File name;genre\nI 1;images/0.jpg;Bildnis\nI 2;images/1.jpg;a\n")
    take(museum, stated={"id": "Inv no"})
    museum.write_text(museum.read_text() + "I 3;images/2.jpg;b\n")
    second = take(museum)

    curate("-w", workspace.folder, "undo", "--ingest", second.ingest_id, "--yes")

    with catalog.read() as session:
        assert sorted(map(str, session.scalars(select(Listing.known_as)))) == ["I 1", "I 2"]


def test_what_people_and_other_sources_named_stays(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    first = take(gallery / "labels.csv")
    curate("-w", workspace.folder, "label", "images/0.jpg", "style", "Cubism")
    (gallery / "other.csv").write_text("filepath,genre,split\nimages/1.jpg,portrait,test\n")
    take(gallery / "other.csv")

    done = curate("-w", workspace.folder, "undo", "--ingest", first.ingest_id, "--yes", "--json").json()

    assert (done["artworks_set_aside"], done["artworks_kept"]) == (4, 2)
    assert labels(catalog) == {"images/0.jpg": "Cubism"}
    assert labels(catalog, "genre") == {"images/1.jpg": "portrait"}
    found = statuses(catalog)
    assert {path for path, status in found.items() if status == "ok"} == {"images/0.jpg", "images/1.jpg"}
    again = take(gallery / "labels.csv")
    assert set(statuses(catalog).values()) == {"ok"}
    assert again.written.updated == 6
    assert curate("-w", workspace.folder, "check").status == 0


def test_splits_go_with_their_ingest(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    (gallery / "split.csv").write_text("filepath,genre,split\nimages/1.jpg,portrait,test\n")
    taken = take(gallery / "split.csv")

    done = curate("-w", workspace.folder, "undo", "--ingest", taken.ingest_id, "--yes", "--json").json()

    assert done["splits"] == 1
    with catalog.read() as session:
        assert session.scalar(select(func.count(SplitFact.id))) == 0


def test_it_says_what_it_will_do_and_asks(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    taken = take(gallery / "labels.csv")
    before = labels(catalog)

    asked = curate("-w", workspace.folder, "undo", "--ingest", taken.ingest_id)

    assert asked.status == 1
    told, error = asked.stderr.splitlines()
    assert told.startswith(f"Ingest {taken.ingest_id} read {gallery / 'labels.csv'} on ")
    assert "16 labels that it gave are taken back, 0 that it replaced count again, 6 artworks" in told
    assert error == "error: `curate undo` asks first, and nobody is there to answer. Add `--yes` to do it."
    assert labels(catalog) == before


def test_an_ingest_is_taken_back_once_and_the_later_one_first(
    take: Take, gallery: Path, workspace: Workspace, curate: Curate
) -> None:
    first, second = take(gallery / "labels.csv"), take(gallery / "labels.csv")
    undo = ("-w", workspace.folder, "undo", "--yes", "--ingest")

    early = curate(*undo, first.ingest_id)
    curate(*undo, second.ingest_id)
    again = curate(*undo, second.ingest_id)
    curate(*undo, first.ingest_id)
    none = curate(*undo, 99)
    listed = curate("-w", workspace.folder, "history", "--ingests").stdout.splitlines()

    assert early.stderr == (
        f"error: Ingest {second.ingest_id} read the same source after ingest {first.ingest_id}. "
        f"Take that one back first: `curate undo --ingest {second.ingest_id}`.\n"
    )
    assert again.stderr.startswith(f"error: Ingest {second.ingest_id} was taken back on ")
    assert none.stderr == f"error: There is no ingest 99. The newest is {second.ingest_id}.\n"
    assert [line.endswith("taken back") for line in listed] == [True, True]


def test_a_list_is_one_source_however_its_path_is_typed(
    workspace: Workspace, gallery: Path, curate: Curate, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gallery / "link").symlink_to(gallery, target_is_directory=True)
    monkeypatch.chdir(gallery)
    for typed in ("labels.csv", f"../{gallery.name}/labels.csv", "link/labels.csv"):
        assert curate("-w", workspace.folder, "ingest", typed, "--images", gallery).status == 0

    told = curate("-w", workspace.folder, "history", "--ingests", "--json").lines()
    early = curate("-w", workspace.folder, "undo", "--ingest", 1, "--yes")

    assert {row["location"] for row in told} == {str(gallery.resolve() / "labels.csv")}
    assert early.stderr == (
        "error: Ingest 3 read the same source after ingest 1. Take that one back first: "
        "`curate undo --ingest 3`.\n"
    )


def test_a_verdict_is_taken_back_by_artwork_and_attribute(
    take: Take, gallery: Path, workspace: Workspace, catalog: Catalog, curate: Curate
) -> None:
    take(gallery / "labels.csv")
    before = labels(catalog)
    at = ("-w", workspace.folder)
    curate(*at, "label", "images/0.jpg", "style", "Cubism")
    curate(*at, "label", "images/0.jpg", "style", "Fauvism")

    printed = curate(*at, "history", "images/0.jpg").stdout
    done = [curate(*at, "undo", "images/0.jpg", "style", "--yes").stdout for _ in range(2)]
    nothing = curate(*at, "undo", "images/0.jpg", "style", "--yes")

    assert "decides    style corrected Fauvism  (verdict 2)" in printed
    assert "says       style Baroque  (ingest 1)" in printed
    assert [line.split(";")[0] for line in done] == ["verdict 2 taken back", "verdict 1 taken back"]
    assert labels(catalog) == before
    assert nothing.stderr == (
        "error: No verdict on the style of images/0.jpg counts, so there is none to take back. "
        "`curate history images/0.jpg` prints what was said of it.\n"
    )


@pytest.mark.parametrize("arguments", [(), ("1", "--ingest", "1"), ("images/0.jpg",)])
def test_undo_needs_one_thing_to_undo(folder: Path, curate: Curate, arguments: tuple[str, ...]) -> None:
    assert curate("-w", folder, "undo", *arguments).status == 2
