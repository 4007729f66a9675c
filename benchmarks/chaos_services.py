"""The servers of ``benchmarks/chaos.py``: started when a case first asks, kept up, killed, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from review.errors import MongodMissing
from review.label_studio.local_server import (
    LocalServer,
    free_port,
    start_server,
    stop_server,
    wait_until_up,
)
from review.mongod import fiftyone_folder, own_mongod
from tests.postgres import Postgres, postgres_server

START_SECONDS = 120
DATABASE = "chaos"
"""FiftyOne's, in our MongoDB."""


@dataclass
class Mongo:
    """A MongoDB of our own, for FiftyOne."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What ``FIFTYONE_DATABASE_URI`` names."""
        return f"mongodb://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs in its environment to use this server, and to leave the internet alone."""
        return {
            "FIFTYONE_DATABASE_URI": self.url,
            "FIFTYONE_DATABASE_NAME": DATABASE,
            "FIFTYONE_DO_NOT_TRACK": "true",
        }

    def start(self) -> None:
        """Start it, also after ``kill``, and wait until it answers."""
        installed = fiftyone_folder()
        if installed is None:
            raise MongodMissing("chaos")
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = ["--dbpath", str(self.folder), "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        self.process = subprocess.Popen(
            [own_mongod(installed), *arguments, "--wiredTigerCacheSizeGB", "0.25"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with self.client() as client:
                    client.server_info()
                return
            except PyMongoError:
                if time.monotonic() > deadline:
                    raise

    def client(self) -> pymongo.MongoClient[Any]:
        """Return a connection."""
        return pymongo.MongoClient(self.url, serverSelectionTimeoutMS=1000)

    def kill(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class LabelStudio:
    """A Label Studio that listens at one address however often it is started."""

    server: LocalServer
    documents: Path

    def kill(self) -> None:
        """Kill it, every process of it."""
        os.killpg(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait()

    def start(self) -> None:
        """Start it again in the same folder, and wait until it answers."""
        port = int(self.server.url.rpartition(":")[2])
        self.server = start_server(self.server.folder, self.documents, port)
        wait_until_up(self.server, say=lambda _text: None)


class Services:
    """The servers that the cases share, each started when it is first asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack

    @cached_property
    def postgres(self) -> Postgres:
        """A PostgreSQL server."""
        return self._stack.enter_context(postgres_server())

    @cached_property
    def mongo(self) -> Mongo:
        """A MongoDB server."""
        mongo = Mongo(self.folder / "mongo")
        mongo.start()
        self._stack.callback(mongo.kill)
        return mongo

    @cached_property
    def label_studio(self) -> LabelStudio:
        """A Label Studio server; ``CURATE_TEST_LABEL_STUDIO`` may name a folder where it has been before."""
        folder = Path(os.environ.get("CURATE_TEST_LABEL_STUDIO") or self.folder / "label-studio")
        started = LabelStudio(start_server(folder, self.folder, free_port()), self.folder)
        self._stack.callback(lambda: stop_server(started.server))
        wait_until_up(started.server, say=lambda _text: None)
        os.environ["LABEL_STUDIO_API_KEY"] = started.server.token
        return started
