"""Files that commands write: whole or not at all, where they were asked for; remains of killed ones go."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import stat
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from db.engine.driver_errors import disk_errors
from db.errors import FileMissing, NotAnOutput

OLD_SECONDS = 24 * 3600.0
"""A temporary file without a maker's name, or of another machine's, is left alone until it is so old."""

READER_SECONDS = 3.0
"""How long a pipe may be without a reader."""

_TEMPORARY = re.compile(r"\.curate-(?P<pid>[0-9]+)-(?P<host>[0-9a-f]{8})-.*")
_EARLIER = re.compile(r"\.curate-[a-z0-9_]{8}", re.ASCII)
"""What an earlier version called the folder of a backup that was killed; somebody's may be called so, too."""

_IN_A_BACKUP = re.compile(r"(?:catalog\.db(?:-wal|-shm|-journal)?|curate\.toml|backup\.zip)")
"""What lay in such a folder."""

_INSIDE = re.compile(r"\.[0-9]+-[0-9]+\.part|\..+\.restoring", re.ASCII)
"""What is left inside a workspace; elsewhere such a name may be another program's."""


def temporary_name(suffix: str = "") -> str:
    """Return a name for a file that is being written: it says whose it is, and is short."""
    drawn = os.urandom(4).hex()
    return f".curate-{os.getpid()}-{_host()}-{drawn}{suffix}"


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes ``path`` in one step when all is written, or is removed.

    A link is followed, and stays one. Into a device or a pipe the finished file is copied.

    Raises:
        NotAnOutput: The path is a folder, or a link that leads round in a circle.
        FileMissing: The folder that it is in does not exist.
        NoSpace: The disk, or the device, cannot take it.
        NotWritable: This user may not write there.
    """
    with disk_errors(path):
        target = require_place(path)
        special = target.exists() and not stat.S_ISREG(target.stat().st_mode)
        folder = Path(tempfile.gettempdir()) if special else target.parent
        sweep(folder)
        temporary = folder / temporary_name(target.suffix)
        try:
            yield temporary
            if special:
                _copy_into(temporary, target)
            else:
                _settle(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def require_place(path: Path) -> Path:
    """Refuse early what no file can be written to; return the path with its links followed.

    Raises:
        NotAnOutput: The path is a folder, or a link that leads round in a circle.
        FileMissing: The folder that it is in does not exist.
    """
    with disk_errors(path):
        target = _followed(path)
        if target.is_dir():
            raise NotAnOutput(path, "it is a folder")
        if not target.parent.is_dir():
            raise FileMissing(target.parent, "folder")
        return target


def _followed(path: Path) -> Path:
    try:
        return path.resolve() if path.is_symlink() else path.absolute()
    except (RuntimeError, OSError) as error:  # a circle, told differently by versions of Python
        if isinstance(error, OSError) and error.errno != errno.ELOOP:
            raise
        raise NotAnOutput(path, "it is a link that leads nowhere") from error


def _copy_into(source: Path, target: Path) -> None:
    with source.open("rb") as whole, _opened(target) as device:
        shutil.copyfileobj(whole, device)


def _opened(device: Path) -> BinaryIO:
    """Open a device to write to; a pipe that nobody reads is given up after some seconds."""
    deadline = time.monotonic() + READER_SECONDS
    while True:
        try:
            descriptor = os.open(device, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    os.set_blocking(descriptor, True)
    return open(descriptor, "wb")


def _settle(temporary: Path, target: Path) -> None:
    """Bring a written file to the disk and under its name, with the rights that its forerunner had."""
    if target.exists():
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())
    temporary.replace(target)


def output_folder(path: Path) -> Path:
    """Make a folder that a command writes files into, and return it.

    Raises:
        NotAnOutput: There is something else of that name, or above it.
        NoSpace, NotWritable: The disk does not let us.
    """
    with disk_errors(path):
        if path.exists() and not path.is_dir():
            raise NotAnOutput(path, "it is a file, and a folder is needed")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise NotAnOutput(path, "a part of it is a file, and a folder is needed") from error
        sweep(path)
    return path


def sweep(folder: Path, workspace: bool = False) -> int:
    """Remove what killed commands left in a folder; what a running one is writing stays.

    Args:
        folder: Where to look; not in the folders inside it.
        workspace: Whether it is a workspace's own, where nothing else writes hidden files.

    Returns:
        How many things were removed.
    """
    removed = 0
    try:
        hidden = [entry for entry in os.scandir(folder) if entry.name.startswith(".")]
    except OSError:
        return 0
    for entry in hidden:
        if _is_left(entry, workspace):
            removed += _remove(Path(entry.path))
    return removed


def _is_left(entry: os.DirEntry[str], workspace: bool) -> bool:
    named = _TEMPORARY.fullmatch(entry.name)
    inside = workspace and _INSIDE.fullmatch(entry.name)
    if named is None and not inside and not _is_earlier_backup(entry):
        return False
    if named is not None and named["host"] == _host():
        return not _runs(int(named["pid"]))
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > OLD_SECONDS
    except OSError:
        return False


def _is_earlier_backup(entry: os.DirEntry[str]) -> bool:
    """Return whether it is the folder of a backup that an earlier version began, and nothing else."""
    if not _EARLIER.fullmatch(entry.name):
        return False
    try:
        return entry.is_dir(follow_symlinks=False) and all(
            _IN_A_BACKUP.fullmatch(name) for name in os.listdir(entry.path)
        )
    except OSError:
        return False


def _runs(pid: int) -> bool:
    """Return whether there is a process of that number."""
    import psutil

    return pid == os.getpid() or psutil.pid_exists(pid)


def _remove(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True
