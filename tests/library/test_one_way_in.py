"""Each verb of a workspace and its command give the same rows and numbers, on one drawn workspace."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import curate as library
from curate.cli import command_line
from curate.demo.gallery import draw_gallery, plant_errors, write_listing
from curate.errors import IncompatibleOptions
from tests.conftest import Curate

pytestmark = pytest.mark.slow

STYLES = ["Cubism", "Engraving", "Hard_Edge", "Pointillism"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> library.Workspace:
    """A workspace of 48 drawn pictures with two runs; tests leave its labels as they are."""
    folder = tmp_path_factory.mktemp("drawn")
    true = draw_gallery(folder, 48, seed=4)
    write_listing(plant_errors(true, 0.15, seed=4), folder / "labels.csv")
    workspace = library.init(folder / "ws", progress=False)
    workspace.ingest(folder / "labels.csv")
    codes = np.array([STYLES.index(record.labels["style"]) for record in true])
    for seed in (0, 1):
        logits = np.random.default_rng(seed).normal(size=(48, 4)) + 3 * np.eye(4)[codes]
        probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        named = pd.DataFrame(probs, columns=[f"style.{name}" for name in STYLES])
        named.insert(0, "filepath", [record.filepath for record in true])
        workspace.import_predictions(named, out_of_sample="fold", name=f"model {seed}")
    return workspace


def as_json(value: Any) -> Any:
    """Return a value as JSON would read it back."""
    return json.loads(json.dumps(value, default=str))


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows, NaN as None."""
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return list(as_json(records))


def test_ingest_and_its_dry_run(drawn: library.Workspace, curate: Curate, tmp_path: Path) -> None:
    source = drawn.folder.parent / "labels.csv"
    curate("init", tmp_path / "ws")

    wanted = drawn.dry_run(source).as_json()
    told = curate("-w", tmp_path / "ws", "ingest", source, "--dry-run", "--json").json()
    by_command = curate("-w", tmp_path / "ws", "ingest", source, "--json").json()
    by_verb = library.init(tmp_path / "other", progress=False).ingest(source).as_json()

    assert told == as_json(wanted)
    assert told["read"] == by_command["read"] == 48
    differing = {"seconds"}
    assert {k: v for k, v in by_command.items() if k not in differing} == {
        k: v for k, v in as_json(by_verb).items() if k not in differing
    }


def test_stats(drawn: library.Workspace, curate: Curate) -> None:
    told = curate("-w", drawn.folder, "stats", "--json").json()

    assert told == as_json(drawn.stats().as_json())
    assert told["artworks"] == 48


def test_history(drawn: library.Workspace, curate: Curate) -> None:
    path = str(drawn.labels()["filepath"].iloc[3])

    told = curate("-w", drawn.folder, "history", path, "--json").lines()
    ingests = curate("-w", drawn.folder, "history", "--ingests", "--json").lines()
    refused = curate("-w", drawn.folder, "history", "--refused", "1", "--json")

    table = drawn.history(path)
    assert [row["label"] for row in told] == table["label"].tolist()
    assert [row["when"] for row in told] == [when.isoformat() for when in table["when"]]
    assert list(told[0]) == list(table)
    assert ingests == [as_json(vars(row)) for row in drawn.ingests()]
    assert refused.lines() == list(drawn.refused(1)) == []
    assert refused.stderr == "Ingest 1 refused 0 records.\n"


def test_runs(drawn: library.Workspace, curate: Curate) -> None:
    told = curate("-w", drawn.folder, "runs", "--json").lines()

    assert told == [as_json(row.as_record()) for row in drawn.run_list()]
    table = drawn.runs()
    assert table["run"].tolist() == [row["run"] for row in told] == [1, 2]
    assert table["style_accuracy"].tolist() == [row["metrics"]["style"]["accuracy"] for row in told]


@pytest.mark.parametrize(
    ("options", "verb"),
    [
        ([], {"limit": 20}),
        (["--limit", "7", "--attribute", "style"], {"limit": 7, "attribute": "style"}),
        (["--run", "1", "--all"], {"run": 1, "every": True}),
        (["--kind", "outlier"], {"kind": "outlier", "limit": 20}),
        (["--kind", "property"], {"kind": "property", "limit": 20}),
    ],
)
def test_issues(drawn: library.Workspace, curate: Curate, options: list[str], verb: dict[str, Any]) -> None:
    told = curate("-w", drawn.folder, "issues", *options, "--json").lines()

    assert [{**row, "expected_wrong": None} for row in told] == [
        {**row, "expected_wrong": None} for row in rows(drawn.issues(**verb))
    ]
    assert told or verb.get("kind") in ("outlier", "property")


def test_issues_tell_scripts_how_many_labels_are_wrong(drawn: library.Workspace, curate: Curate) -> None:
    """The number that people read on stderr stands in every line: that of ``status`` and ``push``."""
    told = curate("-w", drawn.folder, "issues", "--limit", "3", "--json").lines()
    status = curate("-w", drawn.folder, "status", "--json").json()
    conflicts = curate("-w", drawn.folder, "issues", "--kind", "property", "--json").lines()

    assert len(told) == 3
    assert all(row["expected_wrong"] == status["expected_wrong"] for row in told)
    assert set(told[0]["expected_wrong"]) == {"value", "low", "high", "audits", "assumed"}
    assert all(row["expected_wrong"] is None for row in conflicts)


def test_issues_by_artwork_and_threshold(drawn: library.Workspace, curate: Curate) -> None:
    by_artwork = curate("-w", drawn.folder, "issues", "--by", "artwork", "--limit", "4", "--json").lines()
    below = curate("-w", drawn.folder, "issues", "--rule", "threshold", "--limit", "5", "--json").lines()

    assert by_artwork == as_json(list(drawn.issue_list(by_artwork=True, limit=4).records()))
    assert len({row["artwork"] for row in by_artwork}) == 4
    assert below == as_json(list(drawn.issue_list(below=0.3, limit=5).records()))
    assert all(row["p_label"] < 0.3 for row in below)


def test_all_issues_by_artwork_are_all(drawn: library.Workspace, curate: Curate) -> None:
    told = curate("-w", drawn.folder, "issues", "--by", "artwork", "--all", "--json").lines()

    assert len({row["artwork"] for row in told}) == 48


def test_evaluate_and_compare(drawn: library.Workspace, curate: Curate) -> None:
    told = curate("-w", drawn.folder, "evaluate", "1", "--json").json()
    compared = curate("-w", drawn.folder, "compare", "1", "2", "--json").json()

    assert told == as_json(drawn.evaluation(1).as_record())
    row = drawn.evaluate(1).set_index("attribute").loc["style"]
    corrected = told["attributes"]["style"]["corrected"]
    assert (row["n"], row["accuracy"]) == (corrected["n"], corrected["accuracy"])
    assert compared == as_json(drawn.comparison(1, 2).as_record())
    pair = compared["attributes"]["style"]["pairs"][0]
    assert drawn.compare(1, 2)["difference"].tolist()[1] == pair["difference"]


def test_report(drawn: library.Workspace, curate: Curate, tmp_path: Path) -> None:
    curate("-w", drawn.folder, "report", "1", "--format", "json", "--out", tmp_path / "command.json")
    drawn.report(1, tmp_path / "verb.json", format="json")

    assert (tmp_path / "command.json").read_bytes() == (tmp_path / "verb.json").read_bytes()


@pytest.mark.parametrize("name", ["labels.csv", "labels.xlsx", "labels.parquet"])
def test_export(drawn: library.Workspace, curate: Curate, tmp_path: Path, name: str) -> None:
    told = curate("-w", drawn.folder, "export", tmp_path / f"command-{name}", "--json").json()
    done = drawn.export(tmp_path / f"verb-{name}")

    assert told == {"out": str(tmp_path / f"command-{name}"), "artworks": 48}
    assert done.as_record() == {"out": str(tmp_path / f"verb-{name}"), "artworks": 48}
    if not name.endswith("xlsx"):  # a workbook holds the time
        assert Path(told["out"]).read_bytes() == Path(done).read_bytes()


def test_export_of_a_list_its_history_and_predictions(
    drawn: library.Workspace, curate: Curate, tmp_path: Path
) -> None:
    source = drawn.folder.parent / "labels.csv"
    for options, verb in (
        (["--like", source], {"like": source}),
        (["--history"], {"history": True}),
        (["--predictions", "2"], {"predictions": 2}),
        (["--format", "artgan"], {"format": "artgan"}),
        (["--format", "imagefolder"], {"format": "imagefolder"}),
    ):
        outs = [tmp_path / f"{by}-{len(list(tmp_path.iterdir()))}" for by in ("command", "verb")]
        told = curate("-w", drawn.folder, "export", outs[0], *options, "--json")
        done = drawn.export(outs[1], **verb)

        assert told.status == 0, told.stderr
        assert told.json() | {"out": ""} == as_json(done.as_record()) | {"out": ""}


def test_options_of_export_that_exclude_each_other(drawn: library.Workspace, curate: Curate) -> None:
    told = curate("-w", drawn.folder, "export", "x.csv", "--history", "--predictions", "1")

    assert told.status == 2
    assert "like, history and predictions exclude each other." in " ".join(told.stderr.split())
    with pytest.raises(IncompatibleOptions, match=r"^like, history and predictions exclude each other\.$"):
        drawn.export("x.csv", history=True, predictions=1)


def test_status(drawn: library.Workspace, curate: Curate) -> None:
    told = curate("-w", drawn.folder, "status", "--json").json()

    assert told == as_json(drawn.status().as_record())
    assert told["expected_wrong"] == as_json(asdict(drawn.status().left))  # type: ignore[arg-type]


def test_a_planned_push_tells_the_same(drawn: library.Workspace, curate: Curate) -> None:
    told = curate("-w", drawn.folder, "push", "--limit", "12", "--dry-run", "--json").json()
    said = curate("-w", drawn.folder, "push", "--limit", "12", "--dry-run").stdout

    planned = drawn.push(12, dry_run=True)

    assert told == as_json(planned.as_record())
    assert said == f"{planned}\n"
    assert told["planned"]["review"] > 0 and told["batch"] is None


def test_a_pushed_sheet_tells_what_to_expect(
    drawn: library.Workspace, curate: Curate, tmp_path: Path
) -> None:
    """Two copies of one workspace, one asked by the command, one by the verb."""
    for name in ("command", "verb"):
        shutil.copytree(drawn.folder, tmp_path / name)
    verb = library.open(tmp_path / "verb", progress=False)

    told = curate(
        "-w",
        tmp_path / "command",
        "push",
        "--limit",
        "8",
        "--to",
        "csv",
        "--output",
        tmp_path / "a",
        "--json",
    ).json()
    done = verb.push(8, sheet=tmp_path / "b.csv")

    assert told == as_json(done.as_record())
    assert done.created == 8 and done.expected_yield > 0
    assert done.expected_wrong == verb.status().left
    assert str(done).splitlines()[1].startswith("labels not reviewed: about ")
    assert str(done).splitlines()[2] == (
        f"Fill in {tmp_path / 'b.csv'}, then: curate sync-corrections --from {tmp_path / 'b.csv'}"
    )
    assert (tmp_path / "a.csv").is_file() and (tmp_path / "b.csv").is_file()


def test_nobody_has_reviewed(drawn: library.Workspace, curate: Curate) -> None:
    assert curate("-w", drawn.folder, "reviewers", "--json").lines() == drawn.reviewers() == []
    assert curate("-w", drawn.folder, "reviewers", "--conflicts", "--json").lines() == drawn.conflicts() == []


def test_a_verdict_and_an_ingest_taken_back(drawn: library.Workspace, curate: Curate, tmp_path: Path) -> None:
    """Two copies of one workspace, one changed by the commands, one by the verbs."""
    for name in ("command", "verb"):
        shutil.copytree(drawn.folder, tmp_path / name)
    verb = library.open(tmp_path / "verb", progress=False)
    first = drawn.issues().iloc[0]
    said = (first["path"], first["attribute"], first["suggested"])
    curate("-w", tmp_path / "command", "label", *said)
    verb.label(*said)

    plan = verb.undo(first["path"], first["attribute"], dry_run=True)
    told = curate("-w", tmp_path / "command", "undo", *said[:2], "--yes", "--json").json()
    done = verb.undo(first["path"], first["attribute"])
    of_ingest = curate("-w", tmp_path / "command", "undo", "--ingest", 1, "--yes", "--json").json()
    all_of_it = verb.undo(ingest=1)

    assert f"{first['path']} style corrected" in str(plan)
    assert told == done.as_record() == {"verdict": 1, "labels_changed": 1}
    assert of_ingest == as_json(all_of_it.as_record())
    assert of_ingest["labels_taken_back"] == of_ingest["labels_changed"] == 144


def test_classes_and_what_became_of_them(drawn: library.Workspace, curate: Curate, tmp_path: Path) -> None:
    for name in ("command", "verb"):
        shutil.copytree(drawn.folder, tmp_path / name)
    command, verb = tmp_path / "command", library.open(tmp_path / "verb", progress=False)

    for typed in (
        ("add", "style", "Op Art"),
        ("rename", "style", "Hard_Edge", "Hard Edge"),
        ("merge", "style", "Engraving", "Cubism"),
        ("missing", "style", "Pointillism"),
    ):
        assert curate("-w", command, "classes", *typed).status == 0
    verb.add_class("style", "Op Art")
    verb.rename_class("style", "Hard_Edge", "Hard Edge")
    verb.merge_classes("style", "Engraving", "Cubism")
    verb.take_as_missing("style", "Pointillism")

    told = curate("-w", command, "classes", "list", "style", "--json").lines()
    changes = curate("-w", command, "classes", "list", "style", "--changes", "--json").lines()
    assert told == as_json([vars(row) for row in verb.class_rows("style")])
    own = [as_json(vars(change)) for change in verb.class_changes("style")]
    assert [{**row, "when": ""} for row in changes] == [{**row, "when": ""} for row in own]
    assert "Hard Edge" in verb.classes("style")["name"].tolist()


def test_check_backup_and_where_images_are(drawn: library.Workspace, curate: Curate, tmp_path: Path) -> None:
    checked = curate("-w", drawn.folder, "check", "--json").lines()
    roots = curate("-w", drawn.folder, "relocate", "--json").lines()
    written = curate("-w", drawn.folder, "backup", tmp_path / "command.zip", "--json").json()
    upgraded = curate("-w", drawn.folder, "upgrade", "--json").json()

    assert checked == as_json([asdict(finding) for finding in drawn.check()])
    assert roots == as_json([asdict(state) for state in drawn.roots()])
    made = as_json(asdict(drawn.backup(tmp_path / "verb.zip")))
    counted = ("artworks", "labels", "verdicts", "runs")
    assert [written[name] for name in counted] == [made[name] for name in counted]
    assert upgraded == as_json(asdict(drawn.upgrade()))


COMMANDS_ALONE = {
    "init": "curate.init",
    "doctor": "of the surroundings, not of a workspace",
    "restore": "makes the workspace that it restores",
    "demo": "makes a workspace of its own",
}
"""Commands without a verb, and why."""


def test_every_other_command_calls_the_workspace() -> None:
    """Its module opens the workspace as Python does, and calls a method of it."""
    for name, command in commands_below(command_line()):
        if name in COMMANDS_ALONE:
            continue
        names = inspect.unwrap(command.callback).__code__.co_names
        assert "facade" in names, f"curate {name} does not go through curate.Workspace"


def commands_below(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield the commands of a group, and of the groups in it, by name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {below}", one) for below, one in commands_below(command))
        else:
            yield name, command
