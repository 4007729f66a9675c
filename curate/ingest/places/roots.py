"""Change the workspace's roots, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from db.workspace.workspace import Workspace, open_workspace, root_of


@contextmanager
def locked_settings(workspace: Workspace) -> Iterator[Workspace]:
    """Yield the workspace as it is on disk, while no other process changes its roots."""
    with FileLock(workspace.folder / ".curate.lock"):
        yield open_workspace(workspace.folder)


def locked_root(workspace: Workspace, folder: Path) -> tuple[Workspace, str]:
    """Return the workspace as it is on disk and the name of the root that is this folder, new or known."""
    with locked_settings(workspace) as fresh:
        return root_of(fresh, folder)
