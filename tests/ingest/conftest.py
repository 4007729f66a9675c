"""Drawn images and small sources for the tests of ingest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.ingest import IngestSummary, ingest
from db.engine.catalog import Catalog
from db.workspace.workspace import Workspace, init_workspace, open_workspace

Draw = Callable[..., Path]
Take = Callable[..., IngestSummary]


def drawing(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return an image of smooth blobs that no other seed gives."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(12, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def draw(path: Path, seed: int, size: tuple[int, int] = (64, 48), **options: object) -> Path:
    """Save a drawing; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing(seed, size).save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty workspace to copy: making one takes a second."""
    folder = tmp_path_factory.mktemp("empty") / "ws"
    init_workspace(folder, ("style", "genre", "artist"))
    return folder


@pytest.fixture
def workspace(tmp_path: Path, empty_workspace: Path) -> Workspace:
    """An empty workspace with style, genre and artist."""
    shutil.copytree(empty_workspace, tmp_path / "ws")
    return open_workspace(tmp_path / "ws")


@pytest.fixture
def take(workspace: Workspace) -> Take:
    """Ingest a source into the workspace, as the command does."""

    def run(source: Path, **options: object) -> IngestSummary:
        return ingest(open_workspace(workspace.folder), source, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def catalog(workspace: Workspace) -> Iterator[Catalog]:
    """The workspace's catalog, open."""
    with workspace.open_catalog() as opened:
        yield opened


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """A list of six drawings: three styles, two genres, one row without a genre."""
    folder = tmp_path / "gallery"
    rows = ["filepath,style,genre,artist"]
    for at in range(6):
        draw(folder / f"images/{at}.jpg", at)
        genre = ["portrait", "landscape", ""][at % 3]
        rows.append(f"images/{at}.jpg,{['Baroque', 'Cubism', 'Fauvism'][at // 2]},{genre},painter-{at % 2}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder
