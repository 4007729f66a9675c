"""The page of hostile inputs says what the tests are."""

from __future__ import annotations

import pytest

from tests.conftest import COLLECTED
from tests.hostile.table import PAGE, counts, modules, page


def test_the_page_is_as_the_tests_are(pytestconfig: pytest.Config) -> None:
    names, collected = modules(), pytestconfig.stash[COLLECTED]
    whole = all(name in collected for name in names) and not any("::" in part for part in pytestconfig.args)
    found = {name: collected[name] for name in names} if whole else counts(names)

    before = PAGE.read_text(encoding="utf-8")

    assert page(before, found) == before, "run `python -m tests.hostile.table`"


def test_a_page_that_says_something_else_is_noticed() -> None:
    before = "a\n<!-- begin: python -m tests.hostile.table -->\nold\n<!-- end -->\nb\n"
    counted = {"tests/hostile/test_table.py": 3}

    after = page(before, counted)

    assert after != before and page(after, counted) == after
    assert (
        "| The page of hostile inputs says what the tests are. | 3 | `tests/hostile/test_table.py` |" in after
    )
    assert after.startswith("a\n") and after.endswith("<!-- end -->\nb\n")
