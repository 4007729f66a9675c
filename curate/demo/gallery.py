"""A gallery to try the loop on: drawn or copied images, labels with planted errors, the truth kept aside.

In a drawn gallery style is how paint is laid on, genre is what stands in the picture, and artist is a
palette; an artist mostly works in one style and favours two genres, as real ones do.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from curate.errors import GalleryUnusable
from db.errors import FileMissing

Rng = np.random.Generator
Colour = tuple[int, int, int]
Palette = Sequence[Colour]

SIDE = 160
"""Width and height of a drawn image, pixels."""

PALETTES: Mapping[str, Palette] = {
    "amber-hale": ((244, 208, 120), (196, 98, 32), (92, 40, 20), (252, 240, 208)),
    "blue-moreau": ((170, 204, 236), (40, 84, 168), (14, 28, 78), (234, 244, 252)),
    "clay-ortiz": ((224, 172, 148), (168, 70, 52), (72, 48, 44), (246, 226, 214)),
    "fern-asante": ((186, 216, 150), (62, 126, 54), (22, 60, 36), (238, 246, 222)),
    "grey-lindqvist": ((204, 204, 206), (118, 120, 126), (42, 44, 50), (244, 244, 242)),
    "iris-tanaka": ((214, 182, 230), (122, 60, 160), (54, 22, 84), (246, 236, 252)),
    "rose-petrov": ((246, 186, 204), (208, 48, 98), (94, 12, 44), (254, 238, 242)),
    "teal-okafor": ((150, 222, 214), (10, 138, 132), (4, 66, 70), (226, 248, 246)),
}
"""By artist: sky or wall, main colour, dark, light."""


@dataclass(frozen=True)
class GalleryImage:
    """One image of a gallery: its file relative to the list, and a class or nothing for each attribute."""

    filepath: str
    labels: Mapping[str, str]


def portrait(draw: ImageDraw.ImageDraw, palette: Palette, rng: Rng) -> None:
    """Draw a head above shoulders."""
    x, y, r = SIDE * rng.uniform(0.4, 0.6), SIDE * rng.uniform(0.36, 0.46), SIDE * rng.uniform(0.15, 0.21)
    draw.ellipse((x - 2 * r, y + 1.1 * r, x + 2 * r, y + 5 * r), fill=palette[2])
    draw.ellipse((x - r, y - 1.25 * r, x + r, y + 1.25 * r), fill=palette[3])
    draw.pieslice((x - 1.1 * r, y - 1.5 * r, x + 1.1 * r, y + 0.6 * r), 180, 360, fill=palette[1])


def landscape(draw: ImageDraw.ImageDraw, palette: Palette, rng: Rng) -> None:
    """Draw hills under a sky with a sun."""
    horizon = SIDE * rng.uniform(0.45, 0.6)
    x, r = SIDE * rng.uniform(0.2, 0.8), SIDE * 0.08
    draw.ellipse((x - r, horizon * 0.3 - r, x + r, horizon * 0.3 + r), fill=palette[3])
    for depth, colour in ((0.0, palette[1]), (0.18, palette[2])):
        phase = rng.uniform(0, 6)
        line = [
            (i, horizon + SIDE * depth + SIDE * 0.07 * np.sin(i / 22 + phase)) for i in range(0, SIDE + 8, 8)
        ]
        draw.polygon([(0, SIDE), *line, (SIDE, SIDE)], fill=colour)


def still_life(draw: ImageDraw.ImageDraw, palette: Palette, rng: Rng) -> None:
    """Draw fruit beside a jug on a table."""
    table = SIDE * rng.uniform(0.6, 0.68)
    draw.rectangle((0, table, SIDE, SIDE), fill=palette[2])
    x = SIDE * rng.uniform(0.55, 0.75)
    draw.polygon(
        [(x - 16, table + 14), (x - 10, table - 44), (x + 10, table - 44), (x + 16, table + 14)],
        fill=palette[3],
    )
    for offset in range(3):
        cx, r = SIDE * (0.16 + 0.14 * offset) + rng.uniform(-4, 4), SIDE * rng.uniform(0.07, 0.1)
        draw.ellipse((cx - r, table + 10 - 2 * r, cx + r, table + 10), fill=palette[1], outline=palette[3])


def cityscape(draw: ImageDraw.ImageDraw, palette: Palette, rng: Rng) -> None:
    """Draw a row of towers with lit windows."""
    x = 0.0
    while x < SIDE:
        width, top = SIDE * rng.uniform(0.13, 0.22), SIDE * rng.uniform(0.2, 0.6)
        draw.rectangle((x, top, x + width, SIDE), fill=palette[1 + int(rng.integers(2))])
        for wy in range(int(top) + 8, SIDE - 8, 16):
            for wx in range(int(x) + 5, int(x + width) - 6, 10):
                draw.rectangle((wx, wy, wx + 4, wy + 7), fill=palette[3])
        x += width + 2


GENRES: Mapping[str, Callable[[ImageDraw.ImageDraw, Palette, Rng], None]] = {
    "cityscape": cityscape,
    "landscape": landscape,
    "portrait": portrait,
    "still_life": still_life,
}


def flat(pixels: NDArray[np.float64], rng: Rng) -> NDArray[np.float64]:
    """Lay the paint on smoothly."""
    return pixels


def hatched(pixels: NDArray[np.float64], rng: Rng) -> NDArray[np.float64]:
    """Darken along slanting lines."""
    y, x = np.mgrid[:SIDE, :SIDE]
    lines = ((x + y + int(rng.integers(9))) % 9 < 3) | ((x - y) % 13 < 2)
    return np.where(lines[..., None], pixels * 0.45, pixels)


def pointillist(pixels: NDArray[np.float64], rng: Rng) -> NDArray[np.float64]:
    """Break the paint into dots of wavering colour on a light ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    step = 8
    dots = ((x % step - step / 2) ** 2 + (y % step - step / 2) ** 2) < 11
    waver = np.repeat(np.repeat(rng.normal(0, 26, (SIDE // step, SIDE // step, 3)), step, 0), step, 1)
    return np.where(dots[..., None], pixels + waver, 236.0)


def cubist(pixels: NDArray[np.float64], rng: Rng) -> NDArray[np.float64]:
    """Shift and shade the picture block by block."""
    block = SIDE // 5
    out = pixels.copy()
    for top in range(0, SIDE, block):
        for left in range(0, SIDE, block):
            dy, dx = (int(n) for n in rng.integers(-14, 15, size=2))
            piece = np.roll(pixels, (dy, dx), axis=(0, 1))[top : top + block, left : left + block]
            out[top : top + block, left : left + block] = piece * rng.uniform(0.65, 1.2)
    return out


STYLES: Mapping[str, Callable[[NDArray[np.float64], Rng], NDArray[np.float64]]] = {
    "Cubism": cubist,
    "Engraving": hatched,
    "Hard_Edge": flat,
    "Pointillism": pointillist,
}


def paint(style: str, genre: str, artist: str, rng: Rng) -> Image.Image:
    """Draw one picture."""
    palette = PALETTES[artist]
    image = Image.new("RGB", (SIDE, SIDE), palette[0])
    GENRES[genre](ImageDraw.Draw(image), palette, rng)
    pixels = STYLES[style](np.asarray(_framed(image, palette, rng), dtype=np.float64), rng)
    return Image.fromarray((pixels + rng.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8))


def _framed(image: Image.Image, palette: Palette, rng: Rng) -> Image.Image:
    """Look at the scene from a little nearer, tilted or mirrored, past a curtain: no two alike."""
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = image.rotate(rng.uniform(-9, 9), Image.Resampling.BILINEAR, fillcolor=palette[0])
    size = SIDE * rng.uniform(0.72, 0.95)
    left, top = rng.uniform(0, SIDE - size, 2)
    image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + size, top + size))
    draw, edge = ImageDraw.Draw(image), SIDE * rng.uniform(-0.1, 0.3)
    draw.polygon([(0, 0), (max(edge, 0), 0), (max(edge - SIDE * 0.2, 0), SIDE), (0, SIDE)], fill=palette[2])
    for _ in range(3):
        x, y, r = *rng.uniform(0, SIDE, 2), SIDE * rng.uniform(0.03, 0.09)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=palette[int(rng.integers(1, 4))])
    return image


def draw_gallery(folder: Path, count: int, seed: int) -> list[GalleryImage]:
    """Draw ``count`` images into ``folder/images`` under opaque names and return their true labels."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    artists, styles, genres = list(PALETTES), list(STYLES), list(GENRES)
    records = []
    for number in range(count):
        at = int(rng.integers(len(artists)))
        style = styles[at % len(styles)] if rng.random() < 0.7 else styles[int(rng.integers(len(styles)))]
        favoured = (at % len(genres), (at + 1) % len(genres))
        genre = genres[favoured[number % 2]] if rng.random() < 0.6 else genres[int(rng.integers(len(genres)))]
        name = f"images/{number:05}.jpg"
        paint(style, genre, artists[at], rng).save(folder / name, quality=92)
        records.append(GalleryImage(name, {"style": style, "genre": genre, "artist": artists[at]}))
    return records


def copy_gallery(listing: Path, folder: Path, count: int | None, seed: int) -> list[GalleryImage]:
    """Copy the images of a CSV list to opaque names, and return their labels as they are given.

    Args:
        listing: CSV with ``filepath`` and one column an attribute, blank where unknown.
        folder: Where the copies go, as ``images/<number>.<suffix>``.
        count: How many to take, drawn at random; None takes all.
        seed: Seed of that draw.
    """
    rows = _read_listing(listing)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(rows))[: count or len(rows)]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    records = []
    for number, at in enumerate(chosen.tolist()):
        row = dict(rows[at])
        source = listing.parent / row.pop("filepath")
        if not source.is_file():
            raise FileMissing(source, "image")
        name = f"images/{number:05}{source.suffix.lower()}"
        shutil.copyfile(source, folder / name)
        records.append(GalleryImage(name, row))
    return records


def _read_listing(listing: Path) -> list[dict[str, str]]:
    """Read the rows of a list, as dictionaries by column.

    Raises:
        FileMissing: There is no such list.
        GalleryUnusable: It is no CSV in UTF-8, has no rows, or lacks the columns of a gallery.
    """
    if not listing.is_file():
        raise FileMissing(listing, "list")
    try:
        with listing.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            rows = [{name: cell for name, cell in row.items() if name} for row in reader]
            columns = [name for name in reader.fieldnames or () if name]
    except (UnicodeDecodeError, csv.Error) as error:
        raise GalleryUnusable(listing, f"it is no CSV in UTF-8: {error}") from error
    if "filepath" not in columns or len(columns) < 2:
        raise GalleryUnusable(listing, f"its columns are {', '.join(columns) or 'none'}")
    if not rows:
        raise GalleryUnusable(listing, "it has no rows")
    return rows


def plant_errors(records: Sequence[GalleryImage], rate: float, seed: int) -> list[GalleryImage]:
    """Return the records with this share of each attribute's labels changed to another class at random."""
    rng = np.random.default_rng(seed + 1)
    labels = [dict(record.labels) for record in records]
    for attribute in sorted({name for record in records for name in record.labels}):
        present = [i for i, row in enumerate(labels) if row.get(attribute)]
        classes = sorted({labels[i][attribute] for i in present})
        for i in rng.permutation(present)[: round(rate * len(present))]:
            others = [name for name in classes if name != labels[i][attribute]]
            labels[i][attribute] = others[int(rng.integers(len(others)))]
    return [GalleryImage(record.filepath, row) for record, row in zip(records, labels, strict=True)]


def write_listing(records: Sequence[GalleryImage], path: Path) -> None:
    """Write records as CSV: ``filepath`` and one column an attribute."""
    names = list(records[0].labels)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filepath", *names])
        writer.writerows([record.filepath, *(record.labels[name] for name in names)] for record in records)
