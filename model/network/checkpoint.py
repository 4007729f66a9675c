"""A checkpoint is two files: tensors (safetensors) and a JSON that a person can read.

Both are written under another name and renamed; the JSON comes last and names the size and digest of the
tensors, so a pair that a kill cut short is seen as absent, never as a model.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from model.errors import CheckpointUnreadable


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write ``path.safetensors`` and ``path.json``, each whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    described = {**about, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    _replace(path.with_name(path.name + ".safetensors"), content)
    text = json.dumps(described, indent=1, ensure_ascii=False)
    _replace(path.with_name(path.name + ".json"), text.encode("utf-8"))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_checkpoint` wrote.

    Raises:
        CheckpointUnreadable: A file is absent, damaged, or does not belong to the other.
    """
    text_path = path.with_name(path.name + ".json")
    tensor_path = path.with_name(path.name + ".safetensors")
    try:
        about = json.loads(text_path.read_text(encoding="utf-8"))
        content = tensor_path.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointUnreadable(path, f"{Path(str(error.filename)).name} is missing") from None
    except (OSError, ValueError) as error:
        raise CheckpointUnreadable(path, str(error)) from error
    if hashlib.sha256(content).hexdigest() != about.get("sha256"):
        raise CheckpointUnreadable(
            tensor_path, f"it has {len(content)} bytes that differ from the {about.get('bytes')} written"
        )
    try:
        return load(content), about
    except SafetensorError as error:
        raise CheckpointUnreadable(tensor_path, str(error)) from error


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def newest_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the latest epoch's checkpoint that can be read, or None."""
    for text_path in sorted(folder.glob("epoch-*.json"), reverse=True):
        try:
            return read_checkpoint(text_path.with_suffix(""))
        except CheckpointUnreadable:
            continue
    return None


def drop_old_checkpoints(folder: Path, keep: int) -> None:
    """Delete all but the last ``keep`` epochs' checkpoints; the JSON goes first, so no half pair stays."""
    for text_path in sorted(folder.glob("epoch-*.json"))[: -keep or None]:
        text_path.unlink(missing_ok=True)
        text_path.with_suffix(".safetensors").unlink(missing_ok=True)


def training_state(network: nn.Module, weights: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return all tensors that training goes on from, each under its own name."""
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    state |= {f"weights.{name}": tensor for name, tensor in weights.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            if value is not None:
                state[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    return state


def restore_training(
    state: Mapping[str, Tensor], network: nn.Module, weights: nn.Module, optimizer: Optimizer
) -> None:
    """Put back what :func:`training_state` returned; the optimizer's groups are made again by its caller."""
    network.load_state_dict(named(state, "network."))
    weights.load_state_dict(named(state, "weights."))
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in named(state, "optimizer.").items():
        index, slot = name.split(".", 1)
        slots.setdefault(int(index), {})[slot] = tensor
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                # fused optimizers walk through memory: moments must lie as the parameter does (channels last)
                moments[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)


def named(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, under what follows."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
