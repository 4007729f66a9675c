"""Moved images: point a root of the workspace at the folder or the URL where they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.ingest.places.roots import locked_settings
from db.errors import CurateError, FileMissing
from db.ingest.relocation import root_sample
from db.workspace.remote.storage import is_url
from db.workspace.workspace import Workspace, change_settings

SAMPLE = 200
"""Artworks of a root that are looked for; they are spread over all of it."""


class RootNotFound(CurateError):
    """No root has that name."""

    def __init__(self, name: str, roots: Sequence[str]) -> None:
        super().__init__(f"There is no root {name!r}. Roots of this workspace: {', '.join(roots) or 'none'}.")


class NotTheImages(CurateError):
    """A folder or a URL that holds none of a root's images."""

    def __init__(self, name: str, place: str, looked_for: int, example: str) -> None:
        super().__init__(
            f"{place} holds none of {looked_for} images of the root {name!r}: there is no {example} in it. "
            f"Name the folder that the paths of this root are relative to."
        )


@dataclass(frozen=True)
class RootState:
    """A root, where it is, and how many of the images looked for are there."""

    name: str
    place: str
    artworks: int
    looked_for: int
    found: int


def root_states(workspace: Workspace) -> list[RootState]:
    """Look for some images of every root."""
    settings = workspace.settings
    return [
        _state(workspace, name, folder, settings.root_urls.get(name, str(folder)))
        for name, folder in settings.roots.items()
    ]


def relocate(workspace: Workspace, name: str, place: str, *, dry_run: bool = False) -> RootState:
    """Make a folder, or a URL, the place of a root.

    Raises:
        RootNotFound: Neither the workspace nor an artwork of the catalog has a root of that name.
        FileMissing: The folder does not exist.
        StorageUnreachable: The URL does not answer, or not to this user.
        NotTheImages: None of the images looked for is in it.
    """
    if name not in workspace.settings.roots and not _sample(workspace, name)[0]:
        raise RootNotFound(name, list(workspace.settings.roots))
    folder, kept = _opened(workspace, name, place)
    state = _state(workspace, name, folder, kept)
    if state.looked_for and not state.found:
        raise NotTheImages(name, place, state.looked_for, _sample(workspace, name)[1][0])
    if not dry_run:
        with locked_settings(workspace) as fresh:
            change_settings(fresh, "roots", name, kept)
    return state


def _opened(workspace: Workspace, name: str, place: str) -> tuple[Path, str]:
    """Return the folder to look into, and what the settings are to say."""
    if is_url(place):
        url = place.rstrip("/")
        mirror = workspace.mirror_of(name, url)
        mirror.lay_out()
        return mirror.folder, url
    folder = Path(place)
    if not folder.is_dir():
        raise FileMissing(folder, "folder")
    return folder.resolve(), str(folder.resolve())


def _state(workspace: Workspace, name: str, folder: Path, place: str) -> RootState:
    artworks, paths = _sample(workspace, name)
    found = sum((folder / path).exists() for path in paths)
    return RootState(name, place, artworks, len(paths), found)


def _sample(workspace: Workspace, name: str) -> tuple[int, list[str]]:
    with workspace.open_catalog() as catalog, catalog.read() as session:
        return root_sample(session, name, SAMPLE)
