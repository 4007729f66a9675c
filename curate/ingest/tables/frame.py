"""Rows that have types, as a table of text: a DataFrame, mappings one by one, or a Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import InvalidInput
from curate.ingest.errors import SourceUnreadable
from curate.ingest.tables.sheet import cell_text
from curate.ingest.tables.table import column_names
from curate.ingest.tables.text import Row

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class FrameTable:
    """Rows in memory, every cell as text: missing ones blank, whole numbers without a point."""

    name: str
    columns: list[str]
    cells: list[list[str]]
    stated: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows it has."""
        return len(self.cells)

    def rows(self) -> Iterator[Row]:
        """Yield the rows, numbered from 1."""
        for number, cells in enumerate(self.cells, 1):
            yield Row(number, cells)


def frame_table(records: pd.DataFrame | Iterable[Mapping[str, Any]], name: str) -> FrameTable:
    """Return records as a table; mappings may each have other keys.

    Raises:
        InvalidInput: They are neither a DataFrame nor mappings.
    """
    import pandas as pd

    if isinstance(records, pd.DataFrame):
        columns = [str(column) for column in records.columns]
        cells = [[_text(value) for value in row] for row in records.itertuples(index=False, name=None)]
    else:
        rows = list(records) if isinstance(records, Iterable) else [records]
        odd = next((row for row in rows if not isinstance(row, Mapping)), None)
        if odd is not None:
            raise InvalidInput(
                f"The source is, or holds, {str(odd)[:40]!r} of the type {type(odd).__name__}. Give the path "
                f"of a list or a folder, a DataFrame, or dicts from column to cell."
            )
        columns = list(dict.fromkeys(key for row in rows for key in row))
        cells = [[_text(row.get(column)) for column in columns] for row in rows]
    return FrameTable(name, column_names(columns), cells)


@dataclass
class ParquetTable:
    """The rows of a Parquet file that lists images by their paths; columns of bytes are left out."""

    path: Path
    columns: list[str]
    total: int
    read: list[str]
    """The columns' names in the file."""
    stated: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Iterator[Row]:
        """Yield the rows, numbered from 1."""
        import pyarrow.parquet as pq

        number = 0
        with pq.ParquetFile(self.path) as opened:  # type: ignore[no-untyped-call]
            for batch in opened.iter_batches(columns=self.read):
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield Row(number, [_text(cell) for cell in cells])


def open_parquet_list(path: Path) -> ParquetTable:
    """Open a Parquet file as a table.

    Raises:
        SourceUnreadable: It is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)  # type: ignore[no-untyped-call]
        total = pq.read_metadata(path).num_rows  # type: ignore[no-untyped-call]
    except (pa.ArrowException, OSError) as error:
        raise SourceUnreadable(path, str(error).splitlines()[0][:200]) from error
    texts = [one for one in schema if not (pa.types.is_struct(one.type) or "binary" in str(one.type))]
    read = [one.name for one in texts]
    return ParquetTable(path, column_names(read), total, read)


def _text(value: object) -> str:
    """Return a value's text; what is not equal to itself, or no value to pandas, is missing."""
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(_text, value)))
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    item = getattr(value, "item", None)
    return cell_text(item() if callable(item) and not isinstance(value, str) else value)
