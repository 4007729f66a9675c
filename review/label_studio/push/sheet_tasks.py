"""A contact sheet as Label Studio keeps it: its cells, the classes it offers, the suggestions prefilled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from db.reviews.asking.cards import Card
from review.label_studio.push.markup import Url, cell_html, sheet_html
from review.page.card import ReviewCard
from review.page.contact_config import cell_class_name
from review.page.contact_sheets import PER_SHEET, ContactSheet

MOST_CLASSES = 100
"""Above this a sheet offers the classes that its artworks bear or look like: the rest is for single cards."""


def sheet_task(
    sheet: ContactSheet,
    scores: Mapping[int, float],
    *,
    names: Mapping[str, str],
    batch: str,
    version: str,
    url: Url,
) -> dict[str, Any]:
    """Return one sheet as it is imported.

    Args:
        sheet: What is asked.
        scores: Where each artwork stands in the queue, by its id; the sheet stands where its first one does.
        names: The attribute's classes: names by key.
        batch: The batch's uuid.
        version: What the run's predictions are called at the server.
        url: Where a browser finds the image of an artwork.
    """
    if len(names) > MOST_CLASSES:
        near = {key for cell in sheet.cells for key in (cell.question.label, cell.question.suggested)}
        names = {key: name for key, name in names.items() if key in near}
    score = round(min(scores[cell.card.artwork.artwork_id] for cell in sheet.cells), 6)
    data: dict[str, Any] = {
        "batch": batch,
        "attribute": sheet.attribute,
        "score": score,
        "model_version": version,
        "classes": [{"value": names[key], "alias": key} for key in _as_offered(names, sheet)],
        "cells": [
            {
                "artwork": str(cell.card.artwork.uuid),
                "label": cell.question.label,
                "suggested": cell.question.suggested,
            }
            for cell in sheet.cells
        ],
        "sheet": sheet_html(sheet, url),
    }
    results = []
    for position in range(1, PER_SHEET + 1):
        cell = sheet.cells[position - 1] if position <= len(sheet.cells) else None
        data[f"picture_{position:02}"] = cell_html(sheet, cell, url) if cell else ""
        if cell and cell.question.suggested in names:
            results.append(_choice(cell_class_name(position), cell.question.suggested))
    return {
        "data": data,
        "predictions": [{"model_version": version, "score": score, "result": results}],
    }


def _as_offered(names: Mapping[str, str], sheet: ContactSheet) -> list[str]:
    """Return class keys as a list offers them: what the sheet's artworks look like first, then by name."""
    suggested = Counter(cell.question.suggested for cell in sheet.cells)
    return sorted(names, key=lambda key: (-suggested[key], names[key].casefold()))


def _choice(control: str, key: str) -> dict[str, Any]:
    return {"from_name": control, "to_name": "sheet", "type": "choices", "value": {"choices": [key]}}


def cells_in(data: object) -> list[Mapping[str, Any]]:
    """Return the cells that a sheet's data lists; none where a script wrote something else."""
    cells = data.get("cells") if isinstance(data, Mapping) else None
    return [cell for cell in cells if isinstance(cell, Mapping)] if isinstance(cells, list) else []


def seen_card(card: ReviewCard, left_out: Collection[int]) -> ReviewCard:
    """Return a card without the references whose image cannot be shown."""

    def seen(cards: Sequence[Card]) -> list[Card]:
        return [one for one in cards if one.artwork_id not in left_out]

    return replace(
        card,
        questions=[
            replace(q, like_label=seen(q.like_label), like_suggested=seen(q.like_suggested))
            for q in card.questions
        ],
    )
