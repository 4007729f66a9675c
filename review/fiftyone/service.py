"""FiftyOne's own MongoDB as a process: the one of this data folder, one that was left behind, one that died.

FiftyOne attaches to any MongoDB that it started for this user, whichever folder that one serves, and starts a
second one in vain where the first has lost the process that watches over it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

ENDING_SECONDS = 20.0
"""How long a MongoDB may take to end after its last user."""


@contextmanager
def of_folder(folder: Path) -> Iterator[None]:
    """Let FiftyOne attach to the MongoDB of this data folder alone, while it connects."""
    from fiftyone.service import util

    find: Callable[[Any], Iterator[psutil.Process]] = util.find_processes_by_args

    def of_this_folder(arguments: Any) -> Iterator[psutil.Process]:
        return (process for process in find(arguments) if _serves(process, folder))

    util.find_processes_by_args = of_this_folder
    try:
        yield
    finally:
        util.find_processes_by_args = find


def port_of_left_over(folder: Path) -> int | None:
    """Return the port of a MongoDB on this folder that nobody watches over; None if there is none.

    One that is about to end is waited for. Others may still be using it, so it is used, too, not ended.
    """
    until = time.monotonic() + ENDING_SECONDS
    while process := next(_unwatched(folder), None):
        try:
            if time.monotonic() > until - ENDING_SECONDS * 0.75 and (ports := _listening(process)):
                return ports[0]
        except psutil.Error:
            continue
        if time.monotonic() > until:
            return None
        time.sleep(0.25)
    return None


def _unwatched(folder: Path) -> Iterator[psutil.Process]:
    """Yield the mongods on a folder whose parent is not FiftyOne's service."""
    for process in psutil.process_iter():
        try:
            if process.name().startswith("mongod") and _serves(process, folder):
                parent = process.parent()
                if parent is None or "--51-service" not in parent.cmdline():
                    yield process
        except psutil.Error:
            continue


def _serves(process: psutil.Process, folder: Path) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    place = next((after for word, after in pairwise(words) if word == "--dbpath"), "")
    return bool(place) and os.path.realpath(place) == os.path.realpath(folder)


def _listening(process: psutil.Process) -> list[int]:
    return [
        connection.laddr.port
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


def watcher(fiftyone: Any) -> Callable[[], None]:
    """Return a function that asks the connected MongoDB whether it is there, and fails as pymongo does."""
    import pymongo
    from fiftyone.core.odm import get_db_client

    where = (
        fiftyone.config.database_uri or f"mongodb://{get_db_client().address[0]}:{get_db_client().address[1]}"
    )
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(where, serverSelectionTimeoutMS=5000)

    def ask() -> None:
        client.admin.command("ping")

    return ask


def recount(fiftyone: Any, dataset: Any) -> None:
    """Let MongoDB count a dataset's samples again where it does not know how many there are.

    After a MongoDB was killed its own count, which FiftyOne shows, is that of the last minute's checkpoint: 0
    for a new dataset.
    """
    from pymongo.errors import OperationFailure

    database = fiftyone.core.odm.get_db_conn()
    samples = database[dataset._sample_collection_name]
    if samples.estimated_document_count() != samples.count_documents({}):
        try:
            database.command("validate", samples.name)
        except OperationFailure:  # a server of somebody else's, which this user may not set right
            return
