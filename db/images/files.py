"""Reading an image file: a regular file, never a pipe or a device that would not end."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from db.images.formats import MAX_BYTES, BadImage
from db.workspace.remote.mirror import fetched

NEVER_OPENED = Path(os.devnull)
"""Stands for an image that may not be opened, where a path must stand: reading it says ``not_a_file``."""


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading, after fetching it where it belongs to a mirror.

    Raises:
        BadImage: ``not_a_file``: it is a pipe, a device, a socket or a folder, or leads to one.
        OSError: It is gone, or may not be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    if path.is_dir():
        raise BadImage("not_a_file")
    file = open(os.open(fetched(path), flags), "rb")  # the caller closes it
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise BadImage("not_a_file")


def read_bytes(path: Path) -> bytes:
    """Return the bytes of an image file.

    Raises:
        BadImage: ``empty_file``, ``too_large``, ``not_a_file``, ``missing`` or ``unreadable``.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise BadImage("too_large")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise BadImage("missing") from error
    except OSError as error:
        raise BadImage("unreadable") from error
    if not data:
        raise BadImage("empty_file")
    return data
