"""Which device computes, and whether it runs code compiled for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from model.errors import CompileFailed, DeviceUnavailable


def present_devices() -> list[str]:
    """Return the devices that torch can use here, best first."""
    devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """Return the device of that name; ``auto`` takes the best, one a process.

    Raises:
        DeviceUnavailable: It is not here.
    """
    present = present_devices()
    if name == "auto":
        gpus = [device for device in present if device.startswith("cuda")]
        return torch.device(gpus[local_rank % len(gpus)] if gpus else present[0])
    if name not in present and not (name == "cuda" and torch.cuda.is_available()):
        raise DeviceUnavailable(name, present)
    return torch.device(name)


@contextmanager
def compiled(module: nn.Module) -> Iterator[None]:
    """Let ``torch.compile`` translate a module at its first step.

    Raises:
        CompileFailed: It could not, most often because there is no C++ compiler.
    """
    from torch._dynamo.exc import TorchDynamoException

    module.compile()
    try:
        yield
    except TorchDynamoException as error:
        raise CompileFailed(str(error).strip().splitlines()[0]) from error
