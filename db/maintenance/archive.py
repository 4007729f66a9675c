"""One backup file: a zip with a manifest of digests, checked whole before anything of it is used."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from db.engine.driver_errors import shortened
from db.errors import BadBackup

MANIFEST = "manifest.json"
FORMAT = 1
CATALOG = "catalog.db"
SETTINGS = "curate.toml"

LARGEST_MANIFEST = 64 * 2**20
"""Bytes: some 400,000 files. It is compressed, and a few kilobytes may become anything."""

DEEPEST, LONGEST_NAME = 16, 200
"""Folders below a run's, and bytes of one name, that a file in a backup may have."""

_RUN_FILE = re.compile(r"runs/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/(?P<path>[^\x00\\]+)")
_BLOCK = 1 << 20

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OverflowError)
"""What reading a zip raises whose bytes were changed; beside these, an impossible offset (``EINVAL``)."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: each file's SHA-256 and size, and what the catalog was when it was made."""

    created_at: str
    schema: str
    database: str
    files: Mapping[str, tuple[str, int]]


def write_archive(path: Path, files: Iterable[tuple[str, Path]], facts: Mapping[str, Any]) -> Manifest:
    """Write files under their names, and the manifest last; return what was written."""
    digests: dict[str, tuple[str, int]] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, file in files:
            with file.open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as target:
                digests[name] = _copy(source, target)
        listed = {name: {"sha256": sha256, "bytes": size} for name, (sha256, size) in digests.items()}
        archive.writestr(_entry(MANIFEST), json.dumps({"format": FORMAT, **facts, "files": listed}, indent=1))
    with path.open("rb+") as written:
        os.fsync(written.fileno())
    return Manifest(facts["created_at"], facts["schema"], facts["database"], digests)


def _entry(name: str) -> zipfile.ZipInfo:
    """Return the header of a file in the archive; a zip has no dates before 1980 or after 2107."""
    date = min(max(time.localtime()[:6], (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 58))
    entry = zipfile.ZipInfo(name, date)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def read_manifest(path: Path) -> Manifest:
    """Read and check the manifest: every file listed, each name inside its folder, none of them twice.

    Raises:
        BadBackup: It is no backup, a newer curate's, or names a file that has no place in one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            held = archive.namelist()
            with archive.open(MANIFEST) as listed:
                text = listed.read(LARGEST_MANIFEST + 1)
            if len(text) > LARGEST_MANIFEST:
                raise BadBackup(path, f"its {MANIFEST} is larger than any that curate writes")
            values = json.loads(text)
        files = {str(k): (str(v["sha256"]), int(v["bytes"])) for k, v in values["files"].items()}
        layout = values["format"]
        manifest = Manifest(str(values["created_at"]), str(values["schema"]), str(values["database"]), files)
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise BadBackup(path, f"it is not a whole zip file: {error}") from error
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RuntimeError,
    ) as error:  # too deep: a RuntimeError
        raise BadBackup(path, f"its {MANIFEST} is not one") from error
    if layout != FORMAT:
        raise BadBackup(path, f"it has format {layout}, and this version of curate reads {FORMAT}")
    if sorted(held) != sorted([*files, MANIFEST]):
        raise BadBackup(path, "its files are not those that its manifest lists")
    for name in files:
        if not has_place(name):
            raise BadBackup(path, f"the file {shortened(name)!r} has no place in a workspace")
    if CATALOG not in files or SETTINGS not in files:
        raise BadBackup(path, "it has no catalog or no settings")
    return manifest


def has_place(name: str) -> bool:
    """Return whether a backup may hold a file of that name: it can only land inside the workspace."""
    if name in (CATALOG, SETTINGS):
        return True
    match = _RUN_FILE.fullmatch(name)
    if match is None:
        return False
    parts = match["path"].split("/")
    short = len(parts) <= DEEPEST and all(len(os.fsencode(part)) <= LONGEST_NAME for part in parts)
    return short and all(part not in ("", ".", "..") for part in parts)


def verify(path: Path, manifest: Manifest) -> None:
    """Read every file of a backup and compare its digest.

    Raises:
        BadBackup: A file differs from its digest.
    """
    with zipfile.ZipFile(path) as archive:
        for name, (sha256, size) in manifest.files.items():
            if _read(path, archive, name, None, size) != sha256:
                raise BadBackup(path, f"{name} differs from the digest in the manifest")


def extract(path: Path, manifest: Manifest, name: str, target: Path) -> None:
    """Write one file of a backup, in one step, its digest checked once more.

    Raises:
        BadBackup: The file differs from its digest.
    """
    sha256, size = manifest.files[name]
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.restoring")
    with zipfile.ZipFile(path) as archive, temporary.open("wb") as file:
        if _read(path, archive, name, file, size) != sha256:
            raise BadBackup(path, f"{name} differs from the digest in the manifest")
    temporary.replace(target)


def digest_of(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_files(folder: Path) -> list[Path]:
    """Return the files of a run that belong in a backup: no locks, nothing half-written."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and path.name != "lock"
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def remove_tree(folder: Path) -> None:
    """Remove a folder of temporary files, whatever is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _copy(source: IO[bytes], target: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        size += len(block)
        target.write(block)
    return digest.hexdigest(), size


def _read(path: Path, archive: zipfile.ZipFile, name: str, target: IO[bytes] | None, size: int) -> str:
    """Return the digest of a file in the archive, never reading more than it is said to hold."""
    digest, left = hashlib.sha256(), size
    try:
        with archive.open(name) as source:
            while block := source.read(min(_BLOCK, left + 1)):
                left -= len(block)
                if left < 0:
                    raise BadBackup(path, f"{name} is longer than its manifest says")
                digest.update(block)
                if target is not None:
                    target.write(block)
    except (*DAMAGE, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise BadBackup(path, f"{name} cannot be read: {error}") from error
    return digest.hexdigest()
