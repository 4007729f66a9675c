"""Cells that a spreadsheet would run: written with an apostrophe before them, read without it."""

from __future__ import annotations

import re

from db.spelling import guarded_inside

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

GUARD_INSIDE = re.compile(r"(?<=[;\t])'(?=[=@+-])")


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    Example:
        >>> guarded("=HYPERLINK(A1)"), guarded("no. 3;=A1"), guarded("Cubism")
        ("'=HYPERLINK(A1)", "no. 3;'=A1", 'Cubism')
    """
    inside = guarded_inside(cell)
    return f"'{inside}" if cell.startswith(FORMULA_STARTS) else inside


def unguarded(cell: str) -> str:
    """Return what was guarded, as it was; some spreadsheets keep the apostrophe, some drop it."""
    cell = GUARD_INSIDE.sub("", cell)
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_STARTS) else cell
