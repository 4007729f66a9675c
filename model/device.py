"""Which device computes."""

from __future__ import annotations

import torch

from model.errors import DeviceUnavailable


def present_devices() -> list[str]:
    """Return the devices that torch can use here, best first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


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
