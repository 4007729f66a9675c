"""The curated labels out of the catalog as tables: as they are now, all ever said, what a run predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import NoTableFormat
from db.classes.classes import read_class_lists
from db.engine.catalog import Catalog
from db.labels.history import label_history
from db.labels.table import label_table, spelled_labels
from db.runs.runs import find_run, provenances, read_arrays, require_arrays, run_attributes, run_folder
from db.spelling import in_workbook, is_formula
from db.workspace.outputs import whole_file
from db.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("csv", "xlsx", "parquet")


def labels_frame(catalog: Catalog) -> pd.DataFrame:
    """Return the labels as they are now, one row a usable artwork: ``filepath``, then the attributes.

    Each label is spelled as its source does; a reviewer's, and one of a merged class, by the class's name.
    The columns are called as people call the attributes; a label that is missing is an empty text.
    """
    import pandas as pd

    with catalog.read() as session:
        table = label_table(session, ("ok", "unverified"))
        spelled = spelled_labels(session)
    columns: dict[str, Sequence[str]] = {"filepath": table.paths}
    for title, by_artwork in spelled.items():
        columns[title] = [by_artwork.get(artwork_id, "") for artwork_id in table.artwork_ids.tolist()]
    return pd.DataFrame(columns)


def classes_frame(catalog: Catalog) -> pd.DataFrame:
    """Return the labels as they are now, one row a usable artwork: ``filepath``, then the attributes by key.

    Each label is its class's key, however its source spells it; one that is missing is None.
    """
    import pandas as pd

    with catalog.read() as session:
        table = label_table(session, ("ok", "unverified"))
        lists = read_class_lists(session)
    columns: dict[str, pd.Series] = {"filepath": pd.Series(table.paths, dtype=object)}
    for name, class_ids in table.labels.items():
        keys = [lists[name].key.get(class_id) for class_id in class_ids.tolist()]
        columns[name] = pd.Series(keys, dtype=object)
    return pd.DataFrame(columns)


def history_frame(catalog: Catalog) -> pd.DataFrame:
    """Return every label row ever written, oldest first: what was said or taken back, by whom."""
    import pandas as pd

    with catalog.read() as session:
        return pd.DataFrame(label_history(session))


def export_predictions(workspace: Workspace, catalog: Catalog, run_id: int | None, out: Path) -> int:
    """Write a run's out-of-sample probabilities of all classes; see ``predictions_frame``.

    They are Parquet, unless the file is called ``.csv`` or ``.xlsx``.
    """
    format = table_format(out, "parquet")
    frame = predictions_frame(workspace, catalog, run_id)
    write_table(frame, out, format)
    return len(frame)


def predictions_frame(workspace: Workspace, catalog: Catalog, run_id: int | None) -> pd.DataFrame:
    """Return a run's probabilities of all classes, a row an artwork.

    Columns are ``artwork`` (uuid), ``filepath``, ``fold``, ``provenance`` (whose probability it is, empty
    where the image could not be read), then ``<attribute>.<class>`` for each class.
    """
    import pandas as pd

    with catalog.read() as session:
        run = find_run(session, run_id, "export --predictions")
        folder = run_folder(session, workspace, run.uuid)
        require_arrays(folder, run.arrays_digest)
        arrays = read_arrays(folder)
        classes = {name: row.classes for name, row in run_attributes(session, run).items()}
        provenance = provenances(session, run)
        table = label_table(session, ("ok", "unverified", "unusable", "missing", "refused"))
    rows = table.rows_of(arrays.artwork_ids)
    columns: dict[str, Any] = {
        "artwork": [str(table.uuids[row]) for row in rows],
        "filepath": [table.paths[row] for row in rows],
        "fold": arrays.folds,
        "provenance": [provenance.get(artwork_id, "") for artwork_id in arrays.artwork_ids.tolist()],
    }
    for name, keys in classes.items():
        for i, key in enumerate(keys):
            columns[f"{name}.{key}"] = arrays.pred_probs[name][:, i]
    return pd.DataFrame(columns)


def table_format(out: Path, without_suffix: str = "csv") -> str:
    """Return the format of a table by its file's suffix.

    Raises:
        NoTableFormat: It is called like something else.
    """
    suffix = out.suffix.lower()[1:]
    if suffix and suffix not in TABLES:
        raise NoTableFormat(out, TABLES)
    return suffix or without_suffix


def safe_cell(cell: object) -> object:
    """Return a cell that no spreadsheet runs as a formula.

    Classes are never formulas, so what this changes is a path or a comment.
    """
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell


def write_table(frame: pd.DataFrame, out: Path, format: str) -> None:
    """Write a table in one step as ``csv``, ``xlsx`` or ``parquet``, no cell of it a formula."""
    with whole_file(out) as temporary:
        if format == "parquet":
            frame.to_parquet(temporary, index=False)
        elif format == "xlsx":
            _write_workbook(frame, temporary)
        else:
            frame.map(safe_cell).to_csv(temporary, index=False)


def write_csv(frame: pd.DataFrame, out: Path) -> None:
    """Write a table as CSV in one step, no cell of it a formula."""
    write_table(frame, out, "csv")


def _write_workbook(frame: pd.DataFrame, out: Path) -> None:
    """Write a table as a workbook of one sheet, all text as text."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("labels")
    sheet.append(list(frame.columns))
    for row in frame.itertuples(index=False):
        cells = []
        for value in row:
            text = in_workbook(value) if isinstance(value, str) else value
            cell = WriteOnlyCell(sheet, text if isinstance(text, str | int | float | bool) else str(text))
            if isinstance(text, str):
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    book.save(out)
