"""Real museum tables in, the same tables out: byte for byte, and corrections change their cells alone.

Run it with ``python -m benchmarks.tables_round_trip --data FOLDER [--rows 2000]``. FOLDER holds tables as
museums publish them, under the names of ``TABLES`` (what is not there is left out; what is not named here is
mapped by guessing alone). Each is cut to its first rows, images are drawn at its file names, and it is
ingested with one command; the same again as a German Excel saves it, and as "Unicode text". Corrections are
checked with Python's own ``csv`` and openpyxl, not with our reader. JSON stands last.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from openpyxl import load_workbook
from PIL import Image
from sqlalchemy import select

from curate.export.like import export_like
from curate.ingest import ingest
from curate.ingest.tables.table import TextTable, open_text_table
from curate.ingest.tables.text import Row
from db.classes.classes import class_list, find_attribute, resolve_classes
from db.models import Artwork
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.reviews.answering.verdicts import current_class
from db.workspace.workspace import Workspace, init_workspace, open_workspace

TABLES: dict[str, dict[str, Any]] = {
    "aic.csv": {"file": "title_of_art", "map": {"artwork_genre": "genre"}},
    "bstgs.csv": {"file": "Inventarnummer"},
    "carnegie.xlsx": {"file": "title"},
    "cleveland.csv": {"file": "title", "map": {"fullname": "artist", "type": "genre"}},
    "cmoa.csv": {"file": "index", "map": {"full_name": "artist", "classification": "genre"}},
    "inha.csv": {"file": "id_objet", "map": {"auteur_objet": "artist", "type_objet": "genre"}},
    "lenoir.csv": {"file": "artwork - UNIQUE_KEY", "map": {"artwork - DISPLAY_DENOMINATION": "genre"}},
    "moma_artists.csv": {"file": "ConstituentID", "map": {"Nationality": "nationality", "Gender": "gender"}},
    "nga.csv": {"file": "objectid", "map": {"forwardtext": "artist", "datatype": "genre"}},
    "rijksmuseum.csv": {"file": "objectnummer", "map": {"objectnaam": "genre"}},
    "tate.csv": {"file": "id", "map": {"gender": "gender", "placeOfBirth": "place of birth"}},
    "wcma.csv": {"map": {"object_name": "genre", "culture": "culture"}},
}
"""What the columns are, where that is more than their names say: options of the one command."""

CORRECTIONS = 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="The folder of tables.")
    parser.add_argument("--rows", type=int, default=2000, help="Rows of each that are used.")
    options = parser.parse_args()
    figures = []
    for path in sorted(options.data.iterdir()):
        if path.suffix.lower() not in (".csv", ".tsv", ".xlsx"):
            continue
        for dialect in ("as published", "excel-de", "unicode-text"):
            if path.suffix == ".xlsx" and dialect != "as published":
                continue
            figures.append(round_trip(path, dialect, options.rows))
            told = figures[-1]
            print(" ".join(f"{name}={value}" for name, value in told.items()), flush=True)
    good = sum(one["same"] and one["corrected_exactly"] for one in figures)
    print(json.dumps({"round_trips": len(figures), "exact": good, "tables": figures}))
    sys.exit(good < len(figures))


def round_trip(path: Path, dialect: str, rows: int) -> dict[str, Any]:
    """Ingest one table with one command, export it as it is and after corrections; say what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = cut(path, folder, rows, dialect)
        stated = TABLES.get(path.name, {})
        workspace = init_workspace(folder / "ws", ("style", "genre", "artist"))
        drawn = draw_images(source, stated, folder / "images") if dialect == "as published" else 0
        began = time.perf_counter()
        images = folder / "images" if drawn else None
        summary = ingest(workspace, source, stated=stated, images=images, check_images=bool(drawn))
        seconds = time.perf_counter() - began
        workspace = open_workspace(workspace.folder)
        export(workspace, source, folder / f"same{source.suffix}")
        same = (folder / f"same{source.suffix}").read_bytes() == source.read_bytes()
        expected = correct(workspace)
        changes = export(workspace, source, folder / f"corrected{source.suffix}")
        exact = (
            differences(source, folder / f"corrected{source.suffix}") == changes and len(changes) >= expected
        )
        return {
            "table": path.name,
            "dialect": dialect,
            "read": summary.read,
            "images": drawn,
            "refused": summary.refused.total(),
            "withheld": sum(n.total() for n in summary.withheld.values()),
            "missing": sum(n.total() for n in summary.missing_spellings.values()),
            "seconds": round(seconds, 2),
            "same": same,
            "corrected": len(changes),
            "corrected_exactly": exact,
        }


def cut(path: Path, folder: Path, rows: int, dialect: str) -> Path:
    """Write a table's first rows: their very bytes, or as another program would save them."""
    target = folder / path.name
    if path.suffix == ".xlsx":
        shutil.copyfile(path, target)
        return target
    table = open_text_table(path)
    kept = [piece for at, (piece, _) in enumerate(table.pieces()) if at <= rows + table.head]
    if dialect == "as published":
        text = "".join(piece.raw for piece in kept)
        target.write_bytes(table.encoding.mark + text.encode(table.encoding.name, table.encoding.errors))
        return target
    saved = StringIO()
    delimiter = ";" if dialect == "excel-de" else "\t"
    writer = csv.writer(saved, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows(piece.row.cells for piece in kept if isinstance(piece.row, Row))
    target.write_bytes(saved.getvalue().encode("utf-8-sig" if dialect == "excel-de" else "utf-16"))
    return target


def draw_images(source: Path, stated: dict[str, Any], folder: Path) -> int:
    """Draw an image at each file name, or id, of a table that can be one; return how many."""
    folder.mkdir()
    if source.suffix == ".xlsx":
        return 0
    table = open_text_table(source)
    column = stated.get("file") or next(
        (c for c in table.columns if c.lower() in ("filename", "filepath")), ""
    )
    if not column:
        return 0
    at = table.columns.index(column)
    rng = np.random.default_rng(0)
    for row in table.rows():
        name = row.cells[at] if isinstance(row, Row) and len(row.cells) > at else ""
        if name and name.isprintable() and "/" not in name and len(name.encode()) < 200 and name[0] != ".":
            coarse = rng.integers(0, 256, size=(6, 6, 3), dtype=np.uint8)
            data = BytesIO()
            Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC).save(data, "JPEG")
            (folder / name.strip()).write_bytes(data.getvalue())
    return len(list(folder.iterdir()))


def correct(workspace: Workspace) -> int:
    """Decide another class for twenty labels, drawn over all attributes; return how many were decided."""
    rng = random.Random(0)
    with workspace.open_catalog() as catalog, catalog.write() as session:
        artworks = list(session.scalars(select(Artwork.id).order_by(Artwork.id)))
        attributes = [find_attribute(session, key) for key in workspace.settings.attributes]
        several = [one for one in attributes if class_list(session, one).live()]
        for attribute in several:
            resolve_classes(session, attribute, ["Another class"], "benchmark")
        chosen = rng.sample(artworks, min(CORRECTIONS, len(artworks)))
        for at, artwork_id in enumerate(chosen):
            attribute = several[at % len(several)]
            current = current_class(session, artwork_id, attribute.id)
            others = [one for one in class_list(session, attribute).live() if one != current]
            decision = Decision(attribute.id, "corrected", rng.choice(others))
            decide(session, artwork_id, [decision], user="benchmark", annotation_id=str(at))
    return len(chosen)


def export(workspace: Workspace, source: Path, out: Path) -> dict[tuple[int, int], str]:
    """Export a table like itself; return what was changed by (row, column), rows of text counted from 0."""
    with workspace.open_catalog() as catalog:
        done = export_like(workspace, catalog, source, out)
    return {(change.row, change.column): change.new for change in done.changes}


def differences(before: Path, after: Path) -> dict[tuple[int, int], str]:
    """Return the cells that differ between two tables, read by others than us: by (first line, column)."""
    changes: dict[tuple[int, int], str] = {}
    for (line, old), (_, new) in zip(cells_of(before), cells_of(after), strict=True):
        if old != new:
            assert len(old) == len(new)
            changes |= {(line, at): b for at, (a, b) in enumerate(zip(old, new, strict=True)) if a != b}
    return changes


def cells_of(path: Path) -> Sequence[tuple[int, list[str]]]:
    """Return the rows of a table with the number of the line, or row, that each starts on."""
    if path.suffix == ".xlsx":
        book = load_workbook(path)
        return [
            (number, [str(value) for value in row])
            for sheet in book.worksheets
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1)
        ]
    table: TextTable = open_text_table(path)
    text = path.read_bytes()[len(table.encoding.mark) :].decode(table.encoding.name, table.encoding.errors)
    csv.field_size_limit(1 << 30)
    reader = csv.reader(StringIO(text, newline=""), delimiter=table.delimiter)
    rows, line = [], 1
    for cells in reader:
        rows.append((line, cells))
        line = reader.line_num + 1
    return rows


if __name__ == "__main__":
    main()
