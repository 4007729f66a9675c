"""Whatever an annotation holds, a sheet says, or a caller sends to the webhook: nobody sees a traceback."""

from __future__ import annotations

import csv
import io
import os
import socket
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from db.classes.classes import ClassList
from db.engine.catalog import Catalog, open_catalog
from db.errors import CurateError
from db.models import Annotation, Artwork
from db.reviews.answering.answers import Answer
from db.reviews.answering.recording import record
from db.workspace.workspace import init_workspace
from review.label_studio.sync.answers import NotUnderstood, comment_of, decisions_of, user_id
from review.label_studio.sync.wake import SECRET_HEADER, Alarm, webhook_receiver
from review.sheet.filled_answers import read_sheet
from tests.db.filled import START, fill

bounded = settings(
    max_examples=int(os.environ.get("CURATE_FUZZ_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CLASS_LISTS = {"style": ClassList(1, "style", {1: "a", 2: "b"}, {1: "A", 2: "B"}, {1: 1, 2: 2})}
TEXTS = st.sampled_from(["a", "b", "right", "wrong", "unsure", "unusable", "\0", "\ud800", ""]) | st.text(
    max_size=4
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["verdict_style", "class_style", "picture", "comment", "x"]) | JSON
CHOSEN = st.sampled_from(["choices", "taxonomy", "text"])
VALUES = st.dictionaries(CHOSEN, JSON | st.lists(TEXTS, max_size=2), max_size=2)
RESULT = st.fixed_dictionaries({"from_name": NAMES, "value": VALUES | JSON})
RESULTS = st.lists(RESULT | JSON, max_size=4) | JSON
COLUMNS = [
    *("task", "artwork", "image", "style_label", "style_suggested", "style_why"),
    *("style_verdict", "style_class", "picture", "comment", "reviewer"),
]
CELLS = st.sampled_from(["right", "wrong", "Cubism", "unusable", "1-1", "²-1", "9" * 30 + "-1", "\0", ""])
CELLS |= st.text(st.characters(codec="utf-8"), max_size=8)
RESET = b"\1\0\0\0\0\0\0\0"
"""For ``SO_LINGER``: hang up with a reset."""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    workspace = init_workspace(tmp_path_factory.mktemp("ws"), ("style",))
    fill(workspace)
    with open_catalog(workspace.database_url) as catalog:
        yield catalog


@bounded
@given(results=RESULTS, who=JSON, number=st.integers(0, 3))
@example(results=[{"from_name": "comment", "value": {"text": "\ud800\0"}}], who={"id": "x"}, number=0)
@example(results=[{"from_name": "verdict_style", "value": "right"}], who=True, number=1)
@example(results={"from_name": "verdict_style"}, who=None, number=2)
def test_any_json_as_an_annotation(catalog: Catalog, results: Any, who: Any, number: int) -> None:
    refused, decisions = None, []
    try:
        decisions = decisions_of(results, {"style": "a"}, CLASS_LISTS)
    except NotUnderstood as problem:
        refused = str(problem)
        assert "\n" not in refused
    answer = Answer(
        server="http://ls",
        annotation_id=f"fuzz {number}",
        artwork_id=4 + number,
        reviewer=(str(user_id({"completed_by": who})), "x"),
        updated_at=START + timedelta(days=1, seconds=datetime.now(UTC).timestamp()),
        decisions=decisions,
        comment=comment_of(results),
        refused=refused,
        raw={"result": results},
    )

    with catalog.write() as session:
        recorded = record(session, [answer])
        kept = session.query(Annotation).filter_by(annotation_id=answer.annotation_id).one()

    assert recorded.annotations == 1
    assert kept.state == ("accepted" if refused is None else "refused")


def read(catalog: Catalog, path: Path) -> None:
    """Read a sheet: its answers are recorded, or one line says what is wrong."""
    try:
        read_sheet(catalog, path)
    except CurateError as error:
        assert "\n" not in str(error)


@bounded
@given(data=st.binary(max_size=300))
@example(data=b"artwork,style\n")
@example(data=b"\xff\xfe\x00")
@example(data=b'artwork,"style\n1,2')
@example(data=b"\x01\r\x01")
def test_any_bytes_as_a_filled_sheet(catalog: Catalog, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "review.csv").write_bytes(data)

    read(catalog, tmp_path / "review.csv")


@pytest.fixture(scope="module")
def book() -> bytes:
    """A filled sheet as a workbook."""
    made, out = Workbook(), io.BytesIO()
    page = made.active
    assert page is not None
    page.append(COLUMNS)
    page.append(["1-1", "nothing", "", "a", "b", "", "right"])
    made.save(out)
    return out.getvalue()


@bounded
@given(at=st.floats(0, 1, exclude_max=True), byte=st.binary(min_size=1, max_size=4), cut=st.booleans())
def test_any_damage_to_a_workbook(
    catalog: Catalog, tmp_path: Path, book: bytes, at: float, byte: bytes, cut: bool
) -> None:
    place = int(at * len(book))
    damaged = book[:place] + byte + (b"" if cut else book[place + len(byte) :])
    (tmp_path / "review.xlsx").write_bytes(damaged)

    read(catalog, tmp_path / "review.xlsx")


@bounded
@given(
    rows=st.lists(
        st.lists(CELLS | st.text(st.characters(codec="utf-8"), max_size=8), max_size=13), max_size=4
    )
)
@example(rows=[["1-1"]])
def test_any_cells_in_a_filled_sheet(catalog: Catalog, tmp_path: Path, rows: list[list[str]]) -> None:
    with catalog.read() as session:
        uuid = str(session.query(Artwork.uuid).limit(1).scalar())
    with (tmp_path / "review.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *([*row[:1], uuid, *row[1:]] for row in rows)])

    read(catalog, tmp_path / "review.csv")


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[Alarm, int]]:
    """One receiver of webhooks for everything that is sent to it: it must outlive all of it."""
    with webhook_receiver(0, "the secret") as (alarm, port):
        yield alarm, port


@settings(bounded, max_examples=min(40, int(os.environ.get("CURATE_FUZZ_EXAMPLES", "40"))))
@given(sent=st.binary(max_size=200))
@example(sent=b"POST / HTTP/1.1\r\nX-Curate-Secret: \xff\r\n\r\n")
@example(sent=b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n")
@example(sent=b"")
def test_any_bytes_to_the_webhook(
    receiver: tuple[Alarm, int], capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    alarm, port = receiver
    with socket.create_connection(("127.0.0.1", port), timeout=5) as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        caller.sendall(sent)
    assert not alarm.wait(0.01)

    authentic = urllib.request.Request(
        f"http://127.0.0.1:{port}/", data=b"{}", headers={SECRET_HEADER: "the secret"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(authentic, timeout=5) as answered:
        assert answered.status == 204
    assert alarm.wait(5)

    assert capfd.readouterr().err == ""
