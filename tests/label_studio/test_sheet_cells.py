"""Cells of a sheet that a spreadsheet would run: none is written, and each comes back as what it was."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from review.sheet.cells import FORMULA_STARTS, guarded, unguarded
from review.sheet.csv_sheet import _as_csv, read_cells

HOSTILE = [
    '=HYPERLINK("http://a")',
    "+1+cmd|' /C calc'!A0",
    "-2",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "'=x",
    "plain",
    "'quoted'",
    "",
]


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_cell_comes_back_as_it_was(cell: str) -> None:
    assert not guarded(cell).startswith(FORMULA_STARTS)
    if cell != "'=x":  # what a person typed so is what a spreadsheet means by it
        assert unguarded(guarded(cell)) == cell


def test_no_cell_of_a_written_sheet_is_a_formula(tmp_path: Path) -> None:
    row = defaultdict(str, {"task": "1-1", "artwork": "=cmd()", "image": "@x", "comment": "-1"})

    (tmp_path / "sheet.csv").write_text(_as_csv([row], {}), encoding="utf-8", newline="")

    with (tmp_path / "sheet.csv").open(encoding="utf-8", newline="") as file:
        written = [cell for line in csv.reader(file) for cell in line]
    assert not [cell for cell in written if cell.startswith(FORMULA_STARTS)]
    assert "'=cmd()" in written
    ((_, back),) = read_cells(tmp_path / "sheet.csv")[1]
    assert (back["artwork"], back["image"], back["comment"]) == ("=cmd()", "@x", "-1")
