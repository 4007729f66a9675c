"""The README's session is typed as printed; all that it shows is printed, but for numbers and classes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from curate.demo.gallery import GalleryImage, draw_gallery, plant_errors, write_listing
from db.classes.classes import read_class_lists
from db.labels.table import label_table
from db.workspace.workspace import change_settings, open_workspace
from review.label_studio.local_server import LocalServer
from review.label_studio.scripted_reviewer import answer_tasks
from tests.conftest import Curate

pytestmark = [pytest.mark.services, pytest.mark.slow]

README = Path(__file__).resolve().parents[2] / "README.md"
COUNT = 150


def session() -> list[tuple[list[str], list[str]]]:
    """Return the commands of the session in order, each with the lines that the README shows of it."""
    text = README.read_text(encoding="utf-8").partition("## The shortest real session")[2]
    steps: list[tuple[list[str], list[str]]] = []
    for line in text.partition("```\n")[2].partition("```")[0].splitlines():
        if line.startswith("$ "):
            steps.append((shlex.split(line[2:], comments=True), []))
        elif line.strip() and line.strip() != "…":
            steps[-1][1].append(line)
    return steps


def shape(line: str, classes: set[str]) -> re.Pattern[str]:
    """Return the pattern of a line: any number for a number (and its verb), any class or file for one."""
    line = line.replace("/home/ada", "FOLDER")
    words = "|".join(map(re.escape, sorted(classes, key=len, reverse=True)))
    loose = r"curate-paintings-\w+|FOLDER|images/\S+|https?://[^/\s]+|\d+(?:\.\d+)?%?| +|\b(?:is|are)\b"
    parts = re.split(rf"({loose}|\b(?:{words})\b)", line)
    return re.compile("".join(_loosened(part, classes) for part in parts))


def _loosened(part: str, classes: set[str]) -> str:
    if part.isspace():
        return r"\s+"
    if part[:1].isdigit():
        return r"\d+(?:\.\d+)?%?"
    if part in ("is", "are"):
        return "(?:is|are)"
    if part in classes or part.startswith(("curate-paintings-", "FOLDER", "images/", "http")):
        return r"\S+"
    return re.escape(part)


def parts(line: str) -> list[str]:
    """Return what is compared of a line: a reason is a list of clauses, of which each artwork has its own."""
    return line.strip().split("; ") if line.startswith(" ") else [line.rstrip()]


def answer(folder: Path, truth: list[GalleryImage]) -> None:
    """Let the reviewer answer every task with the label that was drawn."""
    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.read() as opened:
        table, lists = label_table(opened), read_class_lists(opened)
    uuids = [str(uuid) for uuid in table.uuids]
    drawn = {record.filepath: dict(record.labels) for record in truth}
    shown = {
        uuid: {
            name: classes.key[table.labels[name][row]]
            for name, classes in lists.items()
            if table.labels[name][row] >= 0
        }
        for row, uuid in enumerate(uuids)
    }
    right = {uuid: drawn[path] for uuid, path in zip(uuids, table.paths, strict=True)}
    answer_tasks(workspace.settings.label_studio, right, shown)


def test_the_readmes_session_works_and_prints_what_it_shows(
    tmp_path: Path, curate: Curate, label_studio: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = draw_gallery(tmp_path / "gallery", COUNT, seed=5)
    write_listing(plant_errors(truth, 0.1, seed=5), tmp_path / "gallery" / "LIST.csv")
    classes = {key for record in truth for key in record.labels.values()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    differing = []

    for words, shown in session():
        if words[0] == "cd":
            monkeypatch.chdir(tmp_path / words[1])
            here = open_workspace(tmp_path / words[1])
            change_settings(here, "label_studio", "url", label_studio.url)
        if words[0] != "curate":
            continue
        typed = [str(tmp_path / "gallery" / word) if word == "LIST.csv" else word for word in words[1:]]
        if typed[0] == "browse":
            typed.append("--no-launch")
        if typed[0] == "sync-corrections":
            answer(tmp_path / "paintings", truth)
        done = curate(*typed)

        assert done.status == 0, done.stderr
        printed = [part for line in (done.stdout + done.stderr).splitlines() for part in parts(line)]
        differing += [
            f"{shlex.join(words)}: {wanted!r} in\n" + "\n".join(printed)
            for line in shown
            for wanted in parts(line)
            if not any(shape(wanted, classes).fullmatch(one) for one in printed)
        ]

    assert not differing, "\n\n".join(differing)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("read 300: 300 added, 0 refused", "read 150: 149 added, 1 refused", True),
        ("read 300: 300 added, 0 refused", "read 150: 149 added, 1 left out", False),
        ("0.000  style    A → B  images/1.jpg", "0.012  style    B → A  images/00099.jpg", True),
        ("0.000  style    A → B  images/1.jpg", "0.012  style    B is A  images/00099.jpg", False),
        ("/home/ada/paintings is ready.", "/tmp/x/paintings is ready.", True),
        ("Expected wrong labels: 43.5.", "Expected wrong labels: 36.04.", True),
        ("44 errors found, 37% of 114 verdicts", "9 errors found, 8% of 120 verdicts", True),
    ],
)
def test_lines_are_compared_but_for_numbers_and_classes(shown: str, printed: str, same: bool) -> None:
    assert bool(shape(shown, {"A", "B"}).fullmatch(printed)) == same
