"""The whole computation as ONNX, of the backbones that people train, at the sizes that they train them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from db.workspace.train_settings import TrainSettings
from model.errors import ExportFailed
from model.export import _write_onnx
from model.network.backbones import feature_shape, make_backbone
from model.network.cnn_lstm import CnnLstm, averages
from model.network.weights import load_weights

pytestmark = pytest.mark.slow

CASES = [
    ("efficientnet_lite0", 96, False),
    ("efficientnet_lite0", 160, False),
    ("efficientnet_lite0", 224, False),
    ("efficientnet_lite0", 300, False),
    ("efficientnet_lite0", 330, False),
    ("efficientnet_lite0", 160, True),
    ("resnet50", 96, False),
    ("resnet50", 256, True),
    ("resnet50", 320, False),
    ("efficientnet_b0", 128, False),
    ("efficientnet_b0", 260, False),
    ("vit_tiny_patch16_224", 224, False),
    ("convnext_atto", 288, False),
    ("mobilenetv3_small_050", 250, False),
]


@pytest.mark.parametrize(("name", "size", "exact"), CASES)
def test_onnxruntime_gives_the_networks_probabilities(
    name: str, size: int, exact: bool, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    settings = TrainSettings(
        backbone=name, image_size=size, grid_exact=exact, projection=64, lstm_hidden=32, weights="none"
    )
    backbone = make_backbone(name, size)
    if name == "efficientnet_lite0":
        load_weights(backbone, "auto", 0)
    shape = feature_shape(backbone.eval(), size)
    network = CnnLstm(backbone, shape, [5, 3], settings).eval()
    about = {
        "backbone": name,
        "classes": {"style": list("abcde"), "genre": list("xyz")},
        "transform": {"size": size},
        "temperature": {"style": 1.3, "genre": 0.7},
    }
    images = torch.randn(3, 3, size, size)
    with torch.no_grad():
        wanted = [
            (logits / t).softmax(1).numpy() for logits, t in zip(network(images), (1.3, 0.7), strict=True)
        ]

    _write_onnx(network, about, tmp_path / "model.onnx")

    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(["style", "genre"], {"images": images.numpy()})
    alone = session.run(["style", "genre"], {"images": images[:1].numpy()})
    for ours, theirs, one in zip(wanted, found, alone, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=2e-5)
        np.testing.assert_allclose(one, ours[:1], atol=2e-5)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 7, 8, 10, 11, 14, 33])
@pytest.mark.parametrize("cells", [1, 3, 7])
def test_averages_are_those_of_adaptive_pooling(length: int, cells: int) -> None:
    values = torch.randn(2, 3, length)

    pooled = torch.nn.functional.adaptive_avg_pool1d(values, cells)

    torch.testing.assert_close(values @ averages(length, cells).T, pooled)


def test_what_onnx_cannot_say_is_one_sentence(tmp_path: Path) -> None:
    class Odd(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            values: torch.Tensor = torch.linalg.svdvals(images.mean(1))
            return values[:, :, None, None]

    network = CnnLstm.__new__(CnnLstm)
    torch.nn.Module.__init__(network)
    network.forward = lambda images: [Odd()(images).flatten(1)]  # type: ignore[method-assign]
    about = {
        "backbone": "odd",
        "classes": {"style": ["a"]},
        "transform": {"size": 8},
        "temperature": {"style": 1},
    }

    with pytest.raises(ExportFailed) as refused:
        _write_onnx(network, about, tmp_path / "model.onnx")

    assert str(refused.value).startswith("odd cannot be written as ONNX (")
    assert str(refused.value).endswith("Use `--format safetensors` or `pth`.")
    assert "\n" not in str(refused.value)
