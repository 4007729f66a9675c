"""Delimited text, one row at a time, each with exactly the characters that it was read from.

Whatever a line holds, the next one is read as usual; and ``"".join(piece.raw for piece in pieces(…))`` is the
file, so that a list can be written again with some cells changed and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from curate.ingest.errors import SourceUnreadable
from curate.ingest.records import Refused, shown
from curate.ingest.tables.encoding import TextEncoding, guess_encoding
from curate.ingest.tables.quoting import STANDARD, Quoting

LONGEST_LINE = 1_000_000
"""Characters; a longer line, or a longer cell over several lines, is not a row of a list."""
LONGEST_QUOTE = 2_000
"""Lines that one quoted cell may run over before its opening quote is taken for a slip."""
BLANKS = re.compile(r"[ \u00a0]*")


class Row(NamedTuple):
    """The cells of one row, and the number of its first line."""

    line: int
    cells: list[str]


class Piece(NamedTuple):
    """A stretch of a text: its characters, line end and all, and the row in it; no row where it is blank."""

    raw: str
    row: Row | Refused | None


@contextmanager
def open_text(path: Path, encoding: TextEncoding | None = None) -> Iterator[IO[str]]:
    """Open a list's text behind its byte-order mark, line ends untouched.

    Bytes that the encoding does not have come as lone surrogates, so that their line can be refused.

    Raises:
        SourceUnreadable: Its text breaks off inside a character, as that of a half-copied UTF-16 file does.
    """
    encoding = encoding or guess_encoding(path)
    with path.open(encoding=encoding.name, errors=encoding.errors, newline=encoding.newline) as file:
        try:
            file.read(1 if encoding.mark else 0)
            yield file
        except UnicodeError as error:
            problem = f"its text ({encoding.name}) breaks off inside a character; was it copied whole?"
            raise SourceUnreadable(path, problem) from error


def rows(file: IO[str], delimiter: str, quoting: Quoting = STANDARD) -> Iterator[Row | Refused]:
    """Yield rows, blank lines left out; a line that is none is refused, and reading goes on after it."""
    for piece in pieces(file, delimiter, quoting):
        if piece.row is not None:
            yield piece.row


def pieces(
    file: IO[str], delimiter: str, quoting: Quoting = STANDARD, whole: bool = False
) -> Iterator[Piece]:
    """Yield a text in pieces, a row or a blank line each.

    Args:
        file: As ``open_text`` gives it.
        delimiter: What stands between cells.
        quoting: How cells are quoted.
        whole: Keep the characters of lines that are too long for a row as well.
    """
    lines = _Lines(file, whole)
    quote, escapes = quoting
    for number, raw, too_long in lines:
        if too_long is not None:
            yield Piece(raw, too_long)
        elif quote not in raw and not (escapes and "\\" in raw):
            text = raw.rstrip("\r\n")
            yield Piece(raw, Row(number, text.split(delimiter)) if text else None)
        else:
            yield _quoted(lines, number, raw, delimiter, quoting)


_Line = tuple[int, str, Refused | None]


class _Lines:
    """Numbered lines with their ends, which can be given back."""

    def __init__(self, file: IO[str], whole: bool) -> None:
        self._file, self._whole = file, whole
        self._number = 0
        self._again: list[_Line] = []

    def __iter__(self) -> Iterator[_Line]:
        while True:
            if self._again:
                yield self._again.pop()
                continue
            line = self._file.readline(LONGEST_LINE)
            if not line:
                return
            self._number += 1
            if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
                yield self._too_long(line)
            else:
                yield self._number, line, None

    def _too_long(self, line: str) -> _Line:
        length, parts = len(line), [line]
        while (more := self._file.readline(LONGEST_LINE)) and more[-1] not in "\r\n":
            length += len(more)
            parts += [more] if self._whole else []
        raw = "".join([*parts, more]) if self._whole else ""
        detail = f"{length + len(more)} characters"
        return self._number, raw, Refused(f"line {self._number}", "line_too_long", detail)

    def give_back(self, taken: list[_Line]) -> None:
        """Put lines back, to be read again in the same order."""
        self._again += reversed(taken)


def _quoted(lines: _Lines, number: int, raw: str, delimiter: str, quoting: Quoting) -> Piece:
    """Parse a row with quotes, taking further lines while a quote stands open or the line end is escaped."""
    taken: list[_Line] = []
    whole = raw
    while (cells := split_cells(row_text(whole, quoting), delimiter, quoting)) is OPEN or _goes_on(
        whole, quoting
    ):
        closes = cells is OPEN
        most = LONGEST_QUOTE - len(taken) if closes else min(1, LONGEST_QUOTE - len(taken))
        more = _to_closing_quote(lines, quoting, most, LONGEST_LINE - len(whole))
        taken += more
        whole += "".join(line for _, line, _ in more)
        if not more and not closes:
            break
        if not more or more[-1][2] is not None or (closes and not _may_close(more[-1][1], quoting)):
            cells = None
            break
    if cells is not None:
        return Piece(whole, Row(number, [quoting.value(cell) for cell in cells]))
    lines.give_back(taken)
    return Piece(raw, Refused(f"line {number}", "bad_quoting", shown(raw.rstrip("\r\n"))))


def row_text(raw: str, quoting: Quoting) -> str:
    """Return a row's text without its line end; an escaped one before that belongs to the last cell."""
    return raw.removesuffix("\n").removesuffix("\r") if quoting.escapes else raw.rstrip("\r\n")


def _goes_on(raw: str, quoting: Quoting) -> bool:
    """Return whether a backslash escapes a row's line end, as databases write it in cells without quotes."""
    text = row_text(raw, quoting)
    return quoting.escapes and _is_escaped(text, len(text), 0)


def _may_close(line: str, quoting: Quoting) -> bool:
    """Return whether a cell whose quote stands open may end in a line.

    That takes an odd number of the usual quotes; an apostrophe, or an escaped quote, may stand alone.
    """
    return line.count('"') % 2 == 1 if quoting == STANDARD else quoting.quote in line


def _to_closing_quote(lines: _Lines, quoting: Quoting, most: int, longest: int) -> list[_Line]:
    """Take lines up to the next that can close a cell."""
    taken: list[_Line] = []
    for line in lines:
        taken.append(line)
        longest -= len(line[1])
        if line[2] is not None or _may_close(line[1], quoting) or len(taken) >= most or longest < 0:
            break
    return taken


OPEN: list[str] = []
"""What ``split_cells`` returns where a quote stands open at the end."""


def split_cells(text: str, delimiter: str, quoting: Quoting = STANDARD) -> list[str] | None:
    """Return a row's cells as they are written, quotes and all; joined by the delimiter they are the row.

    Returns:
        None where something follows a closing quote, ``OPEN`` where a quote is not closed.
    """
    cells, at = [], 0
    while True:
        stop, problem = _cell_end(text, at, delimiter, quoting)
        if problem is not None or stop < 0:
            return OPEN if stop < 0 else None
        cells.append(text[at:stop])
        if stop == len(text):
            return cells
        at = stop + 1


def _cell_end(text: str, at: int, delimiter: str, quoting: Quoting) -> tuple[int, str | None]:
    """Return where a cell ends: -1 where its quote stands open; and what follows its quote, if anything."""
    blank = BLANKS.match(text, at)
    start = at if blank is None else blank.end()
    if text.startswith(quoting.quote, start):
        quoted = quoting.quoted.match(text, start)
        if quoted is not None:
            after = BLANKS.match(text, quoted.end())
            stop = quoted.end() if after is None else after.end()
            if stop == len(text) or text[stop] == delimiter:
                return stop, None
        if start == at:
            return (-1, None) if quoted is None else (quoted.end(), text[quoted.end()])
    end = text.find(delimiter, at)
    while quoting.escapes and end > 0 and _is_escaped(text, end, at):
        end = text.find(delimiter, end + 1)
    return (len(text) if end < 0 else end), None


def _is_escaped(text: str, place: int, start: int) -> bool:
    """Return whether an odd number of backslashes stands before a place of a cell."""
    before = text[start:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
