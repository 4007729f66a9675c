"""The same ingest into a catalog on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from curate.ingest import ingest
from db.models import Artwork, EffectiveLabel, Issue
from db.workspace.workspace import Workspace, init_workspace
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
