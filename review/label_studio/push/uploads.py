"""Images that reach the reviewer by upload: the server keeps a copy of each, named by its digest.

For a server that is elsewhere, where no URL leads to the images, and everywhere for the copies of images
that no browser shows. A name that is there already is not sent
again, so an upload may be cut anywhere, and the next push goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from db.engine.bulk import chunks
from db.images.files import read_bytes
from db.images.formats import BadImage
from db.workspace.progress import Progress
from db.workspace.remote.mirror import fetch_all
from review.errors import RequestFailed
from review.label_studio.client import Server

CHUNK = 16
"""Images in one request: some tens of megabytes at most, below what the server takes."""


def uploaded(server: Server, project: int, files: Mapping[int, Path], progress: Progress) -> dict[int, str]:
    """Upload the images that the server has not yet; fetch one of them as a reviewer's browser would.

    Args:
        server: Where to.
        project: The project that they are uploaded to.
        files: What a browser can show, by artwork id.
        progress: Told how far it is.

    Returns:
        Their URLs by artwork id; what can no longer be read is left out.

    Raises:
        RequestFailed: The server refuses them, or hands out something else.
    """
    fetch_all(files.values())
    names = {artwork_id: name for artwork_id, path in files.items() if (name := _name(path)) is not None}
    if not names:
        return {}
    stored = _stored(server, project)
    missing = {name: files[i] for i, name in names.items() if name not in stored}
    if missing:
        progress.start(len(missing), "uploading images")
        for chunk in chunks(list(missing), CHUNK):
            _send(server, project, {name: missing[name] for name in chunk})
            progress.advance(len(chunk))
        stored = _stored(server, project)
    urls = {artwork_id: stored[name] for artwork_id, name in names.items()}
    first = next(iter(urls))
    _check(server, urls[first], files[first])
    return urls


def _name(path: Path) -> str | None:
    """Return the name under which an image is uploaded, None where it cannot be read."""
    try:
        return f"{hashlib.sha256(read_bytes(path)).hexdigest()[:32]}{path.suffix.lower()}"
    except BadImage:
        return None


def _stored(server: Server, project: int) -> dict[str, str]:
    """Return the URLs of our uploads in a project, by the name that they were sent under."""
    with server.asked("for its uploads", project):
        files = server.get_json(f"/api/projects/{project}/file-uploads?all=true")
    # the server puts eight digits and a dash before each name
    return {entry["file"].rsplit("/", 1)[-1][9:]: f"/data/{entry['file']}" for entry in files}


def _send(server: Server, project: int, images: Mapping[str, Path]) -> None:
    """Upload some images without making tasks of them."""
    files = {name: (name, read_bytes(path)) for name, path in images.items()}
    with server.asked(f"to take {len(files)} images", project):
        server.upload(f"/api/projects/{project}/import?commit_to_project=false", files)


def _check(server: Server, url: str, path: Path) -> None:
    status, body = server.get(url)
    if status != 200 or body != read_bytes(path):
        raise RequestFailed(server.url, f"for {url}", status, "it is not the image that was uploaded")
