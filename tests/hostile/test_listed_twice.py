"""One image in several rows of a list: what they say differs, and the catalog says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Curate
from tests.hostile.workspaces import draw, label_of, write_list

pytestmark = pytest.mark.slow

SPELLINGS = {
    "as it is": "img/1.png",
    "a dot": "./img/1.png",
    "two slashes": "img//1.png",
    "another case": "IMG/1.PNG",
    "up and down": "img/../img/1.png",
}


@pytest.mark.parametrize("again", SPELLINGS)
@pytest.mark.parametrize("apart", [0, 600])
def test_rows_that_differ_are_a_label_conflict(
    curate: Curate, tmp_path: Path, again: str, apart: int
) -> None:
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", "style,genre").status == 0
    draw(folder / "img" / "1.png")
    between = [[f"img/{i}.png", "Rococo", ""] for i in range(2, 2 + apart)]
    rows = [["img/1.png", "Cubism", "portrait"], *between, [SPELLINGS[again], "Realism", ""]]
    listed = write_list(folder / "l.csv", rows)

    first = curate("-w", folder, "ingest", listed, "--allow-missing", "--json").json()
    conflicts = curate("-w", folder, "issues", "--kind", "label_conflict", "--json").lines()
    second = curate("-w", folder, "ingest", listed, "--allow-missing", "--json").json()
    history = curate("-w", folder, "history", "img/1.png", "--json").lines()

    assert first["read"] == 2 + apart
    assert (first["added"], first["refused"]["listed_twice"]) == (1, 1)
    assert [(c["attribute"], {c["label"], c["suggested"]}) for c in conflicts] == [
        ("style", {"Cubism", "Realism"})
    ]
    assert (second["added"], second["updated"], second["unchanged"]) == (0, 0, 1)
    assert [event["label"] for event in history] == ["Cubism", "portrait", "Realism"], "nothing is said twice"
    assert label_of(curate, folder, "img/1.png", "genre") == "portrait"
    assert curate("-w", folder, "check").status == 0


def test_a_blank_in_the_first_row_is_filled_by_the_second(curate: Curate, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", "style,genre").status == 0
    draw(folder / "img" / "1.png")
    listed = write_list(folder / "l.csv", [["img/1.png", "Cubism", ""], ["img/1.png", "", "portrait"]])

    for _ in range(2):
        assert curate("-w", folder, "ingest", listed).status == 0

    assert label_of(curate, folder, "img/1.png", "style") == "Cubism"
    assert label_of(curate, folder, "img/1.png", "genre") == "portrait"
    assert curate("-w", folder, "issues", "--kind", "label_conflict", "--json").lines() == []


def test_a_list_that_was_fixed_ends_the_conflict(curate: Curate, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", "style,genre").status == 0
    draw(folder / "img" / "1.png")
    rows = [["img/1.png", "Cubism", ""], ["img/1.png", "Realism", ""]]
    curate("-w", folder, "ingest", write_list(folder / "l.csv", rows))

    fixed = curate("-w", folder, "ingest", write_list(folder / "l.csv", rows[1:]), "--json").json()

    assert fixed["updated"] == 1
    assert label_of(curate, folder, "img/1.png") == "Realism"
    assert curate("-w", folder, "issues", "--kind", "label_conflict", "--json").lines() == []


def test_the_refused_row_says_what_became_of_it(curate: Curate, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", "style,genre").status == 0
    draw(folder / "img" / "1.png")
    rows = [["img/1.png", "Cubism", ""], ["img/1.png", "Realism", ""], ["img/1.png", "Cubism", ""]]
    curate("-w", folder, "ingest", write_list(folder / "l.csv", rows))

    told = curate("-w", folder, "history", "--refused", 1).stdout

    assert "img/1.png; Realism of it is kept beside what was said first" in told
    assert told.count("listed_twice") == 2
