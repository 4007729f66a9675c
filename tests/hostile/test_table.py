"""The page of hostile inputs says what the tests are."""

from __future__ import annotations

from tests.hostile.table import main, page


def test_the_page_is_as_the_tests_are() -> None:
    assert main(["--check"]) == 0


def test_a_page_that_says_something_else_is_noticed() -> None:
    before = "a\n<!-- begin: python -m tests.hostile.table -->\nold\n<!-- end -->\nb\n"
    counted = {"tests/hostile/test_table.py": 3}

    after = page(before, counted)

    assert after != before and page(after, counted) == after
    assert (
        "| The page of hostile inputs says what the tests are. | 3 | `tests/hostile/test_table.py` |" in after
    )
    assert after.startswith("a\n") and after.endswith("<!-- end -->\nb\n")
