"""Runs whose files are lost or damaged: one sentence that names them, and no number that is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Curate

pytestmark = pytest.mark.slow

COMMANDS = (
    ("evaluate",),
    ("report",),
    ("compare", "1", "1"),
    ("export", "--predictions", "1", "OUT/p.parquet"),
    ("predict", "PICTURE"),
    ("export-model", "1", "OUT/model"),
)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def turn(path: Path) -> None:
    """Turn one byte, near the end, where the numbers are."""
    data = bytearray(path.read_bytes())
    data[-3] ^= 0xFF
    path.write_bytes(bytes(data))


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def to_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "lost": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut off": cut,
    "other bytes": lambda path: path.write_bytes(b"\x93NUMPY" + bytes(range(256)) * 8),
    "text": lambda path: path.write_text("hello"),
    "a byte turned": turn,
    "an array of objects": lambda path: np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True),
    "another shape": lambda path: np.save(path, np.zeros((3, 1), dtype=np.float16)),
    "a folder": to_folder,
    "a link to nothing": to_link,
}
FILES = ("artworks.npy", "folds.npy", "pred_probs.style.npy", "pred_probs.genre.npy")


def run_folder(workspace: Path) -> Path:
    return next(path for path in (workspace / "runs").iterdir() if path.is_dir())


def one_sentence(curate: Curate, workspace: Path, words: tuple[str, ...]) -> str:
    """Run a command that must fail; return the one line that it printed."""
    places = {
        "OUT": str(workspace / "out"),
        "PICTURE": str(next((workspace.parent).rglob("*.png"), workspace)),
    }
    (workspace / "out").mkdir(exist_ok=True)
    typed = [word.replace("OUT", places["OUT"]).replace("PICTURE", places["PICTURE"]) for word in words]
    done = curate("-w", workspace, *typed)
    assert done.status in (1, 2), (words, done)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_damaged_arrays_are_named_and_nothing_is_reckoned_from_them(
    curate: Curate, used: Path, name: str, damage: str
) -> None:
    DAMAGE[damage](run_folder(used) / name)

    said = [one_sentence(curate, used, words) for words in (COMMANDS[0], COMMANDS[3])]
    checked = curate("-w", used, "check")
    saved = curate("-w", used, "backup", used.parent / "b.zip")

    for line in said:
        assert line.startswith(f"error: {run_folder(used)}")
        assert "`curate train`" in line
    assert checked.status == 1
    assert "BROKEN  the arrays of every run are as they were written: 1 not (run 1)" in checked.stdout
    assert "run 1 went in as it is: files of it are lost or damaged" in saved.stderr


@pytest.mark.parametrize("what", ["folder", "all files", "runs", "link"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_lost_run_is_one_sentence(curate: Curate, used: Path, words: tuple[str, ...], what: str) -> None:
    folder = run_folder(used)
    shutil.rmtree(used / "runs" if what == "runs" else folder)
    if what == "all files":
        folder.mkdir()
    elif what == "link":
        folder.symlink_to(used / "nowhere")

    assert one_sentence(curate, used, words).count("\n") == 1 or words[0] == "compare"
    assert curate("-w", used, "status").status == 0
    assert curate("-w", used, "issues").status == 0
    assert curate("-w", used, "check").status == 1
    assert "went in as it is" in curate("-w", used, "backup", used.parent / "b.zip").stderr


@pytest.mark.parametrize("name", ["model.safetensors", "models/fold-0/done.safetensors", "model.json"])
@pytest.mark.parametrize("damage", ["lost", "empty", "cut off", "text", "a byte turned"])
def test_damaged_checkpoints_are_noticed_by_check_and_backup(
    curate: Curate, used: Path, name: str, damage: str
) -> None:
    import torch

    from model.network.checkpoint import write_checkpoint

    folder = run_folder(used)
    (folder / "run.json").write_text("{}")
    for stem in ("model", "models/fold-0/done"):
        (folder / stem).parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(folder / stem, {"a": torch.zeros(64)}, {"format": "x"})
    whole = curate("-w", used, "check")
    DAMAGE[damage](folder / name)

    checked = curate("-w", used, "check")

    assert whole.status == 0, whole.stdout
    assert checked.status == 1
    assert "run 1 went in as it is" in curate("-w", used, "backup", used.parent / "b.zip").stderr
