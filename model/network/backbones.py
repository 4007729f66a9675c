"""The convolutional (or ViT) half of the network: any image model as ``(N, 3, S, S) -> (N, C, h, w)``."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from model.errors import UnknownBackbone, WeightsUnavailable

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

TORCHVISION = ("resnet50", "efficientnet_b0")
LITE0 = "efficientnet_lite0"


@dataclass(frozen=True)
class BackboneSpec:
    """What is known of a backbone before any weight is loaded."""

    name: str
    channels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Backbone(nn.Module, ABC):
    """A feature extractor with its stages, first to last, for freezing and layer-wise learning rates."""

    spec: BackboneSpec

    @abstractmethod
    def stages(self) -> list[nn.Module]:
        """Return the parts in the order in which the image passes them; they hold every parameter once."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map, ``(N, C, h, w)``, of normalised images ``(N, 3, S, S)``."""


class TorchvisionBackbone(Backbone):
    """ResNet50 or EfficientNetB0 without pooling and classifier."""

    def __init__(self, name: str) -> None:
        import torchvision  # a second and a half; training on given features needs neither it nor timm

        super().__init__()
        whole = getattr(torchvision.models, name)(weights=None)
        if name == "resnet50":
            self.body = nn.Sequential(*list(whole.children())[:-2])
            channels = 2048
        else:
            self.body = whole.features
            channels = 1280
        self.spec = BackboneSpec(name, channels, IMAGENET_MEAN, IMAGENET_STD)

    def stages(self) -> list[nn.Module]:
        """Return the children in order."""
        return list(self.body.children())

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map, ``(N, C, S / 32, S / 32)``."""
        features: Tensor = self.body(images)
        return features


class TimmBackbone(Backbone):
    """Any timm model; a ViT's tokens are laid out as the grid that they stand for."""

    body: Any

    def __init__(self, name: str, timm_name: str, image_size: int) -> None:
        super().__init__()
        self.body = _create_timm(timm_name, image_size)
        config: dict[str, Any] = self.body.pretrained_cfg
        mean, std = tuple(config["mean"]), tuple(config["std"])
        self.spec = BackboneSpec(name, int(self.body.num_features), mean, std)

    def stages(self) -> list[nn.Module]:
        """Return the stem, the blocks one by one, and what follows them."""
        parts: list[nn.Module] = []
        for child in self.body.children():
            blocks = isinstance(child, nn.Sequential | nn.ModuleList) and len(child) > 0
            parts.extend(child.children() if blocks else [child])
        return [part for part in parts if any(True for _ in part.parameters())]

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map, ``(N, C, h, w)``."""
        features: Tensor = self.body.forward_features(images)
        if features.ndim == 3:  # (N, L, C): tokens of a ViT, class tokens first
            return self._tokens_to_grid(features)
        if features.shape[1] != self.spec.channels:  # (N, h, w, C): Swin and its like
            return features.permute(0, 3, 1, 2)
        return features

    def _tokens_to_grid(self, tokens: Tensor) -> Tensor:
        prefix = int(getattr(self.body, "num_prefix_tokens", 0))
        patches = tokens[:, prefix:]
        height, width = self.body.patch_embed.grid_size
        return patches.transpose(1, 2).reshape(tokens.shape[0], self.spec.channels, height, width)


def _create_timm(timm_name: str, image_size: int) -> nn.Module:
    """Make a timm model without classifier; ViTs are told the image size, others need none."""
    import timm

    if "/" in timm_name and ":" not in timm_name:  # to timm a folder or a hub, of which it wants to be told
        raise UnknownBackbone(timm_name, near_names(timm_name))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # timm's notes on renamed models
            try:
                body = timm.create_model(timm_name, pretrained=False, num_classes=0, img_size=image_size)
            except TypeError:  # a convolutional network takes any size and no such argument
                body = timm.create_model(timm_name, pretrained=False, num_classes=0)
    except (OSError, ValueError, LookupError) as error:  # a hub or a folder that has no such model
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise WeightsUnavailable(timm_name, timm_name, "timm's hub cache", reason) from error
    except RuntimeError:
        raise UnknownBackbone(timm_name, near_names(timm_name)) from None
    return body  # type: ignore[no-any-return]


def near_names(name: str) -> list[str]:
    """Return the timm models whose names look most like this one."""
    import timm

    return get_close_matches(name, timm.list_models(), n=3, cutoff=0.6)


def make_backbone(name: str, image_size: int) -> Backbone:
    """Return a backbone with random weights; :func:`model.weights.load_weights` fills them.

    Raises:
        UnknownBackbone: The name is neither one of ours nor a timm model.
    """
    if name in TORCHVISION:
        return TorchvisionBackbone(name)
    if name == LITE0:
        backbone = TimmBackbone(name, "tf_efficientnet_lite0", image_size)
        backbone.spec = BackboneSpec(name, backbone.spec.channels, HALF, HALF)
        return backbone
    return TimmBackbone(name, name, image_size)


def freeze_batchnorm(module: nn.Module) -> None:
    """Keep running statistics as they are: put every batch-norm layer into evaluation mode."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()


@torch.no_grad()
def feature_shape(backbone: Backbone, image_size: int) -> tuple[int, int, int]:
    """Return ``(C, h, w)`` of the feature map for images of this size."""
    was_training = backbone.training
    backbone.eval()
    device = next(backbone.parameters()).device
    shape = backbone(torch.zeros(1, 3, image_size, image_size, device=device)).shape
    backbone.train(was_training)
    return int(shape[1]), int(shape[2]), int(shape[3])
