"""A registrar with a German Excel's list: from init to the same list, corrected, in six commands."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import SHARED, Curate
from tests.ingest.conftest import drawing

HEADER = "Inventory no.;Titel;File name;Künstler;Gattung;Datierung"
ARTISTS = ("Nolde, Emil", "Münter, Gabriele", "Werkstatt Cranach", "Unbekannter Künstler")
GENRES = ("Landschaft", "Bildnis", "Stillleben", "Bildnis; Landschaft", "o. J.")


def painting(at: int) -> Image.Image:
    """Return a painting of wikiart224, or a drawing."""
    images = sorted((SHARED / "wikiart224" / "images").glob("*.jpg"))[: 24 * 7 : 7]
    if not images:
        return drawing(at, (160, 120))
    with Image.open(images[at]) as image:
        return image.copy()


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A folder as a museum has it: the list beside a folder of images in several formats.

    The images are real paintings where they lie beside the checkout, else drawn.
    """
    folder = tmp_path / "Sammlung"
    (folder / "Bilder").mkdir(parents=True)
    lines = [HEADER]
    for at in range(24):
        suffix = {3: ".tif", 7: ".png"}.get(at, ".jpg")
        name = f"Bild {at:03}{suffix}"
        pixels = painting(at).convert("CMYK" if at == 3 else "RGB")
        exif = Image.Exif()
        if at == 5:
            exif[0x0112] = 6
        pixels.save(folder / "Bilder" / name, exif=exif)
        title = f'"Haus; ""blau"" {at}"' if at % 5 == 0 else f"Ohne Titel {at}"
        artist, genre = ARTISTS[at % len(ARTISTS)], GENRES[at % len(GENRES)]
        genre = f'"{genre}"' if ";" in genre else genre
        lines.append(f"I {at}/1923;{title};Bilder/{name};{artist};{genre};{1890 + at}")
    lines.append("I 99/1923;Verschollen;;Nolde, Emil;Bildnis;1911")
    (folder / "Liste.csv").write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    return folder


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
