"""A sheet as an xlsx workbook: a picture in each row, drop-down lists, and a page of all words taken."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from db.classes.classes import ClassList
from db.spelling import in_workbook
from db.workspace.workspace import Workspace
from review.page.card import ReviewCard
from review.page.labeling_config import VERDICTS
from review.sheet.html_page import picture
from review.sheet.spellings import allowed

SIDE = 110
"""The longest side of a row's picture, in pixels."""

PICTURE = "shown"
"""The column of pictures, which is not read back."""

UNSEEN = ("task", "artwork", "image")
"""Columns that only the reading needs: hidden, so that what is looked at and filled in fits a screen."""

TO_FILL = ("_verdict", "_class", "picture", "comment", "reviewer")
"""How the columns end that are filled in; their headers are shaded."""

SHADE = PatternFill("solid", fgColor="FFF2CC")

WIDTHS = {
    "label": 18,
    "suggested": 18,
    "why": 45,
    "verdict": 15,
    "class": 24,
    "about": 30,
    PICTURE: 16,
    "comment": 30,
}


def workbook(
    rows: Sequence[Mapping[str, str]],
    columns: Sequence[str],
    class_lists: Mapping[str, ClassList],
    cards: Sequence[ReviewCard],
    workspace: Workspace,
) -> bytes:
    """Return the workbook of a sheet; its first page is read back.

    Args:
        rows: As the CSV has them.
        columns: The CSV's.
        class_lists: The classes that each attribute offers.
        cards: What each row is about.
        workspace: Knows where the images are.
    """
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = "review"
    shown = [PICTURE, *columns]
    _line(page, 1, shown, bold=True)
    for number, (row, card) in enumerate(zip(rows, cards, strict=True), 2):
        _line(page, number, [row.get(column, "") for column in shown])
        uri = picture(workspace.image_path(card.artwork.root, card.artwork.path), SIDE)
        if uri:
            page.add_image(Image(io.BytesIO(base64.b64decode(uri.partition(",")[2]))), f"A{number}")
        page.row_dimensions[number].height = SIDE * 0.78
    page.freeze_panes = "B2"
    _lists(book, page, shown, class_lists, len(rows))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _line(page: Any, number: int, values: Sequence[str], bold: bool = False) -> None:
    """Write a row as text: nothing that begins with ``=`` becomes a formula."""
    for place, value in enumerate(values, 1):
        cell = page.cell(number, place, in_workbook(value) or None)
        if value:
            cell.data_type = "s"
        cell.number_format = "@"
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        if bold:
            cell.font = Font(bold=True)


def _lists(
    book: Workbook, page: Any, columns: Sequence[str], class_lists: Mapping[str, ClassList], rows: int
) -> None:
    """Add the drop-down lists, and the page that says which words are taken."""
    words = book.create_sheet("words")
    _line(words, 1, ["A verdict is one of these; the words after it mean the same"], bold=True)
    for number, verdict in enumerate(VERDICTS, 2):
        _line(words, number, [allowed(verdict)])
    words.column_dimensions["A"].width = 110
    classes = book.create_sheet("classes")
    for place, (attribute, class_list) in enumerate(class_lists.items(), 1):
        names = sorted(class_list.names.values(), key=str.casefold)
        for number, name in enumerate([attribute, *names], 1):
            cell = classes.cell(number, place, in_workbook(name))
            cell.data_type = "s"
        letter = get_column_letter(place)
        source = f"classes!${letter}$2:${letter}${len(names) + 1}"
        if names:
            _drop_down(page, columns.index(f"{attribute}_class") + 1, rows, source)
        _drop_down(page, columns.index(f"{attribute}_verdict") + 1, rows, f'"{",".join(VERDICTS)}"')
    _drop_down(page, columns.index("picture") + 1, rows, '"unusable"')
    for place, column in enumerate(columns, 1):
        width = next((size for end, size in WIDTHS.items() if column.endswith(end)), 14)
        page.column_dimensions[get_column_letter(place)].width = width
        page.column_dimensions[get_column_letter(place)].hidden = column in UNSEEN
        if column.endswith(TO_FILL):
            page.cell(1, place).fill = SHADE


def _drop_down(page: Any, place: int, rows: int, source: str) -> None:
    """Offer a list in a column; another word may be typed, and is read where it is known."""
    offered = DataValidation(type="list", formula1=source, allow_blank=True, showErrorMessage=False)
    page.add_data_validation(offered)
    letter = get_column_letter(place)
    offered.add(f"{letter}2:{letter}{rows + 1}")
