"""What is installed under which name: ours, and never the stranger's that has the name of our command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import curate as package
from tests.conftest import Curate

PROJECT = Path(__file__).parents[2]
STRANGER = "Metadata-Version: 1.0\nName: curate\nVersion: 0.15\nSummary: Curation Utilities for CKAN\n"
INSTALLS = re.compile(r"(?:pip|uv|pipx|poetry)[^\n`]*?(?:install|add|download|uninstall)(?P<what>[^`\n]*)")
OLD = re.compile(r"(?<![\w/.-])curate(?:\[|\b(?![-\w./]))")


def texts() -> list[Path]:
    """Return every file that a user may read or run."""
    kinds = ("*.py", "*.md", "*.toml", "*.ipynb", "*.yml", "Makefile")
    folders = ("curate", "db", "model", "review", "docs", "benchmarks", ".ci", ".github")
    found = [path for kind in kinds for path in PROJECT.glob(kind)]
    return found + [path for folder in folders for kind in kinds for path in (PROJECT / folder).rglob(kind)]


def test_no_text_installs_the_strangers_package() -> None:
    found = []
    for path in texts():
        for match in INSTALLS.finditer(path.read_text(encoding="utf-8")):
            if OLD.search(match["what"]) and "uninstall" not in match[0]:
                found.append(f"{path.relative_to(PROJECT)}: {match[0].strip()}")

    assert found == []


@pytest.mark.parametrize(
    "text", ["pip install 'curate[postgresql]'", "pip install --upgrade curate", "uv add curate"]
)
def test_the_search_above_finds_what_it_is_for(text: str) -> None:
    match = INSTALLS.search(text)

    assert match is not None
    assert OLD.search(match["what"])


def run_beside(tmp_path: Path, summary: str) -> subprocess.CompletedProcess[str]:
    """Run a command where another distribution named ``curate`` is installed."""
    info = tmp_path / "curate-0.15.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(STRANGER.replace("Curation Utilities for CKAN", summary), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "curate.cli", "-w", tmp_path / "ws", "init", tmp_path / "ws"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"},
        timeout=120,
    )


def test_nothing_runs_beside_the_strangers_package(tmp_path: Path) -> None:
    done = run_beside(tmp_path, "Curation Utilities for CKAN")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: Another project's package is installed here as `curate` 0.15 (Curation Utilities for CKAN); "
        "it writes into the same folder as curate-labels. Type `pip uninstall curate`, then "
        "`pip install --force-reinstall --no-deps curate-labels`.\n"
    )
    assert not (tmp_path / "ws").exists()


def test_an_install_of_ours_under_the_old_name_goes_on(tmp_path: Path) -> None:
    assert (
        run_beside(tmp_path, "Find and fix the wrong labels in a collection of artwork images.").returncode
        == 0
    )


def test_the_version_is_said_once(curate: Curate) -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))

    result = curate("--version")

    assert (result.status, result.stdout) == (0, f"curate {package.__version__}\n")
    assert settings["project"]["name"] == "curate-labels"
    assert "version" not in settings["project"]


def test_every_package_says_that_it_is_typed() -> None:
    assert [
        name for name in ("curate", "model", "review", "db") if not (PROJECT / name / "py.typed").is_file()
    ] == []


def test_a_shell_can_complete_commands(monkeypatch: pytest.MonkeyPatch, curate: Curate) -> None:
    monkeypatch.setenv("_CURATE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "curate sta")
    monkeypatch.setenv("COMP_CWORD", "1")

    assert curate().stdout.split() == ["stats", "status"]


def test_the_summary_that_tells_ours_from_theirs_is_the_metadatas() -> None:
    from curate.distribution import OURS

    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))

    assert settings["project"]["description"] == OURS
    try:
        assert metadata.metadata("curate-labels")["Summary"] == OURS
    except metadata.PackageNotFoundError:
        pytest.skip("run from a checkout that is not installed")


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from curate.cli import main
main({words!r})
"""


def run_without(module: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a command where a package is not installed."""
    code = WITHOUT.format(module=module, words=[str(word) for word in words])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("module", "words", "what"),
    [
        ("torch", ["train"], "curate-labels"),
        ("pandas", ["export", "out.csv"], "curate-labels"),
        ("label_studio_sdk", ["sync-corrections"], "curate-labels"),
        ("psycopg", ["init", "--database-url", "postgresql://db.example/x"], "curate-labels[postgresql]"),
    ],
)
def test_a_part_that_is_missing_is_named_with_what_brings_it(
    folder: Path, tmp_path: Path, module: str, words: list[str], what: str
) -> None:
    place = [tmp_path / "new"] if words[0] == "init" else []

    done = run_without(module, "-w", folder, words[0], *place, *words[1:])

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"pip install '{what}'" in done.stderr


def test_the_doctor_goes_on_where_a_part_is_missing(folder: Path) -> None:
    done = run_without("torch", "-w", folder, "doctor")

    assert "FAIL  torch         The package `torch` is not installed here" in done.stdout
    assert "ok    disk" in done.stdout


def test_the_doctor_says_what_was_never_tried() -> None:
    from curate.doctor import TESTED_PYTHON, tell_system

    assert tell_system("linux", TESTED_PYTHON) == "every test is run on Linux"
    assert tell_system("linux", (3, 13)) == "every test is run on Linux; never tried there: Python 3.13"
    for system, name in (("darwin", "macOS"), ("win32", "Windows")):
        told = tell_system(system, TESTED_PYTHON)
        assert told.startswith(
            f"made for {name}, and run on Linux without what {name} lacks; never tried there: "
        )


def test_tests_of_one_file_share_a_process(request: pytest.FixtureRequest) -> None:
    """pytest-xdist reads the group off the end of a test's id; with pytest 9.2 it is not there."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("this run has one process, or shares out single tests")

    assert request.node.nodeid.endswith("@tests/packaging/test_distribution.py")
