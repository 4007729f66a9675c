"""What lies below a URL: on S3 and what speaks like it, Google's storage, a web server, or what fsspec opens.

S3 and Google's storage go through pyarrow, which brings both; their keys are read from the places
where their own tools keep them (``AWS_ACCESS_KEY_ID`` and the like, ``AWS_ENDPOINT_URL`` for other servers).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from db.errors import StorageUnknown, StorageUnreachable
from db.workspace.secrets import redact

URL = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)

LONGEST_NAME, LONGEST_PATH = 255, 3000
"""Bytes of one name, and of a path below the URL, that a disk takes."""

DEEPEST = 64
"""Folders below each other that a listing is followed into: a page may list itself."""


class RemoteFile(NamedTuple):
    """A file below a URL: its path from there, its size, a number that changes when it is written again."""

    path: str
    bytes: int
    version: int


def is_url(text: str) -> bool:
    """Return whether a root is given by URL."""
    return URL.match(text) is not None


class Storage:
    """The files below a URL; nothing is asked of it before the first of them is wanted."""

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and the path of the URL in it."""
        return open_storage(self.url)

    def listing(self) -> Iterator[RemoteFile]:
        """Yield all files below the URL, by path; names that no file here can bear are left out.

        Raises:
            StorageUnreachable: The storage does not answer, or not to this user, for the URL itself or for a
                folder below it: half a listing is none.
        """
        system, base = self._opened
        with _explained(self.url):
            entries = _find(system, base)
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

    def download(self, path: str, to: Path) -> None:
        """Fetch a file.

        Raises:
            StorageUnreachable: The storage does not answer, or not to this user.
            FileNotFoundError: It has no such file.
        """
        system, base = self._opened
        for spelling in _spellings(path):
            try:
                with _explained(self.url):
                    system.get_file(_joined(base, spelling), str(to))
                return
            except FileNotFoundError:
                continue
        raise FileNotFoundError(2, f"{redact(self.url)} has no such file", path)


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
    if not path or ".." in parts or any(not c.isprintable() for c in path):
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
