"""The copies of images by URL that are here.

A root of images may be a URL. It then has a mirror: a folder under ``cache/`` with the same names, where each
file is a blank of the right size and time until it is needed. What is fetched is bounded in size; what was
used longest ago becomes a blank again. So everything that walks folders, compares sizes and reads files
goes on doing so; it only asks for ``fetched(path)`` before it opens one. What is here is listed
beside the mirror, a marker a file: a mode would mean nothing to root, nor to Windows. Where modes
do count, a blank may not be read either, so that no other program takes its nothing for an image.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath

from filelock import FileLock

from db.errors import ListingEmpty
from db.workspace.remote.storage import RemoteFile, Storage
from db.workspace.secrets import redact

MIRRORS = "by-url"
"""The folder of all mirrors, in a workspace's cache."""

HERE = ".here"
"""What the name of the folder ends in that lies beside a mirror, with a marker for each file that is here."""

MARKER = ".curate-mirror.json"
"""The file that says which URL a folder mirrors, and how large it may grow."""

BLANK, WHOLE = 0o200, 0o644
"""The modes of a file that is still to be fetched, and of one that is here; where modes count."""

FETCHERS = 16
"""Files that are fetched at a time where many are wanted."""

LISTED = "web://"
"""The address of the root whose images are listed by whole URLs; ``listed_urls.py`` fetches them."""

RATE = 2.0
"""Requests a second that a server gets at most, where images are listed by URL."""

LESS = 0.9
"""The share of its bound that a mirror is cut down to, so that not every image after it costs a look."""


def mirror_folder(cache_folder: Path, name: str, url: str) -> Path:
    """Return where the images of a root by URL lie on this machine; another URL has another folder."""
    return cache_folder / MIRRORS / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def fetched(path: Path) -> Path:
    """Return the path, after fetching the file if it belongs to a mirror and isn't there.

    Raises:
        StorageUnreachable: The storage does not answer, or not to this user.
        FileNotFoundError: It has no such file.
    """
    folder = _mirrored(path)
    return path if folder is None else open_mirror(folder).fetch(path.relative_to(folder).as_posix())


def is_there(path: Path) -> bool:
    """Return whether a file can be read here, after fetching it where it belongs to a mirror."""
    try:
        return fetched(path).is_file()
    except FileNotFoundError:
        return False


def fetch_all(paths: Iterable[Path]) -> None:
    """Fetch many files at once, for a program that reads them itself; those that are gone are left out."""
    wanted = [path for path in paths if MIRRORS in path.parts]
    if wanted:
        with ThreadPoolExecutor(FETCHERS) as pool:
            for _ in pool.map(is_there, wanted):
                continue


def _mirrored(path: Path) -> Path | None:
    """Return the mirror that a path lies in."""
    if MIRRORS not in path.parts:
        return None
    depth = len(path.parts) - path.parts[::-1].index(MIRRORS)
    folder = Path(*path.parts[: depth + 1])
    return folder if (folder / MARKER).is_file() else None


def make_mirror(folder: Path, url: str, largest: int, rate: float = RATE) -> Mirror:
    """Return the mirror in a folder, made if it is new; ``largest`` is its bound in bytes.

    ``rate`` is for the one of listed URLs: how many requests a second a server gets at most.
    """
    text = json.dumps({"url": url, "largest": largest} | ({"rate": rate} if url == LISTED else {}))
    marker = folder / MARKER
    if not marker.is_file() or marker.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = marker.with_name(f"{MARKER}.{os.getpid()}")
        with open(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        temporary.replace(marker)
        open_mirror.cache_clear()
    return open_mirror(folder)


@cache
def open_mirror(folder: Path) -> Mirror:
    """Return the mirror in a folder; one a process."""
    said = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    if said["url"] == LISTED:
        from db.workspace.remote.listed_urls import ListedUrls

        return Mirror(folder, ListedUrls(said["rate"]), said["largest"])
    return Mirror(folder, Storage(said["url"]), said["largest"])


class Mirror:
    """The files of a storage, and those of them that lie in a folder here."""

    def __init__(self, folder: Path, storage: Storage, largest: int) -> None:
        self.folder = folder
        self.markers = folder.with_name(folder.name + HERE)
        self.storage = storage
        self.largest = largest
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._held: int | None = None

    def fetch(self, path: str, renew: bool = False) -> Path:
        """Return where a file lies here, after fetching it if it does not, or if it is to be renewed.

        Raises:
            StorageUnreachable: The storage does not answer, or not to this user.
            FileNotFoundError: It has no such file.
        """
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            raise FileNotFoundError(2, "it lies outside the root", path)
        here = self.folder / path
        stat = here.stat() if here.exists() else None
        if stat is not None and self.has(path) and not renew:
            os.utime(here, ns=(time.time_ns(), stat.st_mtime_ns))
            return here
        here.parent.mkdir(parents=True, exist_ok=True)
        temporary = here.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
        try:
            self.storage.download(path, temporary)
            size = temporary.stat().st_size
            if stat is not None:
                os.utime(temporary, ns=(time.time_ns(), stat.st_mtime_ns))
            temporary.chmod(WHOLE)
            with self._alone():
                temporary.replace(here)
                self._mark(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._make_room(size)
        return here

    def lay_out(self) -> int:
        """Give the folder the names, sizes and times of the files below the URL; return how many there are.

        What has changed there is a blank again; what is gone there is gone here. Nothing is changed unless
        the listing came to its end.

        Raises:
            StorageUnreachable: The storage does not answer, or not to this user.
            ListingEmpty: It lists nothing, where files are known.
        """
        files = [file for file in self.storage.listing() if MARKER not in PurePosixPath(file.path).parts]
        if not files and (count := self._known()):
            raise ListingEmpty(redact(self.storage.url), count)
        with self._alone():
            return len(self._lay_out(files))

    def _lay_out(self, files: Iterable[RemoteFile]) -> set[Path]:
        listed = set()
        for file in files:
            here = self.folder / file.path
            try:
                stat = here.stat() if here.exists() else None
                if stat is None or (stat.st_size, stat.st_mtime_ns) != (file.bytes, file.version):
                    here.parent.mkdir(parents=True, exist_ok=True)
                    self._blank(file.path, file.bytes, file.version)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue  # a bucket may have both `a` and `a/b`; a folder keeps the first
            listed.add(here)
        for place, _, names in os.walk(self.folder):
            for name in names:
                if name != MARKER and Path(place, name) not in listed:
                    self._unmark(Path(place, name).relative_to(self.folder).as_posix())
                    Path(place, name).unlink(missing_ok=True)
        return listed

    def has(self, path: str) -> bool:
        """Return whether a file below the URL is here, and no blank."""
        return (self.markers / path).is_file()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Change files and their markers while nobody else does: a blank is never marked as a file."""
        self.markers.mkdir(parents=True, exist_ok=True)
        with self._changing, FileLock(self.folder.with_name(f"{self.folder.name}.lock")):
            yield

    def _mark(self, path: str) -> None:
        marker = self.markers / path
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def _unmark(self, path: str) -> None:
        (self.markers / path).unlink(missing_ok=True)

    def _blank(self, path: str, size: int, version: int) -> None:
        """Put a blank in a file's place; one that dies in between leaves a file that is fetched again."""
        self._unmark(path)
        _write_blank(self.folder / path, size, version)

    def _known(self) -> int:
        """Return how many files of the storage have a name here."""
        return sum(
            name != MARKER and not name.endswith(".part")
            for _, _, names in os.walk(self.folder)
            for name in names
        )

    def held(self) -> list[tuple[float, int, Path]]:
        """Return when each file here was used last, its size, and where it is; the longest ago first."""
        files = []
        for place, _, names in os.walk(self.markers):
            for name in names:
                path = self.folder / Path(place, name).relative_to(self.markers)
                try:
                    state = path.stat()
                except FileNotFoundError:  # it is gone there, or another process renews it
                    continue
                files.append((state.st_atime, state.st_size, path))
        return sorted(files)

    def _make_room(self, added: int) -> None:
        """Count what was added; drop what was used longest ago where the bound is passed."""
        with self._lock:
            if self._held is None:
                self._held = sum(size for _, size, _ in self.held())
            else:
                self._held += added
            if self._held <= self.largest:
                return
            files = self.held()
            self._held = sum(size for _, size, _ in files)
            for _, size, path in files[:-1]:
                if self._held <= LESS * self.largest:
                    break
                with self._alone():
                    self._blank(path.relative_to(self.folder).as_posix(), size, path.stat().st_mtime_ns)
                self._held -= size


def _write_blank(path: Path, size: int, version: int) -> None:
    """Put a file there that has a size and a time, takes no room, and may not be read."""
    temporary = path.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, BLANK), "wb") as file:
        file.truncate(size)
    temporary.chmod(BLANK)
    os.utime(temporary, ns=(version, version))
    temporary.replace(path)
