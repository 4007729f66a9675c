from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from db.workspace.train_settings import TrainSettings
from model.inputs.augment import augmented, crop_box
from model.inputs.sampling import batches, draw_weights, epoch_rows


def test_resolving_fills_every_setting_and_twice_is_once() -> None:
    settings = TrainSettings(mode="finetune", lr=5e-4).resolved()

    missing = [name for name, value in settings.model_dump().items() if value is None]
    assert missing == ["embeddings", "evidence_backbone"]  # None says: the run's own
    assert settings.lr == 5e-4
    assert settings.resolved() == settings
    assert TrainSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_the_seeds_recipe_yields_to_what_is_given() -> None:
    assert TrainSettings(recipe="seed", backbone="resnet50").resolved().batch_size == 8
    settings = TrainSettings(recipe="seed", lr=1e-4, mode="frozen").resolved()

    assert (settings.lr, settings.mode, settings.optimizer) == (1e-4, "frozen", "adam")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, "Value error, batch_size is 0; it must be between 1 and 65536, or `auto`"),
        (
            {"task_weights": "style:2"},
            "Value error, 'style:2' is not sum, uncertainty, dwa, or NAME=WEIGHT,NAME=WEIGHT",
        ),
        (
            {"sampler": "genre", "logit_adjustment": 1.0},
            "Value error, sampler and logit_adjustment both correct for rare classes; set one of them",
        ),
        ({"image_size": 16}, "Input should be greater than or equal to 32"),
        ({"epoch": 3}, "Extra inputs are not permitted"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainSettings.model_validate(values)

    assert caught.value.errors()[0]["msg"] == message


def test_class_aware_weights_skip_missing_labels() -> None:
    labels = np.array([[0, 0], [0, -1], [0, -1], [0, 1], [-1, -1]])

    weights = draw_weights(labels, ["style", "genre"], "class-aware")

    assert weights[:4] == pytest.approx([(0.5 + 1) / 2, 0.5, 0.5, (0.5 + 1) / 2])
    assert weights[4] == pytest.approx(weights[:4].mean())


def test_sampling_by_one_attribute_makes_its_classes_equally_frequent() -> None:
    labels = np.array([[0]] * 90 + [[1]] * 10)
    weights = draw_weights(labels, ["genre"], "genre")

    drawn = np.concatenate([epoch_rows(np.arange(100), weights, (0, epoch)) for epoch in range(40)])

    assert (drawn >= 90).mean() == pytest.approx(0.5, abs=0.03)
    with pytest.raises(ValueError, match="sampler is 'colour'; expected class-aware or one of genre"):
        draw_weights(labels, ["genre"], "colour")


def test_batches_cover_every_row_once_and_none_is_tiny() -> None:
    cut = batches(epoch_rows(np.arange(70), None, (0,)), 32)

    assert sorted(np.concatenate(cut).tolist()) == list(range(70))
    assert [len(batch) for batch in cut] == [32, 38]


def test_augmentation_follows_its_generator() -> None:
    image = Image.effect_noise((120, 90), 60).convert("RGB")
    settings = TrainSettings(augment="strong", image_size=64, randaugment=2, mode="finetune").resolved()

    squares = [augmented(image, settings, np.random.default_rng(seed)) for seed in (1, 1, 2)]

    assert squares[0].shape == (64, 64, 3)
    np.testing.assert_array_equal(squares[0], squares[1])
    assert (squares[0] != squares[2]).any()


def test_crops_stay_inside_the_image() -> None:
    settings = TrainSettings(augment="light", mode="finetune").resolved()

    for seed in range(200):
        left, top, right, bottom = crop_box((300, 80), settings, np.random.default_rng(seed))

        assert 0 <= left < right <= 300
        assert 0 <= top < bottom <= 80
