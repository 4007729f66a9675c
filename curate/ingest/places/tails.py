"""Files below a folder by the end of their path: for lists that were made on another machine."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from db.images.formats import IMAGE_SUFFIXES

LARGEST = 2_000_000
"""Files that are looked at; a folder with more of them is not a folder of images."""


def is_image(name: str) -> bool:
    """Return whether a file is named like an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def stem_of(name: str) -> str:
    """Return a name in normal form and lower case, without an image's suffix; other dots are its own.

    Example:
        >>> stem_of("1923.4.JPG"), stem_of("1923.4")
        ('1923.4', '1923.4')
    """
    stem, suffix = os.path.splitext(name)
    return _fold(stem if suffix.lower() in IMAGE_SUFFIXES else name)


def _fold(name: str) -> str:
    return name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


class Tails:
    """The images below a folder, walked through once when the first path is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._by_stem: dict[str, list[str]] | None = None

    def find(self, parts: Sequence[str]) -> str | None:
        """Return the file that shares the longest end of a path, None where none does, or several do.

        Suffixes may differ; a file that has the same suffix comes first.
        """
        candidates = self.named(parts[-1]) if parts else []
        folders = [_fold(part) for part in parts[:-1]][::-1]
        best: list[str] = []
        longest = -1
        for path in candidates:
            above = [_fold(part) for part in path.split("/")[:-1]][::-1]
            shared = next((i for i, (a, b) in enumerate(zip(above, folders, strict=False)) if a != b), None)
            length = 2 * (min(len(above), len(folders)) if shared is None else shared)
            length += _fold(path.rpartition("/")[2]) == _fold(parts[-1])
            if length > longest:
                best, longest = [], length
            if length == longest:
                best.append(path)
        return best[0] if len(best) == 1 else None

    def named(self, name: str) -> list[str]:
        """Return the images that have a name, whatever their suffix and folder."""
        if self._by_stem is None:
            self._by_stem = {}
            for path in images_below(self._root):
                self._by_stem.setdefault(stem_of(path.rpartition("/")[2]), []).append(path)
        return self._by_stem.get(stem_of(name), [])


def images_below(root: Path, largest: int = LARGEST) -> Iterator[str]:
    """Yield the files below a folder that are named like images, hidden folders left out."""
    seen = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        relative = os.path.relpath(folder, root)
        prefix = "" if relative == "." else relative.replace(os.sep, "/") + "/"
        seen += len(files)
        if seen > largest:
            return
        for name in sorted(files):
            if is_image(name):
                yield prefix + name
