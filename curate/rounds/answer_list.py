"""Lists of labels known to be right, read as ingest reads lists: any delimiter and encoding, workbooks."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from curate.errors import AnswersUnreadable, NotAnAnswerList
from curate.ingest.records import Refused
from curate.ingest.tables.table import open_table
from db.errors import FileMissing
from db.spelling import fold

NAMES_ARTWORK = ("artwork", "filepath")


def read_answers(path: Path, names: Collection[str]) -> tuple[list[dict[str, str]], str]:
    """Read a list of labels known to be right; return its rows, and the column that names the artwork.

    Args:
        path: The list.
        names: The attributes; a row's key is the attribute that a column is called, whatever its case.

    Raises:
        FileMissing: There is no such file.
        SourceUnreadable: It is empty, or not text.
        AnswersUnreadable: One of its rows cannot be read.
        NotAnAnswerList: No column names the artwork, or none an attribute.
    """
    if not path.is_file():
        raise FileMissing(path, "list of answers")
    table = open_table(path)
    name_of = {fold(name): name for name in (*names, *NAMES_ARTWORK)}
    columns = [name_of.get(fold(column), column) for column in table.columns]
    key = next((column for column in NAMES_ARTWORK if column in columns), None)
    if key is None or not set(columns) & set(names):
        raise NotAnAnswerList(path, table.columns, list(names))
    rows = []
    for row in table.rows():
        if isinstance(row, Refused):
            problem = "its quotes do not close" if row.reason == "bad_quoting" else "it is too long"
            raise AnswersUnreadable(path, f"{row.where}: {problem}, {row.detail}")
        cells = [cell.strip() for cell in row.cells]
        if any(cells[len(columns) :]):
            raise AnswersUnreadable(
                path, f"line {row.line} has {len(cells)} cells, the header {len(columns)}"
            )
        if any(cells):
            rows.append({**dict.fromkeys(columns, ""), **dict(zip(columns, cells, strict=False))})
    return rows, key
