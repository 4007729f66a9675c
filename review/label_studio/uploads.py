"""Images that reach the reviewer by upload: the server keeps a copy of each, named by its digest.

For a server that is elsewhere, where no URL leads to the images. A name that is there already is not sent
again, so an upload may be cut anywhere, and the next push goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from db.engine.bulk import chunks
from db.reviews.tasks import Card
from db.workspace.mirror import fetch_all, fetched
from db.workspace.progress import Progress
from db.workspace.workspace import Workspace
from review.errors import ImageGone, RequestFailed, RootUnmapped
from review.label_studio.client import Server
from review.label_studio.images import ImageUrls

CHUNK = 16
"""Images in one request: some tens of megabytes at most, below what the server takes."""


def uploaded(
    server: Server, project: int, workspace: Workspace, cards: Iterable[Card], progress: Progress
) -> ImageUrls:
    """Upload the images that the server has not yet; fetch one of them as a reviewer's browser would.

    Raises:
        RootUnmapped: A root has no folder on this machine.
        ImageGone: An image is no longer where it was.
        RequestFailed: The server refuses them, or hands out something else.
    """
    shown = list(cards)
    for card in shown:
        if card.root not in workspace.settings.roots:
            raise RootUnmapped(card.root, 1)
    paths = {card.artwork_id: workspace.image_path(card.root, card.path) for card in shown}
    fetch_all(paths.values())
    names = {artwork_id: _name(path) for artwork_id, path in paths.items()}
    stored = _stored(server, project)
    missing = {names[i]: path for i, path in paths.items() if names[i] not in stored}
    if missing:
        progress.start(len(missing), "uploading images")
        for chunk in chunks(list(missing), CHUNK):
            _send(server, project, {name: missing[name] for name in chunk})
            progress.advance(len(chunk))
        stored = _stored(server, project)
    urls = {artwork_id: stored[name] for artwork_id, name in names.items()}
    if shown:
        first = shown[0].artwork_id
        _check(server, urls[first], paths[first])
    return ImageUrls({}, uploaded=urls)


def _name(path: Path) -> str:
    """Return the name under which an image is uploaded."""
    return f"{hashlib.sha256(_read(path)).hexdigest()[:32]}{path.suffix.lower()}"


def _read(path: Path) -> bytes:
    try:
        return fetched(path).read_bytes()
    except OSError as error:
        raise ImageGone(path) from error


def _stored(server: Server, project: int) -> dict[str, str]:
    """Return the URLs of our uploads in a project, by the name that they were sent under."""
    with server.asked("for its uploads", project):
        files = server.get_json(f"/api/projects/{project}/file-uploads?all=true")
    # the server puts eight digits and a dash before each name
    return {entry["file"].rsplit("/", 1)[-1][9:]: f"/data/{entry['file']}" for entry in files}


def _send(server: Server, project: int, images: Mapping[str, Path]) -> None:
    """Upload some images without making tasks of them."""
    files = {name: (name, _read(path)) for name, path in images.items()}
    with server.asked(f"to take {len(files)} images", project):
        server.upload(f"/api/projects/{project}/import?commit_to_project=false", files)


def _check(server: Server, url: str, path: Path) -> None:
    status, body = server.get(url)
    if status != 200 or body != _read(path):
        raise RequestFailed(server.url, f"for {url}", status, "it is not the image that was uploaded")
