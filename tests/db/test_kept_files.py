"""Files that earlier versions wrote, kept in ``tests/assets``: today's commands read them and go on.

``backup-0001.zip`` was made by commit 351529e: thirty drawn images, one run, a sheet pushed and half of
it answered.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.demo.gallery import draw_gallery, plant_errors, write_listing
from tests.conftest import Curate

pytestmark = pytest.mark.slow

ASSETS = Path(__file__).parents[1] / "assets"
SMALL = (
    "--backbone test_resnet --weights none --image-size 32 --projection 8 --lstm-hidden 8 --epochs 1 "
    "--batch-size 16 --folds 2 --min-class-count 2 --device cpu --no-tensorboard"
).split()


@pytest.fixture
def restored(tmp_path: Path, curate: Curate) -> Path:
    """The workspace of that time, its images drawn again and its root pointed at them."""
    (images := tmp_path / "gallery").mkdir()
    write_listing(plant_errors(draw_gallery(images, 30, seed=3), 0.1, seed=3), images / "labels.csv")
    folder = tmp_path / "ws"
    assert curate("-w", folder, "restore", ASSETS / "backup-0001.zip").status == 0
    moved = curate("-w", folder, "relocate", "gallery", images)
    assert moved.status == 0, moved.stderr
    return folder


def test_what_people_decided_is_there_and_all_invariants_hold(restored: Path, curate: Curate) -> None:
    status = curate("-w", restored, "status", "--json").json()
    checked = curate("-w", restored, "check", "--images", "--json")

    assert status["artworks"] == {"ok": 30}
    assert (status["rounds"][0]["artworks"], status["rounds"][0]["done"]) == (8, 4)
    assert status["rounds"][0]["reviewed"] == 12
    assert checked.status == 0, checked.stdout


def test_the_round_goes_on(restored: Path, curate: Curate) -> None:
    """Its sheet is still known, its labels train the next run, and its list is still the source it was."""
    worst = curate("-w", restored, "issues", "--limit", 3, "--json").lines()
    trained = curate("-w", restored, "train", *SMALL, "--json")
    again = curate("-w", restored, "ingest", restored.parent / "gallery" / "labels.csv", "--json")
    shown = curate("-w", restored, "evaluate", 1, "--json")

    assert [row["kind"] for row in worst] == ["label"] * 3
    assert (trained.status, trained.json()["run"]) == (0, 2), trained.stderr
    assert again.json()["unchanged"] == 30
    assert shown.status == 0, shown.stderr
