"""Run the tests that need no server without what macOS and Windows lack: ``python -m tests.portability``.

Left out, beside what needs servers: tests whose own code is Linux's (full disks, killed process groups, modes
of files, ``/proc``), and long training, which says nothing about the system.
"""

from __future__ import annotations

import sys

import pytest

FILES = (
    "tests/cli/test_command_line.py",
    "tests/cli/test_issues.py",
    "tests/db/test_backup.py",
    "tests/db/test_catalog.py",
    "tests/db/test_lock.py",
    "tests/db/test_secrets.py",
    "tests/db/test_workspace.py",
    "tests/ingest/test_commands.py",
    "tests/ingest/test_engine.py",
    "tests/ingest/test_files.py",
    "tests/ingest/test_from_python.py",
    "tests/ingest/test_readers.py",
    "tests/model/test_cache.py",
    "tests/packaging/test_distribution.py",
    "tests/portability",
)
"""What runs: every part of a round that needs no server, in three minutes or so."""

NO_SERVER = ["-m", "not services and not browser and not slow", "-k", "not postgresql"]

TAKEN_AWAY = ["-p", "tests.portability.plugin"] if sys.platform == "linux" else []
"""On the systems themselves nothing need be taken away."""

if __name__ == "__main__":
    sys.exit(pytest.main(["-q", *TAKEN_AWAY, *NO_SERVER, *(sys.argv[1:] or FILES)]))
