from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

from model.inputs.layers import LayerStatistics
from model.network.backbones import make_backbone


def test_each_thread_takes_the_statistics_of_its_own_images() -> None:
    torch.manual_seed(0)
    backbone = make_backbone("efficientnet_lite0", 64).eval()
    layers = LayerStatistics(backbone, 64)
    batches = [torch.randn(1, 3, 64, 64) for _ in range(6)]

    @torch.inference_mode()
    def taken(batch: torch.Tensor) -> torch.Tensor:
        backbone(batch)
        return layers.take()

    with layers.listening():
        alone = [taken(batch) for batch in batches]
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(taken, batches))

    for one, other in zip(alone, together, strict=True):
        assert one.shape == (1, layers.width)
        torch.testing.assert_close(other, one)
    assert not torch.allclose(alone[0], alone[1])


def test_the_middle_layer_is_also_averaged_over_quarters() -> None:
    """Stages of Lite0 from stride 8: 40, 80, 112, 192 and 320 channels; 112 are the last at stride 16."""
    layers = LayerStatistics(make_backbone("efficientnet_lite0", 96).eval(), 96)

    assert layers.width == 2 * (40 + 80 + 112 + 192 + 320) + 4 * 112


def test_nothing_listens_afterwards() -> None:
    backbone = make_backbone("efficientnet_lite0", 64).eval()
    layers = LayerStatistics(backbone, 64)
    with layers.listening():
        pass

    assert all(not module._forward_hooks for module in backbone.modules())
