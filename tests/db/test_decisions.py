"""What follows from each kind of decision, in one table; the catalog takes these words and no other."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import CheckConstraint

from db.decision_rules import ALL, GIVES_LABEL, JUDGES_LABEL, DecisionKind, of_choice
from db.models import Verdict

MEANINGS = {
    "corrected": (True, True, "resolved", math.inf),
    "confirmed": (True, False, "dismissed", 10.0),
    "atypical": (True, False, "dismissed", 100.0),
    "labelled": (True, None, "resolved", math.inf),
    "none_of_these": (False, True, "resolved", math.inf),
    "unsure": (False, None, "dismissed", math.inf),
    "unusable": (False, None, "resolved", math.inf),
}


def test_each_decision_means_one_thing() -> None:
    stated = {
        kind.value: (kind.gives_label, kind.says_wrong, kind.closes_as, kind.asked_again_at)
        for kind in DecisionKind
    }

    assert stated == MEANINGS
    assert GIVES_LABEL == ("corrected", "confirmed", "atypical", "labelled")
    assert JUDGES_LABEL == ("corrected", "confirmed", "atypical", "none_of_these")


def test_the_catalog_takes_these_words_only() -> None:
    checks = [
        check
        for check in Verdict.__table_args__
        if isinstance(check, CheckConstraint) and "decision" in str(check.name)
    ]

    assert [str(check.sqltext) for check in checks] == [
        "decision IN (" + ", ".join(f"'{word}'" for word in ALL) + ")"
    ]


@pytest.mark.parametrize(
    ("given", "chosen", "meaning"), [(None, 1, "labelled"), (1, 1, "confirmed"), (2, 1, "corrected")]
)
def test_what_choosing_a_class_decides(given: int | None, chosen: int, meaning: str) -> None:
    assert of_choice(given, chosen) == meaning
