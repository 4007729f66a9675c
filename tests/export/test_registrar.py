"""A registrar with a German Excel's list: from init to the same list, corrected, in six commands."""

from __future__ import annotations

import csv
import shutil
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


COLUMNS = "Inventory no., Titel, File name, Künstler, Gattung, Datierung"
TURNS: dict[str, tuple[str, str]] = {
    "train": (
        "",
        "Nothing to train on: this catalog has no usable artworks yet. `curate ingest SOURCE` brings some; "
        "`curate status` says what there is.",
    ),
    "issues": (
        "",
        "`curate issues` needs a finished run, and this catalog has none. Run `curate train` first.",
    ),
    "push": (
        "--to csv",
        "`curate push` needs a finished run, and this catalog has none. Run `curate train` first.",
    ),
    "no such list": (
        "ingest {folder}/List.csv",
        "There is no file or folder at {folder}/List.csv. Check the path and run the command again.",
    ),
    "no such folder": (
        "ingest {list} --images {folder}/Bider",
        "There is no folder of images at {folder}/Bider. Check the path and run the command again.",
    ),
    "another folder": (
        "ingest {list} --images {elsewhere}",
        "24 of the 24 images that {list} lists are not in {elsewhere}, Bilder/Bild 000.jpg among them; "
        "nothing was written. The images are in {folder}: type `curate ingest {list} --images {folder}`. If "
        "most are really not here, add `--allow-missing`.",
    ),
    "a list that was moved away": (
        "ingest {elsewhere}/Listen/neu/Liste.csv",
        "24 of the 24 images that {elsewhere}/Listen/neu/Liste.csv lists are not in {elsewhere}/Listen/neu, "
        "Bilder/Bild 000.jpg among them; nothing was written. Name the folder that its paths start from: "
        "type `curate ingest {elsewhere}/Listen/neu/Liste.csv --images DIR`. If most are really not here, "
        "add `--allow-missing`.",
    ),
    "a column that is not there": (
        "ingest {list} --map Kunstler=artist --file Filename",
        "--file 'Filename': {list} has no such column. Did you mean 'File name'? It has " + COLUMNS + ".",
    ),
    "two columns of one attribute": (
        "ingest {list} --map Gattung=genre --map Datierung=genre",
        "--map Datierung=genre: the column Gattung is genre already. One column an attribute.",
    ),
    "no such encoding": (
        "ingest {list} --encoding ansi-german",
        "--encoding ansi-german: there is no such encoding. Usual ones: utf-8, cp1252, utf-16, cp1251.",
    ),
    "another separator": (
        "ingest {list} --separator ,",
        "--separator ,: Liste.csv would have one column, '"
        + HEADER
        + "'. Its cells look parted by ';': leave "
        "the option out.",
    ),
    "a sheet of a text": (
        "ingest {list} --sheet Tabelle1",
        "--sheet: Liste.csv is not a workbook. Leave it out.",
    ),
    "an export too early": (
        "export {elsewhere}/neu.csv --like {list}",
        "Type `curate ingest {list}` first, or name the list that was.",
    ),
    "an export like nothing": (
        "export {elsewhere}/neu.csv --like {folder}/Liste-alt.csv",
        "There is no list at {folder}/Liste-alt.csv. Check the path and run the command again.",
    ),
    "an export as a workbook": (
        "export {elsewhere}/neu.xlsx --like {list}",
        "--like {list}: it is written as it came in, and neu.xlsx is called like another format. Call it "
        "neu.csv, or leave --like out.",
    ),
    "an export over the list": (
        "export {list} --like {list}",
        "--like {list}: it is the file to be written, too. Give the export another name.",
    ),
}


@pytest.mark.parametrize("turn", TURNS)
def test_each_wrong_turn_ends_in_a_sentence_with_the_command(
    tmp_path: Path, collection: Path, curate: Curate, turn: str
) -> None:
    ws, elsewhere = tmp_path / "ws", tmp_path / "anderswo"
    curate("init", ws)
    (elsewhere / "Listen" / "neu").mkdir(parents=True)
    shutil.copy(collection / "Liste.csv", elsewhere / "Listen" / "neu")
    places = {"folder": str(collection), "list": str(collection / "Liste.csv"), "elsewhere": str(elsewhere)}
    typed, said = TURNS[turn]
    words = typed if typed.startswith(("ingest", "export")) else f"{turn} {typed}"
    before = everything(tmp_path)

    done = curate("-w", ws, *(word.format(**places) for word in words.split()))

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert done.stderr.endswith(said.format(**places) + "\n")
    assert everything(tmp_path) == before
    assert curate("-w", ws, "status").stdout.startswith("artworks: none yet")


def everything(folder: Path) -> dict[str, bytes]:
    """Return every file that a command could have written, with what is in it."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "catalog.db-"))
    }


def test_a_list_without_a_path_beside_images_is_named(
    tmp_path: Path, collection: Path, curate: Curate
) -> None:
    ws, source = tmp_path / "ws", collection / "Liste.csv"
    curate("init", ws)
    source.write_text("Nr;Titel\n1;x\n")

    done = curate("-w", ws, "ingest", collection)

    assert done.stderr == (
        f"error: {collection} has images and the list Liste.csv with the columns Nr, Titel, "
        f"and none of them is a path. Type `curate ingest {source} --file COLUMN`, "
        f"or `--format folders` to leave the list unread.\n"
    )


def test_wrong_turns_after_the_list_was_read(tmp_path: Path, collection: Path, curate: Curate) -> None:
    ws = tmp_path / "ws"
    curate("init", ws)
    curate("-w", ws, "ingest", collection)
    shutil.copy(collection / "Liste.csv", collection / "Bilder" / "Liste.csv")

    id_ = curate("-w", ws, "label", "I 00/1923", "genre", "Bildnis")
    attribute = curate("-w", ws, "label", "I 0/1923", "gattung", "Bildnis")
    class_ = curate("-w", ws, "label", "I 0/1923", "genre", "Bilnis")
    curate("-w", ws, "ingest", collection / "Bilder" / "Liste.csv", "--images", collection / "Bilder")
    twice = curate("-w", ws, "label", "I 0/1923", "genre", "Bildnis")

    assert [done.status for done in (id_, attribute, class_, twice)] == [1, 1, 1, 1]
    assert id_.stderr.startswith("error: No artwork has the id or path 'I 00/1923' among the 24 of this")
    assert attribute.stderr.startswith(
        "error: There is no attribute 'gattung'. Attributes of this workspace: "
    )
    assert class_.stderr.startswith("error: genre has no class 'Bilnis'. Nearest: Bildnis. ")
    assert twice.stderr.startswith("error: 2 artworks have the id or path 'I 0/1923': ")
    assert twice.stderr.endswith("Say which by its uuid; `curate history UUID` shows each.\n")
