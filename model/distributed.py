"""Several processes, on one machine or many, as ``torchrun`` and ``accelerate launch`` start them.

They share the run's folder and the cache. On cached features each trains whole models, so that the numbers
are those of one process; in fine-tuning all train one model together, each on its part of every batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray


@dataclass(frozen=True)
class World:
    """This process's place among those that train together; alone it is 0 of 1."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes the catalog and talks to the user."""
        return self.rank == 0

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return this process's part of some rows; the parts differ by at most one row in length."""
        return rows[self.rank :: self.size]

    def even_share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a part that is never empty and as long as everyone's: some rows may come twice."""
        wanted = -(-len(rows) // self.size) * self.size
        return np.resize(rows, wanted)[self.rank :: self.size]

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()

    def gather(self, value: Any) -> list[Any]:
        """Return everyone's value, in the order of ranks, to everyone."""
        if self.size == 1:
            return [value]
        gathered: list[Any] = [None] * self.size
        dist.all_gather_object(gathered, value)
        return gathered


def world_from_environment() -> World:
    """Return the place that the launcher's environment variables give."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    return World(int(os.environ.get("RANK", "0")), size, int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def joined_world() -> Iterator[World]:
    """Join the other processes for as long as the block runs; alone, do nothing."""
    world = world_from_environment()
    if world.size == 1 or dist.is_initialized():
        yield world
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield world
    finally:
        dist.destroy_process_group()
