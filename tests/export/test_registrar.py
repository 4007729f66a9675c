"""A registrar with a German Excel's list: from init to the same list, corrected, in six commands."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SHARED, Curate
from tests.ingest.conftest import drawing

HEADER = "Inventory no.;Titel;File name;Künstler;Gattung;Datierung"
ARTISTS = ("Nolde, Emil", "Münter, Gabriele", "Werkstatt Cranach", "Unbekannter Künstler")
GENRES = ("Landschaft", "Bildnis", "Stillleben", "Bildnis; Landschaft", "o. J.")
IN_GERMAN = {"portrait": "Bildnis", "landscape": "Landschaft", "genre painting": "Genreszene"}
TINY = (
    "--backbone test_resnet --weights none --image-size 64 --projection 16 --lstm-hidden 16 --epochs 1 "
    "--folds 2 --min-class-count 4 --batch-size 16 --device cpu --no-tensorboard"
).split()


class Painting(NamedTuple):
    """What the registrar's list says of a picture."""

    image: Image.Image
    artist: str
    genre: str


def drawn(count: int) -> Iterator[Painting]:
    """Yield drawings, with the placeholders and qualifiers that lists have."""
    for at in range(count):
        yield Painting(drawing(at, (160, 120)), ARTISTS[at % len(ARTISTS)], GENRES[at % len(GENRES)])


def real(count: int) -> Iterator[Painting]:
    """Yield paintings of wikiart224 under German labels; each twelfth is an unknown hand's."""
    with (SHARED / "wikiart224" / "labels.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))[: count * 12 : 12]
    for at, row in enumerate(listed):
        first, _, last = row["artist"].rpartition("-")
        artist = f"{last.title()}, {first.replace('-', ' ').title()}" if at % 12 else "Unbekannter Künstler"
        genre = IN_GERMAN.get(row["genre"].replace("_", " "), row["genre"].replace("_", " ").title())
        with Image.open(SHARED / "wikiart224" / row["filepath"]) as image:
            yield Painting(image.convert("RGB"), artist, genre or "o. J.")


def save(image: Image.Image, folder: Path, at: int) -> str:
    """Write an image as scanners, repro firms and phones do, by its number; return its file's name."""
    exif, kind = Image.Exif(), at % 12
    name = f"Bild {at:03}{({3: '.tif', 7: '.png', 9: '.tif'}).get(kind, '.jpg')}"
    if kind == 7:  # 16 bits of grey
        grey = np.asarray(image.convert("L"), np.uint16) * 257
        Image.fromarray(grey).save(folder / name)
        return name
    if kind == 5:
        exif[0x0112] = 6
    image.convert("CMYK" if kind in (3, 11) else "RGB").save(folder / name, exif=exif)
    return name


def museum(folder: Path, paintings: Sequence[Painting] | Iterator[Painting]) -> Path:
    """Make a folder as a museum has it: the list beside a folder of images in several formats."""
    (folder / "Bilder").mkdir(parents=True)
    text = StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\r\n")
    rows.writerow(HEADER.split(";"))
    for at, painting in enumerate(paintings):
        title = f'Haus; "blau" {at}' if at % 5 == 0 else f"Ohne Titel {at}"
        name = f"Bilder/{save(painting.image, folder / 'Bilder', at)}"
        rows.writerow([f"I {at}/1923", title, name, painting.artist, painting.genre, 1890 + at % 40])
    rows.writerow(["I 999/1923", "Verschollen", "", "Nolde, Emil", "Bildnis", 1911])
    (folder / "Liste.csv").write_bytes(("\ufeff" + text.getvalue()).encode())
    return folder


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A small museum of drawings."""
    return museum(tmp_path / "Sammlung", drawn(24))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("paintings", "count"),
    [
        pytest.param(drawn, 24, id="drawn"),
        pytest.param(
            real,
            250,
            id="wikiart224",
            marks=pytest.mark.skipif(
                not SHARED.is_dir(), reason="the real paintings of ../shared/data are not on this machine"
            ),
        ),
    ],
)
def test_from_init_through_training_to_the_same_list_in_six_commands(
    tmp_path: Path, curate: Curate, paintings: Callable[[int], Iterator[Painting]], count: int
) -> None:
    folder = museum(tmp_path / "Sammlung", paintings(count))
    ws, source, out = tmp_path / "ws", folder / "Liste.csv", tmp_path / "Liste-neu.csv"
    listed = rows(source)
    # two rows that have a genre, and one that has none because it is `o. J.`
    chosen = [next(at for at, row in enumerate(listed) if row[4] == word) for word in ("Bildnis", "o. J.")]
    ids = [listed[at][0] for at in chosen]

    done = [
        curate("init", ws),
        curate("-w", ws, "ingest", folder),
        curate("-w", ws, "train", *TINY),
        curate("-w", ws, "label", ids[0], "genre", "Landschaft", "--comment", "Kein Mensch zu sehen"),
        curate("-w", ws, "label", ids[1], "genre", "Landschaft"),
        curate("-w", ws, "export", out, "--like", source, "--changes", tmp_path / "changes.csv"),
    ]

    assert [(one.status, one.stderr) for one in done if one.status] == []
    assert done[1].stdout.startswith(f"read {count + 1}: {count} added, 0 updated, 0 unchanged, 1 refused\n")
    assert done[2].stdout.startswith("run 1: test_resnet, cross-validation, ")
    expected = [list(row) for row in listed]
    for at in chosen:
        expected[at][4] = "Landschaft"
    assert rows(out) == expected
    assert len(out.read_bytes()) - len(source.read_bytes()) == sum(
        len("Landschaft") - len(listed[at][4]) for at in chosen
    )
    changed = list(csv.DictReader(StringIO((tmp_path / "changes.csv").read_text(encoding="utf-8"))))
    assert [(row["id"], row["new"], row["why"]) for row in changed] == [
        (listed[at][0], "Landschaft", "Kein Mensch zu sehen" if at == chosen[0] else "")
        for at in sorted(chosen)
    ]


def test_from_init_to_the_same_list_in_six_commands(tmp_path: Path, collection: Path, curate: Curate) -> None:
    ws, source, out = tmp_path / "ws", collection / "Liste.csv", tmp_path / "Liste-neu.csv"

    init = curate("init", ws)
    taken = curate("-w", ws, "ingest", collection)
    first = curate("-w", ws, "label", "I 0/1923", "genre", "Stillleben", "--comment", "Krug")
    second = curate("-w", ws, "label", "I 3/1923", "genre", "Bildnis")
    written = curate("-w", ws, "export", out, "--like", source, "--changes", tmp_path / "changes.csv")

    assert [done.stderr for done in (init, taken, first, second, written) if done.status] == []
    assert taken.stdout.startswith("read 25: 24 added, 0 updated, 0 unchanged, 1 refused\n")
    assert "artist: taken as missing: 6 Unbekannter Künstler\n" in taken.stdout
    assert "artist: no label, the cell is kept: 6 qualified\n" in taken.stdout
    assert "genre: taken as missing: 4 o. J.\n" in taken.stdout
    assert "genre: no label, the cell is kept: 5 several_values\n" in taken.stdout
    assert (
        "Liste.csv is read with --file 'File name' --map Gattung=genre --map 'Künstler=artist' "
        "--id 'Inventory no.' --separator ';'; kept: Inventory no., Titel, Datierung\n"
    ) in taken.stderr
    before, after = rows(source), rows(out)
    differ = [
        (a[0], x, y) for a, b in zip(before, after, strict=True) for x, y in zip(a, b, strict=True) if x != y
    ]
    assert differ == [
        ("I 0/1923", "Landschaft", "Stillleben"),
        ("I 3/1923", "Bildnis; Landschaft", "Bildnis"),
    ]
    expected = source.read_bytes().decode().split("\r\n")
    expected[1] = expected[1].replace(";Landschaft;", ";Stillleben;")
    expected[4] = expected[4].replace(';"Bildnis; Landschaft";', ";Bildnis;")
    assert out.read_bytes().decode().split("\r\n") == expected
    changed = list(csv.DictReader(StringIO((tmp_path / "changes.csv").read_text(encoding="utf-8"))))
    assert [(row["id"], row["old"], row["new"], row["why"]) for row in changed] == [
        ("I 0/1923", "Landschaft", "Stillleben", "Krug"),
        ("I 3/1923", "Bildnis; Landschaft", "Bildnis", ""),
    ]


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";"))


def test_each_wrong_turn_ends_in_a_sentence_with_the_command(
    tmp_path: Path, collection: Path, curate: Curate
) -> None:
    ws, source = tmp_path / "ws", collection / "Liste.csv"
    curate("init", ws)

    typo = curate("-w", ws, "ingest", source, "--map", "Kunstler=artist", "--file", "Filename")
    encoding = curate("-w", ws, "ingest", source, "--encoding", "ansi-german")
    early = curate("-w", ws, "export", tmp_path / "x.csv", "--like", source)
    (collection / "Liste.csv").write_text("Nr;Titel\n1;x\n")
    beside = curate("-w", ws, "ingest", collection)

    columns = "Inventory no., Titel, File name, Künstler, Gattung, Datierung"
    assert typo.stderr.endswith("\n") and typo.status == 1
    assert typo.stderr == (
        f"error: --file 'Filename': {source} has no such column. Did you mean 'File name'? "
        f"It has {columns}.\n"
    )
    assert encoding.stderr == (
        "error: --encoding ansi-german: there is no such encoding. "
        "Usual ones: utf-8, cp1252, utf-16, cp1251.\n"
    )
    assert early.stderr.endswith(f"Type `curate ingest {source}` first, or name the list that was.\n")
    assert beside.stderr == (
        f"error: {collection} has images and the list Liste.csv with the columns Nr, Titel, "
        f"and none of them is a path. Type `curate ingest {source} --file COLUMN`, "
        f"or `--format folders` to leave the list unread.\n"
    )
    assert curate("-w", ws, "status").stdout.startswith("artworks: none yet")
