"""The surroundings that the commands need: each found, or what to type."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from curate.errors import PartMissing
from db.errors import CurateError, NotAWorkspace, typed
from db.workspace.settings import LabelStudioSettings
from db.workspace.workspace import open_workspace

TESTED_PYTHON = (3, 11)
"""What the developers' machines have."""

LOW_DISK = 2 * 2**30
"""Bytes under which a feature cache or a MongoDB is likely to fail."""


@dataclass(frozen=True)
class Diagnosis:
    """One thing looked at, whether it serves, and what was found or what to type."""

    name: str
    ok: bool
    found: str


def diagnose(folder: Path) -> list[Diagnosis]:
    """Look at everything; the folder need not be a workspace."""
    settings = LabelStudioSettings()
    workspace = (True, f"{folder.absolute()}")
    try:
        opened = open_workspace(folder)
        settings = opened.settings.label_studio
        with opened.open_catalog():
            pass
    except NotAWorkspace as error:
        workspace = (True, f"none here; `curate init {typed(error.folder)}` makes one")
    except CurateError as error:
        workspace = (False, str(error))

    checks: list[tuple[str, Callable[[], tuple[bool, str]]]] = [
        ("Python", _python),
        ("system", lambda: (True, tell_system(sys.platform, sys.version_info[:2]))),
        ("workspace", lambda: workspace),
        ("torch", _torch),
        ("weights", _weights),
        ("MongoDB", _mongod),
        ("Label Studio", lambda: _label_studio(settings)),
        ("disk", lambda: _disk(folder)),
    ]
    return [Diagnosis(name, *_done(check)) for name, check in checks]


def _done(check: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    """Look at one thing; a package that is not installed is what was found."""
    try:
        return check()
    except ModuleNotFoundError as error:
        return False, str(PartMissing(error.name or str(error)))


def tell_system(system: str, python: tuple[int, int]) -> str:
    """Return what was tried on a system, and what was not: nobody should take the one for the other."""
    name = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}.get(system, system)
    if system == "linux":
        tried, untried = "every test is run on Linux", []
    else:
        tried = f"made for {name}, and run on Linux without what {name} lacks"
        untried = ["the servers of FiftyOne and Label Studio", "killed processes", "full disks"]
        untried += ["Apple's GPU"] if system == "darwin" else []
    if python != TESTED_PYTHON:
        untried.append(f"Python {python[0]}.{python[1]}")
    return tried + (f"; never tried there: {', '.join(untried)}" if untried else "")


def _python() -> tuple[bool, str]:
    return sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}"


def _torch() -> tuple[bool, str]:
    from model.diagnosis import diagnose_torch

    return diagnose_torch()


def _weights() -> tuple[bool, str]:
    from model.diagnosis import diagnose_weights

    return diagnose_weights()


def _mongod() -> tuple[bool, str]:
    from review.mongod import diagnose as diagnose_mongod

    return diagnose_mongod()


def _label_studio(settings: LabelStudioSettings) -> tuple[bool, str]:
    from review.label_studio.diagnosis import diagnose_server

    return diagnose_server(settings)


def _disk(folder: Path) -> tuple[bool, str]:
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    return free > LOW_DISK, f"{free / 2**30:.0f} GB free at {there}"
