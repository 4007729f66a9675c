"""Name a folder of images in the workspace's settings, one process at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path

from db.workspace import Workspace, open_workspace, root_of


def locked_root(workspace: Workspace, folder: Path) -> tuple[Workspace, str]:
    """Return the workspace as it is on disk and the name of the root that is this folder, new or known."""
    with (workspace.folder / ".curate.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return root_of(open_workspace(workspace.folder), folder)
