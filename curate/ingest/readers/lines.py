"""Rows of a delimited text, one bad line at a time: whatever a line holds, the next one is read as ever."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from curate.ingest.records import Refused, shown

LONGEST_LINE = 100_000
"""Characters; a longer line is no row of a list."""
LONGEST_QUOTE = 30
"""Lines that one quoted cell may run over before its opening quote is taken for a slip."""


class Row(NamedTuple):
    """The cells of one row, and the number of its first line."""

    line: int
    cells: list[str]


def open_text(path: Path) -> IO[str]:
    """Open a text that should be UTF-8, with or without a byte-order mark, or UTF-16 with one.

    Bytes that are no UTF-8 come as lone surrogates, so that the line that has them can be refused.
    """
    with path.open("rb") as file:
        start = file.read(4)
    utf16 = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if utf16 else "utf-8-sig"
    return path.open(encoding=encoding, errors="replace" if utf16 else "surrogateescape", newline="\n")


def rows(file: IO[str], delimiter: str) -> Iterator[Row | Refused]:
    """Yield rows, blank lines left out; a line that is none is refused, and reading goes on after it."""
    lines = _Lines(file)
    for number, text in lines:
        if isinstance(text, Refused):
            yield text
        elif '"' not in text:
            if text:
                yield Row(number, text.split(delimiter))
        else:
            yield _quoted(lines, number, text, delimiter)


class _Lines:
    """Numbered lines without their ends, which can be given back."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._number = 0
        self._again: list[tuple[int, str | Refused]] = []

    def __iter__(self) -> Iterator[tuple[int, str | Refused]]:
        while True:
            if self._again:
                yield self._again.pop()
                continue
            line = self._file.readline(LONGEST_LINE)
            if not line:
                return
            self._number += 1
            if len(line) == LONGEST_LINE and not line.endswith("\n"):
                yield self._number, self._too_long(len(line))
            else:
                yield self._number, line.rstrip("\r\n")

    def _too_long(self, length: int) -> Refused:
        while (more := self._file.readline(LONGEST_LINE)) and not more.endswith("\n"):
            length += len(more)
        return Refused(f"line {self._number}", "line_too_long", f"{length + len(more)} characters")

    def give_back(self, taken: list[tuple[int, str | Refused]]) -> None:
        """Put lines back, to be read again in the same order."""
        self._again += reversed(taken)


def _quoted(lines: _Lines, number: int, text: str, delimiter: str) -> Row | Refused:
    """Parse a row with quotes, taking further lines while a quote stands open."""
    taken: list[tuple[int, str | Refused]] = []
    whole = text
    source = iter(lines)
    while True:
        try:
            return Row(number, next(csv.reader([whole], delimiter=delimiter, strict=True)))
        except csv.Error as error:
            further = next(source, None) if "unexpected end" in str(error) else None
        if further is None or isinstance(further[1], Refused) or len(taken) >= LONGEST_QUOTE:
            lines.give_back([*taken, further] if further else taken)
            return Refused(f"line {number}", "bad_quoting", shown(text))
        taken.append(further)
        whole += "\n" + further[1]


def guess_delimiter(header: str) -> str:
    """Return what stands between the names of a header: the commonest of comma, semicolon, tab and bar."""
    return max(",;\t|", key=header.count)
