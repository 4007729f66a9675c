"""Real servers for the whole test run, each started once by the first test that asks for it.

``CURATE_TEST_LABEL_STUDIO`` may name a folder that keeps Label Studio's data from one test run to the
next: its first start takes a minute or more, a later one seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from review.label_studio.local_server import LocalServer, label_studio_server


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A Label Studio server that serves files below the folder of all tests' temporary files."""
    kept = os.environ.get("CURATE_TEST_LABEL_STUDIO")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("label-studio")
    with label_studio_server(folder, document_root=tmp_path_factory.getbasetemp().parent) as server:
        yield server
