"""A catalog with a handful of artworks, on a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.catalog import Catalog, open_catalog, sqlite_url, upgrade
from db.models import Artwork, Attribute


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Three artworks, two attributes, no labels."""
    url = sqlite_url(tmp_path / "catalog.db")
    upgrade(url)
    with open_catalog(url) as catalog:
        with catalog.write() as session:
            session.add_all(Attribute(name=name, position=i) for i, name in enumerate(("style", "genre")))
            session.add_all(
                Artwork(collection="c", root="r", path=f"{i}.jpg", status="ok", sha256=f"{i // 2:064}")
                for i in range(3)
            )
        yield catalog
