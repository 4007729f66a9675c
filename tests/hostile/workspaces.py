"""Small workspaces to be mistreated: a few drawn images, two attributes, a run that was never trained."""

from __future__ import annotations

import csv
import json
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute, find_class
from db.models import Artwork
from tests.conftest import Curate

STYLES = ("Baroque", "Cubism", "Rococo")
GENRES = ("portrait", "landscape")


def draw(path: Path, seed: int | None = None, side: int = 48) -> Path:
    """Draw an image of its own."""
    rng = np.random.default_rng(zlib.crc32(path.name.encode()) if seed is None else seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(path)
    return path


def write_list(
    path: Path, rows: list[list[str]], header: tuple[str, ...] = ("filepath", "style", "genre")
) -> Path:
    """Write a list of images."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def small_workspace(curate: Curate, tmp_path: Path, count: int = 6, attributes: str = "style,genre") -> Path:
    """Return a workspace with ``count`` images ``img/1.png`` … and their labels."""
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", attributes).status == 0
    for i in range(1, count + 1):
        draw(folder / "img" / f"{i}.png")
    names = attributes.split(",")
    rows = [[f"img/{i}.png", *(_label(name, i) for name in names)] for i in range(1, count + 1)]
    made = curate("-w", folder, "ingest", write_list(folder / "l.csv", rows, ("filepath", *names)))
    assert made.status == 0, made.stderr
    return folder


def _label(attribute: str, i: int) -> str:
    classes = {"style": STYLES, "genre": GENRES}.get(attribute, ("a", "b"))
    return classes[i % len(classes)]


def artworks(session: Session) -> dict[str, int]:
    """Return the ids of artworks by path."""
    return {row[0]: row[1] for row in session.execute(select(Artwork.path, Artwork.id))}


def class_id(session: Session, attribute: str, name: str) -> tuple[int, int]:
    """Return the ids of an attribute and of a class of it."""
    found = find_attribute(session, attribute)
    return found.id, find_class(session, found, name)


def label_of(curate: Curate, folder: Path, path: str, attribute: str = "style") -> str:
    """Return the label that counts, as an export gives it."""
    out = folder / "label_of.csv"
    assert curate("-w", folder, "export", out).status == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        return next(row[attribute] for row in csv.DictReader(file) if row["filepath"] == path)


def counted(text: str) -> dict[str, object]:
    """Return what ``--json`` printed."""
    return dict(json.loads(text))
