"""Which artworks share a contact sheet, and what is shown above them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from db.images.copies import Place
from db.reviews.asking.cards import Card
from review.label_studio.push.markup import sheet_html
from review.page.card import Question, ReviewCard
from review.page.contact_sheets import LOOKS, ContactSheet, contact_sheets

BLIND = ""


def card(number: int, label: str, suggested: str) -> ReviewCard:
    """An artwork whose style is asked about, beside three that bear each class."""
    question = Question(
        attribute="style",
        title="Style",
        label=label,
        label_name=label.replace("_", " "),
        suggested=suggested,
        suggested_name=suggested.replace("_", " "),
        asked=True,
        reason="",
        like_label=[shown(1000)] if label else (),
        like_suggested=[shown(2000 + number)] if suggested else (),
    )
    return ReviewCard(shown(number), f"{number}", {}, [question])


def shown(number: int) -> Card:
    place = Place("pictures", f"{number}.jpg", None, None, None)
    return Card(number, UUID(int=number), place.root, place.path, {}, {}, place)


def cards(*issues: tuple[str, str, int]) -> list[ReviewCard]:
    """This many artworks of each label and suggestion, in turn, as a queue has them."""
    wanted = [(label, suggested, n) for label, suggested, many in issues for n in range(many)]
    ordered = sorted(wanted, key=lambda one: one[2])
    return [card(number, label, suggested) for number, (label, suggested, _) in enumerate(ordered)]


def issues_on(sheet: ContactSheet) -> Counter[tuple[str, str]]:
    return Counter((cell.question.label, cell.question.suggested) for cell in sheet.cells)


def test_artworks_with_the_same_issue_come_together_and_few_join_those_of_their_label() -> None:
    asked = cards(("a", "b", 30), ("a", "c", 10), ("a", "d", 3), ("a", "e", 2), ("x", "y", 9), ("z", "y", 4))

    sheets = contact_sheets(asked)

    assert [issues_on(sheet) for sheet in sheets] == [
        {("a", "b"): 15},
        {("a", "b"): 15},
        {("a", "c"): 10, ("a", "d"): 3, ("a", "e"): 2},
        {("x", "y"): 9},
        {("z", "y"): 4},
    ]
    assert [[look.name for look in sheet.looks] for sheet in sheets] == [
        ["b"],
        ["b"],
        ["c", "d", "e"],
        ["y"],
        ["y"],
    ]


def test_each_question_is_on_one_sheet_and_none_is_fuller_than_was_asked_for() -> None:
    asked = cards(*[(label, other, 3 + 5 * n) for label in "abcd" for n, other in enumerate("efgh")])

    for per_sheet in (2, 5, 24):
        sheets = contact_sheets(asked, per_sheet)
        on_sheets = [cell.card.artwork.artwork_id for sheet in sheets for cell in sheet.cells]

        assert sorted(on_sheets) == list(range(len(asked)))
        assert max(len(sheet.cells) for sheet in sheets) <= per_sheet


def test_audits_and_controls_are_among_the_others() -> None:
    sheets = contact_sheets(cards(("a", "b", 20), ("a", "c", 20), ("a", BLIND, 4)))
    alone = contact_sheets(cards(("a", BLIND, 9)))

    assert [issues_on(sheet)["a", BLIND] for sheet in sheets] == [2, 2]
    assert all(sheet.cells[place].question.suggested for sheet in sheets for place in (0, -1))
    assert [len(sheet.cells) for sheet in alone] == [9] and list(alone[0].looks) == []


def test_above_the_grid_stands_what_the_commonest_suggestions_look_like() -> None:
    (mixed,) = contact_sheets(
        cards(*[("a", other, many) for other, many in zip("bcdef", (1, 5, 2, 4, 3), strict=True)])
    )
    (labels_differ,) = contact_sheets(cards(("a", "b", 3), ("x", "y", 3)))
    drawn = sheet_html(mixed, lambda card: Path(card.path).stem)

    assert [look.name for look in mixed.looks] == ["c", "e", "f"] and LOOKS == 3
    assert [drawn.count(f"surely {name}</figcaption>") for name in "acefbd"] == [1, 1, 1, 1, 0, 0]
    assert labels_differ.question() == "Which of these have the wrong style?"
    assert list(labels_differ.looks) == [] and list(labels_differ.like_label) == []


@pytest.mark.parametrize("name", ["Still_Life", "<b>"])
def test_names_above_the_grid_are_text(name: str) -> None:
    (sheet,) = contact_sheets(cards(("a", name, 8)))

    drawn = sheet_html(sheet, lambda card: "x")

    assert "<b>" not in drawn
