from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from model.errors import UnknownBackbone, WeightsMismatch, WeightsUnavailable
from model.network.backbones import feature_shape, make_backbone
from model.network.weights import load_weights, weights_digest


def test_offline_weights_fill_every_tensor() -> None:
    backbone = make_backbone("efficientnet_lite0", 96)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}

    digest = load_weights(backbone, "auto", 0)

    same = [name for name, value in backbone.state_dict().items() if torch.equal(value, before[name])]
    assert all(name.endswith("num_batches_tracked") for name in same)
    assert digest == "5ebb5063b0f58c60"
    assert backbone.spec.mean == (0.5, 0.5, 0.5)
    assert feature_shape(backbone, 96) == (1280, 3, 3)


def test_missing_weights_name_file_place_and_the_offline_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    with pytest.raises(WeightsUnavailable) as caught:
        load_weights(make_backbone("resnet50", 64), "auto", 0)

    # Which network error it was is the machine's affair: a refused proxy, or no name service at all.
    message = re.sub(r"\[Errno -?\d+\] [^)]+", "REASON", str(caught.value))
    assert message == (
        "The pretrained weights of resnet50 are not here, and fetching "
        "https://download.pytorch.org/models/resnet50-0676ba61.pth failed (REASON). "
        f"Put that file at {tmp_path}/hub/checkpoints/resnet50-0676ba61.pth, or give `--weights FILE`, "
        "or use the backbone that needs no download: `--backbone efficientnet_lite0`."
    )


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_b0"])
def test_torchvisions_file_gives_torchvisions_features(name: str, tmp_path: Path) -> None:
    theirs = getattr(torchvision.models, name)(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    images = torch.rand(1, 3, 64, 64)
    backbone = make_backbone(name, 64).eval()

    load_weights(backbone, str(tmp_path / "weights.pth"), 0)

    with torch.inference_mode():
        logits = theirs(images)
        pooled = backbone(images).mean(dim=(2, 3))
        classifier = theirs.fc if name == "resnet50" else theirs.classifier
        torch.testing.assert_close(classifier(pooled), logits, rtol=1e-4, atol=1e-5)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = make_backbone("test_vit", 64)
    save_file(dict(other.get_submodule("body").state_dict()), tmp_path / "vit.safetensors")

    with pytest.raises(WeightsMismatch) as caught:
        load_weights(make_backbone("efficientnet_b0", 64), str(tmp_path / "vit.safetensors"), 0)

    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/vit.safetensors does not hold weights of efficientnet_b0: it has ")
    assert message.endswith(
        "Give the file that belongs to it with `--weights FILE`, or another `--backbone`."
    )


def test_a_file_that_is_no_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.pth").write_text("not a pickle")

    with pytest.raises(WeightsMismatch, match="it is damaged, or holds more than tensors"):
        load_weights(make_backbone("test_resnet", 64), str(tmp_path / "note.pth"), 0)


class Command:
    """Unpickled by a loader that trusts its file, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def test_a_file_that_would_run_a_command_is_refused_and_runs_none(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Command(f"touch {tmp_path}/ran")}, tmp_path / "theirs.pth")

    with pytest.raises(WeightsMismatch) as caught:
        load_weights(make_backbone("test_resnet", 64), str(tmp_path / "theirs.pth"), 0)

    assert not (tmp_path / "ran").exists()
    assert "weights_only" not in str(caught.value)


def test_random_weights_follow_the_seed() -> None:
    digests = [load_weights(make_backbone("test_resnet", 64), "none", seed) for seed in (0, 0, 1)]

    assert digests[0] == digests[1] != digests[2]


def test_an_unknown_backbone_names_its_neighbours() -> None:
    with pytest.raises(UnknownBackbone) as caught:
        make_backbone("resnet5O", 64)

    assert str(caught.value).startswith("There is no backbone 'resnet5O'. Nearest timm models: resnet50")
    assert str(caught.value).endswith("Ours are resnet50, efficientnet_b0 and efficientnet_lite0.")


@pytest.mark.parametrize(
    "name", ["test_vit", "test_convnext", "test_efficientnet", "swin_tiny_patch4_window7_224"]
)
def test_any_timm_network_gives_a_grid(name: str) -> None:
    backbone = make_backbone(name, 96 if name.startswith("test") else 224)
    size = 96 if name.startswith("test") else 224

    channels, height, width = feature_shape(backbone, size)

    assert channels == backbone.spec.channels
    assert 2 <= height == width <= 14
    inside = {id(parameter) for stage in backbone.stages() for parameter in stage.parameters()}
    assert len(inside) == len(list(backbone.parameters())) - _outside(name)


def _outside(name: str) -> int:
    """A ViT's class token and position embedding belong to no stage."""
    return 2 if name == "test_vit" else 0


def test_the_digest_follows_every_tensor() -> None:
    backbone = make_backbone("test_resnet", 64)
    before = weights_digest(backbone)
    with torch.no_grad():
        list(backbone.parameters())[-1][0] += 1

    assert weights_digest(backbone) != before
