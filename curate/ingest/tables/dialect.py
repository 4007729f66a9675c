"""What parts a list's cells and what quotes them, found by looking."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from typing import NamedTuple

from curate.ingest.tables.quoting import QUOTINGS, STANDARD, Quoting
from curate.ingest.tables.text import Row, pieces, row_text, rows, split_cells

DELIMITERS = (",", ";", "\t", "|")


class Dialect(NamedTuple):
    """How a text is cells."""

    delimiter: str
    quoting: Quoting = STANDARD


def guess_dialect(text: str, delimiter: str | None = None, cut: bool = False) -> Dialect:
    """Return how a list's cells are parted and quoted; as usual, unless they certainly are otherwise.

    Another quoting is certain where by it all rows are as wide as the header, and it explains each row that
    by the usual one is not; or where the header has nothing but cells between its quotes.

    Args:
        text: The list, or its beginning.
        delimiter: What parts the cells, if the user or the list says so.
        cut: Whether the text may end within a row.
    """
    usual = Dialect(delimiter or guess_delimiter(text))
    odd = _odd_lines(text, usual, cut)
    if not odd and not text.lstrip().startswith("'"):
        return usual
    for quoting in QUOTINGS[1:]:
        if "\\" not in text if quoting.escapes else quoting.quote not in text:
            continue
        other = Dialect(delimiter or guess_delimiter(text, quoting), quoting)
        if _explains(text, other, odd, cut):
            return other
    return usual


def _odd_lines(text: str, dialect: Dialect, cut: bool) -> set[int]:
    """Return the lines of rows that are none, or not as wide as the first."""
    width, odd = 0, set()
    for line, cells, _ in _rows(text, dialect, cut):
        width = width or len(cells or ())
        if cells is None or len(cells) != width:
            odd.add(line)
    return odd


def _explains(text: str, dialect: Dialect, odd: set[int], cut: bool) -> bool:
    """Return whether a text certainly is in a dialect, by which no row may be odd."""
    delimiter, quoting = dialect
    left, width, whole, needed = set(odd), 0, False, False
    for line, cells, raw in _rows(text, dialect, cut):
        if cells is None or len(cells) < 2 or len(cells) != (width or len(cells)):
            return False
        if not width:
            width = len(cells)
            whole = quoting.quote != STANDARD.quote and all(quoting.is_quoted(cell) for cell in cells)
        matters = any(quoting.matters(cell, delimiter) for cell in cells)
        lines = set(range(line, line + row_text(raw, quoting).count("\n") + 1))
        if matters or (quoting.quote != STANDARD.quote and STANDARD.quote in raw):
            left -= lines
        needed |= matters and not lines.isdisjoint(odd)
    return (whole or needed) and not left


def _rows(text: str, dialect: Dialect, cut: bool) -> list[tuple[int, list[str] | None, str]]:
    """Return (line, cells as written, text) of each row, None for the cells of a line that is none."""
    rows, line = [], 1
    for piece in pieces(StringIO(text, newline="\n"), *dialect):
        if piece.row is not None:
            row = (
                split_cells(row_text(piece.raw, dialect.quoting), *dialect)
                if isinstance(piece.row, Row)
                else None
            )
            rows.append((line, row, piece.raw))
        line += piece.raw.count("\n")
    return rows[:-1] if cut else rows


def guess_delimiter(text: str, quoting: Quoting = STANDARD) -> str:
    """Return what stands between the cells of the first rows: what makes most of them equally wide.

    The count in the header alone is no clue: ``"Title, original; translated";File`` has one too many.
    """
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        if delimiter not in text:
            continue
        widths = [len(row.cells) for row in rows(StringIO(text), delimiter, quoting) if isinstance(row, Row)]
        widths = widths[:100]
        if not widths:
            continue
        width, often = Counter(widths).most_common(1)[0]
        width = widths[0] if widths.count(widths[0]) == often else width
        score = (often / len(widths) if width > 1 else 0.0, width)
        agrees = widths[0] == width
        if (score[0] + agrees, score[1]) >= best_score:  # in a tie commas are decimal ones
            best, best_score = delimiter, (score[0] + agrees, score[1])
    return best
