"""A MongoDB that dies under ``browse``; that it dies at any moment is in ``benchmarks/chaos.py``."""

from __future__ import annotations

from typing import Any

import pymongo
import pytest

from review.errors import MongodLost
from review.label_studio.local_server import free_port
from review.mongod import keeping_mongod

pytestmark = pytest.mark.slow


def test_a_mongodb_that_dies_is_named_with_the_mend() -> None:
    port = free_port()
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(
        f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=200
    )

    with client, pytest.raises(MongodLost) as caught, keeping_mongod("browse"):
        client.server_info()

    assert str(caught.value) == (
        f"`curate browse` lost its MongoDB (127.0.0.1:{port}: [Errno 111] Connection refused). See that it "
        "runs, then type the same command again: it writes what is missing."
    )
