"""Whatever stands in a list, a class file or a parquet: records, refusals, or a ``CurateError``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from curate.ingest.readers.formats import SourceOptions, open_source
from curate.ingest.records import Record, Refused
from db.errors import CurateError

pytestmark = pytest.mark.slow

bounded = settings(
    max_examples=int(os.environ.get("CURATE_FUZZ_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ATTRIBUTES = ("style", "genre", "artist")
CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["../x.jpg", "/etc/passwd", "a.jpg", '"', "=1+1", "\x00", "Cubism", "3", "nan", "Unknown Artist"]
)


def read(source: Path, format: str, extracted: Path) -> None:
    """Read a source to its end; everything that it gives is a record or a refusal."""
    try:
        reader = open_source(source, format, SourceOptions(ATTRIBUTES, extracted))
        for row in reader:
            assert isinstance(row, Record | Refused)
            if isinstance(row, Record):
                assert len(row.labels) == len(reader.columns)
    except CurateError as error:
        assert "\n" not in str(error)


@bounded
@given(data=st.binary(max_size=400))
@example(data=b"filepath,style\n\xff\xfe,x\n")
@example(data=b'filepath,style\n"a.jpg,Cubism\n')
@example(data=b"\xef\xbb\xbffilepath;style\r\na.jpg;x")
@pytest.mark.parametrize("name", ["list.csv", "style_train.csv", "list.tsv", "x.parquet"])
def test_any_bytes_as_a_list(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)

    read(tmp_path / name, "auto", tmp_path / "images")


@bounded
@given(
    header=st.lists(st.sampled_from(["filepath", "style", "genre", "artist", "x", ""]), max_size=5),
    rows=st.lists(st.lists(CELLS, max_size=6), max_size=5),
)
def test_any_cells_in_a_list(tmp_path: Path, header: list[str], rows: list[list[str]]) -> None:
    text = "\n".join([",".join(header), *(",".join(row) for row in rows)])
    (tmp_path / "list.csv").write_text(text, encoding="utf-8", errors="surrogatepass")

    read(tmp_path / "list.csv", "csv", tmp_path / "images")


@bounded
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=5),
    classes=st.lists(st.tuples(CELLS, CELLS), max_size=4),
)
@example(rows=[], classes=[("\0", "000")])
def test_any_cells_in_artgan_lists(
    tmp_path: Path, rows: list[tuple[str, str]], classes: list[tuple[str, str]]
) -> None:
    text = "\n".join(",".join(row) for row in rows)
    (tmp_path / "style_train.csv").write_text(text, encoding="utf-8", errors="surrogatepass")
    text = "\n".join(" ".join(row) for row in classes)
    (tmp_path / "style_class.txt").write_text(text, encoding="utf-8", errors="surrogatepass")

    read(tmp_path, "artgan", tmp_path / "images")
