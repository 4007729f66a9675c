"""The demo is the product's promise: the whole loop with real servers, and labels better than before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from curate.demo.loop import MARKER
from review.label_studio.local_server import LocalServer
from tests.conftest import SHARED, Curate

pytestmark = pytest.mark.slow

PAINTINGS = SHARED / "wikiart224" / "labels.csv"


def prepared(folder: Path, server: LocalServer) -> Path:
    """Give the demo a Label Studio folder that is set up already: that takes a minute or two."""
    folder.mkdir()
    (folder / MARKER).touch()
    shutil.copytree(server.folder, folder / "label-studio")
    return folder


@pytest.mark.services
@pytest.mark.timeout(1800)
def test_the_demo_on_drawn_images(tmp_path: Path, curate: Curate, label_studio: LocalServer) -> None:
    """The example of `curate demo --help`."""
    folder = prepared(tmp_path / "demo", label_studio)

    result = curate("demo", "--count", 80, "--reviews", 20, "--folder", folder, "--json")

    first, second = result.json()["rounds"]
    assert (first["round"], second["round"]) == (1, 2)
    assert first["errors_before"] == 24
    assert second["errors_before"] == first["errors_after"] < first["errors_before"]
    assert second["errors_after"] < second["errors_before"]
    assert first["wrongly_changed"] == second["wrongly_changed"] == 0
    assert first["fixed"] == first["errors_before"] - first["errors_after"]
    assert first["reviewed"] == 20
    assert set(first["accuracy"]) == {"style", "genre", "artist"}
    assert "$ curate --workspace" in result.stderr


@pytest.mark.services
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not PAINTINGS.exists(), reason="the real paintings are not on this machine")
def test_the_demo_on_real_paintings(tmp_path: Path, curate: Curate, label_studio: LocalServer) -> None:
    """The same on 160 paintings of WikiArt, whose labels are as messy as they are."""
    folder = prepared(tmp_path / "demo", label_studio)

    result = curate(
        "demo", "--gallery", PAINTINGS, "--count", 160, "--reviews", 40, "--folder", folder, "--json"
    )

    first, second = result.json()["rounds"]
    assert second["errors_after"] < second["errors_before"] < first["errors_before"]
    assert first["wrongly_changed"] == second["wrongly_changed"] == 0
    copied = sorted(path.name for path in (folder / "gallery" / "images").iterdir())
    assert copied[0] == "00000.jpg" and len(copied) == 160


def test_the_demo_leaves_other_peoples_files_alone(tmp_path: Path, curate: Curate) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    result = curate("demo", "--folder", tmp_path)

    assert result.status == 1
    assert result.stderr == (
        f"error: {tmp_path} holds files that no demo made. Name a new or an empty folder: "
        f"`curate demo --folder DIR`.\n"
    )
    assert (tmp_path / "thesis.txt").read_text() == "mine"
