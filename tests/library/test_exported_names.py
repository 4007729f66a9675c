"""What ``curate`` offers by name is there, documented, and nothing else is."""

from __future__ import annotations

import inspect

import pytest

import curate

EXPORTED = ["Issues", "Workspace", "__version__", "find_issues", "init", "open"]


def test_exported_names_are_these() -> None:
    assert sorted(curate.__all__) == EXPORTED
    assert set(EXPORTED) <= set(dir(curate))


@pytest.mark.parametrize("name", [name for name in EXPORTED if name != "__version__"])
def test_exported_names_are_documented(name: str) -> None:
    thing = getattr(curate, name)

    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        public = [member for at, member in inspect.getmembers(thing) if not at.startswith("_")]
        assert public and all(inspect.getdoc(member) for member in public)


def test_methods_have_the_names_that_the_documentation_lists() -> None:
    methods = {name for name, _ in inspect.getmembers(curate.Workspace) if not name.startswith("_")}

    assert methods >= set(
        "ingest labels train import_predictions runs pred_probs issues label browse push sync status export "
        "evaluate compare report".split()
    )


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'curate' has no attribute 'find_issue'"):
        curate.find_issue  # noqa: B018
