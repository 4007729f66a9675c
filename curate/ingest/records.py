"""What every reader turns its format into: one stream of records and refusals, under fixed columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from db.spelling import fold, is_formula

if TYPE_CHECKING:
    from curate.ingest.tables.cells import CellRule

Spelling = str | tuple[str, ...]
"""What a source says in one cell: a class's spelling, several of them, or an empty string."""


class Record(NamedTuple):
    """One artwork as a source lists it.

    ``path`` is as written there; ``labels`` has a spelling for each label column of the reader, ``splits``
    a word for each split column; ``where`` is the line or file that says it; ``known_as`` is the id that
    people use, and ``kept`` has a cell for each column that is kept.
    """

    path: str
    labels: tuple[Spelling, ...]
    where: str
    splits: tuple[str, ...] = ()
    known_as: str = ""
    kept: tuple[str, ...] = ()


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
    guesses: list[str]
    """What was guessed and might be meant otherwise; a terminal is asked."""
    aliases: dict[str, dict[str, str]]
    """By attribute, spellings that this format uses for a class of another name."""
    rules: tuple[CellRule, ...]
    """How the cells of each label column are read; as single labels where there are no rules."""
    kept: tuple[str, ...]
    """The columns that stay with the artwork."""
    mapping: dict[str, Any] | None
    """What the columns of a table were taken for, kept with the ingest."""

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
    guesses: list[str] = field(default_factory=list)
    aliases: dict[str, dict[str, str]] = field(default_factory=dict)
    rules: tuple[CellRule, ...] = ()
    kept: tuple[str, ...] = ()
    mapping: dict[str, Any] | None = None


LONGEST_SPELLING = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ufeff\ud800-\udfff]")

NO_CHARACTER = re.compile(r"[\x00\ud800-\udfff]")


def bad_spelling(spelling: str) -> str | None:
    """Return the reason why a text cannot be a class's spelling, None where it can.

    A spreadsheet would run a formula; a sign before a word or a number is none (``-1``, ``+A``).

    Example:
        >>> bad_spelling("Art Nouveau"), bad_spelling("=HYPERLINK(A1)")
        (None, 'formula_cell')
    """
    if len(spelling) > LONGEST_SPELLING or len(fold(spelling)) > LONGEST_SPELLING:
        return "label_too_long"
    if CONTROL.search(spelling):
        return "not_utf8" if any("\ud800" <= c <= "\udfff" for c in spelling) else "control_character"
    if not any(c.isprintable() and not c.isspace() for c in spelling):
        return "control_character"
    return "formula_cell" if is_formula(spelling) else None


def storable(text: str) -> str:
    """Return a text as every database takes it: what is not a character is escaped, all else stays."""
    return NO_CHARACTER.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def shown(text: str, length: int = 120) -> str:
    """Return a text as it can be stored and printed: escaped, and not longer than ``length``.

    Example:
        >>> shown("a" * 200, 10)
        'aaaaaaaaa…'
    """
    plain = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
