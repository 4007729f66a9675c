"""Plan a batch: which artworks reviewers are asked about, and why.

A batch of K artworks holds a few drawn at random (audits: what they show holds for the whole collection),
a few whose answer is known (controls: they measure the reviewers), and for the rest those whose review
should fix most. An artwork's score is the mean probability that its labels are right, an undoubted
one counted as right: so the order is that of the errors to be expected in one review.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curate.errors import NotAnAnswerList
from db.catalog import Catalog
from db.classes import attributes, find_attribute
from db.controls import listed_labels
from db.errors import FileMissing
from db.models import Run
from db.planning import (
    KnownLabel,
    OpenDoubt,
    count_batches,
    draw_audit,
    known_labels,
    labelled_attributes,
    open_doubts,
)
from db.tasks import Plan, PlannedItem

CANDIDATES = 4
"""Artworks that are ranked for each place in the batch: equal images and audits take some of them."""


@dataclass(frozen=True)
class BatchSettings:
    """How large a batch is and what it is made of.

    Attributes:
        limit: Artworks in all.
        attribute: Rank by the doubts in this attribute only.
        audit, controls: The shares of the batch that are audits and controls.
        answers: A list of labels known to be right; controls are drawn from it, instead of from the labels
            that two reviewers agree on.
        annotators: How many reviewers each artwork is to have.
    """

    limit: int = 100
    attribute: str | None = None
    audit: float = 0.05
    controls: float = 0.05
    answers: Path | None = None
    annotators: int = 1


def plan_batch(catalog: Catalog, run: Run, settings: BatchSettings) -> Plan:
    """Plan a batch from a run's open doubts.

    Raises:
        UnknownAttribute: The workspace has no such attribute.
    """
    with catalog.read() as session:
        if settings.attribute is not None:
            find_attribute(session, settings.attribute)
        names = {a.id: a.name for a in attributes(session)}
        doubts = open_doubts(session, run, CANDIDATES * settings.limit, settings.attribute)
        if settings.answers is not None:
            known = listed_labels(session, *read_answers(settings.answers, names.values()))
        else:
            known = known_labels(session)
        rng = np.random.default_rng((run.seed, run.id, count_batches(session)))
        drawn, population = draw_audit(session, round(settings.audit * settings.limit), rng)
        labelled = labelled_attributes(session, drawn)
    controls = draw_controls(known, round(settings.controls * settings.limit), set(drawn), rng)
    taken = {*drawn, *(artwork_id for artwork_id, _ in controls)}
    reviews = rank(doubts, len(names), settings.attribute, taken)[: settings.limit - len(taken)]
    scores = [item.score for item in reviews] or [0.5]
    probability = len(drawn) / population if population else None
    audits = [
        PlannedItem(i, "audit", labelled[i], float(rng.choice(scores)), inclusion_probability=probability)
        for i in drawn
    ]
    tests = [
        _control(artwork_id, labels, names, float(rng.choice(scores)), rng) for artwork_id, labels in controls
    ]
    expected = len(names) * sum(1 - item.score for item in reviews)
    items = [*reviews, *audits, *tests]
    return Plan(run.id, settings.limit, round(expected, 2), items, settings.annotators)


def rank(
    doubts: Sequence[OpenDoubt], width: int, attribute: str | None, taken: Collection[int]
) -> list[PlannedItem]:
    """Return the artworks to review, worst first, one for equal images.

    Args:
        doubts: The open doubts, worst first.
        width: How many attributes an artwork has.
        attribute: Rank by this attribute's doubts only, if given.
        taken: Artworks that are in the batch already.
    """
    by_artwork: dict[int, list[OpenDoubt]] = {}
    for doubt in doubts:
        by_artwork.setdefault(doubt.artwork_id, []).append(doubt)
    ranked = []
    for artwork_id, mine in by_artwork.items():
        counted = [doubt for doubt in mine if attribute in (None, doubt.attribute)]
        if counted and artwork_id not in taken:
            worst = {doubt.attribute: doubt.score for doubt in reversed(counted)}
            score = 1 - sum(1 - score for score in worst.values()) / width
            asked = tuple(dict.fromkeys(doubt.attribute for doubt in mine))
            ranked.append((score, mine[0].same, PlannedItem(artwork_id, "review", asked, score)))
    ranked.sort(key=lambda entry: (entry[0], entry[2].artwork_id))
    once: dict[str, PlannedItem] = {}
    for _, same, item in ranked:
        once.setdefault(same, item)
    return list(once.values())


def read_answers(path: Path, names: Collection[str]) -> tuple[list[dict[str, str]], str]:
    """Read a CSV of labels known to be right; return its rows, and the column that names the artwork.

    Raises:
        FileMissing: There is no such file.
        NotAnAnswerList: No column names the artwork, or none an attribute.
    """
    if not path.is_file():
        raise FileMissing(path, "list of answers")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    key = next((column for column in ("artwork", "filepath") if column in columns), None)
    if key is None or not set(columns) & set(names):
        raise NotAnAnswerList(path, columns, list(names))
    return rows, key


def draw_controls(
    known: Sequence[KnownLabel], count: int, taken: Collection[int], rng: np.random.Generator
) -> list[tuple[int, list[KnownLabel]]]:
    """Draw artworks of which labels are known for certain."""
    by_artwork: dict[int, list[KnownLabel]] = {}
    for label in known:
        if label.artwork_id not in taken:
            by_artwork.setdefault(label.artwork_id, []).append(label)
    ids = list(by_artwork)
    drawn = rng.choice(len(ids), size=min(count, len(ids)), replace=False)
    return [(ids[i], by_artwork[ids[i]]) for i in sorted(drawn.tolist())]


def _control(
    artwork_id: int,
    labels: Sequence[KnownLabel],
    names: dict[int, str],
    score: float,
    rng: np.random.Generator,
) -> PlannedItem:
    """Return a control: half of those that once were wrong are shown with the wrong label again."""
    shown = {
        label.attribute_id: label.given_id
        for label in labels
        if label.given_id is not None and label.given_id != label.class_id and rng.random() < 0.5
    }
    return PlannedItem(
        artwork_id,
        "control",
        tuple(names[label.attribute_id] for label in labels),
        score,
        known={label.attribute_id: label.class_id for label in labels},
        shown=shown,
    )
