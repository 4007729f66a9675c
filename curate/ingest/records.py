"""What every reader turns its format into: one stream of records and refusals, under fixed columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

Spelling = str | tuple[str, ...]
"""What a source says in one cell: a class's spelling, several of them, or an empty string."""


class Record(NamedTuple):
    """One artwork as a source lists it.

    ``path`` is as written there; ``labels`` has a spelling for each label column of the reader, ``splits``
    a word for each split column; ``where`` is the line or file that says it.
    """

    path: str
    labels: tuple[Spelling, ...]
    where: str
    splits: tuple[str, ...] = ()


class Refused(NamedTuple):
    """A record that cannot be taken: where it stands, the reason's code, and what was found."""

    where: str
    reason: str
    detail: str = ""


class Said(NamedTuple):
    """A label column: which source says it (``import:artgan``), of which attribute."""

    source: str
    attribute: str


class SaidSplit(NamedTuple):
    """A split column: which source says it, of which attribute's list (None: of all)."""

    source: str
    attribute: str | None = None


class Reader(Protocol):
    """A source that is open: its columns, and its records as they come."""

    format: str
    images: Path
    """The folder that paths are relative to, unless the user names another."""
    columns: tuple[Said, ...]
    splits: tuple[SaidSplit, ...]
    total: int | None
    """About how many records will come, for the progress bar."""
    remarks: list[str]
    """What a person should know: columns that were not read, classes that have another name here."""
    aliases: dict[str, dict[str, str]]
    """By attribute, spellings that this format uses for a class of another name."""

    def __iter__(self) -> Iterator[Record | Refused]:
        """Yield records, a few at a time from disk."""


@dataclass
class ReaderBase:
    """What readers have in common; each adds ``__iter__``."""

    format: str
    images: Path
    columns: tuple[Said, ...]
    splits: tuple[SaidSplit, ...] = ()
    total: int | None = None
    remarks: list[str] = field(default_factory=list)
    aliases: dict[str, dict[str, str]] = field(default_factory=dict)


LONGEST_SPELLING = 200
FORMULA = re.compile(r"[=+@]|-[^\w\s]*[\d(=+@-]")
CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ufeff\ud800-\udfff]")


def bad_spelling(spelling: str) -> str | None:
    """Return the reason why a text cannot be a class's spelling, None where it can.

    Example:
        >>> bad_spelling("Art Nouveau"), bad_spelling("=HYPERLINK(A1)")
        (None, 'formula_cell')
    """
    if len(spelling) > LONGEST_SPELLING:
        return "label_too_long"
    if CONTROL.search(spelling):
        return "not_utf8" if any("\ud800" <= c <= "\udfff" for c in spelling) else "control_character"
    if FORMULA.match(spelling):
        return "formula_cell"
    if not any(c.isalnum() for c in spelling):
        return "not_a_name"
    return None


def shown(text: str, length: int = 120) -> str:
    """Return a text as it can be stored and printed: escaped, and not longer than ``length``.

    Example:
        >>> shown("a" * 200, 10)
        'aaaaaaaaa…'
    """
    plain = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
