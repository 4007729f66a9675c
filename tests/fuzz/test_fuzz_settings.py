"""Whatever stands in a file that a person or another program wrote: an answer or a ``CurateError``, no more.

Each test is bounded in time; ``CURATE_FUZZ_EXAMPLES`` makes it look longer.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from db.classes.missing import is_missing
from db.errors import CurateError
from db.maintenance.archive import MANIFEST, has_place, read_manifest, verify
from db.spelling import display_name, fold
from db.workspace.secrets import HIDDEN, redact
from db.workspace.settings import Settings, read_settings

pytestmark = pytest.mark.slow

bounded = settings(
    max_examples=int(os.environ.get("CURATE_FUZZ_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

KEYS = st.sampled_from(
    ["collection", "attributes", "database_url", "roots", "train", "label_studio", "fiftyone", "x"]
)
SCALARS = st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.datetimes())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def read(path: Path) -> Settings | str:
    """Read settings: they are valid, or one line says what is wrong."""
    try:
        return read_settings(path)
    except CurateError as error:
        assert str(error).startswith(f"{path}: ")
        return str(error)


@bounded
@given(data=st.binary(max_size=300))
@example(data=b"attributes = [")
@example(data=b"\xff\xfe")
@example(data=b"[train]\nlr = nan")
@example(data=b"database_url = 1979-05-27")
def test_any_bytes_as_settings(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "curate.toml").write_bytes(data)

    read(tmp_path / "curate.toml")


@bounded
@given(values=st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_values_as_settings(tmp_path: Path, values: dict[str, object]) -> None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = tomlkit.dumps(values)
    except (TOMLKitError, ValueError, TypeError):
        return
    (tmp_path / "curate.toml").write_text(text, encoding="utf-8", errors="surrogatepass")

    read(tmp_path / "curate.toml")


@bounded
@given(data=st.binary(max_size=400))
def test_any_bytes_as_a_backup(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(data)

    with pytest.raises(CurateError):
        read_manifest(tmp_path / "b.zip")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["format", "files", "created_at", "schema", "sha256", "bytes"]), inner
        )
    ),
    max_leaves=10,
)


@bounded
@given(manifest=JSON)
def test_any_manifest_in_a_backup(tmp_path: Path, manifest: object) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))

    with pytest.raises(CurateError):
        read_manifest(tmp_path / "b.zip")


@bounded
@given(position=st.integers(min_value=0), value=st.integers(0, 255))
def test_any_changed_byte_of_a_backup_is_found_or_harmless(tmp_path: Path, position: int, value: int) -> None:
    """What is not found lies where it cannot matter: times and flags of the zip, never in a file."""
    from db.maintenance.archive import write_archive

    source = tmp_path / "catalog.db"
    source.write_bytes(bytes(range(256)) * 4)
    facts = {"created_at": "now", "schema": "0001", "database": "sqlite"}
    path = tmp_path / "b.zip"
    write_archive(path, [("catalog.db", source), ("curate.toml", source)], facts)
    whole = read_manifest(path)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data)

    try:
        manifest = read_manifest(path)
        verify(path, manifest)
    except CurateError:
        return
    assert manifest.files == whole.files


@bounded
@given(name=st.text(max_size=60))
@example(name="runs/00000000-0000-0000-0000-000000000000/a/../../../../etc/passwd")
@example(name="runs/00000000-0000-0000-0000-000000000000//etc/passwd")
@example(name="curate.toml\x00")
def test_a_name_with_a_place_stays_inside(name: str) -> None:
    if has_place(name):
        assert os.path.normpath(Path("/ws") / name).startswith("/ws/")


@bounded
@given(text=st.text(max_size=80))
def test_any_spelling_of_a_class(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert display_name(display_name(text)) == display_name(text)
    assert is_missing(text) == is_missing(fold(text))


@bounded
@given(
    password=st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/@:"), min_size=4, max_size=20
    )
)
def test_no_password_survives_redaction(password: str) -> None:
    shown = redact(f"cannot reach postgresql://me:{password}@db.example/paintings today", {})

    assert shown == f"cannot reach postgresql://me:{HIDDEN}@db.example/paintings today"


def test_a_zip_that_unpacks_without_end_is_cut_off(tmp_path: Path) -> None:
    """The manifest says 10 bytes, the file unpacks to 50 million."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("catalog.db", bytes(50_000_000))
        archive.writestr("curate.toml", b"")
        entry = {"sha256": "0" * 64, "bytes": 10}
        listed = {"catalog.db": entry, "curate.toml": {**entry, "bytes": 0}}
        manifest = {"format": 1, "created_at": "", "schema": "0001", "database": "sqlite", "files": listed}
        archive.writestr(MANIFEST, json.dumps(manifest))
    (tmp_path / "bomb.zip").write_bytes(buffer.getvalue())

    with pytest.raises(CurateError, match=r"catalog\.db is longer than its manifest says"):
        verify(tmp_path / "bomb.zip", read_manifest(tmp_path / "bomb.zip"))
