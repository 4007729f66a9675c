"""A sheet as one HTML file: pictures, questions and hotkeys, answered from the disk in any browser.

The answers stay in the browser until they are downloaded as the CSV that ``sync-corrections --from`` reads.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from db.classes.classes import ClassList
from db.images.files import read_bytes
from db.images.formats import BadImage
from db.images.pixels import decode
from db.reviews.asking.cards import Card
from db.workspace.workspace import Workspace
from review.page.card import Question, ReviewCard
from review.page.contact_sheets import ContactSheet
from review.page.labeling_config import KEY_ROWS, UNUSABLE_KEY, VERDICTS

SIDE = 720
"""The longest side of a picture in the page, in pixels: some 80 kB each."""

SMALL = 200
"""The longest side of one that is shown beside others: some 8 kB each."""

CELL_KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm"
"""The keys of a contact sheet's artworks, in their order."""


@dataclass
class Pictures:
    """The pictures of a page, each in it once however often it is shown: data URIs by name."""

    workspace: Workspace
    uris: dict[str, str] = field(default_factory=dict)

    def add(self, card: Card, side: int) -> str:
        """Return the name of an artwork's picture, whose longest side is ``side``."""
        name = f"{card.artwork_id}.{side}"
        if name not in self.uris:
            self.uris[name] = picture(self.workspace.image_path(card.root, card.path), side)
        return name


def page(
    name: str,
    rows: Sequence[Mapping[str, str]],
    columns: Sequence[str],
    class_lists: Mapping[str, ClassList],
    cards: Sequence[ReviewCard],
    sheets: Sequence[ContactSheet],
    workspace: Workspace,
) -> str:
    """Return the page of a sheet.

    Args:
        name: The sheet's own; the browser keeps the answers under it.
        rows: As the CSV has them, before they are answered.
        columns: The CSV's.
        class_lists: The classes that each attribute offers.
        cards: What is shown of each row's artwork.
        sheets: The same artworks many at once; empty for one after the other.
        workspace: Knows where the images are.
    """
    pictures = Pictures(workspace)
    place = {card.artwork.artwork_id: number for number, card in enumerate(cards)}
    sheet = {
        "name": name,
        "columns": list(columns),
        "rows": [{**row, "card": _card(card, pictures)} for row, card in zip(rows, cards, strict=True)],
        "sheets": [_sheet(one, place, pictures) for one in sheets],
        "classes": {
            attribute: sorted(classes.names.items(), key=lambda pair: pair[1].casefold())
            for attribute, classes in class_lists.items()
        },
        "verdicts": [(verdict, text) for verdict, (text, _hint) in VERDICTS.items()],
        "keys": KEY_ROWS,
        "cell_keys": CELL_KEYS,
        "unusable": UNUSABLE_KEY,
        "pictures": pictures.uris,
    }
    template = files("review.sheet").joinpath("sheet.html").read_text(encoding="utf-8")
    return template.replace("{{sheet}}", json.dumps(sheet).replace("<", "\\u003c"))


def _card(card: ReviewCard, pictures: Pictures) -> dict[str, Any]:
    return {
        "name": card.name,
        "kept": [[column, said] for column, said in card.kept.items() if said],
        "picture": pictures.add(card.artwork, SIDE),
        "questions": [_question(question, pictures) for question in card.questions],
    }


def _question(question: Question, pictures: Pictures) -> dict[str, Any]:
    return {
        "attribute": question.attribute,
        "title": question.title,
        "label": question.label,
        "label_name": question.label_name,
        "suggested": question.suggested,
        "asked": question.asked,
        "reason": question.reason,
        "like_label": [pictures.add(card, SMALL) for card in question.like_label],
        "looks": [
            {
                "name": question.suggested_name,
                "like": [pictures.add(card, SMALL) for card in question.like_suggested],
            }
        ],
    }


def _sheet(sheet: ContactSheet, place: Mapping[int, int], pictures: Pictures) -> dict[str, Any]:
    """Return a contact sheet, with what the classes in question look like."""
    return {
        "attribute": sheet.attribute,
        "question": sheet.question(),
        "label_name": sheet.label_name,
        "like_label": [pictures.add(card, SMALL) for card in sheet.like_label],
        "looks": [
            {"name": look.name, "like": [pictures.add(card, SMALL) for card in look.like]}
            for look in sheet.looks
        ],
        "cells": [place[cell.card.artwork.artwork_id] for cell in sheet.cells],
    }


def picture(path: Path, side: int = SIDE) -> str:
    """Return an image as a JPEG in a data URI, ``""`` where it cannot be read."""
    try:
        upright = decode(read_bytes(path), side)
    except BadImage:
        return ""
    upright.thumbnail((side, side))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
