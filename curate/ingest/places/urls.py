"""Sources by URL: their names are laid out in the workspace's mirror, and read there like any folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from curate.ingest.places.roots import locked_settings
from db.images.formats import IMAGE_SUFFIXES
from db.workspace.remote.mirror import fetched
from db.workspace.remote.storage import is_url
from db.workspace.workspace import Workspace, change_settings

LISTS = (".csv", ".tsv", ".txt", ".parquet")


def local_folder(workspace: Workspace, place: str) -> tuple[Workspace, Path]:
    """Return the folder, or the list, that a path or a URL names on this machine.

    A URL becomes a root of the workspace; all names below it are asked for, and the lists among them fetched.

    Raises:
        StorageUnreachable: The storage does not answer, or not to this user.
        StorageUnknown: Nothing here opens such a URL.
    """
    if not is_url(place):
        return workspace, Path(place)
    url, name = place.rstrip("/"), ""
    if PurePosixPath(url).suffix.lower() in LISTS:
        url, _, name = url.rpartition("/")
    workspace, root = _root_of(workspace, url)
    mirror = workspace.mirror(root)
    assert mirror is not None
    mirror.lay_out()
    for path in sorted(mirror.folder.rglob("*")):
        if path.suffix.lower() in LISTS and path.suffix.lower() not in IMAGE_SUFFIXES and path.is_file():
            fetched(path)
    return workspace, mirror.folder / name


def _root_of(workspace: Workspace, url: str) -> tuple[Workspace, str]:
    """Return the name of the root that has this URL, adding it to the settings if it is new."""
    with locked_settings(workspace) as fresh:
        for name, root_url in fresh.settings.root_urls.items():
            if root_url == url:
                return fresh, name
        stem = PurePosixPath(url.partition("?")[0]).name or "root"
        name, number = stem, 2
        while name in fresh.settings.roots:
            name, number = f"{stem}-{number}", number + 1
        return change_settings(fresh, "roots", name, url), name
