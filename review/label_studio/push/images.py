"""How the reviewer's browser gets the pictures, checked before any task is sent.

``local``: the server reads files of its own machine, below its document root; ``push`` adds each root of
the workspace to the project as a local storage, and finds the path as the server sees it by trying the
image's own path from its longest form to its shortest. Otherwise a URL template leads to the images, or
``uploads`` gives the server a copy of each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from urllib.parse import quote

from db.images.copies import needs_copy, shown_files
from db.images.files import read_bytes
from db.reviews.asking.cards import Card
from db.workspace.progress import Progress
from db.workspace.remote.mirror import LISTED
from db.workspace.secrets import redact
from db.workspace.workspace import Workspace
from review.errors import ImagesNotServed, RequestFailed, TemplateNotServed, UrlNotServed
from review.label_studio.client import ONCE, Server
from review.label_studio.push.uploads import uploaded

STORAGE_TITLE = "curate"


@dataclass(frozen=True)
class ImageUrls:
    """Where a browser finds the images of each root: a URL with ``{path}`` in it, by root.

    ``local`` is the workspace where the server reads its files: a path is then spelled as on the disk.
    ``uploaded`` has the URLs of images that the server keeps a copy of, by artwork id; ``left_out`` has the
    artworks whose image cannot be shown.
    """

    templates: Mapping[str, str]
    local: Workspace | None = None
    uploaded: Mapping[int, str] = field(default_factory=dict)
    left_out: frozenset[int] = frozenset()

    def of(self, card: Card) -> str:
        """Return the URL of an artwork's image."""
        if card.artwork_id in self.uploaded:
            return self.uploaded[card.artwork_id]
        path = card.path if self.local is None else _on_disk(self.local, card)
        return _fill(self.templates[card.root], card.root, path)


def _on_disk(workspace: Workspace, card: Card) -> str:
    """Return an image's path below its root as the disk spells it, which may be in another normal form."""
    if card.path.isascii():
        return card.path
    root = workspace.settings.roots[card.root]
    return workspace.image_path(card.root, card.path).relative_to(root).as_posix()


def _fill(template: str, root: str, path: str) -> str:
    return template.replace("{root}", quote(root, safe="")).replace("{path}", quote(path))


def serve_images(
    server: Server, project: int, workspace: Workspace, cards: Iterable[Card], progress: Progress
) -> ImageUrls:
    """Make sure that the images of these artworks are served; one of each root is fetched.

    Where no browser shows an image, the server is given its copy, however it comes by the others; and
    those that lists name by URL are not asked for again of whoever serves them.
    """
    settings = workspace.settings
    shown = {card.artwork_id: card for card in cards}
    upload = settings.label_studio.images == "upload"
    for card in shown.values():
        if upload or settings.label_studio.images == "local":
            workspace.require_root(card.root)
    here = {i: card for i, card in shown.items() if card.root in settings.roots}
    files = shown_files(workspace, {i: card.place for i, card in here.items()}, progress)
    listed = {root for root, url in settings.root_urls.items() if url == LISTED}
    copied = {
        i: path for i, path in files.items() if upload or here[i].root in listed or needs_copy(here[i].place)
    }
    copies = uploaded(server, project, copied, progress)
    left_out = frozenset((here.keys() - files.keys()) | (copied.keys() - copies.keys()))
    samples: dict[str, Card] = {}
    for artwork_id, card in shown.items():
        if artwork_id not in left_out and artwork_id not in copies:
            samples.setdefault(card.root, card)
    urls = image_urls(server, project, workspace, samples)
    return replace(urls, uploaded=copies, left_out=left_out)


def image_urls(server: Server, project: int, workspace: Workspace, samples: Mapping[str, Card]) -> ImageUrls:
    """Find how the images of each root are reached, by fetching one of each.

    Args:
        server: The server whose pages show the images.
        project: The project that local storages are added to.
        workspace: Knows the roots' folders.
        samples: One artwork of each root.

    Raises:
        ImagesNotServed: The server doesn't serve a root's folder.
        TemplateNotServed: The URL template doesn't lead to an image.
        RootUnknown: A root has no folder on this machine.
        UrlNotServed: A root is by a URL that no browser opens, and no template says how else.
    """
    template = workspace.settings.label_studio.images
    if template != "local":
        for card in samples.values():
            _check_template(server, _fill(template, card.root, card.path))
        return ImageUrls({root: template for root in samples})
    for root in samples:
        workspace.require_root(root)
    templates = {root: _reached(server, project, workspace, card) for root, card in samples.items()}
    return ImageUrls(templates, workspace)


def _reached(server: Server, project: int, workspace: Workspace, card: Card) -> str:
    """Return the URL template of a root: its own where it is on the web, else that of local files."""
    url = workspace.settings.root_urls.get(card.root)
    if url is None:
        return _local(server, project, workspace, card)
    if not url.startswith(("http://", "https://")):
        raise UrlNotServed(redact(url))
    template = f"{url}/{{path}}"
    _check_template(server, _fill(template, card.root, card.path))
    return template


def _check_template(server: Server, url: str) -> None:
    status, body = server.get(url)
    if status != 200:
        raise TemplateNotServed(url, f"status {status}")
    if not looks_like_image(body):
        raise TemplateNotServed(url, "the bytes are not an image's")


def looks_like_image(body: bytes) -> bool:
    """Return whether the bytes begin as an image file does."""
    starts = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
    return body.startswith(starts) or body[8:12] == b"WEBP"


def _local(server: Server, project: int, workspace: Workspace, card: Card) -> str:
    """Return the URL template of a root whose files the server reads itself."""
    folder = workspace.settings.roots[card.root].resolve()
    image = workspace.image_path(card.root, card.path).resolve()
    _add_storage(server, project, folder)
    wanted = hashlib.sha256(read_bytes(image)).digest()
    answer = "no path to them was found"
    for prefix in _prefixes(folder):
        template = f"/data/local-files/?d={quote(prefix)}{{path}}"
        status, body = server.get(_fill(template, card.root, _on_disk(workspace, card)))
        if status == 200 and hashlib.sha256(body).digest() == wanted:
            return template
        answer = f"status {status}" if status != 200 else "other files have these paths"
    raise ImagesNotServed(server.url, folder, answer)


def _prefixes(folder: PurePath) -> Iterator[str]:
    """Yield what may stand before a path, as seen from each folder that may be the document root.

    Example:
        >>> list(_prefixes(Path("/scans/art")))
        ['art/', 'scans/art/']
    """
    parts = folder.parts[1:]  # the first is the root, on Windows with its drive or share
    for start in range(len(parts) - 1, -1, -1):
        yield "/".join(parts[start:]) + "/"


def _add_storage(server: Server, project: int, folder: Path) -> None:
    """Add a folder to the project's local storages, unless it is one; the server then hands its files out.

    Nothing is synced: that would make a task of every file.
    """
    with server.asked("for its local storages", project):
        storages = server.client.import_storage.local.list(project=project)
    if any(Path(storage.path or "") == folder for storage in storages):
        return
    try:
        with server.asked("to add a local storage", project):
            server.client.import_storage.local.create(
                project=project,
                path=str(folder),
                title=STORAGE_TITLE,
                use_blob_urls=True,
                request_options=ONCE,
            )
    except RequestFailed as error:
        reason = (
            "local files are not served there" if "SERVING_ENABLED" in str(error) else "not below its root"
        )
        raise ImagesNotServed(server.url, folder, reason) from error
