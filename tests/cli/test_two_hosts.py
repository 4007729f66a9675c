"""``curate train`` over two "hosts", network namespaces with a cable between them; and a rank that dies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from review.label_studio.local_server import free_port
from tests.cli.test_train import SMALL, gallery
from tests.cli.test_train_together import predictions
from tests.conftest import Curate

pytestmark = pytest.mark.slow

MAX_SECONDS = 240


@dataclass(frozen=True)
class Hosts:
    """Where the two ranks run, and how they find each other."""

    prefixes: tuple[list[str], list[str]]
    address: str
    interfaces: tuple[str, str]

    def train(self, folder: Path, *options: str) -> list[subprocess.Popen[str]]:
        """Start ``curate train`` on both, each with the command that docs/training.md gives."""
        meet = f"--nnodes 2 --nproc-per-node 1 --master-addr {self.address} --master-port {free_port()}"
        launcher = [sys.executable, "-m", "torch.distributed.run", *meet.split()]
        command = ["-m", "curate.cli", "-w", str(folder), "train", *options]
        return [
            subprocess.Popen(
                [*prefix, *launcher, "--node-rank", str(rank), *command],
                env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": self.interfaces[rank]},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank, prefix in enumerate(self.prefixes)
        ]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Two namespaces that share only a cable; where they are not allowed, both ranks are on this machine."""
    names = [f"curate{os.getpid()}{end}" for end in "ab"]
    cables = [f"cu{os.getpid()}{end}" for end in "ab"]
    prefixes = (["ip", "netns", "exec", names[0]], ["ip", "netns", "exec", names[1]])
    try:
        try:
            join(names, cables)
        except (subprocess.CalledProcessError, FileNotFoundError):  # no rights, or no ip command
            yield Hosts(([], []), "127.0.0.1", ("lo", "lo"))
        else:
            yield Hosts(prefixes, "10.213.7.1", (cables[0], cables[1]))
    finally:
        for name in names if shutil.which("ip") else ():
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def join(names: list[str], cables: list[str]) -> None:
    """Make two network namespaces and the cable between them."""
    for name in names:
        ip("netns", "add", name)
    ip("link", "add", cables[0], "netns", names[0], "type", "veth", "peer", cables[1], "netns", names[1])
    for number, (name, cable) in enumerate(zip(names, cables, strict=True), start=1):
        ip("-n", name, "address", "add", f"10.213.7.{number}/24", "dev", cable)
        for device in (cable, "lo"):
            ip("-n", name, "link", "set", device, "up")
        ip("netns", "exec", name, "true")


def finish(ranks: list[subprocess.Popen[str]]) -> tuple[list[int], str, str]:
    """Wait for both ranks; return how they ended, what the first printed, and what both said."""
    ended = [rank.communicate(timeout=MAX_SECONDS) for rank in ranks]
    return [rank.returncode for rank in ranks], ended[0][0], "".join(said for _, said in ended)


def test_a_rank_dies_and_the_same_command_goes_on_with_its_run(
    hosts: Hosts, tmp_path: Path, curate: Curate
) -> None:
    workspace = tmp_path / "ws"
    assert curate("init", workspace).status == 0
    assert curate("-w", workspace, "ingest", gallery(tmp_path)).status == 0
    options = [*SMALL, "--mode", "finetune", "--epochs", "8", "--json"]

    ranks = hosts.train(workspace, *options)
    deadline = time.monotonic() + MAX_SECONDS
    while not any((workspace / "runs").glob("*/models/*/epoch-*.json")):
        assert time.monotonic() < deadline and ranks[0].poll() is None, finish(ranks)
        time.sleep(0.01)
    for worker in psutil.Process(ranks[1].pid).children():
        worker.kill()
    statuses, _, _ = finish(ranks)
    assert 0 not in statuses

    statuses, printed, said = finish(hosts.train(workspace, *options))

    assert statuses == [0, 0], said
    assert json.loads(printed)["run"] == 1
    assert predictions(workspace, 1) == [36, 72]
