"""A review card as the HTML that Label Studio shows inside its page.

The page is one for all tasks of a project; which attribute is flagged differs by task. So each block carries
a mark in its HTML (a class), and the page's style orders and folds the blocks by these marks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from db.reviews.asking.cards import Card
from review.page.card import Question, ReviewCard
from review.page.contact_sheets import Cell, ContactSheet
from review.page.labeling_config import PLACES

Url = Callable[[Card], str]


def picture_html(card: ReviewCard, url: Url) -> str:
    """Return the whole picture, which a click enlarges, with what the artwork is known by below it."""
    kept = "".join(
        f" · <span>{escape(column)}: {escape(said)}</span>" for column, said in card.kept.items() if said
    )
    return (
        '<label class="curate-zoom"><input type="checkbox" aria-label="Enlarge the picture">'
        f'<img src="{escape(url(card.artwork))}" alt="The artwork {escape(card.name)}"></label>'
        f'<p class="curate-name"><b>{escape(card.name)}</b>{kept}</p>'
    )


def question_html(question: Question, place: int, url: Url) -> str:
    """Return one attribute's block above its verdicts: open where it is asked about, else one line."""
    label = escape(question.label_name) or "no label yet"
    if not question.asked:
        return (
            f'<label class="curate-also curate-place-{min(place, PLACES)}">'
            f'<input type="checkbox" aria-label="Open {escape(question.title)}">'
            f"also: {escape(question.title.lower())} <b>{label}</b></label>"
        )
    strips = _strip("label", question.label_name, question.like_label, url)
    strips += _strip("suggested", question.suggested_name, question.like_suggested, url)
    return (
        f'<div class="curate-asked curate-place-{min(place, PLACES)}">'
        f"<h4>{escape(question.title)}: <b>{label}</b></h4><p>{escape(question.reason)}</p>"
        + (f'<div class="curate-strips">{strips}</div>' if strips else "")
        + "</div>"
    )


def _strip(kind: str, name: str, shown: Sequence[Card], url: Url) -> str:
    """Return a row of artworks that surely bear a class; the class stands below them."""
    if not shown:
        return ""
    pictures = "".join(
        f'<img src="{escape(url(card))}" alt="An artwork that is surely {escape(name)}" loading="lazy">'
        for card in shown
    )
    return (
        f'<figure class="curate-{kind}"><div>{pictures}</div>'
        f"<figcaption>surely {escape(name)}</figcaption></figure>"
    )


def sheet_html(sheet: ContactSheet, url: Url) -> str:
    """Return what stands above a contact sheet's grid: the question, and what the classes look like."""
    strips = _strip("label", sheet.label_name, sheet.like_label, url)
    strips += "".join(_strip("suggested", look.name, look.like, url) for look in sheet.looks)
    return (
        f'<div class="curate-ask"><div><h3>{escape(sheet.question())}</h3>'
        "<p>Mark those, by key or by a click on the picture; submitting says that all others are right. "
        "<i>alone</i>: ask about it on a card of its own.</p>"
        f"</div>{strips}</div>"
    )


def cell_html(sheet: ContactSheet, cell: Cell, url: Url) -> str:
    """Return the picture in a cell; its label stands below it where the artworks bear different ones."""
    name = "" if sheet.label else escape(cell.question.label_name)
    return f'<img src="{escape(url(cell.card.artwork))}" alt="{escape(cell.card.name)}"><p>{name}</p>'
