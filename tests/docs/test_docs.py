"""What the documentation says is what the code is: trees, commands, errors, generated pages, links, paths."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.cli import command_line
from db.errors import CurateError
from db.workspace.train_settings import TrainSettings
from docs.generate import outdated

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("curate", "model", "review", "db")
ALONE = ("errors.py", "__init__.py", "__main__.py")


def test_pages_that_follow_from_the_code_do() -> None:
    assert outdated() == [], "run `make docs`"


def rooms() -> set[str]:
    """Return the rooms: the folders of each package, and the modules that lie in none."""
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).iterdir():
            if path.is_dir() and (path / "__init__.py").is_file():
                found.add(f"{package}/{path.name}/")
            elif path.suffix == ".py" and path.name not in ALONE:
                found.add(f"{package}/{path.name}")
    return found


def test_the_readmes_tree_is_the_tree() -> None:
    tree = README.partition("## Where things are")[2].partition("```")[2].partition("```")[0]
    listed, package = set(), ""
    for line in tree.splitlines():
        if match := re.match(r"(\w+)/ ", line):
            package = match[1]
        elif package in PACKAGES:
            names = re.match(r"[├└]── ((?:\S+ )+)", line)
            assert names, line
            listed |= {f"{package}/{name}" for name in names[1].split() if re.search(r"(/|\.py)$", name)}

    assert listed == rooms()


def commands() -> set[str]:
    """Return every command's first word."""
    return set(command_line().commands)  # type: ignore[attr-defined]


def test_the_readme_names_every_command_and_no_other() -> None:
    table = README.partition("| command | does |")[2].partition("\n\n")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {word.removeprefix("curate ") for cell in first for word in re.findall(r"`([^`]+)`", cell)}

    assert named | {"init", "demo"} == commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_a_page_names_exist(page: Path) -> None:
    """Each ``curate COMMAND --option`` in code is one that the command takes."""
    group: Any = command_line()
    unknown = []
    for words in re.findall(r"(?:`|\$ )curate ((?:[^`\n])*)", page.read_text(encoding="utf-8")):
        command, rest = group, words.split("#")[0].split()
        if rest and (rest[0].startswith("-") or not re.fullmatch(r"[a-z-]+", rest[0])):
            continue
        while rest and hasattr(command, "commands"):
            word = rest.pop(0).rstrip(",;:.")
            if word not in command.commands:
                if re.fullmatch(r"[a-z][a-z-]+", word):
                    unknown.append(words)
                break
            command = command.commands[word]
        else:
            taken = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
            asked = {match[1] for word in rest if (match := re.match(r"(--[a-z-]+)", word))}
            unknown += [f"{words}: {option}" for option in asked - taken]

    assert unknown == []


def examples() -> Iterator[list[str]]:
    """Yield the words of every ``Example:`` that a command's help shows."""

    def walk(group: Any) -> Iterator[list[str]]:
        for command in group.commands.values():
            if hasattr(command, "commands"):
                yield from walk(command)
                continue
            example = re.search(r"Example: curate (.+)", inspect.getdoc(command.callback) or "")
            yield shlex.split(example[1]) if example else []

    yield from walk(command_line())


@pytest.mark.parametrize("words", list(examples()), ids=" ".join)
def test_every_example_of_the_help_is_understood(words: list[str]) -> None:
    """The real parser takes it; ``tests/loop/test_examples.py`` runs them one after the other."""
    assert words, "a command without an example"
    command: Any = command_line()
    rest = words
    if rest[0] in ("-w", "--workspace"):
        rest = rest[2:]
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]

    command.make_context(command.name, rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    paths = re.findall(r"`((?:curate|model|review|db|tests|docs|benchmarks)/[\w/.-]*\w\.\w+)`", text)

    gone = [link for link in links if link and not (page.parent / link).exists()]
    gone += [path for path in paths if not (ROOT / path).exists()]

    assert gone == []


def test_modules_and_constants_that_pages_name_are_there() -> None:
    rooms = (*PACKAGES, "benchmarks", "tests", "docs")
    code = {path: path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).rglob("*.py")}
    modules = {path.name for path in code}
    constants = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", "\n".join(code.values())))
    gone = set()
    for page in PAGES:
        if page.name != "LOG.md":  # which tells of what was
            text = page.read_text(encoding="utf-8")
            gone |= set(re.findall(r"`(\w+\.py)`", text)) - modules
            gone |= set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text)) - constants

    assert gone == set()


def error_modules() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("errors.py"):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("name", sorted(error_modules()))
def test_the_tree_of_errors_is_their_inheritance(name: str) -> None:
    """The tree at the top of the module names each of its errors once, below the one that it is a kind of."""
    module = importlib.import_module(name)
    drawn: dict[str, str | None] = {}
    above: dict[int, str] = {}
    for line in (module.__doc__ or "").splitlines():
        if match := re.match(r"((?:│   |    )*)[├└]── (\w+)", line.removeprefix("    ")):
            level = len(match[1]) // 4
            drawn[match[2]] = above.get(level - 1)
            above[level] = match[2]
    real = {
        kind.__name__: next((base.__name__ for base in kind.__mro__[1:] if base.__name__ in drawn), None)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, CurateError) and kind is not CurateError and kind.__module__ == name
    }

    assert drawn == real


def test_defaults_of_training_that_the_docs_state_are_the_codes() -> None:
    """In ``docs/training.md`` a setting with its value, as in ``folds = 5`` in code, is the default."""
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    resolved = TrainSettings().resolved().model_dump(mode="json")
    stated = re.findall(r"`(\w+) = ([^`]+)`", text)

    assert stated
    differing = {
        key: (value, resolved[key])
        for key, value in stated
        if key in resolved and str(resolved[key]).lower() != value.strip("'\"").lower()
    }

    assert differing == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_interval_of_wrong_labels_is_the_one_that_is_computed(page: Path) -> None:
    """Estimates of wrong labels have 90 % intervals, metrics 95 %: no sentence mixes them up."""
    text = " ".join(page.read_text(encoding="utf-8").split())
    sentences = re.split(r"(?<=[.:])\s", text)
    told = [one for one in sentences if re.search(r"9[05] ?% (interval|probability)", one)]
    estimates = [one for one in told if re.search(r"wrong labels|how many (labels )?are wrong", one)]

    assert [one for one in estimates if "95" in one] == []


def test_ends_of_an_estimate_are_quantiles_of_90_percent() -> None:
    from curate.issues.estimates import ENDS

    assert pytest.approx(ENDS[1] - ENDS[0], abs=0.03) == 0.9


def test_defaults_of_settings_that_pages_state_are_the_codes() -> None:
    """A setting with a number in brackets behind it, as in `mirror_gb` (20 by default), has it."""
    from db.workspace.settings import Settings

    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    stated = [
        (page.name, name, float(number))
        for page in PAGES
        for name, number in re.findall(r"`(\w+)` \((\d[\d.]*)[ )]", page.read_text(encoding="utf-8"))
        if name in defaults
    ]

    assert {name for _, name, _ in stated} >= {"mirror_gb", "fetch_per_second"}
    assert [one for one in stated if one[2] != defaults[one[1]]] == []
