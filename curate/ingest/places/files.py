"""Find listed files under one folder, whatever their names went through, and never outside it.

A name that is not there as written is looked up by keys that survive what archives, systems and
encodings do to names: normal form, case, UTF-8 read as Latin-1, ``#U00e9`` escapes, punctuation and
accents replaced. A key counts only when exactly one file of that folder has it. Then come two looser ways:
the name without its suffix or with another image's, and, for a path of another machine, the longest end
of it that one file alone has.
"""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from curate.ingest.places.tails import Tails, is_image, stem_of
from curate.ingest.records import shown
from db.workspace.system import slashed

LONGEST_PATH = 4096
WINDOWS_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ESCAPE = re.compile(r"#U([0-9a-fA-F]{4})")


class FoundFile(NamedTuple):
    """A file under the root: its key (NFC, ``/`` between), where it opens, its size and time.

    ``renamed`` says that the disk spells it otherwise than the list; ``how`` is ``suffix`` or ``tail`` where
    it was found in one of the looser ways, which give way to a record that names the file itself.
    """

    path: str
    file: str
    bytes: int
    mtime_ns: int
    renamed: bool = False
    how: str = ""


class NotFound(NamedTuple):
    """Why a listed path is not a file that may be read; ``path`` is its key where it could be one."""

    reason: str
    detail: str = ""
    path: str | None = None


@dataclass
class _Folder:
    """One folder under the root: where it really is, and its entries by key once asked for."""

    key: str
    real: str
    reason: str | None = None
    names: _Names | None = None


@dataclass
class ImageFolder:
    """The folder that listed paths are relative to.

    With ``follow_links``, links may lead to files outside it, as in a hub's cache.
    """

    root: Path
    follow_links: bool = False
    _folders: dict[str, _Folder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        self._prefix = slashed(str(self.root)).rstrip("/") + "/"
        self._caseless = _is_caseless(self._prefix[:-1])
        self._tails = Tails(self.root)

    def find(self, listed: str) -> FoundFile | NotFound:
        """Return the file that a list names, or why there is none."""
        path = self.key(listed)
        if isinstance(path, NotFound):
            foreign = path.reason == "outside_root" and is_foreign(listed)
            return (self._by_tail(listed) or path) if foreign else path
        file = self._find(path)
        if isinstance(file, NotFound) and file.reason == "missing":
            return self._by_suffix(path) or self._by_tail(path) or file
        return file

    def _by_suffix(self, path: str) -> FoundFile | None:
        """Return the one image in the path's folder that has its name but for the suffix."""
        parent, _, name = path.rpartition("/")
        folder = self._folder(parent)
        other = None if folder.reason is not None else self._names(folder).find_stem(name)
        if other is None:
            return None
        file = self._stat(folder, other, renamed=True)
        return file._replace(how="suffix") if isinstance(file, FoundFile) else None

    def _by_tail(self, listed: str) -> FoundFile | None:
        """Return the one file whose path ends like that of another machine, or of another folder."""
        parts = [part for part in listed.replace("\\", "/").split("/") if part not in ("", ".")]
        if ".." in parts or (not is_foreign(listed) and (len(parts) < 2 or self._folder(parts[0]).real)):
            return None
        path = self._tails.find(parts)
        file = None if path is None else self._find(path)
        return file._replace(how="tail") if isinstance(file, FoundFile) else None

    def _find(self, path: str) -> FoundFile | NotFound:
        """Return the file at a path below the root, as written or as its folder spells it."""
        parent, _, name = path.rpartition("/")
        folder = self._folder(parent)
        if folder.reason is not None:
            return NotFound(folder.reason, shown(path), nfc(path))
        file = None
        if self._is_spelled_so(folder, name):
            file = self._stat(folder, name, renamed=folder.key != parent)
        if file is None:
            other = self._names(folder).find(name)
            if other is None:
                return NotFound("missing", "", nfc(path))
            file = self._stat(folder, other, renamed=True)
        return file or NotFound("missing", "", nfc(path))

    def _is_spelled_so(self, folder: _Folder, name: str) -> bool:
        """Return whether a name may be opened as written; where case does not count, as the disk spells it.

        Else one file would be two artworks there, ``A.jpg`` and ``a.jpg``.
        """
        return not self._caseless or name in self._names(folder)

    def key(self, listed: str) -> str | NotFound:
        """Return a listed path relative to the root and without ``.`` and ``..``, reading no file."""
        plain = "\\" not in listed and "//" not in listed and "./" not in listed
        if plain and listed and listed[0] not in "/ " and len(listed) < 200 and listed.isprintable():
            return listed if listed[-1] not in "/. " and ":" not in listed else self._awkward_key(listed)
        return self._awkward_key(listed)

    def _awkward_key(self, listed: str) -> str | NotFound:
        if not listed.strip(" "):
            return NotFound("no_path", shown(listed))
        if CONTROL.search(listed) or len(listed) > LONGEST_PATH:
            return NotFound("bad_path", shown(listed))
        if any("\ud800" <= c <= "\udfff" for c in listed):
            return NotFound("not_utf8", shown(listed))
        if URL.match(listed):
            return NotFound("url", shown(listed))
        listed = self._below(listed)
        if WINDOWS_DRIVE.match(listed) or listed.startswith("\\\\"):
            return NotFound("outside_root", shown(listed))
        listed = slashed(listed)
        path = listed if os.path.lexists(self._prefix + listed) else listed.strip(" ")
        if "\\" in path and not os.path.lexists(self._prefix + path):
            path = path.replace("\\", "/")
        if path.startswith("/"):
            if not (posixpath.normpath(path) + "/").startswith(self._prefix):
                return NotFound("outside_root", shown(listed))
            path = posixpath.normpath(path)[len(self._prefix) :]
        path = posixpath.normpath(path)
        if path == ".." or path.startswith("../"):
            return NotFound("outside_root", shown(listed))
        if path in (".", "") or listed.endswith("/"):
            return NotFound("not_a_file", shown(listed))
        if any(len(os.fsencode(part)) > 255 for part in path.split("/")):
            return NotFound("bad_path", shown(listed))
        return path

    def _below(self, listed: str) -> str:
        """Return an absolute path of Windows relative to the root, where it lies under it; there only."""
        if os.sep == "\\" and WINDOWS_DRIVE.match(listed):
            absolute = slashed(ntpath.normpath(listed))
            if absolute.casefold().startswith(self._prefix.casefold()):
                return absolute[len(self._prefix) :]
        return listed

    def _folder(self, path: str) -> _Folder:
        """Return a folder by its path, found as files are: as written, else by key."""
        parts = path.split("/") if path else []
        at = len(parts)
        while at and "/".join(parts[:at]) not in self._folders:
            at -= 1
        for end in range(at, len(parts) + 1):  # not by recursion: a list may name folders a thousand deep
            prefix = "/".join(parts[:end])
            if prefix not in self._folders:
                self._folders[prefix] = self._open_folder(prefix)
        return self._folders[path]

    def _open_folder(self, path: str) -> _Folder:
        if not path:
            return _Folder("", slashed(str(self.root)))
        parent, _, name = path.rpartition("/")
        above = self._folder(parent)
        if above.reason is not None:
            return above
        if not (self._is_spelled_so(above, name) and os.path.lexists(f"{above.real}/{name}")):
            name = self._names(above).find(name) or name
        key = f"{above.key}/{name}" if above.key else name
        try:
            real = slashed(os.path.realpath(f"{above.real}/{name}", strict=True))
        except FileNotFoundError:
            return _Folder(key, "", "missing")
        except OSError:
            return _Folder(key, "", "unreadable_folder")
        if not self.follow_links and not (real + "/").startswith(self._prefix):
            return _Folder(key, "", "outside_root")
        return _Folder(key, real) if os.path.isdir(real) else _Folder(key, "", "missing")

    def _stat(self, folder: _Folder, name: str, renamed: bool) -> FoundFile | NotFound | None:
        """Return the file of that name in a folder, None where nothing has the name."""
        file = f"{folder.real}/{name}"
        key = f"{folder.key}/{name}" if folder.key else name
        try:
            info = os.lstat(file)
            if stat.S_ISLNK(info.st_mode):
                real = slashed(os.path.realpath(file, strict=True))
                if not self.follow_links and not real.startswith(self._prefix):
                    return NotFound("outside_root", shown(key), nfc(key))
                info = os.stat(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            return NotFound("unreadable", error.strerror or "", nfc(key))
        if not stat.S_ISREG(info.st_mode):
            return NotFound("not_a_file", shown(key), nfc(key))
        return FoundFile(nfc(key), file, info.st_size, info.st_mtime_ns, renamed)

    def _names(self, folder: _Folder) -> _Names:
        """Return the names in a folder; read once."""
        if folder.names is None:
            try:
                names = sorted(os.listdir(folder.real))
            except OSError:
                names = []
            folder.names = _Names(names)
        return folder.names


def is_foreign(listed: str) -> bool:
    """Return whether a path is of another machine: with a drive, a server, or from the top and not there."""
    if WINDOWS_DRIVE.match(listed) or listed.startswith("\\\\"):
        return True
    return listed.startswith("/") and not os.path.lexists(listed)


def own_key(folder: ImageFolder, listed: str) -> str | None:
    """Return the key that a listed path has itself, whatever file it may lead to; None where it has none."""
    key = folder.key(listed)
    return None if isinstance(key, NotFound) else nfc(key)


def _is_caseless(folder: str) -> bool:
    """Return whether a folder lies on a disk that takes ``A`` and ``a`` for one name."""
    above, _, name = folder.rpartition("/")
    other = f"{above}/{name.swapcase()}"
    try:
        return other != folder and os.path.samefile(folder, other)
    except OSError:
        return False


def nfc(path: str) -> str:
    """Return a path in normal form NFC."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def repaired(name: str) -> str:
    """Return a name that was UTF-8, read as Latin-1 and lower-cased, as it was meant.

    Example:
        >>> repaired("arnold-bã¶cklin")
        'arnold-böcklin'
    """
    if name.isascii():
        return name
    try:
        return name.replace("ã", "Ã").replace("â", "Â").encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def unescaped(name: str) -> str:
    """Return a name with the ``#U00e9`` escapes of unzip read back."""
    return ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)


def _letters(name: str) -> str:
    """Return a name's ASCII letters and digits in lower case, accents and apostrophes dropped.

    Other characters are dropped between letters and kept as ``-`` beside a digit: the second work of a
    title, ``1890(1)``, is not the work of ``18901``.
    """
    if not name.isascii():
        name = "".join(c for c in unicodedata.normalize("NFKD", name) if c.isascii())
    stem, dot, suffix = name.replace("'", "").casefold().rpartition(".")
    return OTHER.sub("", BESIDE_DIGIT.sub("-", stem if dot else suffix)) + dot + (suffix if dot else "")


def _ascii(name: str) -> str:
    """Return what is left where a system dropped or replaced every character outside ASCII."""
    return "".join(c for c in unicodedata.normalize("NFC", unescaped(name)) if c.isascii())


BESIDE_DIGIT = re.compile(r"(?<=\d)[^a-z\d]+|[^a-z\d]+(?=\d)")
OTHER = re.compile(r"(?<!\d)[^a-z\d]+(?!\d)")

CLOSE_KEYS: tuple[Callable[[str], str], ...] = (nfc, lambda name: nfc(name).casefold())
LOOSE_KEYS: tuple[Callable[[str], str], ...] = (
    lambda name: _letters(repaired(unescaped(nfc(name)))),
    lambda name: _letters(unescaped(nfc(name))),
    lambda name: _letters(_ascii(name)),
)
"""From the closest to the loosest; each is tried only where those before it found nothing."""


def is_awkward(name: str) -> bool:
    """Return whether archives and systems are known to respell such a name."""
    return not name.isascii() or "'" in name or ESCAPE.search(name) is not None


class _Names:
    """The names in one folder, found by keys.

    For a loose key one of the two names must be an awkward one: two plain names that differ are two files.
    """

    def __init__(self, names: list[str]) -> None:
        awkward = [name for name in names if is_awkward(name)]
        self._all = names
        self._spelled = frozenset(names)
        self._close = [_by_key(names, key) for key in CLOSE_KEYS]
        self._loose = [_by_key(awkward, key) for key in LOOSE_KEYS]
        self._plain: dict[str, list[str]] | None = None
        self._stems: dict[str, list[str]] | None = None

    def find_stem(self, wanted: str) -> str | None:
        """Return the one image that has a name without its suffix, or with the suffix of another format."""
        if self._stems is None:
            self._stems = _by_key([name for name in self._all if is_image(name)], stem_of)
        names = self._stems.get(stem_of(wanted), [])
        return names[0] if len(names) == 1 else None

    def __contains__(self, name: str) -> bool:
        return name in self._spelled

    def find(self, wanted: str) -> str | None:
        """Return the one name that shares a key with the wanted one; None where several do."""
        for key, by_key in zip(CLOSE_KEYS, self._close, strict=True):
            if names := by_key.get(key(wanted), []):
                return names[0] if len(names) == 1 else None
        plain = self._plain_names() if is_awkward(wanted) else {}
        for key, by_key in zip(LOOSE_KEYS, self._loose, strict=True):
            if names := by_key.get(key(wanted), []) + plain.get(key(wanted), []):
                return names[0] if len(names) == 1 else None
        return None

    def _plain_names(self) -> dict[str, list[str]]:
        """Return the names that are not awkward, whose loose keys are all the same."""
        if self._plain is None:
            self._plain = _by_key([name for name in self._all if not is_awkward(name)], _letters)
        return self._plain


def _by_key(names: list[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(key(name), []).append(name)
    return by_key
