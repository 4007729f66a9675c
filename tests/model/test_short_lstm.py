"""The LSTM whose gradients we write out is torch's own, but faster over a few steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from model.network.short_lstm import is_short, short_lstm


def outcome(states: Tensor, lstm: nn.LSTM, sequence: Tensor) -> list[Tensor]:
    """The states, and the gradients of weights, biases and input under a loss that weighs each state."""
    weights = torch.randn(states.shape, generator=torch.Generator().manual_seed(1))
    lstm.zero_grad()
    sequence.grad = None
    torch.autograd.backward((states.float() * weights).sum())
    learned = [parameter.grad for parameter in [*lstm.parameters(), sequence]]
    return [states.detach().float(), *(gradient.float() for gradient in learned if gradient is not None)]


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize(("narrow", "tolerance"), [(False, 1e-5), (True, 0.03)])
def test_states_and_gradients_are_those_of_torch(steps: int, narrow: bool, tolerance: float) -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(20, 12, batch_first=True)
    sequence = torch.randn(5, steps, 20, requires_grad=True)
    expected = outcome(lstm(sequence)[0], lstm, sequence)

    with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        states = short_lstm(lstm, sequence)
    found = outcome(states, lstm, sequence)

    assert len(found) == len(expected) == 6
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).norm() <= tolerance * theirs.norm()


def test_what_it_cannot_read_goes_to_torch() -> None:
    assert is_short(nn.LSTM(4, 3, batch_first=True), torch.zeros(2, 4, 4))
    assert not is_short(nn.LSTM(4, 3, batch_first=True), torch.zeros(2, 49, 4))
    assert not is_short(nn.LSTM(4, 3, batch_first=True, bidirectional=True), torch.zeros(2, 4, 4))
    assert not is_short(nn.LSTM(4, 3, batch_first=True), torch.zeros(0, 4, 4))
