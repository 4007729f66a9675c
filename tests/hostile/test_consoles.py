"""Consoles of any encoding, and texts that would steer one: all is shown, nothing is obeyed."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from curate.cli import main
from curate.cli.console import plain
from db.workspace.workspace import open_workspace
from tests.conftest import Curate
from tests.hostile.workspaces import draw, write_list

pytestmark = pytest.mark.slow

ENCODINGS = ("ascii", "latin-1", "cp1252", "cp437", "cp850", "koi8-r", "shift_jis", "utf-8", "utf-16")
COMMANDS = (
    ("status",),
    ("stats",),
    ("classes", "list", "style"),
    ("history", "img/ünï画.png"),
    ("check",),
    ("ingest", "LIST"),
    ("stats", "--json"),
    ("history", "img/ünï画.png", "--json"),
    ("label", "img/ünï画.png", "style", "Malerei für Ärzte 画"),
    ("label", "img/ünï画.png", "style", "Ничего"),
    ("--help",),
    ("train", "--help"),
)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose file and class names few encodings have."""
    folder = tmp_path_factory.mktemp("consoles") / "wörk画"
    run_quietly(["init", str(folder), "--attributes", "style"])
    draw(folder / "img" / "ünï画.png")
    draw(folder / "img" / "2.png")
    rows = [["img/ünï画.png", "Malerei für Ärzte 画"], ["img/2.png", "Кубизм"]]
    listed = write_list(folder / "l.csv", rows, ("filepath", "style"))
    run_quietly(["-w", str(folder), "ingest", str(listed)])
    return folder


def run_quietly(arguments: list[str]) -> None:
    try:
        main(arguments)
    except SystemExit as stop:
        assert not stop.code


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_encoding_is_written_to(
    foreign: Path, words: tuple[str, ...], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    typed = [word.replace("LIST", str(foreign / "l.csv")) for word in words]

    with pytest.raises(SystemExit) as stop:
        main(["-w", str(foreign), *typed])

    out.flush()
    err.flush()
    encoding = encoding.replace("ascii", "utf-8")  # an unset locale says nothing of the terminal
    printed = out.buffer.getvalue().decode(encoding)
    told = err.buffer.getvalue().decode(encoding)
    assert stop.value.code in ((0, None) if "Ничего" not in words else (1,)), told
    assert (printed if "Ничего" not in words else told) != ""
    if "--json" in words:
        assert [json.loads(line) for line in printed.splitlines()]


STEERING = {
    "a colour": "\x1b[31mred",
    "the screen cleared": "\x1b[2J\x1b[H",
    "a title": "\x1b]0;pwned\x07",
    "a C1 sequence": "\x9b31m",
    "a bell": "\x07",
    "a backspace": "right\x08\x08\x08\x08\x08wrong",
    "a line written over": "right\rwrong",
    "text turned round": "\u202egnorw",
    "an isolate": "\u2067wrong\u2069",
    "a line separator": "a\u2028b",
    "a delete": "a\x7fb",
    "a null": "a\x00b",
}


@pytest.mark.parametrize("name", STEERING)
def test_a_comment_and_a_reviewer_steer_no_terminal(
    curate: Curate, used: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from db.models import now
    from db.reviews.answering.answers import Answer, Decision
    from db.reviews.answering.recording import record

    said = STEERING[name]
    with open_workspace(used).open_catalog() as catalog, catalog.write() as session:
        who = ("7", f"ann{said}")
        answer = Answer("sheet", "1", 1, who, now(), [Decision(None, "unusable")], comment=f"hm {said} hm")
        record(session, [answer])
        from db.models import Artwork

        uuid = str(session.get_one(Artwork, 1).uuid)

    shown = curate("-w", used, "history", uuid)
    people = curate("-w", used, "reviewers")
    structured = curate("-w", used, "history", uuid, "--json")

    for text in (shown.stdout, people.stdout, structured.stdout):
        assert not any(c in text for c in "\x1b\x9b\x07\x08\r\u202e\u2067\u2028\x7f\x00")
        assert text.isascii() or plain(text) == text
    assert any(
        event.get("comment") == f"hm {said} hm".replace("\x00", "") for event in structured.lines()
    ) or ("\x00" in said)


@pytest.mark.parametrize("name", STEERING)
def test_an_error_steers_no_terminal(curate: Curate, used: Path, name: str) -> None:
    refused = curate("-w", used, "history", STEERING[name])

    assert refused.status == 1
    assert not any(c in refused.stderr for c in "\x1b\x9b\x07\x08\r\u202e\u2067\u2028\x7f\x00")


def test_a_full_disk_under_the_output_says_that_the_deed_is_done(used: Path) -> None:
    import subprocess

    program = [sys.executable, "-m", "curate.cli", "-w", str(used), "stats"]
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("error: Standard output could not be written (No space left on device).")
