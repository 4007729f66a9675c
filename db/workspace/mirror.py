"""Images by URL: S3 and what speaks like it, Google's storage, HTTP, and whatever else fsspec opens.

A root of images may be a URL. It then has a mirror: a folder under ``cache/`` with the same names, where each
file is a blank of the right size and time until it is needed. What is fetched is bounded in size; what was
used longest ago becomes a blank again. So everything that walks folders, compares sizes and reads files
goes on doing so; it only asks for ``fetched(path)`` before it opens one. What is here stands in a list of
its own beside the mirror, a marker a file: a mode would mean nothing to root, nor to Windows. Where modes
do count, a blank may not be read either, so that no other program takes its nothing for an image.

S3 and Google's storage go through pyarrow, which brings both; their keys are read from the places
where their own tools keep them (``AWS_ACCESS_KEY_ID`` and the like, ``AWS_ENDPOINT_URL`` for other servers).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from filelock import FileLock

from db.errors import ListingEmpty, StorageUnknown, StorageUnreachable
from db.workspace.secrets import redact

MIRRORS = "by-url"
"""The folder of all mirrors, in a workspace's cache."""

HERE = ".here"
"""What the name of the folder ends in that lies beside a mirror, with a marker for each file that is here."""

MARKER = ".curate-mirror.json"
"""The file that says which URL a folder mirrors, and how large it may grow."""

URL = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)
BLANK, WHOLE = 0o200, 0o644
"""The modes of a file that is still to be fetched, and of one that is here; where modes count."""

LONGEST_NAME, LONGEST_PATH = 255, 3000
"""Bytes of one name, and of a path below the mirror, that a disk takes."""

DEEPEST = 64
"""Folders below each other that a listing is followed into: a page may list itself."""

FETCHERS = 16
"""Files that are fetched at a time where many are wanted."""

LISTED = "web://"
"""The address of the root whose images lists name by whole URLs; see ``db.workspace.listed_urls``."""

RATE = 2.0
"""Requests a second that a server gets at most, where images are listed by URL."""

LESS = 0.9
"""The share of its bound that a mirror is cut down to, so that not every image after it costs a look."""


class RemoteFile(NamedTuple):
    """A file below a URL: its path from there, its size, a number that changes when it is written again."""

    path: str
    bytes: int
    version: int


def is_url(text: str) -> bool:
    """Return whether a root is given by URL."""
    return URL.match(text) is not None


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
        from db.workspace.listed_urls import ListedUrls

        return ListedUrls(folder, said["url"], said["largest"], said["rate"])
    return Mirror(folder, said["url"], said["largest"])


class Mirror:
    """The files below a URL, and those of them that lie in a folder here."""

    def __init__(self, folder: Path, url: str, largest: int) -> None:
        self.folder = folder
        self.markers = folder.with_name(folder.name + HERE)
        self.url = url
        self.largest = largest
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._held: int | None = None

    @cached_property
    def _storage(self) -> tuple[Any, str]:
        """The file system, opened when it is first needed, and the path of the URL in it."""
        return open_storage(self.url)

    def listing(self, below: str = "") -> Iterator[RemoteFile]:
        """Yield all files below the URL, by path; names that no file here can bear are left out.

        Raises:
            StorageUnreachable: The storage does not answer, or not to this user, for the URL itself or for a
                folder below it: half a listing is none.
        """
        system, base = self._storage
        with _explained(self.url):
            entries = _find(system, _joined(base, below))
        for name in sorted(entries):
            path = unquote(name.removeprefix(base)) if is_url(base) else name.removeprefix(base)
            path, entry = path.lstrip("/"), entries[name]
            if not _is_file_name(path):
                continue
            if entry.get("size") is None:
                try:
                    with _explained(self.url):
                        entry = system.info(name)
                except FileNotFoundError:  # a page may list what is not there
                    continue
            yield _remote(path, entry)

    def find(self, path: str) -> RemoteFile | None:
        """Return a file below the URL, None where there is none."""
        system, base = self._storage
        for spelling in _spellings(path):
            try:
                with _explained(self.url):
                    details = system.info(_joined(base, spelling))
            except FileNotFoundError:
                continue
            if details.get("type") == "file":
                return _remote(path, details)
        return None

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
            self._download(path, temporary)
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
        files = list(self.listing())
        if not files and (count := self._known()):
            raise ListingEmpty(redact(self.url), count)
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

    def _download(self, path: str, to: Path) -> None:
        system, base = self._storage
        for spelling in _spellings(path):
            try:
                with _explained(self.url):
                    system.get_file(_joined(base, spelling), str(to))
                return
            except FileNotFoundError:
                continue
        raise FileNotFoundError(2, f"{redact(self.url)} has no such file", path)

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


def open_storage(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the URL's path in it.

    Raises:
        StorageUnknown: fsspec cannot open such a URL here.
        StorageUnreachable: The storage does not answer.
    """
    import fsspec  # type: ignore[import-untyped]

    scheme = urlsplit(url).scheme.lower()
    with _explained(url):
        if scheme in ("s3", "gs", "gcs"):
            from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped]
            from pyarrow import fs

            try:
                system, base = fs.FileSystem.from_uri(_with_endpoint(url, os.environ))  # type: ignore[attr-defined]
            except ValueError as error:
                raise StorageUnknown(redact(url), redact(str(error)).splitlines()[0]) from error
            return ArrowFSWrapper(system), base.rstrip("/")
        try:
            system, base = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise StorageUnknown(redact(url), str(error).splitlines()[0]) from error
    return system, base.rstrip("/")


def _with_endpoint(url: str, environment: Mapping[str, str]) -> str:
    """Return an S3 URL that names the server of ``AWS_ENDPOINT_URL`` too, where there is one."""
    endpoint = urlsplit(environment.get("AWS_ENDPOINT_URL", ""))
    if not url.lower().startswith("s3://") or not endpoint.netloc or "endpoint_override=" in url:
        return url
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    query = f"endpoint_override={quote(endpoint.netloc)}&scheme={endpoint.scheme}&region={region}"
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _find(system: Any, base: str) -> dict[str, Any]:
    """Return all files below a path by name.

    fsspec's own ``find`` takes a folder that doesn't answer for an empty one; here it raises. One that is
    not there is left out, but for the first: over HTTP that is a page which the server hasn't got.
    """
    files: dict[str, Any] = {}
    seen, folders = {base}, [base]
    while folders:
        folder = folders.pop()
        try:
            entries = _entries(system, folder)
        except (FileNotFoundError, NotADirectoryError) as error:
            if folder == base and is_url(base):
                raise OSError(f"{redact(base)} is not there") from error
            continue
        for entry in entries:
            name = entry["name"]
            if entry["type"] != "directory":
                files[name] = entry
            elif name.rstrip("/") not in seen and name.count("/") < base.count("/") + DEEPEST:
                seen.add(name.rstrip("/"))
                folders.append(name)
    return files


def _entries(system: Any, folder: str) -> list[dict[str, Any]]:
    """Return what a folder lists; over HTTP a folder's address ends in a slash, with most servers."""
    if is_url(folder) and not folder.endswith("/"):
        try:
            return list(system.ls(f"{folder}/", detail=True))
        except FileNotFoundError:
            pass
    return list(system.ls(folder, detail=True))


def _is_file_name(path: str) -> bool:
    """Return whether a listed path can be a file's below a folder here."""
    parts = PurePosixPath(path).parts
    if not path or ".." in parts or MARKER in parts or any(not c.isprintable() for c in path):
        return False
    return all(len(part.encode()) <= LONGEST_NAME for part in parts) and len(path.encode()) <= LONGEST_PATH


def _joined(base: str, path: str) -> str:
    """Return a path below the URL; over HTTP it is a URL itself, and spelled as one."""
    spelled = quote(path) if is_url(base) else path
    return f"{base}/{spelled}" if spelled else base


def _spellings(path: str) -> list[str]:
    """Return a path in both normal forms: the catalog keeps NFC, a bucket keeps what it was given."""
    return list(dict.fromkeys((path, unicodedata.normalize("NFD", path))))


def _remote(path: str, entry: Mapping[str, Any]) -> RemoteFile:
    """Return a file as its listing describes it; each storage has its own words for when it was written."""
    stamps = (entry.get(key) for key in ("mtime", "LastModified", "updated", "modified", "last_modified"))
    stamp = next((stamp for stamp in stamps if stamp is not None), entry.get("ETag"))
    if isinstance(stamp, datetime):
        version = int(stamp.timestamp() * 1e9)
    elif isinstance(stamp, int | float):
        version = int(stamp * 1e9)
    else:
        version = int(hashlib.sha256(str(stamp).encode()).hexdigest()[:15], 16)
    return RemoteFile(path, int(entry.get("size") or 0), version)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn a storage's error into one that says what to do; that of a file that is not there is kept."""
    try:
        yield
    except FileNotFoundError:
        raise
    except _network_errors() as error:
        raise StorageUnreachable(redact(url), redact(_said(error))) from error


def _network_errors() -> tuple[type[BaseException], ...]:
    """Return what storages raise: over HTTP, aiohttp's own errors too, if fsspec has imported it."""
    aiohttp = sys.modules.get("aiohttp")
    return (OSError,) if aiohttp is None else (OSError, aiohttp.ClientError)


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
