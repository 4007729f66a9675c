"""Hugging Face parquet files: images inside, classes as numbers whose names stand in the file's schema.

Files are read a few rows at a time: WikiArt's row groups hold half a gigabyte each.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.ingest.errors import SourceUnreadable
from curate.ingest.readers.wikiart import ALIASES
from curate.ingest.records import ReaderBase, Record, Refused, Said, SaidSplit, Spelling, shown
from db.images.formats import BadImage, sniff

ROWS = 64
"""Rows read at once: 64 paintings of 300 kB are 20 MB."""
SOURCE = "import:huggingface"
SPLITS = ("train", "test", "validation", "val")
IMAGE_COLUMN = "image"
SUFFIX = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "AVIF": "avif",
    "JPEG2000": "jp2",
    "HEIF": "heic",
    "JXL": "jxl",
}


@dataclass
class ParquetReader(ReaderBase):
    """Writes images out as ``images/<sha>.<suffix>`` under its folder, and yields a record a row.

    A row whose image came before with other labels is a second listing of that painting; its image is
    ``images/<sha>-2.<suffix>``.
    """

    files: tuple[Path, ...] = ()
    write: bool = True
    names: dict[str, list[str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Record | Refused]:
        """Yield a record a row, files in order of their names."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        listings: dict[bytes, list[tuple[Spelling, ...]]] = {}
        wanted = [IMAGE_COLUMN, *(column.attribute for column in self.columns)]
        for path in self.files:
            split = path.stem.partition("-")[0]
            splits = (split if split in SPLITS else "",)
            try:
                with pq.ParquetFile(path) as opened:  # type: ignore[no-untyped-call]
                    number = 0
                    for batch in opened.iter_batches(batch_size=ROWS, columns=wanted):
                        for row in batch.to_pylist():
                            number += 1
                            yield self._record(row, f"{path.name}: row {number}", splits, listings)
            except (pa.ArrowException, OSError) as error:
                yield Refused(path.name, "unreadable_parquet", str(error).splitlines()[0][:200])

    def _record(
        self,
        row: Mapping[str, Any],
        where: str,
        splits: tuple[str, ...],
        listings: dict[bytes, list[tuple[Spelling, ...]]],
    ) -> Record | Refused:
        image = row[IMAGE_COLUMN]
        data = image.get("bytes") if isinstance(image, dict) else image
        if not data or not isinstance(data, bytes):
            return Refused(where, "no_image", "the row holds no bytes")
        labels = []
        for column in self.columns:
            label = self._spelling(column.attribute, row[column.attribute])
            if label is None:
                return Refused(where, "unknown_code", f"{column.attribute} {row[column.attribute]}")
            labels.append(label)
        digest = hashlib.sha256(data)
        earlier = listings.setdefault(digest.digest(), [])
        if tuple(labels) in earlier:
            return Refused(where, "listed_twice", digest.hexdigest())
        earlier.append(tuple(labels))
        listing = f"-{len(earlier)}" if len(earlier) > 1 else ""
        path = f"images/{digest.hexdigest()}{listing}.{_suffix(data)}"
        if self.write:
            _write_once(self.images / path, data)
        return Record(path, tuple(labels), where, splits)

    def _spelling(self, attribute: str, value: object) -> Spelling | None:
        """Return what a cell says, None for a number that has no name."""
        if value is None or value == -1:
            return ""
        if isinstance(value, int):
            names = self.names.get(attribute, [])
            return names[value] if 0 <= value < len(names) else None
        if isinstance(value, list):
            several = tuple(sorted({str(one) for one in value}))
            return several[0] if len(several) == 1 else several or ""
        return str(value).strip()


def _suffix(data: bytes) -> str:
    try:
        return SUFFIX[sniff(data)]
    except BadImage:
        return "bin"


def _write_once(path: Path, data: bytes) -> None:
    """Write an image unless it is there whole; nobody ever sees half of it."""
    if path.exists() and path.stat().st_size == len(data):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)


def parquet_files(source: Path) -> list[Path]:
    """Return the parquet files of a source: itself, those in it, or those in its ``data`` folder."""
    if source.is_file():
        return [source] if source.suffix == ".parquet" else []
    return sorted(source.glob("*.parquet")) or sorted((source / "data").glob("*.parquet"))


def has_images(path: Path) -> bool:
    """Return whether a Parquet file has a column of images; true if it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        kind = pq.read_schema(path).field(IMAGE_COLUMN).type  # type: ignore[no-untyped-call]
    except KeyError:
        return False
    except (pa.ArrowException, OSError):
        return True
    return bool(pa.types.is_struct(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def open_parquet(source: Path, attributes: Sequence[str], folder: Path, write: bool) -> ParquetReader:
    """Open parquet files by the schema of the first.

    Args:
        source: A file, or a folder of them.
        attributes: The workspace's; columns of these names are read.
        folder: Where the images are written, below ``images/``.
        write: False reads the lists only.

    Raises:
        SourceUnreadable: There is no parquet file, the first cannot be read, or it lacks images, a column
            of any attribute, or names for the numbers of one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = parquet_files(source)
    if not files:
        raise SourceUnreadable(source, "it holds no parquet files")
    try:
        schema = pq.read_schema(files[0])  # type: ignore[no-untyped-call]
        total = sum(pq.read_metadata(path).num_rows for path in files)  # type: ignore[no-untyped-call]
    except (pa.ArrowException, OSError) as error:
        raise SourceUnreadable(files[0], str(error).splitlines()[0][:200]) from error
    wanted = [name for name in attributes if name in schema.names]
    names = class_names(schema.metadata or {})
    nameless = [n for n in wanted if pa.types.is_integer(schema.field(n).type) and n not in names]
    if (problem := _problem(schema.names, attributes, nameless)) is not None:
        raise SourceUnreadable(files[0], problem)
    coded = {column: names[column] for column in wanted if column in names}
    return ParquetReader(
        "huggingface",
        folder,
        tuple(Said(SOURCE, name) for name in wanted),
        (SaidSplit(SOURCE),),
        total=total,
        aliases=ALIASES,
        files=tuple(files),
        write=write,
        names=coded,
    )


def _problem(columns: Sequence[str], attributes: Sequence[str], nameless: Sequence[str]) -> str | None:
    """Return why no artworks can be read from these columns; ``--map`` and ``--file`` are for lists."""
    there = ", ".join(shown(name, 40) for name in columns[:12])
    if IMAGE_COLUMN not in columns:
        return f"it has no column {IMAGE_COLUMN!r} with the images in it; its columns are {there}"
    if not set(attributes) & set(columns):
        return f"none of its columns ({there}) is called like an attribute here ({', '.join(attributes)})"
    if nameless:
        return (
            f"its column {nameless[0]!r} holds numbers, and nothing in it says which classes they stand for: "
            f"it should hold their names, or be a ClassLabel of `datasets`"
        )
    return None


def class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Return the class names by column that ``datasets`` leaves in a file's schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {
        column: [str(name) for name in feature["names"]]
        for column, feature in features.items()
        if isinstance(feature, dict) and isinstance(feature.get("names"), list)
    }
