"""Every example that a command's help shows is run, in the order of the loop, by a person in a folder."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from curate.cli import command_line
from curate.demo.gallery import GalleryImage, draw_gallery, plant_errors, write_listing
from curate.workspace import open as open_from_python
from db.workspace.workspace import change_settings, open_workspace
from review.label_studio.local_server import LocalServer
from review.label_studio.scripted_reviewer import answer_tasks
from tests.conftest import Curate

pytestmark = pytest.mark.slow

RENAMED = {"Engraving": "Ukiyo_e", "Pointillism": "Synthetic_Cubism"}
"""The drawn styles under the names that the examples use."""

ORDER = (
    "init ingest stats history classes-list classes-add classes-rename classes-merge classes-missing "
    "train runs issues evaluate train compare report browse push ANSWER sync-corrections reviewers "
    "label undo status export export-model predict import-predictions backup restore upgrade "
    "relocate doctor check"
).split()

QUICK = {"epochs": 3, "folds": 3, "ensemble": 1}
"""What this person's ``curate.toml`` says of training: the examples leave it open."""

ELSEWHERE = {"demo"}
"""Examples that another test runs: the demo's is ``test_demo.py``'s."""


def examples() -> dict[str, list[str]]:
    """Return the words of each command's example, by the command's own words joined with ``-``."""
    found = {}

    def walk(group: object, words: tuple[str, ...]) -> None:
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            if hasattr(command, "commands"):
                walk(command, (*words, name))
                continue
            text = inspect.getdoc(command.callback) or ""
            example = re.search(r"Example: curate (.+)", text)
            assert example, f"curate {' '.join((*words, name))} has no example"
            found["-".join((*words, name))] = shlex.split(example[1])

    walk(command_line(), ())
    return found


def test_every_example_is_run() -> None:
    assert set(examples()) - ELSEWHERE == set(ORDER) - {"ANSWER"}


@pytest.mark.services
def test_the_examples_work_one_after_the_other(
    tmp_path: Path, curate: Curate, label_studio: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person's afternoon: `curate init paintings`, then everything else inside that folder."""
    found = examples()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    monkeypatch.setenv("BROWSER", "true %s")
    workspace = tmp_path / "paintings"

    for step in ORDER:
        if step == "ANSWER":
            answer_half(workspace)
            continue
        words = adapted(found[step], workspace, tmp_path)
        if step == "restore":
            shutil.rmtree("paintings-again", ignore_errors=True)
        result = curate(*words)

        assert result.status == 0, f"curate {shlex.join(words)}\n{result.stdout}{result.stderr}"
        if step == "init":
            monkeypatch.chdir(workspace)
            make_scans(workspace)
            change_settings(open_workspace(workspace), "label_studio", "url", label_studio.url)
            for setting, value in QUICK.items():
                change_settings(open_workspace(workspace), "train", setting, value)


def make_scans(folder: Path) -> None:
    """Draw ``scans/images/*.jpg`` and a photo; list the scans in a workbook, some labels wrong."""
    records = [
        GalleryImage(r.filepath, {**r.labels, "style": RENAMED.get(r.labels["style"], r.labels["style"])})
        for r in draw_gallery(folder / "scans", 60, seed=1)
    ]
    write_listing(plant_errors(records, 0.1, seed=1), folder / "labels.csv")
    columns = {"filepath": "File name", "artist": "Künstler"}
    pd.read_csv(folder / "labels.csv").rename(columns=columns).to_excel(folder / "list.xlsx", index=False)
    shutil.copyfile(folder / "scans" / records[0].filepath, folder / "photo.jpg")


def answer_half(folder: Path) -> None:
    """Let the reviewer find every open label right."""
    from db.classes.classes import attributes, class_list
    from db.labels.table import label_table

    workspace = open_workspace(folder)
    with workspace.open_catalog() as catalog, catalog.read() as session:
        table = label_table(session)
        keys = {a.name: class_list(session, a).key for a in attributes(session)}
    standing = {
        str(uuid): {name: key[table.labels[name][row]] for name, key in keys.items()}
        for row, uuid in enumerate(table.uuids)
    }
    answer_tasks(workspace.settings.label_studio, standing, standing)


def adapted(words: list[str], workspace: Path, outside: Path) -> list[str]:
    """Put what only this run can know into an example: where an archive is, which verdict, which runs."""
    if words[0] == "relocate":
        shutil.copytree(workspace / "scans", outside / "archive", dirs_exist_ok=True)
        return [word.replace("/archive/scans", str(outside / "archive")) for word in words]
    if words[0] == "undo":
        from sqlalchemy import text

        with open_workspace(workspace).open_catalog() as catalog, catalog.read() as session:
            newest = session.execute(text("SELECT max(id) FROM verdict")).scalar()
        return ["undo", str(newest), "--yes"]
    if words[:2] == ["classes", "missing"]:
        from db.labels.class_changes import new_class

        with open_workspace(workspace).open_catalog() as catalog, catalog.write() as session:
            new_class(session, words[2], words[3], "somebody")
    if words[0] == "import-predictions":
        open_from_python(workspace, progress=False).export(workspace / "clip.parquet", predictions=1)
    if words[0] == "compare":
        return ["compare", "1", "2", *words[3:]]
    return words
