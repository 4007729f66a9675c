"""Where outputs may go, and what killed commands leave: links stay links, devices are written, remains go."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from db.errors import NoSpace, NotWritable
from db.workspace.outputs import OLD_SECONDS, sweep, temporary_name, whole_file
from tests.conftest import Curate

Prepare = Callable[[Path], Path]


def link(folder: Path) -> Path:
    (folder / "real.csv").write_text("old")
    (folder / "link.csv").symlink_to("real.csv")
    return folder / "link.csv"


def dangling(folder: Path) -> Path:
    (folder / "link.csv").symlink_to("real.csv")
    return folder / "link.csv"


def chain(folder: Path) -> Path:
    link(folder)
    (folder / "second.csv").symlink_to(folder / "link.csv")
    return folder / "second.csv"


def private(folder: Path) -> Path:
    (folder / "real.csv").write_text("old")
    (folder / "real.csv").chmod(0o600)
    return folder / "real.csv"


TARGETS: dict[str, Prepare] = {
    "a new file": lambda folder: folder / "real.csv",
    "an old file": private,
    "a link": link,
    "a link to nothing yet": dangling,
    "a link to a link": chain,
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_file_lands_where_its_name_leads(curate: Curate, used: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    target = TARGETS[name](folder)
    links = {path.name for path in folder.iterdir() if path.is_symlink()}

    done = curate("-w", used, "export", target)

    assert done.status == 0, done
    assert (folder / "real.csv").read_text(encoding="utf-8-sig").startswith("filepath,style,genre")
    assert {path.name for path in folder.iterdir() if path.is_symlink()} == links
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    if name == "an old file":
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("length", [100, 200, 240, 251])
def test_long_names_are_written_too(curate: Curate, used: Path, tmp_path: Path, length: int) -> None:
    target = tmp_path / ("n" * length + ".csv")

    assert curate("-w", used, "export", target).status == 0
    assert target.is_file()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_for_its_reader_and_given_up_without_one(
    curate: Curate, used: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8-sig")))
    reader.start()

    served = curate("-w", used, "export", pipe)
    reader.join(10)
    alone = curate("-w", used, "export", pipe)

    assert served.status == 0
    assert read[0].startswith("filepath,style,genre")
    assert alone.status == 1 and "cannot be used (No such device or address)" in alone.stderr
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_stays_one(curate: Curate, used: Path) -> None:
    if not Path("/dev/null").is_char_device():
        pytest.skip("this system has no /dev/null")

    assert curate("-w", used, "export", "/dev/null").status == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("kind", [NoSpace, NotWritable])
def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path, kind: type[Exception]) -> None:
    import errno

    target = tmp_path / "real.csv"
    target.write_text("old")
    number = errno.ENOSPC if kind is NoSpace else errno.EACCES

    with pytest.raises(kind), whole_file(target) as file:
        file.write_text("half")
        raise OSError(number, os.strerror(number))

    assert [path.name for path in tmp_path.iterdir()] == ["real.csv"]
    assert target.read_text() == "old"


def dead_process() -> int:
    done = subprocess.Popen(["true"])
    done.wait()
    return done.pid


LEFT = {
    "a file of a killed command": f".curate-{dead_process()}-HOST-0011aabb.csv",
    "a folder of a killed backup": f".curate-{dead_process()}-HOST-0011aabb-xyz/",
}
OLD = {
    "a backup's folder of an earlier version": ".curate-abcd1234/",
    "a mirror's half-fetched file": ".12345-67890.part",
    "a restore's half-written file": ".model.json.restoring",
    "another machine's": ".curate-77-00000000-0011aabb.csv",
}
KEPT = (
    ".gitignore", ".hidden.csv", ".e.csv", ".curate", "e.csv", ".curate-notes", ".config.d", ".labels.2025",
    ".e.csv.12345", ".curate-pictures/", ".curate-settings", ".notes.part", ".curate-1-notes",
)  # fmt: skip


def make(folder: Path, name: str, age: float = 0.0) -> Path:
    from db.workspace.outputs import _host

    path = folder / name.rstrip("/").replace("HOST", _host())
    if name.endswith("/"):
        path.mkdir()
        (path / ("catalog.db" if "abcd1234" in name else "inside")).write_text("x")
    else:
        path.write_text("x")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


@pytest.mark.parametrize("name", LEFT)
def test_the_next_command_clears_what_a_killed_one_left(
    curate: Curate, used: Path, tmp_path: Path, name: str
) -> None:
    left = make(tmp_path, LEFT[name])

    assert curate("-w", used, "export", tmp_path / "e.csv").status == 0
    assert not left.exists()


@pytest.mark.parametrize("name", OLD)
def test_what_has_no_maker_goes_when_it_is_old(tmp_path: Path, name: str) -> None:
    young = make(tmp_path, OLD[name])
    assert sweep(tmp_path, workspace=True) == 0 and young.exists()

    os.utime(young, (time.time() - OLD_SECONDS - 60,) * 2)

    if not OLD[name].startswith(".curate-"):
        assert sweep(tmp_path) == 0, "in a folder of somebody's it may be another program's"
    assert sweep(tmp_path, workspace=True) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_running_command_writes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    names = [*KEPT, temporary_name(".csv")]
    for name in names:
        make(tmp_path, name, 10 * OLD_SECONDS)

    assert sweep(tmp_path, workspace=True) == 0
    assert {path.name for path in tmp_path.iterdir()} == {name.rstrip("/") for name in names}


def test_a_workspace_is_cleared_when_it_is_used(curate: Curate, used: Path) -> None:
    left = make(used, LEFT["a folder of a killed backup"])

    curate("-w", used, "label", "nothing", "style", "x")

    assert not left.exists()
