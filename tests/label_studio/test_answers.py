"""What one annotation says, read from its results alone."""

from __future__ import annotations

from typing import Any

import pytest

from db.classes.classes import ClassList
from db.reviews.answering.answers import Decision
from review.label_studio.push.tasks import Page
from review.label_studio.scripted_reviewer import choice
from review.label_studio.sync.answers import NotUnderstood, decisions_of
from review.page.labeling_config import LONG, ClassChoice, labeling_config

KEYS = {f"artist-{i}": i for i in range(1, LONG + 10)}
NAMES = {i: key for key, i in KEYS.items()}
CLASS_LISTS = {"artist": ClassList(3, "artist", NAMES, NAMES, {i: i for i in NAMES})}
PAGE = Page(labeling_config({"artist": [ClassChoice(key, key) for key in KEYS]}))


def ticked(*keys: str) -> dict[str, Any]:
    """Return the result of a searchable list in which these classes are ticked."""
    return {
        "from_name": "class_artist",
        "type": "taxonomy",
        "value": {"taxonomy": [[key] for key in keys]},
    }


def said(*results: dict[str, Any]) -> list[Decision]:
    """Return what results say on a page that showed artist-1 and suggested artist-2."""
    return decisions_of(results, {"artist": "artist-1"}, CLASS_LISTS, {"artist": "artist-2"})


def test_a_long_list_is_a_taxonomy_and_is_prefilled_as_one() -> None:
    assert PAGE.result("class_artist", "artist-2") == ticked("artist-2") | {"to_name": "image"}


def test_the_suggestion_as_it_stood_is_accepted() -> None:
    assert said(choice("verdict_artist", "wrong"), ticked("artist-2")) == [Decision(3, "corrected", 2, 1)]


def test_another_class_ticked_beside_the_suggestion_counts_alone() -> None:
    results = choice("verdict_artist", "wrong"), ticked("artist-2", "artist-5")

    assert said(*results) == [Decision(3, "corrected", 5, 1)]


def test_two_classes_beside_the_suggestion_are_refused() -> None:
    with pytest.raises(NotUnderstood, match="class_artist does not hold one choice"):
        said(choice("verdict_artist", "wrong"), ticked("artist-2", "artist-5", "artist-6"))


@pytest.mark.parametrize("classes", [("artist-2",), ("artist-2", "artist-5", "artist-6"), ()])
def test_a_class_without_a_verdict_or_beside_another_says_nothing(classes: tuple[str, ...]) -> None:
    assert said(ticked(*classes)) == []
    assert said(choice("verdict_artist", "right"), ticked(*classes)) == [Decision(3, "confirmed", 1, 1)]
