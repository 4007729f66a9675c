"""The convolutional-recurrent network: a feature map read cell by cell by an LSTM, one head an attribute.

Shapes: N images, C channels of the backbone, h × w cells, T = h * w steps (top row first, left to right),
P features a cell after the projection, H the LSTM's hidden size, K_a classes of attribute a.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from db.workspace.train_settings import TrainSettings
from model.network.backbones import Backbone
from model.network.short_lstm import is_short, short_lstm

Logits = list[Tensor]
"""One tensor of shape (N, K_a) for each attribute, in the order of the run's attributes."""


class GridPool(nn.Module):
    """Average a feature map to at most ``side × side`` cells and lay it out as a sequence."""

    def __init__(self, side: int, exact: bool) -> None:
        super().__init__()
        self.side = side
        self.exact = exact

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns that come out of a ``height × width`` map."""
        if self.exact:
            return self.side, self.side
        return min(self.side, height), min(self.side, width)

    def forward(self, features: Tensor) -> Tensor:
        """Return the sequence ``(N, T, C)`` of a map ``(N, C, h, w)``."""
        height, width = int(features.shape[2]), int(features.shape[3])
        rows, columns = self.cells(height, width)
        if torch.onnx.is_in_onnx_export() and (rows, columns) != (height, width):
            features = (
                averages(height, rows).to(features) @ features @ averages(width, columns).to(features).T
            )
        elif (rows, columns) != (height, width):
            features = nn.functional.adaptive_avg_pool2d(features, (rows, columns))
        return features.flatten(2).transpose(1, 2)


def averages(length: int, cells: int) -> Tensor:
    """Return the matrix ``(cells, length)`` that averages as adaptive pooling does along one side.

    ONNX has adaptive pooling only where the cells divide the side; two products with this do for 7 of 10.
    Cell ``i`` is the mean from ``floor(i L / C)`` to ``ceil((i + 1) L / C)``, as PyTorch defines it.
    """
    matrix = torch.zeros(cells, length)
    for cell in range(cells):
        start, end = cell * length // cells, -(-(cell + 1) * length // cells)
        matrix[cell, start:end] = 1 / (end - start)
    return matrix


class SeededDropout(nn.Module):
    """Dropout whose draws come from its own generator.

    Several models train at once in threads of one process; torch's global generator would be drawn from in
    whatever order they happen to run.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, in training each zeroed with probability ``rate`` and the rest scaled up."""
        if not self.training or self.rate == 0:
            return values
        kept = torch.rand(values.shape, generator=self.generator, device=values.device) >= self.rate
        return values * kept / (1 - self.rate)


def seed_dropout(network: nn.Module, seed: int, device: torch.device) -> None:
    """Start the draws of every :class:`SeededDropout` again."""
    generator = torch.Generator(device=device).manual_seed(seed)
    for part in network.modules():
        if isinstance(part, SeededDropout):
            part.generator = generator


class SequenceHeads(nn.Module):
    """The LSTM over the cells, and one linear head an attribute on its final hidden state.

    The heads may read the mean of the states over all cells instead, or both side by side.
    """

    def __init__(self, features: int, steps: int, classes: Sequence[int], settings: TrainSettings) -> None:
        super().__init__()
        hidden = settings.lstm_hidden or 256
        width = hidden * (2 if settings.bidirectional else 1)
        self.read = (settings.lstm_pool or "final").split("+")
        self.input_dropout = SeededDropout(settings.input_dropout)
        self.between = SeededDropout(settings.lstm_dropout)
        self.lstms = nn.ModuleList(
            nn.LSTM(
                features if layer == 0 else width,
                hidden,
                batch_first=True,
                bidirectional=settings.bidirectional,
            )
            for layer in range(settings.lstm_layers)
        )
        self.dropout = SeededDropout(settings.dropout or 0.0)
        self.heads = nn.ModuleList(nn.Linear(width * len(self.read), count) for count in classes)
        if settings.chrono:
            for lstm in self.lstms:
                assert isinstance(lstm, nn.LSTM)
                remember(lstm, steps)

    def forward(self, sequence: Tensor) -> Logits:
        """Return the logits of each attribute for sequences ``(N, T, P)``."""
        states = self.input_dropout(sequence)
        for layer, lstm in enumerate(self.lstms):
            assert isinstance(lstm, nn.LSTM)
            states, final = read(lstm, states if layer == 0 else self.between(states))
        summaries = {"final": final, "mean": states.mean(dim=1)}  # (N, D) each
        summary = self.dropout(torch.cat([summaries[name] for name in self.read], dim=1))
        return [head(summary) for head in self.heads]


def read(lstm: nn.LSTM, sequence: Tensor) -> tuple[Tensor, Tensor]:
    """Return an LSTM's states ``(N, T, D)`` and its final one ``(N, D)``, by whatever is fastest."""
    if is_short(lstm, sequence):
        states = short_lstm(lstm, sequence)
        return states, states[:, -1]
    states, (hidden, _) = lstm(sequence)  # (N, T, D), (D / H, N, H)
    return states, hidden.transpose(0, 1).flatten(1)


@torch.no_grad()
def remember(lstm: nn.LSTM, steps: int) -> None:
    """Start the forget gates so that the final state still holds the first cells of the sequence.

    Chrono initialisation (Tallec and Ollivier, "Can recurrent neural networks warp time?", ICLR 2018):
    forget biases are log(u), u uniform in 1..T - 1, input biases their negatives. With torch's default, a
    gate near 0.5 has forgotten all but the last three of 49 cells, and the final state describes the image's
    lower right corner.
    """
    hidden = lstm.hidden_size
    for name, parameter in lstm.named_parameters():
        if name.startswith("bias"):
            parameter.zero_()
        if name.startswith("bias_ih"):
            span = torch.rand(hidden, device=parameter.device) * max(steps - 2, 0) + 1
            parameter[hidden : 2 * hidden] = torch.log(span)
            parameter[:hidden] = -torch.log(span)  # so that what is summed up doesn't saturate the tanh


class Projection(nn.Module):
    """A linear map of each cell, C to P features; fitted by PCA without labels, or learned."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, features)

    @torch.no_grad()
    def fill(self, matrix: Tensor, mean: Tensor) -> None:
        """Make this ``(x - mean) @ matrix``; ``matrix`` has shape ``(C, P)``, ``mean`` ``(C,)``."""
        self.linear.weight.copy_(matrix.T)
        self.linear.bias.copy_(-(mean @ matrix))

    def forward(self, cells: Tensor) -> Tensor:
        """Return ``(N, T, P)`` for ``(N, T, C)``."""
        projected: Tensor = self.linear(cells)
        return projected


class CnnLstm(nn.Module):
    """Classify an artwork in every attribute at once: backbone, pooled grid, LSTM, heads."""

    def __init__(
        self,
        backbone: Backbone,
        map_shape: tuple[int, int, int],
        classes: Sequence[int],
        settings: TrainSettings,
    ) -> None:
        super().__init__()
        channels, height, width = map_shape
        self.backbone = backbone
        self.pool = GridPool(settings.grid or 7, settings.grid_exact)
        features = settings.projection or channels
        self.projection = Projection(channels, features) if settings.projection else nn.Identity()
        self.sequence = SequenceHeads(features, math.prod(self.pool.cells(height, width)), classes, settings)

    def cells(self, images: Tensor) -> Tensor:
        """Return the projected grid ``(N, T, P)`` of normalised images ``(N, 3, S, S)``."""
        projected: Tensor = self.projection(self.pool(self.backbone(images)))
        return projected

    def forward(self, images: Tensor) -> Logits:
        """Return the logits of each attribute, ``(N, K_a)``, for normalised images ``(N, 3, S, S)``."""
        logits: Logits = self.sequence(self.cells(images))
        return logits
