"""A disk as Windows has it, for code that computes paths: drives, ``\\`` between names, no case."""

from __future__ import annotations

import ntpath
import os
from pathlib import Path, PureWindowsPath


class WindowsRoot(PureWindowsPath):
    """A folder as ``pathlib`` names it there."""

    def resolve(self) -> WindowsRoot:
        """Return itself: it has no links in it."""
        return self


class WindowsOs:
    """What stands for ``os`` and ``os.path``; ``C:\\pics`` is the folder that it was made for."""

    sep = "\\"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = self

    def here(self, path: str) -> str:
        """Return where a path of the drive really is, whatever its case."""
        drive, rest = ntpath.splitdrive(path.replace("/", "\\"))
        assert drive.casefold() == "c:", path
        place = self._folder
        for name in rest.strip("\\").split("\\")[1:]:
            wanted = name.casefold()
            names = os.listdir(place) if place.is_dir() else []
            place = place / next((found for found in names if found.casefold() == wanted), name)
        return str(place)

    def there(self, path: str) -> str:
        """Return what Windows would call a path of this machine."""
        return "C:\\pics" + path.removeprefix(str(self._folder)).replace("/", "\\")

    def lexists(self, path: str) -> bool:
        return os.path.lexists(self.here(path))

    def isdir(self, path: str) -> bool:
        return os.path.isdir(self.here(path))

    def samefile(self, one: str, other: str) -> bool:
        return os.path.samefile(self.here(one), self.here(other))

    def realpath(self, path: str, strict: bool = False) -> str:
        return self.there(os.path.realpath(self.here(path), strict=strict))

    def lstat(self, path: str) -> os.stat_result:
        return os.lstat(self.here(path))

    def stat(self, path: str) -> os.stat_result:
        return os.stat(self.here(path))

    def listdir(self, path: str) -> list[str]:
        return os.listdir(self.here(path))

    def fsencode(self, name: str) -> bytes:
        return os.fsencode(name)
