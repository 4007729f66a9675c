"""One small workspace with a run, made once; each case mistreats a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.report.galleries import Gallery, make_gallery, write_run

PICTURES = 18

Fresh = Callable[[], Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Eighteen drawn pictures with three attributes, and one complete run without a model."""
    gallery = make_gallery(tmp_path_factory.mktemp("hostile"), PICTURES)
    with gallery.workspace.open_catalog() as catalog:
        write_run(gallery.workspace, catalog, gallery.true, seed=1, skill=0.8)
    return gallery


@pytest.fixture
def used(made: Gallery, tmp_path: Path) -> Path:
    """The folder of a copy of that workspace."""
    shutil.copytree(made.folder, tmp_path / "used")
    return tmp_path / "used"
