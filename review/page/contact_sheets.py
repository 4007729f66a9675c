"""Contact sheets: artworks with the same issue as one grid, so that a glance answers many at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from db.reviews.asking.cards import Card
from review.page.card import Question, ReviewCard

PER_SHEET = 24
"""Artworks on one sheet: as many as are seen at a glance on a laptop's screen."""

WORTH_A_SHEET = 8
"""Fewer artworks than this share a sheet with others: of their label, else of their attribute."""

LOOKS = 3
"""Suggestions of a sheet that are shown by artworks, at most: more are not taken in at a glance."""


@dataclass(frozen=True)
class Cell:
    """One artwork on a sheet, and the question that it is there for."""

    card: ReviewCard
    question: Question


@dataclass(frozen=True)
class Look:
    """A class that artworks of a sheet look like, and some that surely bear it."""

    name: str
    like: Sequence[Card]


@dataclass(frozen=True)
class ContactSheet:
    """Up to ``PER_SHEET`` artworks about which one question is asked.

    Attributes:
        attribute: What it asks about.
        title: The attribute as people read it.
        label, label_name: The class that all of them bear; ``""`` where they bear different ones.
        like_label: Artworks that surely bear it.
        looks: What they look like instead, the commonest first; empty where they bear different classes.
        cells: In the order in which they are shown.
    """

    attribute: str
    title: str
    label: str
    label_name: str
    like_label: Sequence[Card]
    looks: Sequence[Look]
    cells: Sequence[Cell]

    def question(self) -> str:
        """Return what is asked, in a sentence."""
        if self.label:
            return f"Which of these are not {self.label_name}?"
        return f"Which of these have the wrong {self.title.lower()}?"


def contact_sheets(cards: Iterable[ReviewCard], per_sheet: int = PER_SHEET) -> list[ContactSheet]:
    """Return the sheets that ask everything that some cards ask, each label once.

    Artworks labelled a that look like b come together; where they are few, with others that are labelled a,
    and where these are few, with others of the attribute. Audits and controls, which suggest nothing, are
    among the artworks of their label, so that a sheet does not tell them apart.
    """
    cells: dict[str, dict[str, list[Cell]]] = {}
    for card in cards:
        for question in card.questions:
            if question.asked and question.label:
                of = cells.setdefault(question.attribute, {}).setdefault(question.label, [])
                of.append(Cell(card, question))
    few = min(WORTH_A_SHEET, per_sheet)
    sheets: list[ContactSheet] = []
    for labels in cells.values():
        scattered: list[Cell] = []
        for of in labels.values():
            if len(of) < few:
                scattered += of
            else:
                sheets += [_sheet(some) for alike in _by_look(of, few) for some in _split(alike, per_sheet)]
        sheets += [_sheet(some) for some in _split(scattered, per_sheet)]
    return sheets


def _by_look(cells: Sequence[Cell], few: int) -> list[list[Cell]]:
    """Return the artworks of one label by what they look like, the commonest first, none of them ``few``.

    Those that suggest nothing are spread evenly among the others.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.question.suggested, []).append(cell)
    blind = groups.pop("", [])
    sorted_groups = sorted(groups.values(), key=len, reverse=True)
    looks = [of for of in sorted_groups if len(of) >= few]
    rest = [cell for of in sorted_groups if len(of) < few for cell in of]
    if len(rest) >= few or not looks:
        looks.append(rest)
    else:
        looks[-1] += rest
    for number, cell in enumerate(blind):
        among = looks[number % len(looks)]
        among.insert((number + 1) * len(among) // (len(blind) + 1), cell)
    return looks


def _split(cells: Sequence[Cell], per_sheet: int) -> list[Sequence[Cell]]:
    """Return the cells in as few sheets as hold them, all about equally full."""
    if not cells:
        return []
    sheets = -(-len(cells) // per_sheet)
    ends = [round(len(cells) * number / sheets) for number in range(sheets + 1)]
    return [cells[start:end] for start, end in pairwise(ends)]


def _sheet(cells: Sequence[Cell]) -> ContactSheet:
    questions = [cell.question for cell in cells]
    first = questions[0]
    one_label = len({question.label for question in questions}) == 1
    return ContactSheet(
        attribute=first.attribute,
        title=first.title,
        label=first.label if one_label else "",
        label_name=first.label_name if one_label else "",
        like_label=next((q.like_label for q in questions if q.like_label), ()) if one_label else (),
        looks=_looks(questions) if one_label else (),
        cells=cells,
    )


def _looks(questions: Sequence[Question]) -> list[Look]:
    """Return the commonest suggestions that artworks can show."""
    seen = Counter(question.suggested for question in questions if question.like_suggested)
    first = {question.suggested: question for question in reversed(questions) if question.like_suggested}
    return [Look(first[key].suggested_name, first[key].like_suggested) for key, _ in seen.most_common(LOOKS)]
