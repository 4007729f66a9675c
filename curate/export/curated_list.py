"""The curated lists, out of the catalog: what the labels are now, who said so, what a run predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.engine.catalog import Catalog
from db.labels.classes import attributes, class_list
from db.labels.table import label_table
from db.runs.runs import (
    find_run,
    provenances,
    read_arrays,
    require_arrays,
    run_attributes,
    run_folder,
)
from db.workspace.outputs import whole_file
from db.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet; such a cell is quoted with a leading apostrophe."""


def export_labels(catalog: Catalog, out: Path) -> int:
    """Write ``filepath`` and one column an attribute, class keys, blank where missing, as CSV.

    Returns:
        How many artworks were written.
    """
    frame = labels_frame(catalog)
    write_csv(frame, out)
    return len(frame)


def labels_frame(catalog: Catalog) -> pd.DataFrame:
    """Return the labels as they stand, one row an artwork: ``filepath``, then the attributes."""
    import pandas as pd

    with catalog.read() as session:
        table = label_table(session, ("ok", "unverified"))
        keys = {a.name: class_list(session, a).key for a in attributes(session)}
    columns: dict[str, Sequence[str]] = {"filepath": table.paths}
    for name, key in keys.items():
        columns[name] = [key.get(class_id, "") for class_id in table.labels[name].tolist()]
    return pd.DataFrame(columns)


def export_predictions(workspace: Workspace, catalog: Catalog, run_id: int | None, out: Path) -> int:
    """Write a run's out-of-sample probabilities of all classes as Parquet; see ``predictions_frame``."""
    frame = predictions_frame(workspace, catalog, run_id)
    with whole_file(out) as temporary:
        frame.to_parquet(temporary, index=False)
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


def safe_cell(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULA_STARTS else cell


def write_csv(frame: pd.DataFrame, out: Path) -> None:
    """Write a table as CSV in one step, no cell of it a formula."""
    safe = frame.map(safe_cell)
    with whole_file(out) as temporary:
        safe.to_csv(temporary, index=False)
