from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from db.workspace.train_settings import TrainSettings
from model.training.losses import TaskWeights, given_margins, log_priors, masked_losses


def test_masked_losses_equal_a_hand_computation() -> None:
    """Row 0 has both labels, row 1 only the first attribute's, row 2 none."""
    first = torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    second = torch.tensor([[0.0, 0.0, 1.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
    labels = torch.tensor([[0, 2], [0, -1], [-1, -1]])

    losses, counts = masked_losses([first, second], labels)

    row_0 = -math.log(math.e / (math.e + 1))
    row_1 = -math.log(1 / (1 + math.e**2))
    only = -math.log(math.e / (2 + math.e))
    assert losses.tolist() == pytest.approx([(row_0 + row_1) / 2, only])
    assert counts.tolist() == [2, 1]


def test_an_attribute_without_labels_in_the_batch_gives_no_gradient() -> None:
    logits = [torch.randn(4, 3, requires_grad=True), torch.randn(4, 2, requires_grad=True)]
    labels = torch.tensor([[0, -1], [1, -1], [2, -1], [0, -1]])

    losses, counts = masked_losses(logits, labels)
    for method in ("sum", "uncertainty", "dwa"):
        weights = TaskWeights(["style", "genre"], TrainSettings(task_weights=method))
        total = weights(losses, counts)
        gradient = torch.autograd.grad(total, logits[1], retain_graph=True)[0]

        assert torch.isfinite(total)
        assert gradient.abs().max() == 0


def test_uncertainty_leaves_the_weight_of_an_absent_attribute_alone() -> None:
    weights = TaskWeights(["style", "genre"], TrainSettings(task_weights="uncertainty"))

    weights(torch.tensor([2.0, 0.0]), torch.tensor([5, 0])).backward()

    assert weights.uncertainty is not None and weights.uncertainty.log_var.grad is not None
    style, genre = weights.uncertainty.log_var.grad.tolist()
    assert style == pytest.approx(-0.5)  # 0.5 - 0.5 * loss
    assert genre == 0


def test_fixed_task_weights_multiply_the_losses() -> None:
    weights = TaskWeights(["style", "genre"], TrainSettings(task_weights="genre=0.5"))

    total = weights(torch.tensor([1.0, 4.0]), torch.tensor([3, 3]))

    assert float(total) == 3.0


def test_dwa_replayed_from_the_history_weighs_as_if_never_interrupted() -> None:
    epochs = [[3.0, 1.0], [2.0, 0.9]]
    unbroken = TaskWeights(["a", "b"], TrainSettings(task_weights="dwa"))
    for means in epochs:
        unbroken(torch.tensor(means), torch.tensor([1, 1]))
        unbroken.end_epoch()
    resumed = TaskWeights(["a", "b"], TrainSettings(task_weights="dwa"))

    resumed.replay(epochs)

    losses, counts = torch.tensor([1.0, 2.0]), torch.tensor([1, 1])
    assert float(resumed(losses, counts)) == float(unbroken(losses, counts)) != 3.0


def test_margin_is_given_logit_less_the_largest_other() -> None:
    logits = [torch.tensor([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0], [3.0, 1.0, 0.0]])]

    margins = given_margins(logits, torch.tensor([[0], [2], [-1]]))

    assert margins[:2, 0].tolist() == [2.0, -3.0]
    assert torch.isnan(margins[2, 0])


def test_priors_favour_the_common_class_in_training_only() -> None:
    labels = np.array([[0], [0], [0], [1], [-1]])

    (prior,) = log_priors(labels, [2], 1.0)

    assert prior.tolist() == pytest.approx([math.log(4 / 6), math.log(2 / 6)])
    assert log_priors(labels, [2], 0.0) == []
