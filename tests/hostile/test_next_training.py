"""What to type next trains as the last run was trained: the default backbone needs a network."""

from __future__ import annotations

import shlex

import pytest

from curate.cli import command_line
from curate.cli.runs.training_options import overridden
from curate.rounds.next_training import next_training
from curate.training.run import require_attributes
from db.errors import BadSettings
from db.workspace.train_settings import TrainSettings

GIVEN: list[dict[str, object]] = [
    {},
    {"backbone": "efficientnet_lite0", "image_size": 96},
    {"mode": "finetune"},
    {"recipe": "seed", "backbone": "efficientnet_b0"},
    {"protocol": "holdout", "seed": 3},
    {"epochs": 2, "ensemble": 1, "folds": 3},
    {"bidirectional": True, "tensorboard": False},
    {"weights": "my weights.pth", "min_class_count": 2},
    {"lr": 0.001, "batch_size": 16, "augment": "strong"},
    {"mode": "finetune", "precision": "float32"},
    {"device": "cpu", "workers": 2},
]


@pytest.mark.parametrize("given", GIVEN, ids=str)
@pytest.mark.parametrize("toml", [{}, {"backbone": "efficientnet_lite0"}, {"epochs": 4}], ids=str)
def test_the_command_gives_the_same_run_again(given: dict[str, object], toml: dict[str, object]) -> None:
    try:
        settings = TrainSettings.model_validate(toml)
        last = TrainSettings.model_validate(toml | given).resolved().model_dump(mode="json")
    except ValueError:
        pytest.skip("no such run")

    command = next_training(settings, last)

    words = shlex.split(command)
    assert words[:2] == ["curate", "train"]
    group = command_line()
    train = group.commands["train"]  # type: ignore[attr-defined]
    with train.make_context("train", words[2:]) as parsed:
        options = {name: value for name, value in parsed.params.items() if name in TrainSettings.model_fields}
    again = overridden(settings, options, []).resolved().model_dump(mode="json")
    for place in ("device", "workers"):
        again.pop(place), last.pop(place)
    assert again == last


def test_it_says_no_more_than_it_must() -> None:
    lite = {"backbone": "efficientnet_lite0", "image_size": 96}
    last = TrainSettings.model_validate(lite).resolved().model_dump(mode="json")

    assert (
        next_training(TrainSettings(), last) == "curate train --backbone efficientnet_lite0 --image-size 96"
    )
    assert next_training(TrainSettings.model_validate(lite), last) == "curate train"


@pytest.mark.parametrize("last", [{}, {"backbone": None}, {"nothing": 1}, {"recipe": "gone"}], ids=str)
def test_a_run_of_another_version_asks_for_nothing(last: dict[str, object]) -> None:
    assert next_training(TrainSettings(), last) == "curate train"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("sampler", "nope", "'nope' is neither none, class-aware, nor one of style, genre"),
        ("sampler", "artist", "'artist' is neither none, class-aware, nor one of style, genre"),
        ("task_weights", "nope=1", "there is nothing to train in 'nope'; it may name style, genre"),
        ("task_weights", "style=1,nope=0", "there is nothing to train in 'nope'; it may name style, genre"),
    ],
)
def test_attributes_that_are_not_trained_on_are_named_before_anything_is_read(
    setting: str, value: str, said: str
) -> None:
    settings = TrainSettings.model_validate({setting: value})

    with pytest.raises(BadSettings) as refused:
        require_attributes(settings, ["style", "genre"])

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "value"), [("sampler", "style"), ("sampler", "class-aware"), ("task_weights", "sum")]
)
def test_attributes_that_are_trained_on_are_taken(setting: str, value: str) -> None:
    require_attributes(TrainSettings.model_validate({setting: value}), ["style", "genre"])
