from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from db.labels.attribute_labels import AttributeLabels
from db.workspace.progress import Silent
from model.training.losses import masked_losses
from model.training.train import RunResult, cross_validate
from tests.model.gallery import draw, folds_of, small

pytestmark = pytest.mark.slow


def test_each_label_counts_as_much_as_it_is_trusted() -> None:
    logits = [torch.tensor([[2.0, 0.0], [0.0, 0.0], [1.0, 0.0]])]
    labels = torch.tensor([[0], [1], [-1]])
    label_weight = torch.tensor([[0.25], [0.75], [1.0]])

    losses, counts = masked_losses(logits, labels, label_weight=label_weight)

    expected = 0.25 * np.log(1 + np.exp(-2.0)) + 0.75 * np.log(2.0)  # the weights add up to 1
    assert losses.tolist() == pytest.approx([expected])
    assert counts.tolist() == [2]


def test_a_label_that_is_not_trusted_teaches_nothing_and_is_still_measured(tmp_path: Path) -> None:
    """Change labels of weight 0: no probability may change, and all labels are scored."""
    examples, targets = draw(tmp_path / "images", 60)
    left_out = np.arange(60) % 7 == 0
    label_weight = np.where(left_out, 0.0, 1.0).astype(np.float32)

    def labels(target: AttributeLabels, shift: int) -> NDArray[np.int64]:
        return np.where(left_out, (target.labels + shift) % 3, target.labels)

    def run(name: str, shift: int) -> RunResult:
        given = [
            dataclasses.replace(target, labels=labels(target, shift), label_weight=label_weight)
            for target in targets
        ]
        return cross_validate(
            examples,
            given,
            folds_of(60, 3),
            small(epochs=2),
            cache_dir=tmp_path / "cache",
            run_dir=tmp_path / name,
            progress=Silent(),
        )

    first, changed = run("first", 0), run("changed", 1)

    for attribute in ("style", "genre"):
        np.testing.assert_array_equal(first.pred_probs[attribute], changed.pred_probs[attribute])
    for shift, result in enumerate((first, changed)):
        right = result.pred_probs["style"].argmax(axis=1) == labels(targets[0], shift)
        assert result.metrics["style"]["n"] == 60
        assert result.metrics["style"]["accuracy"] == pytest.approx(right.mean())
