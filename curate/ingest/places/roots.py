"""Change the workspace's roots, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from db.workspace.workspace import Workspace, follow_links_of, open_workspace, root_of


@contextmanager
def locked_settings(workspace: Workspace) -> Iterator[Workspace]:
    """Yield the workspace as it is on disk, while no other process changes its roots."""
    with FileLock(workspace.folder / ".curate.lock"):
        yield open_workspace(workspace.folder)


def locked_root(workspace: Workspace, folder: Path, follow_links: bool = False) -> tuple[Workspace, str]:
    """Return the workspace as it is on disk and the name of the root that is this folder, new or known.

    With ``follow_links``, its links may lead out of it from now on.
    """
    with locked_settings(workspace) as fresh:
        updated, root = root_of(fresh, folder)
        return (follow_links_of(updated, root), root) if follow_links else (updated, root)


def known_to_follow(workspace: Workspace, folder: Path) -> bool:
    """Return whether a folder is a root whose links may lead out of it."""
    settings = workspace.settings
    linked = [settings.roots[name].resolve() for name in settings.follow_links if name in settings.roots]
    return folder.resolve() in linked
