from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from scipy.spatial.distance import pdist

from model.inputs.layers import CORRELATIONS_WEIGH, LayerStatistics, _correlations, principal_axes
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


def test_what_is_taken_of_each_stage() -> None:
    """Lite0's stages have 32 to 320 channels; 112 are the last at stride 16, 40 the first at stride 8."""
    layers = LayerStatistics(make_backbone("efficientnet_lite0", 96).eval(), 96)

    means_and_spreads = 2 * (32 + 16 + 24 + 40 + 80 + 112 + 192 + 320)
    triangles = [channels * (channels + 1) // 2 for channels in (40, 80, 112, 112)]  # 192 turned onto 112
    assert layers.blocks == (means_and_spreads + 4 * 112, *triangles)
    assert layers.width == sum(layers.blocks)


def test_correlations_tell_textures_apart_that_means_and_spreads_do_not() -> None:
    """Two channels that answer together or against each other, with the same mean and spread."""
    answer = torch.randn(1, 1, 64)
    together, against = torch.cat([answer, answer], dim=1), torch.cat([answer, -answer], dim=1)
    centred = [channels - channels.mean(dim=2, keepdim=True) for channels in (together, against)]

    one, other = (_correlations(channels, None) for channels in centred)

    third = 3**-0.5
    torch.testing.assert_close(one, torch.tensor([[third, third, third]]))
    torch.testing.assert_close(other, torch.tensor([[third, -third, third]]))


def test_axes_keep_the_distances_and_standardising_them_changes_little() -> None:
    rng = np.random.default_rng(0)
    statistics = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 40))
    statistics[:, 7] = 3.0  # constant: it tells nothing
    mean, matrix = principal_axes(statistics, (30, 10))

    found = (statistics - mean.numpy()) @ matrix.numpy()

    standard = statistics - statistics.mean(axis=0)
    standard /= np.where(standard.std(axis=0) > 0, standard.std(axis=0), 1.0)
    standard *= np.sqrt(np.r_[np.full(30, 1 / 30), np.full(10, CORRELATIONS_WEIGH / 10)])
    ratio = pdist(found) / pdist(standard)
    assert matrix.shape == (40, 6)
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-2)
    np.testing.assert_allclose((found**2).mean(), 1.0, rtol=1e-3)


def test_too_few_images_have_no_axes() -> None:
    assert principal_axes(np.ones((1, 8)), (8,))[1].shape == (8, 0)
    assert principal_axes(np.ones((0, 8)), (8,))[1].shape == (8, 0)
    assert principal_axes(np.ones((3, 0)), ())[1].shape == (0, 0)
    assert principal_axes(np.ones((3, 8)), (8,))[1].shape == (8, 0)


def test_nothing_listens_afterwards() -> None:
    backbone = make_backbone("efficientnet_lite0", 64).eval()
    layers = LayerStatistics(backbone, 64)
    with layers.listening():
        pass

    assert all(not module._forward_hooks for module in backbone.modules())
