"""How cells are quoted in a list: usually as spreadsheets do it, else as databases and programs do."""

from __future__ import annotations

import re
from typing import NamedTuple


class Quoting(NamedTuple):
    """How a cell may hold what would end it: between which quotes, and whether a backslash escapes."""

    quote: str = '"'
    escapes: bool = False

    @property
    def quoted(self) -> re.Pattern[str]:
        """A quoted cell; within it a quote stands doubled, or escaped."""
        return _QUOTED[self]

    def value(self, cell: str) -> str:
        """Return what a written cell says.

        Example:
            >>> STANDARD.value('"a, ""b"" "'), STANDARD.value("plain"), Quoting("'", True).value(r"'d\\'or'")
            ('a, "b" ', 'plain', "d'or")
        """
        quote, escapes = self
        bare = cell.strip(" \u00a0") if quote in cell else cell
        quoted = len(bare) > 1 and bare[0] == bare[-1] == quote and self.quoted.fullmatch(bare)
        inner = bare[1:-1].replace(quote * 2, quote) if quoted and not escapes else bare[1:-1]
        if not escapes:
            return inner if quoted else cell
        if quoted:
            return _ESCAPED_OR_DOUBLED[quote].sub(lambda escaped: escaped[0][1], inner)
        return _ESCAPED.sub(lambda escaped: escaped[0][1], cell) if "\\" in cell else cell

    def is_quoted(self, cell: str) -> bool:
        """Return whether a written cell stands between quotes."""
        bare = cell.strip(" \u00a0")
        return len(bare) > 1 and bare[0] == bare[-1] == self.quote

    def needed(self, value: str, delimiter: str) -> bool:
        """Return whether a value must stand between quotes."""
        special = any(c in value for c in (delimiter, self.quote, "\r", "\n"))
        return special or value != value.strip(" \u00a0")

    def matters(self, cell: str, delimiter: str) -> bool:
        """Return whether a written cell says something else, or ends elsewhere, without this quoting."""
        if self.escapes and _ESCAPED.search(cell):
            return True
        return self.is_quoted(cell) and self.needed(self.value(cell), delimiter)

    def written(self, value: str, quotes: bool) -> str:
        """Return a value as a cell."""
        if self.escapes:
            value = value.replace("\\", r"\\").replace(self.quote, "\\" + self.quote)
        elif quotes:
            value = value.replace(self.quote, self.quote * 2)
        return f"{self.quote}{value}{self.quote}" if quotes else value


STANDARD = Quoting()
_QUOTED = {
    Quoting(quote, escapes): re.compile(
        rf"{quote}(?:[^{quote}\\]|\\.|{quote}{quote})*+{quote}"
        if escapes
        else rf"{quote}[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+{quote}",
        re.DOTALL,
    )
    for quote in "\"'"
    for escapes in (False, True)
}
QUOTINGS = tuple(_QUOTED)
"""All that are known, the usual one first."""
_ESCAPED = re.compile(r"""\\[\\"',;|\t\r\n]""")
_ESCAPED_OR_DOUBLED = {quote: re.compile(rf"{_ESCAPED.pattern}|{quote}{quote}") for quote in "\"'"}


def written_cell(value: str, delimiter: str, row: list[str], at: int, quoting: Quoting = STANDARD) -> str:
    """Return a cell that says something else, written as its row is: in quotes where it must, or others are.

    Args:
        value: What it says.
        delimiter: What stands between cells.
        row: The row's cells as written.
        at: The cell's place among them.
        quoting: How cells are quoted.
    """
    before = quoting.value(row[at])
    if quoting.needed(before, delimiter):  # its own quotes tell nothing
        quotes = any(
            quoting.is_quoted(cell) and not quoting.needed(quoting.value(cell), delimiter) for cell in row
        )
    else:
        quotes = quoting.is_quoted(row[at])
    return quoting.written(value, quotes or quoting.needed(value, delimiter))
