"""Parquet files that others wrote: bytes that are none, codes without names, columns of other types."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.conftest import Curate


def png() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((48, 48), 60).convert("RGB").save(out, "PNG")
    return out.getvalue()


TABLES: dict[str, tuple[dict[str, Any], int]] = {
    "as it should be": ({"image": [{"bytes": png(), "path": "../../evil.jpg"}], "style": ["Cubism"]}, 1),
    "a path alone": ({"image": [{"bytes": None, "path": "/etc/passwd"}], "style": ["Cubism"]}, 0),
    "no image at all": ({"image": [{"bytes": b"hello", "path": "x.jpg"}], "style": ["Cubism"]}, 0),
    "empty bytes": ({"image": [{"bytes": b"", "path": "x.jpg"}], "style": ["Cubism"]}, 0),
    "text for images": ({"image": ["/etc/passwd"], "style": ["Cubism"]}, 0),
    "numbers for images": ({"image": [7], "style": ["Cubism"]}, 0),
    "lists for images": ({"image": [[1, 2]], "style": ["Cubism"]}, 0),
    "text for bytes": ({"image": [{"bytes": "hello", "path": "x"}], "style": ["Cubism"]}, 0),
    "no path": ({"image": [{"bytes": png()}], "style": ["Cubism"]}, 1),
    "bare bytes": ({"image": [png()], "style": ["Cubism"]}, 1),
    "several labels": ({"image": [{"bytes": png(), "path": "x"}], "style": [["a", "b"]]}, 1),
    "no label": ({"image": [{"bytes": png(), "path": "x"}], "style": pa.array([None], pa.string())}, 1),
    "a number for a label": ({"image": [{"bytes": png(), "path": "x"}], "style": [7.5]}, 1),
}


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_taken_or_refused(curate: Curate, tmp_path: Path, name: str) -> None:
    table, taken = TABLES[name]
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", "style").status == 0
    pq.write_table(pa.table(table), tmp_path / "a.parquet")  # type: ignore[no-untyped-call]

    done = curate("-w", folder, "ingest", tmp_path / "a.parquet", "--json")

    if done.status == 0:
        counts = done.json()
        assert (counts["added"], sum(counts["refused"].values())) == (taken, 1 - taken)
    else:
        assert done.status == 1 and taken == 0 and done.stderr.count("error: ") == 1
    assert not list(tmp_path.rglob("evil*"))
    assert curate("-w", folder, "check").status == 0


@pytest.mark.parametrize(
    ("label", "reason"), [("x" * 5_000_000, "label_too_long"), ("a\x1b[31m", "control_character")]
)
def test_an_image_is_taken_without_a_label_that_cannot_be_one(
    curate: Curate, tmp_path: Path, label: str, reason: str
) -> None:
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", "style").status == 0
    table = {"image": [{"bytes": png(), "path": "x"}], "style": [label]}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")  # type: ignore[no-untyped-call]

    for outcome in ("added", "unchanged"):
        counts = curate("-w", folder, "ingest", tmp_path / "a.parquet", "--json").json()
        assert (counts[outcome], counts["refused"]) == (1, {})
        assert counts["withheld"] == {"style": {reason: 1}}
    assert curate("-w", folder, "stats", "--json").json()["attributes"]["style"]["labelled"] == 0
    assert curate("-w", folder, "check").status == 0


COLUMNS = {
    "numbers without names": ({"image": [png()], "style": [7]}, "its column 'style' holds numbers, and"),
    "no attribute": (
        {"image": [png()], "Stil": ["x"]},
        "none of its columns (image, Stil) is called like",
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_what_is_told_to_type_is_not_for_lists_alone(curate: Curate, tmp_path: Path, name: str) -> None:
    """`--map` and `--file` were recommended, which no Parquet file of images takes."""
    table, said = COLUMNS[name]
    assert curate("init", tmp_path / "ws", "--attributes", "style").status == 0
    pq.write_table(pa.table(table), tmp_path / "a.parquet")  # type: ignore[no-untyped-call]

    done = curate("-w", tmp_path / "ws", "ingest", tmp_path / "a.parquet")

    assert (done.status, done.stdout) == (1, "")
    assert f"a.parquet cannot be read: {said}" in done.stderr
    assert "--map" not in done.stderr and "--file" not in done.stderr


FILES = {
    "empty": b"",
    "text": b"hello",
    "its ends alone": b"PAR1PAR1",
    "noise": bytes(range(256)) * 40,
    "noise between the ends": b"PAR1" + bytes(range(256)) * 40 + b"\x00\x01\x00\x00PAR1",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none_is_an_error(curate: Curate, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ws"
    assert curate("init", folder, "--attributes", "style").status == 0
    (tmp_path / "a.parquet").write_bytes(FILES[name])

    done = curate("-w", folder, "ingest", tmp_path / "a.parquet")

    assert done.status == 1 and done.stderr.count("error: ") == 1, done
