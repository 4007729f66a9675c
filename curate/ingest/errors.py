"""What can be wrong with a source as a whole; single records are refused, not raised.

::

    db.errors.CurateError
    ├── UnknownSource        neither a list nor a folder that any reader knows
    ├── SourceUnreadable     it cannot be opened or is not text
    ├── NoPathColumn         a list without a column of paths
    ├── NoLabelColumn        a list without a column of any attribute
    ├── NoSuchColumn         an option names a column that is not there
    ├── ListBesideImages     a folder of images with a list that has no path
    ├── ClassFileMissing     ArtGAN lists without the names of their classes
    └── BadOption            options that contradict each other or the source
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from curate.ingest.records import shown
from db.errors import CurateError, typed
from db.spelling import attribute_key


class UnknownSource(CurateError):
    """No reader knows what a source is."""

    def __init__(self, source: Path, problem: str) -> None:
        super().__init__(
            f"{source} cannot be read as a source: {problem}. Expected a list (CSV, xlsx), "
            f"a folder of images, ArtGAN's lists, Kaggle's classes.csv or wclasses.csv, or parquet files; "
            f"say which with `--format`."
        )


class SourceUnreadable(CurateError):
    """A source cannot be read at all."""

    def __init__(self, source: Path, problem: str) -> None:
        end = "" if problem.endswith("?") else "."
        super().__init__(f"{source} cannot be read: {problem}{end} Fix the file and run the command again.")


class NoPathColumn(CurateError):
    """A list whose header names no path."""

    def __init__(self, source: Path | str, header: Sequence[str]) -> None:
        line = _line(source, "--file COLUMN", "file='COLUMN'")
        super().__init__(
            f"{source} has the columns {_listed(header)}; none of them is a path. "
            f"Name the column of the image files: {line}."
        )


class NoLabelColumn(CurateError):
    """A list whose header names no attribute."""

    def __init__(
        self,
        source: Path | str,
        header: Sequence[str],
        attributes: Sequence[str],
        likely: Sequence[str] = (),
    ) -> None:
        look = "looks" if len(likely) == 1 else "look"
        looks = f"; {_listed(likely)} {look} like labels" if likely else ""
        named = {name: attribute_key(name) for name in likely[:3]} or {"COLUMN": "ATTRIBUTE"}
        if len(likely) == len(attributes) == 1:
            named = {likely[0]: attributes[0]}
        maps = " ".join(f"--map {typed(f'{name}={key}')}" for name, key in named.items())
        super().__init__(
            f"{source} has the columns {_listed(header)}; none is an attribute of this workspace "
            f"({', '.join(attributes)}){looks}. Say which is what: {_line(source, maps, f'map={named}')}."
        )


class NoSuchColumn(CurateError):
    """An option that names a column which a list does not have."""

    def __init__(self, source: Path | str, option: str, column: str, header: Sequence[str]) -> None:
        near = get_close_matches(column, header, n=1, cutoff=0.5)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        super().__init__(
            f"{option} {column!r}: {source} has no such column. {meant}It has {_listed(header)}."
        )


class ListBesideImages(CurateError):
    """A folder of images that has a list in it whose columns nobody can tell."""

    def __init__(self, folder: Path, table: Path, header: Sequence[str]) -> None:
        super().__init__(
            f"{folder} has images and the list {table.name} with the columns {_listed(header)}, "
            f"and none of them is a path. Type `curate ingest {typed(table)} --file COLUMN`, "
            f"or `--format folders` to leave the list unread."
        )


class ClassFileMissing(CurateError):
    """Lists of numbers, and no file that names them."""

    def __init__(self, folder: Path, attribute: str) -> None:
        super().__init__(
            f"{folder} has {attribute} lists but no {attribute}_class or {attribute}_class.txt to name their "
            f"classes. Put ArtGAN's class file beside them."
        )


class BadOption(CurateError):
    """An option that does not go with the source."""

    def __init__(self, option: str, problem: str, instead: str) -> None:
        super().__init__(f"{option}: {problem}. {instead}")


def _line(source: Path | str, options: str, keywords: str) -> str:
    """Return what to type: a command about a list, or what to call with a table in memory."""
    if isinstance(source, Path):
        return f"`curate ingest {typed(source)} {options}`"
    return f"`ingest(…, {keywords})`"


def _listed(names: Sequence[str]) -> str:
    named = ", ".join(shown(name, 40) for name in names[:12])
    return f"{named} and {len(names) - 12} more" if len(names) > 12 else named
