from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.main import get_command

from curate.cli.app import app
from db.train_settings import TrainSettings
from tests.conftest import Curate
from tests.model.gallery import draw


def test_every_knob_is_an_option_with_its_help() -> None:
    options = {option.name: option for option in get_command(app).commands["train"].params}  # type: ignore[attr-defined]

    assert set(TrainSettings.model_fields) <= set(options)
    for name, knob in TrainSettings.model_fields.items():
        assert knob.description
        assert options[name].help.startswith(knob.description)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--dropout", "1.5"), "--dropout: Input should be less than 1, not 1.5"),
        (("--mode", "warm"), "--mode: Input should be 'frozen' or 'finetune', not 'warm'"),
        (("--set", "whiteness=1"), "--whiteness: Extra inputs are not permitted, not 1"),
    ],
)
def test_a_value_out_of_range_names_its_option(
    folder: Path, curate: Curate, option: tuple[str, str], message: str
) -> None:
    result = curate("-w", folder, "train", *option)

    assert result.status == 1
    assert result.stderr == f"error: curate train: {message}. Mend that line and run the command again.\n"


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
