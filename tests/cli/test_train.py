from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curate.cli import command_line
from db.workspace.train_settings import TrainSettings
from tests.conftest import Curate
from tests.model.gallery import draw

pytestmark = pytest.mark.slow


def test_every_setting_is_an_option_with_its_help() -> None:
    options = {option.name: option for option in command_line().commands["train"].params}  # type: ignore[attr-defined]

    assert set(TrainSettings.model_fields) <= set(options)
    for name, option in TrainSettings.model_fields.items():
        assert option.description
        assert options[name].help.startswith(option.description)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--dropout", "1.5"), "--dropout: Input should be less than 1, not 1.5"),
        (("--mode", "warm"), "--mode: Input should be 'frozen' or 'finetune', not 'warm'"),
    ],
)
def test_a_value_out_of_range_names_its_option(
    folder: Path, curate: Curate, option: tuple[str, str], message: str
) -> None:
    result = curate("-w", folder, "train", *option)

    assert result.status == 1
    assert result.stderr == f"error: curate train: {message}. Fix that line and run the command again.\n"


def test_a_setting_that_there_is_not_names_the_nearest(folder: Path, curate: Curate) -> None:
    result = curate("-w", folder, "train", "--set", "whiteness=1")

    assert result.status == 1
    assert result.stderr == (
        "error: curate train has no setting --whiteness. Did you mean --whiten? "
        "`curate train --help` lists all.\n"
    )


def gallery(folder: Path, count: int = 36) -> Path:
    """Write a drawn gallery with its list; one label in twelve is wrong."""
    examples, targets = draw(folder / "images", count)
    lines = ["filepath,style,genre"]
    for row, example in enumerate(examples):
        style = (targets[0].labels[row] + (row % 12 == 0)) % 3
        genre = targets[1].classes[targets[1].labels[row]]
        lines.append(f"{example.path.name},{targets[0].classes[style]},{genre}")
    path = folder / "images" / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


SMALL = (
    "--backbone test_resnet --weights none --image-size 64 --projection 16 --lstm-hidden 16 --epochs 2 "
    "--batch-size 16 --folds 3 --device cpu --no-tensorboard"
).split()


def test_training_on_trusted_labels_names_the_run_that_it_trusts(folder: Path, curate: Curate) -> None:
    assert curate("-w", folder, "ingest", gallery(folder)).status == 0
    early = curate("-w", folder, "train", *SMALL, "--drop-doubtful")
    assert early.status == 1
    assert early.stderr.endswith(
        "error: `curate train --drop-doubtful or --weight-by-score` needs a finished run, and this catalog "
        "has none. Run `curate train` first.\n"
    )
    plain = curate("-w", folder, "train", *SMALL, "--json").json()

    trusted = curate("-w", folder, "train", *SMALL, "--weight-by-score", "--json").json()

    stored = [
        json.loads(path.read_text())["settings"]
        for path in sorted((folder / "runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    ]
    assert [run["trust_run"] for run in stored] == [0, plain["run"]]
    assert trusted["metrics"]["style"]["n"] == plain["metrics"]["style"]["n"] == 36
    assert trusted["metrics"] != plain["metrics"] or trusted["run"] != plain["run"]


def states(curate: Curate, folder: Path) -> list[str]:
    """The states of all runs, oldest first."""
    return [run["state"] for run in curate("-w", folder, "runs", "--json").lines()]


def test_a_run_that_another_process_trains_is_left_to_it_and_an_abandoned_one_is_closed(
    folder: Path, curate: Curate
) -> None:
    assert curate("-w", folder, "ingest", gallery(folder)).status == 0
    train = ["-w", str(folder), "train", *SMALL, "--epochs"]
    other = subprocess.Popen([sys.executable, "-m", "curate.cli", *train, "1000"], stderr=subprocess.DEVNULL)
    try:
        await_file(folder, "runs/*/lock")

        same, another = curate(*train, "1000"), curate(*train, "1")
        beside = states(curate, folder)
    finally:
        other.kill()
        other.wait()
    later = curate(*train, "2")

    assert same.status == 1
    assert "Run 1 is being trained by another process, with these settings and labels." in same.stderr
    assert (another.status, beside) == (0, ["running", "complete"])
    assert (later.status, states(curate, folder)) == (0, ["failed", "complete", "complete"])


def await_file(folder: Path, pattern: str) -> None:
    """Wait until a process has written what marks its run as begun."""
    until = time.monotonic() + 60
    while not any(folder.glob(pattern)):
        assert time.monotonic() < until, "training never began"
        time.sleep(0.1)
