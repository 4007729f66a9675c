"""Images that a list names by URL: fetched into a mirror at a polite rate, and found there from then on.

They are artworks of one root, ``web``, whose paths are the URLs. Nobody lists what is there: each URL is
asked for once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from curate.ingest.places.files import FoundFile, NotFound
from curate.ingest.places.roots import locked_settings
from curate.ingest.records import shown
from db.errors import StorageUnreachable
from db.workspace.remote.mirror import LISTED, Mirror
from db.workspace.remote.storage import LONGEST_NAME, LONGEST_PATH
from db.workspace.workspace import Workspace, change_settings

PARALLEL = 4
"""Requests at a time, to all servers together."""

WEB = re.compile(r"https?://", re.IGNORECASE)


def is_web_url(listed: str) -> bool:
    """Return whether a listed path is a URL that a browser opens."""
    return WEB.match(listed) is not None


def web_root(workspace: Workspace) -> tuple[Workspace, str]:
    """Return the name of the root of listed URLs, adding it to the workspace's where it is new."""
    with locked_settings(workspace) as fresh:
        for name, url in fresh.settings.root_urls.items():
            if url == LISTED:
                return fresh, name
        name, number = "web", 2
        while name in fresh.settings.roots:
            name, number = f"web-{number}", number + 1
        return change_settings(fresh, "roots", name, LISTED), name


class WebImages:
    """The images of listed URLs, found like those of a folder once they were asked for.

    ``silent`` has the servers that did not answer, and what was said instead; they are not asked again.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._gone: dict[str, str] = {}
        self.silent: dict[str, str] = {}

    def missing(self, listed: Sequence[str]) -> list[str]:
        """Return the URLs among some that are still to be fetched."""
        keys = dict.fromkeys(key for url in listed if isinstance(key := self.key(url), str))
        return [key for key in keys if key not in self._gone and not self._path_exists(key)]

    def _path_exists(self, key: str) -> bool:
        try:
            return (self._mirror.folder / key).is_file()
        except OSError:
            return False

    def fetch(self, listed: Sequence[str]) -> None:
        """Fetch the images that are not here yet, some at a time."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            for key, problem in pool.map(self._fetch, self.missing(listed)):
                if problem is not None:
                    self._gone[key] = problem

    def _fetch(self, key: str) -> tuple[str, str | None]:
        host = urlsplit(key).netloc
        if host in self.silent:
            return key, "unreachable"
        try:
            self._mirror.fetch(key)
        except StorageUnreachable as error:
            self.silent[host] = str(error)
            return key, "unreachable"
        except FileNotFoundError:
            return key, "missing"
        except OSError:  # the URL of one image is a folder of another's
            return key, "bad_path"
        return key, None

    @staticmethod
    def key(listed: str) -> str | NotFound:
        """Return the path of a listed URL: all of it but the fragment, as it is spelled.

        Example:
            >>> WebImages.key("HTTPS://Example.org/iiif/2/a%2Fb/full/!512,512/0/default.jpg#x")
            'https://example.org/iiif/2/a%2Fb/full/!512,512/0/default.jpg'
        """
        try:
            parts = urlsplit(listed.strip())
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return NotFound("url", shown(listed))
        secret = parts.username is not None or parts.password is not None
        if not host or secret or not listed.isprintable() or " " in listed.strip():
            return NotFound("url", shown(listed))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        names = path.split("/")[1:]
        if any(name in ("", ".", "..") for name in names) or not names:
            return NotFound("url", shown(listed))
        if len(path.encode()) > LONGEST_PATH or any(len(name.encode()) > LONGEST_NAME for name in names):
            return NotFound("bad_path", shown(listed))
        return f"{parts.scheme.lower()}://{host}{'' if port is None else f':{port}'}{path}"

    def find(self, listed: str) -> FoundFile | NotFound:
        """Return the file of a listed URL, or why there is none."""
        key = self.key(listed)
        if isinstance(key, NotFound):
            return key
        if (reason := self._gone.get(key)) is not None:  # of a silent server's images nothing is known
            return NotFound(reason, shown(listed), None if reason == "unreachable" else key)
        try:
            state = (self._mirror.folder / key).stat()
        except OSError:
            return NotFound("missing", shown(listed), key)
        return FoundFile(key, str(self._mirror.folder / key), state.st_size, state.st_mtime_ns)


def told_rate(urls: Sequence[str], rate: float) -> str:
    """Say how many images are fetched from where, how fast, and about how long it takes.

    Example:
        >>> told_rate(["https://a.org/1.jpg", "https://a.org/2.jpg"], 2.0)
        '2 images are fetched from a.org, at most 2 a second and server: about 1 s.'
    """
    hosts = Counter(urlsplit(url).hostname or "" for url in urls)
    named = ", ".join(host for host, _ in hosts.most_common(3)) + (", …" if len(hosts) > 3 else "")
    seconds = max(hosts.values()) / rate
    long = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"{len(urls)} images are fetched from {named}, at most {rate:g} a second and server: about {long}."
