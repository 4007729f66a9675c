"""Why a label is flagged, as people read it: one sentence, with the names that classes have elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.classes.classes import class_list, find_attribute
from db.classes.names import WithNames
from db.models import BatchItem, Class, Issue
from review.fiftyone.actions import history, plainly
from review.page.card import ReviewCard, review_cards
from tests.label_studio.conftest import Gallery, add_run, make_gallery

NAME = "L'Art nouveau"

SAID = [
    (
        "label",
        "the model says Art_Nouveau 0.90, Baroque 0.02",
        f"Looks like {NAME}: the model says {NAME} 0.90, Baroque 0.02.",
    ),
    (
        "label",
        "no class is clear (the model gives Baroque 0.31)",
        f"No class is clear (the model gives Baroque 0.31); perhaps it is {NAME}.",
    ),
    ("label", "", f"Looks like {NAME}: the model gives it 90%, the label 2%."),
    (
        "label_conflict",
        "the same image is also labelled Art_Nouveau",
        f"Contradicted: the same image is also labelled {NAME}.",
    ),
]


def flagged(folder: Path, kind: str, reason: str) -> Gallery:
    """A gallery whose first artwork is flagged in style, and suggests a class that was renamed."""
    gallery = make_gallery(folder, "http://127.0.0.1:9", 3)
    add_run(gallery.workspace, {0: {"style": 0.1}})
    with gallery.workspace.open_catalog() as catalog, catalog.write() as session:
        suggested = class_list(session, find_attribute(session, "style")).id_of["Art_Nouveau"]
        session.get_one(Class, suggested).name = NAME
        issue = session.get_one(Issue, 1)
        issue.kind, issue.reason, issue.suggested_id = kind, reason, suggested
        issue.p_label, issue.p_suggested = 0.02, 0.9
    return gallery


def card_of(gallery: Gallery) -> ReviewCard:
    item = BatchItem(artwork_id=1, purpose="review", score=0.1, attributes=["style"], known={})
    with gallery.workspace.open_catalog() as catalog:
        return review_cards(catalog, gallery.workspace, 1, [item])[1]


@pytest.mark.parametrize(("kind", "reason", "sentence"), SAID)
def test_the_card_says_why_in_one_sentence(kind: str, reason: str, sentence: str, tmp_path: Path) -> None:
    card = card_of(flagged(tmp_path, kind, reason))

    assert card.questions[0].reason == sentence


def test_the_apps_history_has_names_too(tmp_path: Path) -> None:
    gallery = flagged(tmp_path, "label", SAID[0][1])

    with gallery.workspace.open_catalog() as catalog:
        told = history(catalog, gallery.workspace, gallery.uuids[0])

    assert plainly(f"says {NAME} 0.90") in told and "Art_Nouveau" not in told


def test_a_key_is_replaced_whole_and_once() -> None:
    told = WithNames({"A_B": "C d", "C": "Z", "B": "Bee"})

    assert told("A_B, xA_B, C; B") == "C d, xA_B, Z; Bee"
