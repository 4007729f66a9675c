"""The commands of ingest, stats, history, classes and relocate, as a user types them."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Curate
from tests.ingest.conftest import draw


def test_ingest_prints_counts_that_add_up(
    curate: Curate, workspace: object, tmp_path: Path, gallery: Path
) -> None:
    (gallery / "images/5.jpg").unlink()

    result = curate("-w", tmp_path / "ws", "ingest", gallery / "labels.csv")
    again = curate("-w", tmp_path / "ws", "ingest", gallery / "labels.csv", "--json")

    assert result.stdout == (
        "read 6: 5 added, 0 updated, 0 unchanged, 1 refused\n"
        "       1  missing\n"
        "duplicates: 0 exact groups, 0 near groups\n"
    )
    assert "List the refused records with `curate history --refused 1`." in result.stderr
    told = again.json()
    assert {name: told[name] for name in ("read", "added", "updated", "unchanged", "refused")} == {
        "read": 6,
        "added": 0,
        "updated": 0,
        "unchanged": 5,
        "refused": {"missing": 1},
    }
    assert told["duplicates"]["exact_groups"] == told["duplicates"]["near_groups"] == 0
    refused = curate("-w", tmp_path / "ws", "history", "--refused", 1, "--json").lines()
    assert refused == [{"record": "labels.csv: line 7", "reason": "missing", "detail": "images/5.jpg"}]


def test_ingest_of_nothing_is_an_error(curate: Curate, workspace: object, tmp_path: Path) -> None:
    result = curate("-w", tmp_path / "ws", "ingest", tmp_path / "none.csv")

    assert result.status == 1
    assert result.stderr == (
        f"error: There is no file or folder at {tmp_path}/none.csv. "
        f"Check the path and run the command again.\n"
    )


def test_stats_counts_statuses_splits_and_classes(
    curate: Curate, workspace: object, tmp_path: Path, gallery: Path
) -> None:
    curate("-w", tmp_path / "ws", "ingest", gallery / "labels.csv")

    told = curate("-w", tmp_path / "ws", "stats", "--json", "--plot", tmp_path / "charts").json()

    assert (told["artworks"], told["status"], told["splits"]) == (6, {"ok": 6}, {})
    assert told["attributes"]["genre"]["counts"] == {"landscape": 2, "portrait": 2}
    assert told["attributes"]["genre"]["labelled"] == 4
    assert told["attributes"]["style"]["classes"] == 3
    charts = sorted((tmp_path / "charts").iterdir())
    assert [chart.name for chart in charts] == ["artist.png", "genre.png", "style.png"]
    assert all(chart.read_bytes()[:4] == b"\x89PNG" for chart in charts)
    drawn = curate("-w", tmp_path / "ws", "stats").stdout
    assert "style: 6 labelled, 3 classes, largest to smallest 1:1\n" in drawn
    assert "  Baroque        2  " + "█" * 40 + "\n" in drawn


def test_history_says_who_said_what(curate: Curate, workspace: object, tmp_path: Path, gallery: Path) -> None:
    curate("-w", tmp_path / "ws", "ingest", gallery / "labels.csv")
    text = (gallery / "labels.csv").read_text()
    (gallery / "labels.csv").write_text(text.replace("images/0.jpg,Baroque", "images/0.jpg,Cubism"))
    curate("-w", tmp_path / "ws", "ingest", gallery / "labels.csv")

    events = curate("-w", tmp_path / "ws", "history", "images/0.jpg", "--json").lines()

    style = [event for event in events if event["attribute"] == "style"]
    assert [(event["source"], event["action"], event["label"], event["counts"]) for event in style] == [
        ("import:csv:labels.csv", "says", "Baroque", False),
        ("import:csv:labels.csv", "says", "Cubism", True),
        ("import:csv:labels.csv", "takes back", "Baroque", False),
    ]
    missing = curate("-w", tmp_path / "ws", "history", "--refused", 9)
    assert missing.stderr == "error: There is no ingest 9. The newest is 2.\n"


def test_classes_are_added_renamed_and_merged_and_every_spelling_goes_on(
    curate: Curate, workspace: object, tmp_path: Path, gallery: Path
) -> None:
    ws = tmp_path / "ws"
    curate("-w", ws, "ingest", gallery / "labels.csv")

    assert curate("-w", ws, "classes", "add", "style", "Rococo").stdout == "style has the class Rococo.\n"
    curate("-w", ws, "classes", "rename", "style", "Rococo", "Late Baroque")
    merged = curate("-w", ws, "classes", "merge", "style", "Fauvism", "Late Baroque")

    assert merged.stdout == "2 labels of Fauvism count as Late Baroque.\n"
    rows = {row["key"]: row for row in curate("-w", ws, "classes", "list", "style", "--json").lines()}
    assert rows["Rococo"]["name"] == "Late Baroque"
    assert rows["Rococo"]["labelled"] == 2
    assert rows["Rococo"]["aliases"] == ["Fauvism", "Late Baroque", "Rococo"]
    assert rows["Fauvism"]["merged_into"] == "Rococo"
    again = curate("-w", ws, "ingest", gallery / "labels.csv", "--json").json()
    assert (again["unchanged"], again["new_classes"]) == (6, {})
    changes = curate("-w", ws, "classes", "list", "style", "--changes", "--json").lines()
    assert [change["kind"] for change in changes][-3:] == ["added", "renamed", "merged"]


def test_a_class_is_not_made_twice_nor_merged_into_itself(
    curate: Curate, workspace: object, tmp_path: Path, gallery: Path
) -> None:
    ws = tmp_path / "ws"
    curate("-w", ws, "ingest", gallery / "labels.csv")

    assert curate("-w", ws, "classes", "add", "style", "BAROQUE").stderr == (
        "error: style already has 'Baroque', and 'BAROQUE' is one of its spellings. "
        "To make two classes one, type `curate classes merge style FROM INTO`.\n"
    )
    assert curate("-w", ws, "classes", "merge", "style", "Baroque", "baroque").stderr == (
        "error: Both names stand for the style class 'Baroque' already. Name two classes.\n"
    )
    assert curate("-w", ws, "classes", "add", "style", "unknown").status == 1


def test_a_moved_folder_is_found_again(
    curate: Curate, workspace: object, tmp_path: Path, gallery: Path
) -> None:
    ws = tmp_path / "ws"
    curate("-w", ws, "ingest", gallery / "labels.csv")
    gallery.rename(tmp_path / "elsewhere")
    (tmp_path / "empty").mkdir()

    wrong = curate("-w", ws, "relocate", "gallery", tmp_path / "empty")
    lost = curate("-w", ws, "relocate").stdout
    right = curate("-w", ws, "relocate", "gallery", tmp_path / "elsewhere", "--json").json()
    again = curate("-w", ws, "ingest", tmp_path / "elsewhere" / "labels.csv", "--json").json()

    assert wrong.stderr == (
        f"error: {tmp_path}/empty holds none of 6 images of the root 'gallery': "
        f"there is no images/0.jpg in it. Name the folder that the paths of this root are relative to.\n"
    )
    assert lost == f"gallery: {gallery}, 6 artworks; 0 of 6 images looked for are there\n"
    assert (right["artworks"], right["found"]) == (6, 6)
    assert again["unchanged"] == 6
    nobody = curate("-w", ws, "relocate", "scans", tmp_path)
    assert nobody.stderr == "error: There is no root 'scans'. Roots of this workspace: gallery.\n"


def test_renaming_every_file_keeps_every_score_and_hash(
    curate: Curate, workspace: object, tmp_path: Path, gallery: Path
) -> None:
    """No duplicate rule reads a path: the same bytes under other names make the same groups."""
    other = tmp_path / "other"
    for at in range(6):
        draw(other / f"{97 * at % 7}-renamed.jpg", at)

    one = curate("-w", tmp_path / "ws", "ingest", gallery / "labels.csv", "--json").json()
    both = curate("-w", tmp_path / "ws", "ingest", other, "--json").json()

    assert one["duplicates"]["exact_groups"] == 0
    assert both["duplicates"]["exact_groups"] == 6
