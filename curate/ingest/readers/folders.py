"""Folders of images: the top folder is the class, and in WikiArt's layout the file name tells the artist."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.ingest.errors import BadOption
from curate.ingest.places.files import repaired, unescaped
from curate.ingest.readers.wikiart import ALIASES, STYLES
from curate.ingest.records import ReaderBase, Record, Refused, Said, shown
from db.errors import typed
from db.images.formats import IMAGE_SUFFIXES
from db.spelling import loose_fold
from db.workspace.system import slashed

SYSTEM_FILES = ("thumbs.db", "desktop.ini")
"""What systems leave in folders of images; nobody needs to be told."""


@dataclass
class FolderReader(ReaderBase):
    """Walks a folder of class folders, in order of names."""

    with_artist: bool = False
    follow_links: bool = False

    def __iter__(self) -> Iterator[Record | Refused]:
        """Yield a record a file that is named like an image."""
        skipped: Counter[str] = Counter()
        read = labelled = 0
        for path in walk_images(self.images, self.follow_links, skipped):
            if isinstance(path, Refused):
                yield path
                continue
            top, slash, _ = path.partition("/")
            labels = (unescaped(top) if slash else "",)
            read, labelled = read + 1, labelled + bool(slash)
            yield Record(path, (*labels, artist_slug(path)) if self.with_artist else labels, path)
        if read and not labelled and not self.with_artist:
            self.remarks.append(
                f"None of these {read} images has a label: folders in {self.images} would be their classes. "
                f"If a list has the labels, type "
                f"`curate ingest LIST --images {typed(self.images)}`."
            )
        if skipped:
            listed = ", ".join(f"{n} {suffix or 'without a suffix'}" for suffix, n in skipped.most_common(12))
            self.remarks.append(f"Not named like images, and not read: {listed}.")


def artist_slug(path: str) -> str:
    """Return the artist of a WikiArt file name: what stands before its first ``_``, repaired.

    Example:
        >>> artist_slug("Realism/ilya-repin_volga.jpg"), artist_slug("Realism/untitled.jpg")
        ('ilya-repin', '')
    """
    slug, underscore, _ = path.rpartition("/")[2].partition("_")
    return repaired(unescaped(slug)).strip("\u00a0 ") if underscore else ""


def walk_images(
    root: Path, follow_links: bool = False, skipped: Counter[str] | None = None
) -> Iterator[str | Refused]:
    """Yield files under a folder that are named like images, as paths relative to it.

    Linked folders are not entered unless that is asked for: they lead outside, or round in circles, or to
    files that come anyway. What is named otherwise is counted in ``skipped``, by suffix.
    """
    entered = {os.path.realpath(root)}
    for folder, folders, files in os.walk(root, followlinks=follow_links):
        folders.sort()
        relative = slashed(os.path.relpath(folder, root))
        prefix = "" if relative == "." else relative + "/"
        for name in list(folders):
            place = os.path.join(folder, name)
            if follow_links and (real := os.path.realpath(place)) not in entered:
                entered.add(real)
            elif os.path.islink(place):
                folders.remove(name)
                yield Refused(shown(prefix + name), "linked_folder", shown(os.readlink(f"{folder}/{name}")))
            elif name.startswith("."):
                folders.remove(name)
        for name in sorted(files):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in IMAGE_SUFFIXES and not name.startswith("._"):
                yield prefix + name
            elif skipped is not None and not name.startswith(".") and name.lower() not in SYSTEM_FILES:
                skipped[suffix] += 1


def open_folders(
    root: Path,
    attributes: Sequence[str],
    attribute: str | None,
    artist_from: str | None,
    follow_links: bool = False,
) -> FolderReader:
    """Open a folder of class folders.

    Args:
        root: The folder; what lies in it directly has no label.
        attributes: The workspace's.
        attribute: What the folders are classes of; the workspace's first attribute if None.
        artist_from: ``path`` reads artists from the file names, ``list`` never does; None does where the
            folders are WikiArt's styles.
        follow_links: Whether linked folders are entered.

    Raises:
        BadOption: Artists are wanted, and the workspace has no attribute of that name.
    """
    tops = [
        entry.name
        for entry in os.scandir(root)
        if entry.is_dir(follow_symlinks=False) and entry.name[0] != "."
    ]
    wikiart = bool(tops) and all(loose_fold(name) in STYLES for name in tops) and "artist" in attributes
    if artist_from == "path" and "artist" not in attributes:
        raise BadOption(
            "--artist-from path",
            f"this workspace has no attribute `artist` ({', '.join(attributes)})",
            "Leave the option out, or make a workspace that has it.",
        )
    with_artist = artist_from == "path" or (wikiart and artist_from is None)
    attribute = attribute or ("style" if wikiart and "style" in attributes else attributes[0])
    columns: tuple[Said, ...] = (Said("import:folders", attribute),)
    if with_artist:
        columns += (Said("import:artgan-path", "artist"),)
    return FolderReader(
        "folders",
        root,
        columns,
        aliases=ALIASES if wikiart else {},
        with_artist=with_artist,
        follow_links=follow_links,
    )
