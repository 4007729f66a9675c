"""Plan a batch: which artworks reviewers are asked about, and why.

A batch of K artworks holds a few drawn at random (audits: what they show holds for the whole collection),
a few whose answer is known (controls: they measure the reviewers), and for the rest those whose review
should fix most: in the order of the queue (``db.reviews.asking.queue_score``), but that kinds of issue
take turns. What a batch should yield is corrected by what earlier ones did.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.issues import forecast_yield, review_order
from db.classes.classes import attributes, find_attribute
from db.classes.columns import require_own_fields
from db.engine.catalog import Catalog
from db.models import Run
from db.reviews.asking.batches import Plan, PlannedItem
from db.reviews.asking.controls import listed_labels
from db.reviews.asking.planning import (
    KnownLabel,
    OpenIssue,
    count_batches,
    draw_audit,
    known_labels,
    labelled_attributes,
    open_issues,
)
from db.reviews.asking.queue_score import queue_score
from db.reviews.asking.second_opinions import Again, judged_again
from db.reviews.audit import yield_evidence
from db.reviews.status import BatchStatus

CANDIDATES = 4
"""Artworks that are ranked for each place in the batch: equal images and audits take some of them."""


REVIEWER_ERRS = 0.05
"""How often a good reviewer is wrong: a label less likely wrong than that is better left alone."""

WORTHWHILE = 0.1
"""Errors a review from which on another round pays."""


@dataclass(frozen=True)
class AgainSettings:
    """Which judged labels are asked about again: of a class, by a reviewer, before a day; None: of any."""

    attribute: str | None = None
    class_name: str | None = None
    reviewer: str | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class BatchSettings:
    """How large a batch is and what it is made of.

    Attributes:
        limit: Artworks in all.
        attribute: Rank by the issues in this attribute only.
        audit, controls: The shares of the batch that are audits and controls.
        answers: A list of labels known to be right; controls are drawn from it, instead of from the labels
            that two reviewers agree on.
        annotators: How many reviewers judge each artwork.
        per_sheet: Artworks on one contact sheet; each is asked about alone if None.
        again: Ask about labels that were judged before, instead of about open issues.
    """

    limit: int = 100
    attribute: str | None = None
    audit: float = 0.05
    controls: float = 0.05
    answers: Path | None = None
    annotators: int = 1
    per_sheet: int | None = None
    again: AgainSettings | None = None


def plan_batch(catalog: Catalog, run: Run, settings: BatchSettings) -> Plan:
    """Plan a batch from a run's open issues.

    Raises:
        UnknownAttribute: The workspace has no such attribute.
        AttributesClash: What is asked of one attribute would stand in a column of another.
    """
    with catalog.read() as session:
        require_own_fields(session)
        if settings.attribute is not None:
            find_attribute(session, settings.attribute)
        names = {a.id: a.name for a in attributes(session)}
        issues = open_issues(session, run, CANDIDATES * settings.limit, settings.attribute)
        if settings.answers is not None:
            from curate.rounds.answer_list import read_answers  # all readers of lists: not for `status`

            control_labels = listed_labels(session, *read_answers(settings.answers, names.values()))
        else:
            control_labels = known_labels(session)
        rng = np.random.default_rng((run.seed, run.id, count_batches(session)))
        drawn, population = draw_audit(session, round(settings.audit * settings.limit), rng)
        labelled = labelled_attributes(session, drawn)
        answered = yield_evidence(session, run)
        again = _asked_again(session, run, settings)
    controls = draw_controls(control_labels, round(settings.controls * settings.limit), set(drawn), rng)
    taken = {*drawn, *(artwork_id for artwork_id, _ in controls)}
    if again is None:
        reviews = rank(issues, len(names), settings.attribute, taken)
    else:
        reviews = [item for item in again if item.artwork_id not in taken]
    reviews = reviews[: settings.limit - len(taken)]
    scores = [item.score for item in reviews] or [0.5]
    probability = len(drawn) / population if population else None
    audits = [
        PlannedItem(i, "audit", labelled[i], float(rng.choice(scores)), inclusion_probability=probability)
        for i in drawn
    ]
    tests = [
        _control(artwork_id, labels, names, float(rng.choice(scores)), rng) for artwork_id, labels in controls
    ]
    forecast = forecast_yield(_asked_scores(issues, reviews), **answered)
    return Plan(
        run_id=run.id,
        budget=settings.limit,
        expected_yield=round(forecast.expected, 2),
        items=[*reviews, *audits, *tests],
        annotators=settings.annotators,
        verdicts=forecast.verdicts,
        assumed=forecast.assumed,
    )


def _asked_again(session: Any, run: Run, settings: BatchSettings) -> list[PlannedItem] | None:
    """Return the judged labels to ask about again; None where open issues are asked about."""
    if settings.again is None:
        return None
    wanted = settings.again
    attribute = find_attribute(session, wanted.attribute) if wanted.attribute is not None else None
    chosen = Again(attribute, wanted.class_name, wanted.reviewer, wanted.before)
    return judged_again(session, run, chosen, settings.limit)


def rank(
    issues: Sequence[OpenIssue], width: int, attribute: str | None, taken: Collection[int]
) -> list[PlannedItem]:
    """Return the artworks to review, the most expected errors first, one for equal images.

    Args:
        issues: The open issues, worst first.
        width: How many attributes an artwork has.
        attribute: Choose and rank by this attribute's issues only, if given; the queue score counts all.
        taken: Artworks that are in the batch already.
    """
    by_artwork: dict[int, dict[str, OpenIssue]] = {}
    for issue in issues:
        if issue.artwork_id not in taken:
            by_artwork.setdefault(issue.artwork_id, {}).setdefault(issue.attribute, issue)
    ids = sorted(i for i, mine in by_artwork.items() if attribute is None or attribute in mine)
    wrong = np.full((len(ids), width), np.nan)
    pairs: dict[tuple[str, tuple[int | None, int | None]], int] = {}
    pair = np.empty(len(ids), dtype=np.int64)
    for row, artwork_id in enumerate(ids):
        counted = [d for d in by_artwork[artwork_id].values() if attribute in (None, d.attribute)]
        wrong[row, : len(counted)] = [1 - issue.score for issue in counted]
        pair[row] = pairs.setdefault((counted[0].attribute, counted[0].pair), len(pairs))
    once: dict[str, PlannedItem] = {}
    for row in review_order(wrong, pair).tolist():
        mine = list(by_artwork[ids[row]].values())
        if mine[0].same not in once:
            score = queue_score((issue.score for issue in mine), width)
            once[mine[0].same] = PlannedItem(ids[row], "review", _worth_asking(mine, attribute), score)
    return list(once.values())


def _worth_asking(mine: Sequence[OpenIssue], attribute: str | None) -> tuple[str, ...]:
    """Return the attributes to ask about, worst first: those likelier wrong than the reviewer, or the worst.

    About a label that is almost certainly right a reviewer does more harm than good.
    """
    asked = [issue.attribute for issue in mine if 1 - issue.score >= REVIEWER_ERRS]
    return tuple(dict.fromkeys([*asked, attribute or mine[0].attribute]))


def _asked_scores(issues: Sequence[OpenIssue], reviews: Sequence[PlannedItem]) -> NDArray[np.float64]:
    """Return the score of each label that these reviews ask about."""
    asked = {(item.artwork_id, name) for item in reviews for name in item.attributes}
    scores: dict[tuple[int, str], float] = {}
    for issue in issues:
        if (issue.artwork_id, issue.attribute) in asked:
            scores.setdefault((issue.artwork_id, issue.attribute), issue.score)
    return np.array(list(scores.values()), dtype=np.float64)


@dataclass(frozen=True)
class NextRound:
    """What another batch should find, against what the last one did.

    Attributes:
        reviews: Artworks to review in it.
        expected: Expected wrong labels.
        verdicts: How many verdicts that rests on; ``assumed`` if they are too few.
        last: Wrong labels a review of the last batch found; None before the first answer.
        pays: One review in ten or more should find an error.
    """

    reviews: int
    expected: float
    verdicts: int
    assumed: bool
    last: float | None
    pays: bool


def next_round(catalog: Catalog, run: Run, rounds: Sequence[BatchStatus]) -> NextRound | None:
    """Forecast a batch as large as the last one, none of it audits or controls; None with nothing to ask."""
    limit = rounds[-1].artworks if rounds else BatchSettings.limit
    with catalog.read() as session:
        issues = open_issues(session, run, CANDIDATES * limit)
        past = yield_evidence(session, run)
        width = len(attributes(session))
    reviews = rank(issues, width, None, ())[:limit]
    if not reviews:
        return None
    forecast = forecast_yield(_asked_scores(issues, reviews), **past)
    answered = [turn for turn in rounds if turn.answered]
    return NextRound(
        reviews=len(reviews),
        expected=round(forecast.expected, 1),
        verdicts=forecast.verdicts,
        assumed=forecast.assumed,
        last=round(answered[-1].errors / answered[-1].answered, 3) if answered else None,
        pays=forecast.expected >= WORTHWHILE * len(reviews),
    )


def draw_controls(
    labels: Sequence[KnownLabel], count: int, taken: Collection[int], rng: np.random.Generator
) -> list[tuple[int, list[KnownLabel]]]:
    """Draw artworks of which labels are known for certain."""
    by_artwork: dict[int, list[KnownLabel]] = {}
    for label in labels:
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
