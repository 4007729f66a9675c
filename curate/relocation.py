"""Moved folders: point a root of the workspace at where its images are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.ingest.roots import locked_settings
from db.errors import CurateError, FileMissing
from db.relocation import root_sample
from db.workspace import Workspace, change_settings

SAMPLE = 200
"""Artworks of a root that are looked for; they are spread over all of it."""


class RootNotFound(CurateError):
    """No root has that name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no root {name!r}. Roots of this workspace: {', '.join(known) or 'none'}.")


class NotTheImages(CurateError):
    """A folder that holds none of a root's images."""

    def __init__(self, name: str, folder: Path, looked_for: int, example: str) -> None:
        super().__init__(
            f"{folder} holds none of {looked_for} images of the root {name!r}: there is no {example} in it. "
            f"Name the folder that the paths of this root are relative to."
        )


@dataclass(frozen=True)
class RootState:
    """A root, where it is, and how many of the images looked for are there."""

    name: str
    folder: Path
    artworks: int
    looked_for: int
    found: int


def root_states(workspace: Workspace) -> list[RootState]:
    """Look for some images of every root."""
    return [_state(workspace, name, folder) for name, folder in workspace.settings.roots.items()]


def relocate(workspace: Workspace, name: str, folder: Path, *, dry_run: bool = False) -> RootState:
    """Make a folder the place of a root.

    Raises:
        RootNotFound: Neither the workspace nor an artwork of the catalog has a root of that name.
        FileMissing: The folder does not exist.
        NotTheImages: None of the images looked for is in it.
    """
    if name not in workspace.settings.roots and not _sample(workspace, name)[0]:
        raise RootNotFound(name, list(workspace.settings.roots))
    if not folder.is_dir():
        raise FileMissing(folder, "folder")
    state = _state(workspace, name, folder.resolve())
    if state.looked_for and not state.found:
        raise NotTheImages(name, folder, state.looked_for, _sample(workspace, name)[1][0])
    if not dry_run:
        with locked_settings(workspace) as fresh:
            change_settings(fresh, "roots", name, str(folder.resolve()))
    return state


def _state(workspace: Workspace, name: str, folder: Path) -> RootState:
    artworks, paths = _sample(workspace, name)
    found = sum((folder / path).exists() for path in paths)
    return RootState(name, folder, artworks, len(paths), found)


def _sample(workspace: Workspace, name: str) -> tuple[int, list[str]]:
    with workspace.open_catalog() as catalog, catalog.read() as session:
        return root_sample(session, name, SAMPLE)
