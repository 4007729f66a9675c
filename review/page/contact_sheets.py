"""Contact sheets: artworks with the same doubt as one grid, so that a glance answers many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from review.page.card import Question, ReviewCard

PER_SHEET = 24
"""Artworks on one sheet: as many as are seen at a glance on a laptop's screen."""

WORTH_A_SHEET = 8
"""Fewer artworks than this share a sheet with others of their attribute."""


@dataclass(frozen=True)
class Cell:
    """One artwork on a sheet, and the question that it is there for."""

    card: ReviewCard
    question: Question


@dataclass(frozen=True)
class ContactSheet:
    """Up to ``PER_SHEET`` artworks about which one question is asked.

    Attributes:
        attribute: What it asks about.
        title: The attribute as people read it.
        label, label_name: The class that all of them bear; ``""`` where they bear different ones.
        suggested, suggested_name: The class that all of them look like; ``""`` where they differ.
        cells: In the order of the queue.
    """

    attribute: str
    title: str
    label: str
    label_name: str
    suggested: str
    suggested_name: str
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
    found: list[ContactSheet] = []
    for labels in cells.values():
        scattered: list[Cell] = []
        for of in labels.values():
            if len(of) < min(WORTH_A_SHEET, per_sheet):
                scattered += of
            else:
                found += [_sheet(some) for some in _split(_together(of), per_sheet)]
        found += [_sheet(some) for some in _split(scattered, per_sheet)]
    return found


def _together(cells: Sequence[Cell]) -> list[Cell]:
    """Return the artworks of one label, those with the same suggestion side by side, the commonest first.

    Those that suggest nothing are spread evenly among the others.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.question.suggested, []).append(cell)
    blind = groups.pop("", [])
    seen = [cell for of in sorted(groups.values(), key=len, reverse=True) for cell in of]
    for number, cell in enumerate(blind):
        seen.insert((number + 1) * len(seen) // (len(blind) + 1), cell)
    return seen


def _split(cells: Sequence[Cell], per_sheet: int) -> list[Sequence[Cell]]:
    """Return the cells in as few sheets as hold them, all about equally full."""
    if not cells:
        return []
    sheets = -(-len(cells) // per_sheet)
    ends = [round(len(cells) * number / sheets) for number in range(sheets + 1)]
    return [cells[start:end] for start, end in pairwise(ends)]


def _sheet(cells: Sequence[Cell]) -> ContactSheet:
    first = cells[0].question
    labels = {cell.question.label for cell in cells}
    looks = {cell.question.suggested for cell in cells} - {""}
    one = next((cell.question for cell in cells if cell.question.suggested), first)
    same = len(looks) == 1
    return ContactSheet(
        attribute=first.attribute,
        title=first.title,
        label=first.label if len(labels) == 1 else "",
        label_name=first.label_name if len(labels) == 1 else "",
        suggested=one.suggested if same else "",
        suggested_name=one.suggested_name if same else "",
        cells=cells,
    )
