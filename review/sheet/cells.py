"""Cells that a spreadsheet would run: written with an apostrophe before them, read without it."""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    Example:
        >>> guarded("=HYPERLINK(A1)"), guarded("Cubism")
        ("'=HYPERLINK(A1)", 'Cubism')
    """
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def unguarded(cell: str) -> str:
    """Return what was guarded, as it was; some spreadsheets keep the apostrophe, some drop it."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_STARTS) else cell
