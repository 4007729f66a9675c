"""What ``curate export`` does as a whole: labels, their history, predictions, or a list as it came in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curate.errors import IncompatibleOptions
from curate.export.curated_list import (
    export_predictions,
    history_frame,
    labels_frame,
    table_format,
    write_table,
)
from db.engine.catalog import Catalog
from db.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curate.export.like import Change

Format = Literal["csv", "xlsx", "parquet", "artgan", "imagefolder"]


@dataclass(frozen=True)
class ExportRequest:
    """What is to be written.

    Attributes:
        format: Of labels and history; by the suffix of the file if None, else csv.
        like: The list to write again, but for the cells that reviewers corrected.
        changes: With ``like``: a file that lists what changed, who decided it, when and why.
        attribute: Of ``imagefolder``: what the folders are classes of; the first if None.
        history: Every label ever said, and who said it.
        predictions: The run whose probabilities to write; Parquet, unless the file is called otherwise.
    """

    format: Format | None = None
    like: Path | None = None
    changes: Path | None = None
    attribute: str | None = None
    history: bool = False
    predictions: int | None = None

    def __post_init__(self) -> None:
        """Refuse what excludes each other.

        Raises:
            IncompatibleOptions: It does.
        """
        if sum((self.like is not None, self.history, self.predictions is not None)) > 1:
            raise IncompatibleOptions("like, history and predictions exclude each other.")
        if self.changes is not None and self.like is None:
            raise IncompatibleOptions("changes goes with like.")
        if self.format is not None and (self.like is not None or self.predictions is not None):
            raise IncompatibleOptions("like and predictions have their own format.")
        if self.history and self.format in ("artgan", "imagefolder"):
            raise IncompatibleOptions("history is a table: csv, xlsx or parquet.")


@dataclass(frozen=True)
class Exported:
    """What was written; where a path is wanted, it is the path of that.

    Attributes:
        out: Where.
        rows: Artworks, with ``history`` labels, with ``like`` rows of the list.
        what: What the rows are: ``artworks``, ``labels`` or ``rows``.
        like: The list that was written again, if one was.
        unknown: Its rows that are not artworks of the catalog.
        changed: Its cells that were corrected.
    """

    out: Path
    rows: int
    what: Literal["artworks", "labels", "rows"] = "artworks"
    like: Path | None = None
    unknown: int = 0
    changed: Sequence[Change] = ()

    def __fspath__(self) -> str:
        return str(self.out)

    def as_record(self) -> dict[str, Any]:
        """Return it as scripts read it."""
        record: dict[str, Any] = {"out": str(self.out)}
        if self.like is None:
            return record | {self.what: self.rows}
        record |= {"like": str(self.like), "rows": self.rows, "unknown": self.unknown}
        return record | {"corrected": len(self.changed)}


def export(workspace: Workspace, catalog: Catalog, out: Path, request: ExportRequest) -> Exported:
    """Write what is asked for; an old file is replaced.

    Raises:
        CurateError: What the functions of this package raise.
    """
    if request.like is not None:
        return _export_like(workspace, catalog, out, request.like, request.changes)
    if request.predictions is not None:
        return Exported(out, export_predictions(workspace, catalog, request.predictions, out))
    if request.format in ("artgan", "imagefolder"):
        from curate.export.folders import export_artgan, export_imagefolder

        if request.format == "artgan":
            return Exported(out, export_artgan(catalog, out))
        return Exported(out, export_imagefolder(workspace, catalog, request.attribute, out))
    format = request.format or table_format(out)
    frame = history_frame(catalog) if request.history else labels_frame(catalog)
    write_table(frame, out, format)
    return Exported(out, len(frame), "labels" if request.history else "artworks")


def _export_like(
    workspace: Workspace, catalog: Catalog, out: Path, like: Path, changes: Path | None
) -> Exported:
    import pandas as pd

    from curate.export.like import CHANGE_COLUMNS, change_records, export_like

    format = None if changes is None else table_format(changes)
    done = export_like(workspace, catalog, like, out)
    if changes is not None and format is not None:
        records = change_records(done.changes, workspace.settings.attribute_titles)
        write_table(pd.DataFrame(records, columns=list(CHANGE_COLUMNS)), changes, format)
    return Exported(
        out=out, rows=done.rows, what="rows", like=like, unknown=done.unknown, changed=done.changes
    )
