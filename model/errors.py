"""Errors of training and prediction that a user can fix.

::

    CurateError (db.errors)
    ├── UnknownBackbone        neither one of ours nor a timm model
    ├── WeightsUnavailable     pretrained weights are not here and cannot be fetched
    ├── WeightsMismatch        a file of weights does not fit the backbone
    ├── NothingToLearn         no image can be read, or no attribute has two classes
    ├── FoldEmpty              a fold leaves nothing to train on
    ├── NonFiniteLoss          the loss became infinite or NaN
    ├── OutOfMemory            even one artwork a step does not fit the device
    ├── DeviceUnavailable      a device that this machine does not have
    ├── CompileFailed          torch.compile could not translate the backbone
    ├── ExportFailed           ONNX has no words for what the network does
    ├── CheckpointUnreadable   a checkpoint is not there, cut short, or of another kind
    └── RunDirectoryTaken      a run directory holds another run's state
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from db.errors import CurateError

OFFLINE = "efficientnet_lite0"
"""The backbone whose weights come with the installation."""


class UnknownBackbone(CurateError):
    """The name is neither one of ours nor a timm model."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        hint = f"Nearest timm models: {', '.join(near)}." if near else "timm has nothing like it."
        super().__init__(
            f"There is no backbone {name!r}. {hint} Ours are resnet50, efficientnet_b0 and {OFFLINE}."
        )


class WeightsUnavailable(CurateError):
    """Pretrained weights are not on this machine and could not be fetched."""

    def __init__(self, backbone: str, source: str, place: str, reason: str) -> None:
        super().__init__(
            f"The pretrained weights of {backbone} are not here, and fetching {source} failed ({reason}). "
            f"Put that file at {place}, or give `--weights FILE`, "
            f"or use the backbone that needs no download: `--backbone {OFFLINE}`."
        )


class WeightsMismatch(CurateError):
    """A file of weights does not fit the backbone."""

    def __init__(self, path: Path | str, backbone: str, problem: str) -> None:
        super().__init__(
            f"{path} does not hold weights of {backbone}: {problem}. "
            f"Give the file that belongs to it with `--weights FILE`, or another `--backbone`."
        )


class NothingToLearn(CurateError):
    """There is nothing that a network could learn."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"There is nothing to train on: {problem}. "
            f"See what the catalog holds with `curate stats`; "
            f"`--min-class-count` says how often a class must occur."
        )


class FoldEmpty(CurateError):
    """A fold's model would have nothing to train on."""

    def __init__(self, fold: int, folds: int) -> None:
        super().__init__(
            f"Fold {fold} of {folds} leaves no labelled artwork to train on. "
            f"Train with fewer folds (`--folds 2`) or ingest more labelled artworks."
        )


class NonFiniteLoss(CurateError):
    """The loss became infinite or NaN."""

    def __init__(self, what: str, epoch: int, step: int, lr: float) -> None:
        super().__init__(
            f"The loss of {what} stopped being a finite number in epoch {epoch}, step {step}, "
            f"at learning rate {lr:.2g}. Train with a smaller one: `--lr {lr / 10:.1g}`."
        )


class OutOfMemory(CurateError):
    """Even the smallest batch does not fit the device."""

    def __init__(self, device: str, batch_size: int, image_size: int) -> None:
        super().__init__(
            f"A batch of {batch_size} at {image_size} pixels does not fit the memory of {device}. "
            f"Use `--batch-size auto`, a smaller `--image-size`, or `--mode frozen`."
        )


class DeviceUnavailable(CurateError):
    """The device that was asked for is not here."""

    def __init__(self, device: str, present: Sequence[str]) -> None:
        super().__init__(
            f"There is no device {device!r} that torch can use here. It finds: {', '.join(present)}. "
            f"Use `--device auto`."
        )


class CompileFailed(CurateError):
    """``torch.compile`` could not translate the backbone."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"torch.compile failed: {reason}. It needs a C++ compiler, such as g++; "
            f"install one, or train without `--compile`."
        )


class CheckpointUnreadable(CurateError):
    """A checkpoint is not there, is cut short, or holds something else."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} is not a model that curate can read: {problem}. "
            f"Choose another run (`curate runs`), or train again with `curate train`."
        )


class ExportFailed(CurateError):
    """A network does something that the format has no words for."""

    def __init__(self, backbone: str, said: str) -> None:
        super().__init__(
            f"{backbone} cannot be written as ONNX ({said}). Use `--format safetensors` or `pth`."
        )


class RunDirectoryTaken(CurateError):
    """The run directory holds the state of a run with other settings or labels."""

    def __init__(self, path: Path, difference: str) -> None:
        super().__init__(
            f"{path} holds an unfinished run that differs in {difference}, so it cannot go on as this one. "
            f"Start a new run with `curate train`."
        )
