from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from db.labels.attribute_labels import AttributeLabels
from db.workspace.progress import Silent
from db.workspace.train_settings import TrainSettings
from model.errors import CompileFailed, NonFiniteLoss
from model.inputs.batches import Batch
from model.network.backbones import make_backbone
from model.network.cnn_lstm import CnnLstm, SequenceHeads
from model.training.batch_size import largest_that_fits, sensible_batch_size
from model.training.fit import Fit, Job
from model.training.optim import learning_stages, parameter_groups, rate_factor, set_learning_stages
from model.training.train import RunResult, cross_validate, holdout
from tests.model.gallery import draw, folds_of, small

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operations split over threads wait for each other where the cores have other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def splits_of(count: int) -> NDArray[np.str_]:
    return np.array(["train", "train", "train", "train", "train", "val", "test"] * count)[:count]


def run_holdout(folder: Path, name: str, count: int = 84, **changes: object) -> RunResult:
    examples, targets = draw(folder / "images", count)
    return holdout(
        examples,
        targets,
        splits_of(count),
        small(mode="finetune", **changes),
        cache_dir=folder / "cache",
        run_dir=folder / name,
        progress=Silent(),
    )


def test_holdout_is_measured_on_the_test_split_alone(tmp_path: Path) -> None:
    result = run_holdout(tmp_path, "run", epochs=8, lr=1e-2, backbone_lr=2e-3)

    assert result.metrics["style"]["n"] == 12
    assert result.metrics["style"]["accuracy"] > 0.7
    assert set(result.provenance[splits_of(84) == "test"]) == {"holdout"}
    assert set(result.provenance[splits_of(84) == "train"]) == {"in-sample"}
    assert set(result.provenance[splits_of(84) == "val"]) == {"validation"}


@pytest.mark.skipif("CURATE_TEST_COMPILE" not in os.environ, reason="compiling takes minutes of two cores")
def test_compiled_backbone_gives_the_same_numbers(tmp_path: Path) -> None:
    plain = run_holdout(tmp_path, "plain", count=28, epochs=1)
    compiled = run_holdout(tmp_path, "compiled", count=28, epochs=1, compile=True)

    np.testing.assert_allclose(compiled.pred_probs["style"], plain.pred_probs["style"], atol=1e-5)


def test_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty cache: what was compiled before needs no compiler."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", (None, "no-such-compiler"))
    torch._dynamo.reset()

    with pytest.raises(
        CompileFailed, match=r"No working C\+\+ compiler .* install one, or train without `--c"
    ):
        run_holdout(tmp_path, "run", count=28, epochs=1, compile=True)


def test_fine_tuning_across_folds_repeats_and_covers_everything(tmp_path: Path) -> None:
    examples, targets = draw(tmp_path / "images", 30)
    results = [
        cross_validate(
            examples,
            targets,
            folds_of(30, 3),
            small(mode="finetune", epochs=1, augment="strong", cutmix=1.0, ema=0.5, randaugment=2),
            cache_dir=tmp_path / "cache",
            run_dir=tmp_path / name,
            progress=Silent(),
        )
        for name in ("first", "again")
    ]

    assert not np.isnan(results[0].pred_probs["style"]).any()
    np.testing.assert_array_equal(results[0].pred_probs["style"], results[1].pred_probs["style"])


def test_the_seeds_recipe_trains_on_complete_rows_with_its_settings(tmp_path: Path) -> None:
    examples, targets = draw(tmp_path / "images", 40)
    genre = np.where(np.arange(40) % 2 == 0, -1, targets[1].labels)
    settings = TrainSettings(
        recipe="seed", backbone="test_resnet", weights="none", image_size=64, epochs=1, device="cpu"
    )

    result = holdout(
        examples,
        [targets[0], AttributeLabels("genre", targets[1].classes, genre)],
        splits_of(40),
        settings,
        cache_dir=tmp_path / "cache",
        run_dir=tmp_path / "run",
        progress=Silent(),
    )

    stored = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    expected = {"optimizer": "adam", "lr": 2e-3, "backbone_lr": 2e-3, "batch_size": 16, "sampler": "genre"}
    assert {name: stored[name] for name in expected} == expected
    trained = (splits_of(40) == "train") & (genre >= 0)
    seen = ~np.isnan(result.margins[0, :, 0].astype(float))
    assert not seen[~trained].any()
    assert seen.any()


class Fixed:
    """A feed of one batch of random grids."""

    def __init__(self, rows: int, steps: int, features: int) -> None:
        self.inputs = torch.randn(rows, steps, features, generator=torch.Generator().manual_seed(0))

    def training(self, plan: list[NDArray[np.int64]], seed: object) -> list[Batch]:
        return [(rows, self.inputs[torch.from_numpy(rows)]) for rows in plan]

    def plain(self, rows: NDArray[np.int64]) -> list[Batch]:
        return [(rows, self.inputs[torch.from_numpy(rows)])]


def fit_on(network: SequenceHeads, settings: TrainSettings, rows: int = 4) -> Fit:
    labels = np.stack([np.arange(rows) % 2, np.arange(rows) % 3], axis=1)
    return Fit(network, Fixed(rows, 4, 8), labels, ["style", "genre"], settings, torch.device("cpu"))  # type: ignore[arg-type]


def job(rows: int = 4) -> Job:
    return Job("fold-0", 0, np.arange(rows), np.empty(0, np.int64))


def test_four_images_are_learned_by_heart(tmp_path: Path) -> None:
    settings = small(epochs=60, lr=2e-2, dropout=0.0, label_smoothing=0.0, batch_size=4).resolved()
    torch.manual_seed(0)

    fitted = fit_on(SequenceHeads(8, 4, [2, 3], settings), settings).run(job(), tmp_path)

    assert fitted.history[0]["loss"] > 1.2
    assert fitted.history[-1]["loss"] < 0.05
    assert fitted.history[-1]["accuracy"] == {"style": 1.0, "genre": 1.0}


class Hungry(SequenceHeads):
    """Heads on a device whose memory holds two artworks, not more."""

    def forward(self, sequence: torch.Tensor) -> list[torch.Tensor]:
        if len(sequence) > 2 and self.training:
            raise torch.OutOfMemoryError("no memory for more than two")
        return super().forward(sequence)


def test_out_of_memory_cuts_the_batch_and_gives_the_same_numbers(tmp_path: Path) -> None:
    settings = small(epochs=3, batch_size=8, dropout=0.0).resolved()
    losses = []
    for kind in (SequenceHeads, Hungry):
        torch.manual_seed(0)
        fit = fit_on(kind(8, 4, [2, 3], settings), settings, rows=8)
        fitted = fit.run(job(8), tmp_path / kind.__name__)
        losses.append([line["loss"] for line in fitted.history])

    assert fit.steps.parts == 4
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_loss_that_is_not_finite_stops_with_epoch_and_rate(tmp_path: Path) -> None:
    settings = small(epochs=3, lr=0.5, scheduler="none", warmup=0.0).resolved()
    fit = fit_on(SequenceHeads(8, 4, [2, 3], settings), settings)
    fit.feed.inputs[1] = torch.inf  # type: ignore[attr-defined]

    with pytest.raises(NonFiniteLoss) as caught:
        fit.run(job(), tmp_path)

    assert str(caught.value) == (
        "The loss of fold-0 stopped being a finite number in epoch 1, step 1, at learning rate 0.5. "
        "Train with a smaller one: `--lr 0.05`."
    )


def test_auto_batch_size_takes_the_largest_that_fits() -> None:
    def step(size: int) -> None:
        if size > 48:
            raise torch.OutOfMemoryError("full")

    assert largest_that_fits(step, [8, 16, 32, 64, 128]) == 32
    assert largest_that_fits(step, [64, 128]) is None
    assert [sensible_batch_size(rows, small()) for rows in (100, 1000, 2400, 50_000)] == [16, 32, 128, 128]


def network(**changes: object) -> tuple[CnnLstm, TrainSettings]:
    settings = small(mode="finetune", **changes).resolved()
    backbone = make_backbone("test_resnet", 64)
    return CnnLstm(backbone, (backbone.spec.channels, 2, 2), [3], settings), settings


def test_each_earlier_stage_learns_slower_and_every_parameter_once() -> None:
    net, settings = network(lr=1e-2, backbone_lr=1e-3, layer_decay=0.5)

    groups = parameter_groups(net, [], settings)

    parameters = [id(parameter) for group in groups for parameter in group["params"]]  # type: ignore[attr-defined]
    assert sorted(parameters) == sorted(id(parameter) for parameter in net.parameters())
    rates = sorted({float(group["lr"]) for group in groups}, reverse=True)  # type: ignore[arg-type]
    assert rates[:3] == pytest.approx([1e-2, 1e-3, 5e-4])


def test_staged_unfreezing_opens_the_backbone_from_the_top() -> None:
    net, settings = network(unfreeze="staged", epochs=6, freeze_epochs=1)
    stages = net.backbone.stages()

    opened = [learning_stages(settings, epoch, len(stages)) for epoch in range(6)]
    set_learning_stages(net, opened[1])

    assert opened[0] == 0 and opened[-1] == len(stages)
    assert opened == sorted(opened)
    learns = [all(parameter.requires_grad for parameter in stage.parameters()) for stage in stages]
    assert learns == [False] * (len(stages) - opened[1]) + [True] * opened[1]


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ("cosine", [1 / 11, 1.0, 0.5, 0.0]),
        ("none", [1 / 11, 1.0, 1.0, 1.0]),
        ("step", [1 / 11, 1.0, 0.1, 0.01]),
    ],
)
def test_rates_follow_the_schedule(scheduler: str, expected: list[float]) -> None:
    settings = small(scheduler=scheduler, warmup=0.1).resolved()

    factors = [rate_factor(settings, step, 100) for step in (0, 10, 55, 100 - 1)]

    assert factors == pytest.approx(expected, abs=1e-3)
