"""Arguments that cannot be: one sentence or a usage error each, no traceback, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Curate

pytestmark = pytest.mark.slow

BIG = "99999999999999999999"
REFUSED = 1
USAGE = 2

CASES: list[tuple[str, int, str]] = [
    (f"issues --limit {BIG}", REFUSED, "A number is too large"),
    (f"issues --run {BIG}", REFUSED, "There is no run"),
    ("issues --limit 0", USAGE, ""),
    ("issues --limit x", USAGE, ""),
    ("issues --kind nope", USAGE, "none of label, label_conflict"),
    ("issues --attribute nope", REFUSED, "There is no attribute 'nope'"),
    ("issues --rule threshold --threshold nan", USAGE, ""),
    ("issues --rule threshold --threshold 2", USAGE, ""),
    ("issues --by nobody", USAGE, ""),
    ("issues --save FILE", REFUSED, "cannot be written"),
    ("issues --save /dev/null/x", REFUSED, "cannot be written"),
    (f"undo {BIG}", REFUSED, "A number is too large"),
    ("undo 0", REFUSED, "does not exist"),
    ("undo -1", USAGE, ""),
    ("undo x", USAGE, ""),
    (f"history --refused {BIG}", REFUSED, "A number is too large"),
    ("history --refused 0", USAGE, ""),
    ("history", USAGE, ""),
    ("history nothing", REFUSED, "No artwork has the id or path"),
    ("history ../../etc/passwd", REFUSED, "No artwork has the id or path"),
    (f"history {'a' * 5000}", REFUSED, "No artwork has the id or path"),
    ("label nothing style x", REFUSED, "No artwork has the id or path"),
    (f"evaluate {BIG}", REFUSED, "There is no run"),
    ("evaluate -1", USAGE, ""),
    ("evaluate x", USAGE, ""),
    (f"report {BIG}", REFUSED, "There is no run"),
    ("report --out FOLDER/x/y.html", REFUSED, "There is no folder at"),
    ("report --out FOLDER", REFUSED, "it is a folder"),
    ("report --format xml", USAGE, ""),
    ("report --figures FILE", REFUSED, "cannot be written"),
    (f"compare {BIG} 1", REFUSED, "There is no run"),
    ("compare 1", USAGE, ""),
    (f"export-model {BIG} x", REFUSED, "There is no run"),
    ("export FOLDER", REFUSED, "it is a folder"),
    ("export FOLDER/gone/x.csv", REFUSED, "There is no folder at"),
    ("export /dev/full", REFUSED, "No space left on device"),
    (f"export {'n' * 400}.csv", REFUSED, "cannot be used"),
    ("export FILE/x.csv", REFUSED, "There is no folder at"),
    ("export CIRCLE", REFUSED, "leads nowhere"),
    (f"export --predictions {BIG} p", REFUSED, "There is no run"),
    ("predict nothing.jpg", REFUSED, "There is no image at"),
    ("predict FOLDER", REFUSED, "There is no image at"),
    ("predict /dev/zero", REFUSED, "There is no image at"),
    ("classes list nope", REFUSED, "There is no attribute"),
    ("classes merge style a b", REFUSED, "has no class"),
    ("relocate nope FOLDER", REFUSED, ""),
    ("relocate pictures FILE", REFUSED, "There is no folder"),
    ("relocate pictures", USAGE, ""),
    (f"browse --run {BIG} --no-launch", REFUSED, "There is no run"),
    ("browse --port 0", USAGE, ""),
    ("browse --port 65536", USAGE, ""),
    ("stats --plot FILE", REFUSED, "cannot be written"),
    ("stats --plot /dev/null/x", REFUSED, "cannot be written"),
    ("demo --count 0", USAGE, ""),
    ("demo --count -1", USAGE, ""),
    ("demo --gallery nothing.csv --folder FOLDER/demo", REFUSED, "There is no list at nothing.csv"),
    ("demo --gallery FILE --folder FOLDER/demo", REFUSED, "cannot be a gallery"),
    ("demo --gallery /dev/null --folder FOLDER/demo", REFUSED, ""),
    ("push --to pdf", USAGE, ""),
    ("push --limit 0", USAGE, ""),
    ("push --to csv --output FOLDER/nothing/x", REFUSED, "There is no folder at"),
    ("push --to csv --output FOLDER.csv", REFUSED, "it is a folder"),
    ("push --to csv --output .", REFUSED, "it is a folder"),
    ("push --to csv --audit nan", USAGE, ""),
    ("push --to csv --controls nothing.csv", REFUSED, "There is no list of answers"),
    ("push --to csv --controls nan", USAGE, ""),
    ("push --to csv --controls -1", USAGE, ""),
    ("push --to csv --controls FOLDER", REFUSED, "There is no list of answers"),
    ("push --to csv --controls NOISE", REFUSED, "cannot be read"),
    ("push --to csv --controls FILE", REFUSED, "A list of known answers needs"),
    ("push --to csv --controls EMPTY", REFUSED, "it is empty"),
    ("demo --gallery EMPTY --folder FOLDER/demo", REFUSED, "its columns are none"),
    ("push --to csv --attribute nope", REFUSED, "There is no attribute"),
    ("push --to csv --run 99", REFUSED, "There is no run"),
    ("push --to csv --annotators 9", USAGE, ""),
    ("push --batch 1", USAGE, ""),
    ("push --to csv --batch 7", REFUSED, "There is no batch 7"),
    (f"push --to csv --batch {BIG}", REFUSED, ""),
    ("sync-corrections --from nothing.csv", REFUSED, "There is no sheet"),
    ("sync-corrections --from FOLDER", REFUSED, "There is no sheet"),
    ("sync-corrections --from /dev/null", REFUSED, "There is no sheet"),
    ("sync-corrections --from FILE", REFUSED, "is not a review sheet"),
    ("sync-corrections --from NOISE", REFUSED, "cannot be read"),
    ("sync-corrections --watch --webhook 65536", USAGE, ""),
    ("sync-corrections --watch --webhook -1", USAGE, ""),
    ("sync-corrections --watch --webhook 8000", USAGE, "CURATE_WEBHOOK_SECRET is not set"),
    ("train --backbone nope", REFUSED, ""),
    ("train --backbone a/b", REFUSED, ""),
    ("train --backbone ../../etc/passwd", REFUSED, ""),
    ("train --backbone local-dir:FOLDER", REFUSED, "failed (Config file not found"),
    ("train --image-size 1", REFUSED, ""),
    ("train --image-size x", USAGE, ""),
    ("train --epochs 0", REFUSED, ""),
    ("train --lr nan", REFUSED, ""),
    ("train --lr inf", REFUSED, ""),
    ("train --lr -1", REFUSED, ""),
    ("train --folds 1", REFUSED, ""),
    ("train --folds 99", REFUSED, ""),
    ("train --sampler nope", REFUSED, ""),
    ("train --task-weights nope", REFUSED, ""),
    ("train --task-weights nope=1", REFUSED, ""),
    ("train --task-weights style=x", REFUSED, ""),
    (f"train --seed {BIG}", REFUSED, ""),
    ("train --workers -1", REFUSED, ""),
    ("train --device evil", REFUSED, ""),
    ("train --set nope=1", REFUSED, ""),
    ("train --set epochs", REFUSED, ""),
    ("backup FILE", REFUSED, "is there already"),
    ("backup FOLDER", REFUSED, ""),
    ("backup FOLDER/gone/b.zip", REFUSED, "There is no folder"),
    ("ingest nothing.csv", REFUSED, "There is no file or folder at"),
    ("ingest PIPE", REFUSED, "it is a pipe or a device"),
    ("ingest /dev/zero", REFUSED, "it is a pipe or a device"),
    ("ingest EMPTY", REFUSED, ""),
    ("ingest NOISE", REFUSED, ""),
    ("restore nothing.zip", REFUSED, "There is no backup"),
    ("restore FILE", REFUSED, "cannot be restored"),
    ("restore FOLDER", REFUSED, "There is no backup"),
    ("restore NOISE", REFUSED, "cannot be restored"),
    ("nothing", USAGE, ""),
    ("--nothing", USAGE, ""),
]


@pytest.mark.parametrize(("line", "status", "said"), CASES, ids=[case[0][:60] for case in CASES])
def test_it_is_said_what_is_wrong(
    curate: Curate,
    used: Path,
    tmp_path: Path,
    line: str,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATE_WEBHOOK_SECRET", raising=False)
    places = tmp_path / "places"
    (places / "folder").mkdir(parents=True)
    (places / "folder.csv").mkdir()
    (places / "file").write_text("a,b\n1,2\n")
    (places / "noise").write_bytes(bytes(range(128, 256)) * 30)
    (places / "circle").symlink_to(places / "circle")
    (places / "empty").write_text("")
    if hasattr(os, "mkfifo"):
        os.mkfifo(places / "pipe")
    for name in ("FOLDER", "FILE", "NOISE", "CIRCLE", "EMPTY", "PIPE"):
        line = line.replace(name, str(places / name.lower()))
    before = snapshot(used)

    done = curate("-w", used, *line.split())

    assert done.status == status, done
    assert done.stdout == "" or "train" in line
    assert "Traceback" not in done.stderr
    assert said in " ".join(done.stderr.split()), done.stderr
    if status == REFUSED:
        errors = [one for one in done.stderr.splitlines() if one.startswith("error: ")]
        assert len(errors) == 1 and done.stderr.endswith(f"{errors[0]}\n")
    assert snapshot(used) == before, "nothing is written by what is refused"


def snapshot(folder: Path) -> set[str]:
    """Return the files of a workspace; a run that is begun, and SQLite's own, are left out."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.name.endswith(("-wal", "-shm")) and "cache" not in path.parts and "runs" not in path.parts
    }


BYTES = "b\udcfcd"
"""A byte of latin-1, as Python gives it where the terminal speaks UTF-8."""

NO_TEXT: dict[str, tuple[str, ...]] = {
    "an artwork": ("history", BYTES),
    "an artwork to label": ("label", BYTES, "style", "x"),
    "an attribute": ("label", "x", BYTES, "x"),
    "an artwork to undo": ("undo", BYTES, "style"),
    "a class": ("classes", "add", "style", BYTES),
    "a class to merge": ("classes", "merge", "style", BYTES, "x"),
    "a root": ("relocate", BYTES, "."),
    "a workspace": ("init", BYTES),
    "an attribute of a workspace": ("init", "new", "--attributes", BYTES),
    "a file of weights": ("train", "--weights", BYTES),
    "a column": ("ingest", "LIST", "--map", f"{BYTES}=style"),
    "an attribute of a column": ("ingest", "LIST", "--map", f"name={BYTES}"),
    "a folder of images": ("ingest", "LIST", "--images", BYTES),
    "a list": ("ingest", f"{BYTES}.csv"),
    "a sheet": ("sync-corrections", "--from", f"{BYTES}.csv"),
    "a server": ("push", "--to", BYTES),
    "a filter": ("issues", "--where", f"note={BYTES}"),
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_bytes_that_are_no_text_are_one_sentence(
    curate: Curate, used: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "l.csv").write_text("filepath,name\na.png,x\n")
    before = snapshot(used)

    done = curate("-w", used, *(word.replace("LIST", "l.csv") for word in NO_TEXT[name]))

    assert done.status in (REFUSED, USAGE), done
    assert done.status == USAGE or (done.stderr.startswith("error: ") and done.stderr.count("\n") == 1)
    assert "Traceback" not in done.stderr
    assert snapshot(used) == before
    assert [path.name for path in tmp_path.iterdir()] in (["l.csv", "used"], ["used", "l.csv"])


@pytest.mark.parametrize("words", [("export", "{}.csv"), ("backup", "{}.zip"), ("issues", "--save", "{}")])
def test_files_may_be_called_by_bytes_that_are_no_text(
    curate: Curate, used: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    place = str(tmp_path / BYTES)

    assert curate("-w", used, *(word.format(place) for word in words)).status == 0
    assert [path for path in tmp_path.iterdir() if path.name.startswith(BYTES)]


def test_names_beyond_ascii_where_python_was_told_that_there_are_none(tmp_path: Path) -> None:
    """``PYTHONUTF8=0`` and a locale of C: a list ended in a traceback."""
    run = [sys.executable, "-c", "from curate.cli import main; main()", "-w", str(tmp_path / "ws")]
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    ascii_ = plain | {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([*run[:3], "init", tmp_path / "ws", "--attributes", "style"], env=plain, check=True)
    (tmp_path / "l.csv").write_text("filepath,style\nünï.png,Cubism\n", encoding="utf-8")

    done = subprocess.run(
        [*run, "ingest", tmp_path / "l.csv"], env=ascii_, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "cannot be written in ASCII" in done.stderr and "Set PYTHONUTF8=1" in done.stderr
    assert "Traceback" not in done.stderr
