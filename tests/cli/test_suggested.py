"""What a message says to type works as it is printed, from where the user stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from curate.cli import main
from curate.issues.columns import NOTHING_EXPECTED
from curate.rounds.push_summary import PushSummary
from tests.conftest import Curate
from tests.hostile.workspaces import draw, write_list

FOLDER = "my paintings"

SAID: list[tuple[str, str]] = [
    ("status", "Next: curate -w 'my paintings' ingest SOURCE"),
    ("train", "`curate -w 'my paintings' ingest SOURCE` brings some; `curate -w 'my paintings' status` says"),
    ("issues", "Run `curate -w 'my paintings' train` first."),
    ("history nothing", "that `curate -w 'my paintings' issues` prints"),
    ("relocate pictures", "`curate -w 'my paintings' relocate pictures DIR`"),
    ("compare 1 1", "curate -w 'my paintings' compare 3 4"),
    ("train --folds 1", "error: curate train: --folds: "),
]


@pytest.fixture
def outside(curate: Curate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder above a workspace whose name has a space."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATE_WORKSPACE", raising=False)
    assert curate("init", FOLDER, "--attributes", "style").status == 0
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return all that a command prints, without the frames around it."""
    try:
        main(list(words))
    except SystemExit:
        pass
    return " ".join("".join(capsys.readouterr()).replace("\u2502", " ").split())


@pytest.mark.parametrize(("words", "said"), SAID, ids=[words for words, _ in SAID])
def test_commands_name_the_workspace_that_was_named(
    outside: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert said in printed(capsys, "-w", FOLDER, *words.split())


@pytest.mark.parametrize("place", ["option", "long option", "variable", "inside", "dot"])
def test_the_workspace_is_named_where_it_must_be(
    outside: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    before = {"option": ["-w", FOLDER], "long option": [f"--workspace={FOLDER}"], "dot": ["-w", "."]}
    if place == "variable":
        monkeypatch.setenv("CURATE_WORKSPACE", FOLDER)
    elif place in ("inside", "dot"):
        monkeypatch.chdir(FOLDER)

    told = printed(capsys, *before.get(place, []), "status")

    where = " -w 'my paintings'" if "option" in place else ""
    assert told.endswith(f"Next: curate{where} ingest SOURCE")


def test_what_is_printed_can_be_typed(
    curate: Curate, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paths with spaces stand in quotes, relative ones lead from where the command was typed."""
    draw(outside / "the list" / "1.png")
    rows = [["1.png", "Cubism"], ["nothing.png", "Cubism"]]
    write_list(outside / "the list" / "l.csv", rows, ("filepath", "style"))
    listed = printed(capsys, "-w", FOLDER, "ingest", "the list/l.csv", "--allow-missing")
    suggested = [*re.findall(r"`curate ([^`]+)`", listed)]
    made = printed(capsys, "init", "second one")
    suggested += re.findall(r"Next: curate (.+) SOURCE", made)
    suggested += [f"{shlex.join(['-w', 'second one'])} status"]

    assert len(suggested) >= 3
    for words in suggested:
        typed = [*shlex.split(words), *(["the list/l.csv", "--dry-run"] if words.endswith("ingest") else [])]
        assert curate(*typed).status == 0, typed


def test_a_sheet_is_read_as_it_is_said() -> None:
    summary = PushSummary(None, 1.0, NOTHING_EXPECTED, "/a b/review.csv", batch=1, created=1)

    assert str(summary).endswith(
        "Fill in /a b/review.csv, then: curate sync-corrections --from '/a b/review.csv'"
    )
