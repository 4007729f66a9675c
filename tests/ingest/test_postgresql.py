"""The same ingest into a catalog on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from curate.export.like import export_like
from curate.ingest import ingest
from db.labels.kept import kept_cells
from db.labels.table import find_artwork
from db.models import Artwork, EffectiveLabel, Issue
from db.workspace.workspace import Workspace, init_workspace, open_workspace
from tests.ingest.conftest import draw
from tests.postgres import postgres_server

pytestmark = pytest.mark.services


@pytest.fixture
def on_postgresql(tmp_path: Path) -> Iterator[Workspace]:
    with postgres_server() as server:
        yield init_workspace(tmp_path / "pg", ("style", "genre", "artist"), server.database())


def test_rows_revisions_groups_and_conflicts_come_out_as_on_sqlite(
    on_postgresql: Workspace, gallery: Path
) -> None:
    shutil.copy(gallery / "images/0.jpg", gallery / "images/copy.jpg")
    with (gallery / "labels.csv").open("a") as file:
        file.write("images/copy.jpg,Fauvism,portrait,painter-0\n")

    first = ingest(on_postgresql, gallery / "labels.csv")
    again = ingest(on_postgresql, gallery / "labels.csv")
    draw(gallery / "images/1.jpg", 99)
    text = (gallery / "labels.csv").read_text()
    (gallery / "labels.csv").write_text(text.replace("copy.jpg,Fauvism", "copy.jpg,Baroque"))
    changed = ingest(on_postgresql, gallery / "labels.csv")

    assert (first.read, first.written.added, first.exact_groups, first.conflicts) == (7, 7, 1, 2)
    assert (again.written.unchanged, again.written.added) == (7, 0)
    assert (changed.written.updated, changed.written.unchanged, changed.conflicts) == (2, 5, 0)
    with on_postgresql.open_catalog() as catalog, catalog.read() as session:
        assert session.scalars(select(Artwork.revision).where(Artwork.path == "images/1.jpg")).one() == 2
        assert len(session.scalars(select(EffectiveLabel.label_id)).all()) == 7 + 5 + 7
        assert set(session.scalars(select(Issue.state))) == {"resolved"}


def test_what_a_list_says_beside_its_labels_comes_out_as_on_sqlite(
    on_postgresql: Workspace, tmp_path: Path
) -> None:
    source = tmp_path / "list.csv"
    rows = ["Nr;Datei;Stil;Künstler", "I 1;a.jpg;cubism;Werkstatt X", "I 2;b.jpg;Cubism;X", ""]
    source.write_bytes("\r\n".join(rows).encode())

    stated = {"file": "Datei", "id": "Nr"}
    first = ingest(on_postgresql, source, check_images=False, stated=stated)
    again = ingest(open_workspace(on_postgresql.folder), source, check_images=False)
    source.write_bytes(source.read_bytes().replace(b"I 2;b", b"I 3;b"))
    changed = ingest(open_workspace(on_postgresql.folder), source, check_images=False)

    assert (first.written.added, again.written.unchanged) == (2, 2)
    assert (changed.written.unchanged, changed.written.updated) == (1, 1)
    with on_postgresql.open_catalog() as catalog:
        done = export_like(on_postgresql, catalog, source, tmp_path / "out.csv")
        with catalog.read() as session:
            kept = kept_cells(session, [find_artwork(session, "I 3").id, find_artwork(session, "I 1").id])
    assert (done.rows, done.unknown, done.changes) == (2, 0, [])
    assert (tmp_path / "out.csv").read_bytes() == source.read_bytes()
    assert sorted((one.known_as, one.cells) for one in kept.values()) == [
        ("I 1", {"Nr": "I 1", "artist (as listed)": "Werkstatt X"}),
        ("I 3", {"Nr": "I 3"}),
    ]
