"""ArtGAN's WikiArt lists: a train and a val list each of style, genre and artist, joined by path.

It reads every variant: with CRLF or LF, one comma or two, a junk first line, a header or none, with and
without a suffix. A path has at most one record, whichever lists it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from curate.ingest.errors import ClassFileMissing, SourceUnreadable
from curate.ingest.readers.folders import artist_slug
from curate.ingest.readers.wikiart import ALIASES
from curate.ingest.records import ReaderBase, Record, Refused, Said, SaidSplit, Spelling, shown
from curate.ingest.tables.table import count_lines
from curate.ingest.tables.text import open_text

ATTRIBUTES = ("style", "genre", "artist")
LIST = re.compile(r"^(style|genre|artist)_(train|val|test)(\.csv|\.txt)?$")
CONFLICTING = "conflicting"


@dataclass
class _Listed:
    """What the lists say of one path."""

    where: str
    labels: dict[str, list[str]] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)


@dataclass
class ArtGanReader(ReaderBase):
    """Reads lists by (attribute, split) with the class names by code of each attribute."""

    lists: dict[tuple[str, str], Path] = field(default_factory=dict)
    names: dict[str, dict[int, str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Record | Refused]:
        """Yield a record a path, in the order of the lists; a list's bad lines first."""
        listed: dict[str, _Listed] = {}
        for (attribute, split), path in self.lists.items():
            yield from self._read_list(attribute, split, path, listed)
        listed_attributes = [column.attribute or "" for column in self.splits]
        from_path = any(column.source == "import:artgan-path" for column in self.columns)
        for path_text, one in listed.items():
            labels = [_spelling(one.labels.get(name, [])) for name in listed_attributes]
            splits = tuple(one.splits.get(name, "") for name in listed_attributes)
            slug = [artist_slug(path_text)] if from_path else []
            yield Record(path_text, (*labels, *slug), one.where, splits)

    def _read_list(
        self, attribute: str, split: str, path: Path, listed: dict[str, _Listed]
    ) -> Iterator[Refused]:
        """Add one list to what is listed; yield its lines that say nothing."""
        names = self.names[attribute]
        for number, image, code in list_lines(path):
            where = f"{path.name}: line {number}"
            if code is None:
                if number > 1:
                    yield Refused(where, "bad_list_line", shown(image))
            elif code not in names:
                yield Refused(where, "unknown_code", f"{attribute} {code}")
            else:
                one = listed.setdefault(image, _Listed(where))
                labels = one.labels.setdefault(attribute, [])
                if names[code] not in labels:
                    labels.append(names[code])
                earlier = one.splits.setdefault(attribute, split)
                one.splits[attribute] = split if earlier == split else CONFLICTING


def _spelling(labels: list[str]) -> Spelling:
    return labels[0] if len(labels) == 1 else tuple(sorted(labels)) if labels else ""


def list_lines(path: Path) -> Iterator[tuple[int, str, int | None]]:
    """Yield (line number, path, code) of an ArtGAN list; the code is None where the line has none.

    Blank lines are left out.
    """
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            image, comma, code = line.rstrip("\r\n").rpartition(",")
            if comma and re.fullmatch(r" *\d{1,6} *", code, re.ASCII):
                yield number, image.rstrip(","), int(code)
            elif line.strip():
                yield number, line.rstrip("\r\n"), None


def read_class_file(path: Path) -> dict[int, str]:
    """Return class names by code from lines like ``22 Vincent_van_Gogh``.

    Raises:
        SourceUnreadable: A line is not like that.
    """
    names = {}
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            code, _, name = line.strip().partition(" ")
            if not line.strip():
                continue
            if not re.fullmatch(r"\d{1,6}", code, re.ASCII) or not name.strip():
                raise SourceUnreadable(path, f"line {number} is not a number and a name")
            names[int(code)] = name.strip()
    return names


def artgan_lists(folder: Path) -> dict[tuple[str, str], Path]:
    """Return the ArtGAN lists in a folder by (attribute, split), style first."""
    lists: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        match = LIST.match(path.name)
        if match and path.is_file():
            lists.setdefault((match[1], match[2]), path)
    order = {name: at for at, name in enumerate(ATTRIBUTES)}
    return dict(sorted(lists.items(), key=lambda item: (order[item[0][0]], item[0][1])))


def open_artgan(source: Path, attributes: Sequence[str], artist_from: str | None) -> ArtGanReader:
    """Open the lists in a folder, or a single list with its class file beside it.

    Args:
        source: The folder or the list.
        attributes: The workspace's; lists of others are not read.
        artist_from: ``list`` takes artists from the artist list only; else the file names tell them for
            all, as a second source, whose artists agree with the list's.

    Raises:
        SourceUnreadable: There is no list of the workspace's attributes.
        ClassFileMissing: The names of a list's classes are not there.
    """
    folder = source if source.is_dir() else source.parent
    lists = {
        (attribute, split): path
        for (attribute, split), path in artgan_lists(folder).items()
        if attribute in attributes and (source.is_dir() or path.name == source.name)
    }
    if not lists:
        raise SourceUnreadable(source, "it has no list like style_train.csv of this workspace's attributes")
    listed = list(dict.fromkeys(attribute for attribute, _ in lists))
    names = {}
    for attribute in listed:
        candidates = [folder / f"{attribute}_class{suffix}" for suffix in ("", ".txt", ".csv")]
        class_file = next((path for path in candidates if path.is_file()), None)
        if class_file is None:
            raise ClassFileMissing(folder, attribute)
        names[attribute] = read_class_file(class_file)
    columns = [Said("import:artgan", attribute) for attribute in listed]
    if "artist" in attributes and artist_from != "list":
        columns.append(Said("import:artgan-path", "artist"))
    lines = {name: sum(count_lines(p) for (a, _), p in lists.items() if a == name) for name in listed}
    return ArtGanReader(
        "artgan",
        folder,
        tuple(columns),
        tuple(SaidSplit("import:artgan", attribute) for attribute in listed),
        total=max(lines.values()),
        aliases=ALIASES,
        lists=lists,
        names=names,
    )
