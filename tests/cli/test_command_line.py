from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from curate.cli import command_line
from tests.conftest import Curate

HEAVY = ("torch", "fiftyone", "label_studio_sdk", "sqlalchemy", "pandas", "numpy", "sklearn")

BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy}:
            raise ImportError(f"{{name}} must not be imported for --help")

sys.meta_path.insert(0, Block())
from curate.cli import main
for words in {commands}:
    try:
        main([*words, "--help"])
    except SystemExit as stop:
        if stop.code:
            raise
    print("shown", *words)
"""


def commands() -> list[tuple[str, ...]]:
    """Return every command as its words, groups flattened."""
    found = []

    def walk(group: object, words: tuple[str, ...]) -> None:
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            if hasattr(command, "commands"):
                walk(command, (*words, name))
            else:
                found.append((*words, name))

    walk(command_line(), ())
    return found


def test_the_demo_finds_the_commands_that_it_shows(tmp_path: Path) -> None:
    """Its process has imported nothing but its own command."""
    code = "from curate.cli import command_line; demo = command_line(['demo']); "
    code += "from curate.cli.care.demo import run_command; import sys; run_command(sys.argv[1:])"

    done = subprocess.run(
        [sys.executable, "-c", code, "init", tmp_path / "ws"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ws" / "curate.toml").is_file()


def test_help_imports_nothing_heavy() -> None:
    """The imports of each command are inside it, so that help and usage errors answer at once."""
    code = BLOCKED.format(heavy=HEAVY, commands=[(), *commands()])

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    shown = {line for line in done.stdout.splitlines() if line.startswith("shown")}
    assert shown == {" ".join(("shown", *words)) for words in ((), *commands())}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_an_example(words: tuple[str, ...], curate: Curate) -> None:
    """The examples are run, on a real workspace, by ``tests/loop/test_examples.py``."""
    result = curate(*words, "--help")

    assert result.status == 0
    shown = " ".join(result.stdout.split())
    assert re.search(rf"Example: curate (-w \S+ )?{' '.join(words)}", shown)


def test_a_usage_error_exits_with_2(curate: Curate) -> None:
    assert curate("issues", "--limit", "0").status == 2
    assert curate("nothing").status == 2


def test_not_a_workspace(curate: Curate, tmp_path: Path) -> None:
    result = curate("--workspace", tmp_path, "status")

    assert result.status == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"error: {tmp_path} is not a curate workspace: it has no curate.toml. "
        f"Make one with `curate init {tmp_path}`, or name another with `curate --workspace DIR`.\n"
    )


def test_a_workspace_is_made_once(curate: Curate, folder: Path) -> None:
    result = curate("init", folder)

    assert result.status == 1
    assert result.stderr == (
        f"error: {folder} already is a curate workspace. Use it with `curate --workspace {folder}`.\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("init", ""),
        ("-w", "", "status"),
        ("ingest", ""),
        ("ingest", "list.csv", "--images", ""),
        ("issues", "--save", ""),
        ("export", ""),
    ],
)
def test_an_empty_argument_is_no_folder(
    curate: Curate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A script's variable that is not set; ``Path("")`` is the current folder."""
    monkeypatch.chdir(tmp_path)

    done = curate(*words)

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: `curate {shlex.join(words)}` has an empty argument. Give it a value, for instance `.` for "
        f"the current folder; a variable that is not set looks like this, too.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_torn_init_can_be_made_again(curate: Curate, folder: Path) -> None:
    (folder / "curate.toml").unlink()

    assert curate("init", folder).status == 0
    assert curate("-w", folder, "check").status == 0


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("colection = 'x'\n", "colection", "there is no such setting"),
        ("attributes = ['']\n", "attributes.0", "an attribute has no name"),
        ("[label_studio]\nurl = 'ftp://x'\n", "label_studio.url", "'ftp://x' is not an http(s) URL"),
        ("[train]\nfolds = 1\n", "train.folds", "Input should be greater than or equal to 2"),
    ],
)
def test_settings_are_validated_with_their_place(
    curate: Curate, folder: Path, text: str, where: str, problem: str
) -> None:
    (folder / "curate.toml").write_text(text)

    result = curate("-w", folder, "status")

    assert result.status == 1
    assert result.stderr == (
        f"error: {folder / 'curate.toml'}: {where}: {problem}. Fix that line and run the command again.\n"
    )


def test_a_command_that_needs_a_run_says_so(curate: Curate, folder: Path) -> None:
    result = curate("-w", folder, "issues")

    assert result.stderr == (
        "error: `curate issues` needs a finished run, and this catalog has none. Run `curate train` first.\n"
    )


def test_nothing_to_train_on(curate: Curate, folder: Path) -> None:
    result = curate("-w", folder, "train")

    assert result.stderr == (
        "error: Nothing to train on: this catalog has no usable artworks yet. `curate ingest SOURCE` brings "
        "some; `curate status` says what there is.\n"
    )


def test_a_setting_out_of_range_is_named(curate: Curate, folder: Path) -> None:
    result = curate("-w", folder, "train", "--folds", "1")

    assert result.stderr == (
        "error: curate train: --folds: Input should be greater than or equal to 2, not 1. "
        "Fix that line and run the command again.\n"
    )


def test_an_unknown_artwork_and_class_are_named(curate: Curate, folder: Path) -> None:
    result = curate("-w", folder, "label", "nowhere.jpg", "style", "Cubism")

    assert result.stderr == (
        "error: No artwork has the id or path 'nowhere.jpg' among the 0 of this catalog. "
        "Give the uuid or the path that `curate issues` prints.\n"
    )


def test_status_says_what_to_type_next(curate: Curate, folder: Path) -> None:
    assert curate("-w", folder, "status").stdout == "artworks: none yet\nNext: curate ingest SOURCE\n"
