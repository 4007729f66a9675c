"""Hostile files and lists: each is an error or a refusal with a reason; nothing crashes, hangs or leaks."""

from __future__ import annotations

import os
import random
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select

from curate.ingest import IngestSummary
from db.engine.catalog import Catalog
from db.errors import CurateError
from db.models import Artwork, Class, Refusal
from tests.ingest.conftest import Take, draw, drawing

pytestmark = pytest.mark.slow

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")


def encoded(kind: str) -> bytes:
    buffer = BytesIO()
    drawing(3, (90, 70)).save(buffer, kind)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + png_chunk(b"IEND", b"")


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def hostile_images() -> dict[str, bytes]:
    """Return contents by file name: cut, corrupted, mislabelled, and bombs."""
    files: dict[str, bytes] = {
        "empty.jpg": b"",
        "one-byte.jpg": b"\xff",
        "html.jpg": b"<!doctype html><title>404</title>",
        "script.png": b"#!/bin/sh\nrm -rf /\n",
        "svg.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
        "pdf.png": b"%PDF-1.7\n1 0 obj",
        "zip.jpg": b"PK\x03\x04" + bytes(200),
        "elf.gif": b"\x7fELF" + bytes(200),
        "nul.bmp": bytes(5000),
        "photoshop.tif": b"8BPS\x00\x01" + bytes(100),
        "heic.jpg": b"\x00\x00\x00\x18ftypheic" + bytes(100),
        "icon.png": b"\x00\x00\x01\x00\x01\x00" + bytes(100),
        "bomb-header.png": png(header(60_000, 60_000), png_chunk(b"IDAT", zlib.compress(bytes(9)))),
        "bomb-wide.png": png(header(2**31 - 1, 1), png_chunk(b"IDAT", zlib.compress(bytes(9)))),
        "bomb-zero.png": png(header(0, 0), png_chunk(b"IDAT", zlib.compress(bytes(9)))),
        "bomb-text.png": png(
            header(1, 1),
            png_chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(20_000_000), 9)),
            png_chunk(b"IDAT", zlib.compress(b"\0\1\2\3")),
        ),
        "bomb-icc.png": png(
            header(1, 1),
            png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(20_000_000), 9)),
            png_chunk(b"IDAT", zlib.compress(b"\0\1\2\3")),
        ),
        "bomb.gif": b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x00\x00\x00" + bytes(20),
        "bomb.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, *[0] * 6),
        "huge-ifd.tif": b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(60),
        "loop-ifd.tif": b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00",
    }
    rng = random.Random(0)
    for kind in FORMATS:
        whole, name = encoded(kind), kind.lower()
        for at, share in enumerate((0.02, 0.1, 0.5, 0.9)):
            files[f"cut-{at}.{name}.jpg"] = whole[: max(int(len(whole) * share), 5)]
        for at in range(6):
            broken = bytearray(whole)
            for _ in range(4**at):
                broken[rng.randrange(8, len(broken))] = rng.randrange(256)
            files[f"broken-{at}.{name}.jpg"] = bytes(broken)
        files[f"swapped.{name}.jpg"] = whole[:16] + encoded("JPEG")[16:]
    return files


def test_hostile_images_are_refused_or_read_each_with_its_reason(
    take: Take, catalog: Catalog, tmp_path: Path
) -> None:
    files = hostile_images()
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)

    summary = take(folder)

    assert summary.read == len(files)
    assert_each_has_a_reason(catalog, summary)
    with catalog.read() as session:
        reasons = {row.path: row.reason for row in session.scalars(select(Artwork))}
    assert reasons["empty.jpg"] == "empty_file"
    assert reasons["html.jpg"] == reasons["script.png"] == reasons["zip.jpg"] == "not_an_image"
    assert reasons["postscript.jpg"] == reasons["svg.jpg"] == "unsupported_format"
    bombs = ("bomb-header.png", "bomb-wide.png", "bomb.bmp")
    assert [reasons[name] for name in bombs] == ["too_many_pixels"] * 3
    assert all(reasons[f"cut-1.{kind}.jpg"] in ("truncated", "corrupt") for kind in ("jpeg", "png", "webp"))


def assert_each_has_a_reason(catalog: Catalog, summary: IngestSummary) -> None:
    """Check that nothing vanished: every record is counted, and every refused one is listed."""
    with catalog.read() as session:
        listed = session.scalars(select(Refusal).where(Refusal.ingest_id == summary.ingest_id)).all()
    assert len(listed) == summary.refused.total()
    assert all(row.reason and row.record for row in listed)
    assert summary.read == (
        summary.written.added + summary.written.updated + summary.written.unchanged + len(listed)
    )


HOSTILE_PATHS = [
    "../secret.jpg",
    "../../secret.jpg",
    "a/../../secret.jpg",
    "./../secret.jpg",
    "images/../../secret.jpg",
    "/etc/passwd",
    "/etc/shadow",
    "//etc/passwd",
    "/proc/self/environ",
    "/dev/zero",
    "/dev/stdin",
    "~/secret.jpg",
    "C:\\Windows\\win.ini",
    "c:/secret.jpg",
    "\\\\server\\share\\a.jpg",
    "..\\secret.jpg",
    "a\\..\\..\\secret.jpg",
    "file:///etc/passwd",
    "http://127.0.0.1/a.jpg",
    "https://example.org/a.jpg",
    "ftp://x/a.jpg",
    "data://x",
    "s3://bucket/a.jpg",
    "loop.jpg",
    "loop/a.jpg",
    "outside.jpg",
    "outdir/secret.jpg",
    "outdir/../a.jpg",
    "images",
    "images/",
    ".",
    "..",
    "/",
    "//",
    "./",
    " ",
    "a\x00.jpg",
    "\x00",
    "a\x01.jpg",
    "a\x7f.jpg",
    "\x1b[31m.jpg",
    "x" * 256 + ".jpg",
    "x" * 5000,
    "d/" * 2100 + "a.jpg",
    "%2e%2e/secret.jpg",
    "..%2fsecret.jpg",
    "$(id).jpg",
    "`id`.jpg",
    "; rm -rf /.jpg",
    "| cat",
    "=1+1.jpg",
    "=cmd|' /C calc'!A0",
    "@SUM(A1).jpg",
    "{path}.jpg",
    "%s%s%n.jpg",
    "nowhere/a.jpg",
    "images/none.jpg",
    "images/a.jpg/b.jpg",
    "fifo.jpg",
    "socket.jpg",
    "caf\u0301.jpg",
    "\u202egpj.exe",
    "a\u200b.jpg",
    "\ufeffa.jpg",
    "a\u2028b.jpg",
    "con",
    "nul.jpg",
    "a.jpg\r",
    "…/secret.jpg",
    "‥/secret.jpg",
    "／etc／passwd",
    "locked.jpg",
]


def test_hostile_paths_never_leave_the_folder(take: Take, catalog: Catalog, tmp_path: Path) -> None:
    secret = draw(tmp_path / "secret.jpg", 42)
    root = tmp_path / "root"
    draw(root / "images/a.jpg", 1)
    (root / "loop.jpg").symlink_to("loop.jpg")
    (root / "loop").symlink_to("loop")
    (root / "outside.jpg").symlink_to(secret)
    (root / "outdir").symlink_to(tmp_path)
    os.mkfifo(root / "fifo.jpg")
    quoted = [path.replace('"', '""') for path in HOSTILE_PATHS]
    lines = [f'"{path}",Cubism' for path in quoted]
    (root / "labels.csv").write_bytes(("filepath,style\n" + "\n".join(lines) + "\n").encode())

    summary = take(root / "labels.csv", allow_missing=True)

    assert summary.read == len(HOSTILE_PATHS)
    assert summary.written.added == 0
    assert_each_has_a_reason(catalog, summary)
    with catalog.read() as session:
        assert set(session.scalars(select(Artwork.sha256))) <= {None}
    assert summary.refused["outside_root"] >= 18


HOSTILE_CELLS = [
    '=HYPERLINK("http://x")',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "-2",
    "x" * 201,
    "x" * 90_000,
    "\x00",
    "a\x00b",
    "a\tb",
    "\x1b[2J",
    "\ufeffCubism",
    "a\u2028b",
    "...",
    "---",
    "(",
    "★",
    "\u200b",
    "\x85",
]


def test_hostile_labels_make_no_class_and_leave_their_images(
    take: Take, catalog: Catalog, tmp_path: Path
) -> None:
    rows = ["filepath,style"]
    for at, cell in enumerate(HOSTILE_CELLS):
        draw(tmp_path / f"root/{at}.jpg", at)
        rows.append(f'{at}.jpg,"{cell.replace(chr(34), chr(34) * 2)}"')
    (tmp_path / "root/labels.csv").write_bytes("\n".join(rows).encode())

    summary = take(tmp_path / "root/labels.csv")

    assert summary.read == len(HOSTILE_CELLS)
    assert_each_has_a_reason(catalog, summary)
    with catalog.read() as session:
        assert [name for name in session.scalars(select(Class.key)) if not name.isprintable()] == []
    assert summary.withheld["style"]["formula_cell"] == 5
    assert summary.written.added == len(HOSTILE_CELLS)


HOSTILE_LISTS: dict[str, bytes] = {
    "empty.csv": b"",
    "newline.csv": b"\n",
    "nul.csv": bytes(1000),
    "binary.csv": bytes(range(256)) * 40,
    "only-header.csv": b"filepath,style",
    "no-path.csv": b"a,b\n1,2\n",
    "no-label.csv": b"filepath,colour\na.jpg,red\n",
    "twice.csv": b"filepath,filepath,style\na.jpg,b.jpg,Cubism\n",
    "latin1.csv": "filepath,style\na.jpg,Café\n".encode("latin-1"),
    "latin1-header.csv": "filepath,style,période\na.jpg,x,y\n".encode("latin-1"),
    "utf16-no-bom.csv": "filepath,style\na.jpg,Cubism\n".encode("utf-16-le"),
    "utf16-cut.csv": "filepath,style\na.jpg,Cubism\n".encode("utf-16")[:-1],
    "utf32.csv": "filepath,style\na.jpg,Cubism\n".encode("utf-32"),
    "bom-twice.csv": b"\xef\xbb\xbf\xef\xbb\xbffilepath,style\na.jpg,Cubism\n",
    "cr-only.csv": b"filepath,style\ra.jpg,Cubism\r",
    "long-line.csv": b"filepath,style\n" + b"x" * 10_000_000 + b",Cubism\n",
    "long-header.csv": b"filepath,style," + b"c," * 1_000_000 + b"\n",
    "many-columns.csv": b"filepath,style\na.jpg" + b"," * 50_000 + b"\n",
    "open-quote.csv": b'filepath,style\n"a.jpg,Cubism\n' + b"b.jpg,Cubism\n" * 100,
    "quotes.csv": b'filepath,style\n""""""""""a.jpg,"Cub"ism"\n',
    "quote-bomb.csv": b"filepath,style\n" + b'"' * 99_000 + b"\n",
    "nul-cells.csv": b"filepath,style\na\x00.jpg,Cub\x00ism\n",
    "pickle.csv": b"\x80\x04\x95filepath,style\n",
    "gzip.csv": b"\x1f\x8b\x08\x00filepath,style\n",
    "json.csv": b'{"filepath": "a.jpg", "style": "Cubism"}\n',
    "parquet.csv": b"PAR1filepath,style\nPAR1",
    "not.parquet": b"PAR1" + bytes(100) + b"PAR1",
    "empty.parquet": b"",
    "huge-footer.parquet": b"PAR1" + struct.pack("<I", 2**31 - 1) + b"PAR1",
    "list.docx": b"PK\x03\x04",
    "style_train.csv": b"Realism/a_b.jpg,1\n",
    "wclasses.csv": b"file,artist,genre,style\na.jpg,-1,129,140\na.jpg,99999999999999999999,1,1\nb.jpg,,,\n",
    "classes.csv": (
        b"filename,artist,genre,description,phash,width,height,genre_count,subset\n"
        b'a.jpg,x,"' + b"[" * 90_000 + b'",d,p,1,1,1,train\n'
        b"b.jpg,x,\"['a'*10**9]\",d,p,1,1,1,train\n"
    ),
}


@pytest.mark.parametrize("name", HOSTILE_LISTS)
def test_a_hostile_list_is_an_error_or_refuses_its_rows(
    take: Take, catalog: Catalog, tmp_path: Path, name: str
) -> None:
    draw(tmp_path / "root/a.jpg", 1)
    (tmp_path / "root" / name).write_bytes(HOSTILE_LISTS[name])

    try:
        summary = take(tmp_path / "root" / name)
    except CurateError as error:
        text = str(error)
        assert "\n" not in text and text.isprintable() and str(tmp_path) in text and len(text) < 1200
    else:
        assert_each_has_a_reason(catalog, summary)


def test_the_corpus_has_at_least_150_inputs() -> None:
    assert len(hostile_images()) + len(HOSTILE_PATHS) + len(HOSTILE_CELLS) + len(HOSTILE_LISTS) >= 150


def test_hostile_folders_are_walked_without_harm(take: Take, catalog: Catalog, tmp_path: Path) -> None:
    root = tmp_path / "root"
    draw(root / "Cubism/a.jpg", 1)
    draw(root / "=cmd|calc/b.jpg", 2)
    draw(root / ("x" * 250) / "c.jpg", 3)
    (root / "Cubism/loop").symlink_to(root)
    (root / "Cubism/out.jpg").symlink_to("/etc/passwd")
    os.mkfifo(root / "Cubism/pipe.jpg")
    (root / "Cubism/folder.jpg").mkdir()
    draw(root / "Cubism/seed.jpg", 4).rename(os.fsdecode(os.fsencode(root) + b"/Cubism/caf\xe9.jpg"))

    summary = take(root)

    assert summary.written.added == 3
    assert dict(summary.withheld["style"]) == {"formula_cell": 1, "label_too_long": 1}
    assert dict(summary.refused) == {
        "linked_folder": 1,
        "outside_root": 1,
        "not_a_file": 1,
        "not_utf8": 1,
    }
    assert_each_has_a_reason(catalog, summary)
