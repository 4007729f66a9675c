"""Columns that are no attribute travel with the artwork, are shown with it, and searched."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.browse.facts import facts
from db.labels.kept import artworks_where
from db.labels.table import find_artwork
from db.reviews.asking.cards import read_cards
from db.workspace.workspace import open_workspace
from tests.conftest import Curate
from tests.ingest.conftest import draw


@pytest.fixture
def listed(folder: Path, tmp_path: Path, curate: Curate) -> Path:
    """A workspace with a list of three: one good image, two torn ones."""
    draw(tmp_path / "a.jpg", 1)
    for at, name in enumerate(("b.jpg", "c.jpg"), 2):
        data = draw(tmp_path / name, at).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
    (tmp_path / "list.csv").write_text(
        "Inv. Nr.;Dateiname;Stil;Künstler;Material\n"
        "1923.4;a.jpg;Kubismus;Werkstatt Cranach;Öl auf Leinwand\n"
        "1923.5;b.jpg;Kubismus;Cranach;Öl auf Holz\n"
        "1923.6;c.jpg;Kubismus;Cranach;Tempera\n",
        encoding="utf-8",
    )
    assert curate("-w", folder, "ingest", tmp_path / "list.csv").status == 0
    return folder


def test_issues_are_searched_by_a_kept_column(listed: Path, curate: Curate) -> None:
    every = curate("-w", listed, "issues", "--kind", "unreadable", "--json").lines()
    oil = curate("-w", listed, "issues", "--kind", "unreadable", "--where", "material=öl*", "--json").lines()
    told = curate("-w", listed, "issues", "--kind", "unreadable", "--where", "Inv. Nr.=1923.6").stdout
    unknown = curate("-w", listed, "issues", "--kind", "unreadable", "--where", "Farbe=rot")

    assert len(every) == 2
    assert [(row["path"], row["known_as"], row["kept"]["Material"]) for row in oil] == [
        ("b.jpg", "1923.5", "Öl auf Holz")
    ]
    assert "Inv. Nr.: 1923.6; Material: Tempera" in told
    assert unknown.stderr == (
        "error: No list has a column 'Farbe' that is kept. There are Inv. Nr., Material.\n"
    )


def test_an_artwork_is_found_by_its_id(listed: Path, curate: Curate) -> None:
    labelled = curate("-w", listed, "label", "1923.4", "style", "Kubismus")
    history = curate("-w", listed, "history", "1923.4").stdout

    assert labelled.stdout == "1923.4: style confirmed, Kubismus; 0 labels changed\n"
    assert "listed 1923.4 by import:csv:list.csv: Inv. Nr.: 1923.4; Material: Öl auf Leinwand\n" in history
    assert "artist: no label, qualified: 'Werkstatt Cranach' (import:csv:list.csv)\n" in history


def test_tasks_and_the_app_have_them(listed: Path) -> None:
    with open_workspace(listed).open_catalog() as catalog, catalog.read() as session:
        artwork = find_artwork(session, "1923.4").id
        card = read_cards(session, [artwork])[artwork]
        shown = facts(session, [artwork], None, {})[0]
        both = artworks_where(session, {"Material": "öl*", "Inv. Nr.": "1923.4"})

    expected = {
        "Inv. Nr.": "1923.4",
        "Material": "Öl auf Leinwand",
        "artist (as listed)": "Werkstatt Cranach",
    }
    assert (card.known_as, card.kept) == ("1923.4", expected)
    assert (shown.kept.known_as, shown.kept.cells) == ("1923.4", expected)
    assert both == {artwork}
