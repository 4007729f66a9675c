"""Lists that are something else, or half of one: one sentence, nothing written; or read as they are meant."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from tests.conftest import Curate
from tests.hostile.workspaces import draw

ROWS = "filepath,style\na.png,Cubism\nb.png,Rococo\n"


def workbook(rows: str) -> bytes:
    book, out = Workbook(), io.BytesIO()
    page = book.active
    assert page is not None
    for line in rows.splitlines():
        page.append(line.split(","))
    book.save(out)
    return out.getvalue()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("list.csv", data)
    return out.getvalue()


REFUSED: dict[str, tuple[str, bytes]] = {
    "empty": ("l.csv", b""),
    "a mark alone": ("l.csv", b"\xef\xbb\xbf"),
    "blank lines": ("l.csv", b"\n\r\n\n"),
    "zeros": ("l.csv", bytes(1000)),
    "a picture": ("l.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4),
    "a workbook called csv": ("l.csv", workbook(ROWS)),
    "a csv called xlsx": ("l.xlsx", ROWS.encode()),
    "an empty workbook": ("l.xlsx", workbook("")),
    "a gzip called csv": ("l.csv", gzip.compress(ROWS.encode())),
    "a zip called xlsx": ("l.xlsx", zipped(ROWS.encode())),
    "half a workbook": ("l.xlsx", workbook(ROWS)[:2000]),
    "an old xls that is a web page": ("l.xls", b"<html><table><tr><td>filepath</td></tr></table></html>"),
    "a web page": ("l.csv", b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n"),
    "an answer that is an error": ("l.csv", b'{"error": "not found"}\n'),
    "one column": ("l.csv", b"filepath\na.png\nb.png\n"),
    "no header": ("l.csv", b"a.png,Cubism\nb.png,Rococo\n"),
    "a header that never closes": ("l.csv", b'"filepath,style\na.png,Cubism\n'),
    "a header of digits": ("l.csv", b"1,2\na.png,Cubism\n"),
    "an LFS pointer": ("l.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"),
    "an old Macintosh's line end among others": ("l.csv", b"filepath,style\ra.png,Cubism\r\nb.png,Rococo\n"),
    "a copy that breaks off inside a character": ("l.csv", ROWS.encode("utf-16")[:-1]),
    "the same after thousands of rows": ("l.csv", (ROWS + "a.png,Cubism\n" * 20_000).encode("utf-16")[:-1]),
    "a conflict of Git's": ("l.csv", b"<<<<<<< HEAD\nfilepath,style\n=======\nfilepath,genre\n>>>>>>> x\n"),
}

READ: dict[str, bytes] = {
    "no line end at the end": b"filepath,style\na.png,Cubism\nb.png,Rococo",
    "blank lines between": b"filepath,style\n\na.png,Cubism\n\n\nb.png,Rococo\n\n",
    "trailing delimiters": b"filepath,style,,\na.png,Cubism,,\nb.png,Rococo,,\n",
    "the same column twice": b"filepath,style,style\na.png,Cubism,x\nb.png,Rococo,y\n",
    "a thousand columns": (
        "filepath,style" + "".join(f",c{i}" for i in range(1000)) + "\n"
        "a.png,Cubism" + ",x" * 1000 + "\nb.png,Rococo" + ",y" * 1000 + "\n"
    ).encode(),
    "blanks around everything": b" filepath , style \n a.png , Cubism \n b.png , Rococo \n",
    "non-breaking blanks": " filepath,\u00a0style\na.png,\u00a0Cubism\nb.png,Rococo\u00a0\n".encode(),
    "capitals": b"FILEPATH,STYLE\na.png,Cubism\nb.png,Rococo\n",
    "a control Z of DOS at the end": b"filepath,style\r\na.png,Cubism\r\nb.png,Rococo\r\n\x1a",
    "quotes about everything": b'"filepath","style"\n"a.png","Cubism"\n"b.png","Rococo"\n',
    "dots before paths": b"filepath,style\n./a.png,Cubism\n.//b.png,Rococo\n",
}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        draw(tmp_path / "list" / name)
    return tmp_path / "list"


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_list_is_refused(curate: Curate, folder: Path, images: Path, case: str) -> None:
    name, data = REFUSED[case]
    (images / name).write_bytes(data)
    settings = (folder / "curate.toml").read_bytes()

    done = curate("-w", folder, "ingest", images / name)

    assert (done.status, done.stdout) == (1, ""), done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr and len(done.stderr) < 1000
    assert name in done.stderr
    assert (folder / "curate.toml").read_bytes() == settings
    assert curate("-w", folder, "status").stdout.startswith("artworks: none yet")


@pytest.mark.parametrize("case", READ)
def test_what_is_written_oddly_is_read_and_comes_out_again(
    curate: Curate, folder: Path, images: Path, case: str
) -> None:
    (images / "l.csv").write_bytes(READ[case])

    done = curate("-w", folder, "ingest", images / "l.csv", "--json")

    assert done.status == 0, done.stderr
    assert done.json()["added"] == 2
    counts = curate("-w", folder, "stats", "--json").json()["attributes"]["style"]["counts"]
    assert counts == {"Cubism": 1, "Rococo": 1}
    again = curate("-w", folder, "export", images / "out.csv", "--like", images / "l.csv")
    assert again.status == 0, again.stderr
    assert (images / "out.csv").read_bytes() == READ[case]


def test_a_label_that_is_not_read_for_another_of_its_name_is_told(
    curate: Curate, folder: Path, images: Path
) -> None:
    """The second column's labels were nowhere, and nothing said so."""
    (images / "l.csv").write_bytes(b"filepath,style,style\na.png,Cubism,x\nb.png,,y\n")

    done = curate("-w", folder, "ingest", images / "l.csv")

    assert "l.csv has the column style twice: the first is read, 'style (3)' is kept" in done.stderr
    assert "style (3): y" in curate("-w", folder, "history", "b.png").stdout
