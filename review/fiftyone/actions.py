"""What the App's operators do to the catalog; they are the plugin's, and know nothing of FiftyOne.

Every decision is recorded by ``db/reviews/answering/recording.py``, as any other is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from db.browse.picture import look
from db.classes.classes import class_list, find_attribute, find_class
from db.decision_rules import DecisionKind, of_choice
from db.engine.catalog import Catalog
from db.images.copies import shown_files
from db.labels.history import Event, artwork_events
from db.labels.table import find_artwork
from db.reviews.answering.answers import Decision
from db.reviews.answering.recording import decide
from db.reviews.answering.verdicts import current_class
from db.reviews.asking.batches import Plan, PlannedItem
from db.reviews.asking.cards import Card, read_cards
from db.reviews.asking.queue_score import queue_score
from db.workspace.progress import Progress
from db.workspace.workspace import Workspace
from review.errors import NothingToSend
from review.label_studio.push.send import Pushed, open_project
from review.page.card import ReviewCard, review_cards

MARKDOWN = re.compile(r"[!-/:-@\[-`{-~]")
"""Every sign that may mean something in Markdown, and may stand behind a backslash."""


@dataclass
class Decided:
    """How many artworks an action decided on, and how many had no label to decide on."""

    artworks: int = 0
    labels_changed: int = 0
    without_label: int = 0

    def sentence(self) -> str:
        """Return what happened, as the App tells it."""
        skipped = f"; {self.without_label} had no label" if self.without_label else ""
        return f"{self.artworks} artworks decided, {self.labels_changed} labels changed{skipped}"


def class_names(catalog: Catalog, attribute: str) -> dict[str, str]:
    """Return the classes that stand in an attribute: names by key, sorted by name."""
    with catalog.read() as session:
        classes = class_list(session, find_attribute(session, attribute))
    return dict(sorted(((classes.key[i], classes.name[i]) for i in classes.live()), key=lambda pair: pair[1]))


def relabel(
    catalog: Catalog, artworks: Sequence[UUID], attribute: str, class_key: str, user: str, comment: str | None
) -> Decided:
    """Give artworks a class: a correction, a confirmation or a first label, by what each has now."""
    done = Decided()
    with catalog.write() as session:
        of = find_attribute(session, attribute)
        chosen = find_class(session, of, class_key)
        for uuid in artworks:
            row = find_artwork(session, str(uuid))
            said = of_choice(current_class(session, row.id, of.id), chosen)
            recorded = decide(
                session,
                row.id,
                [Decision(of.id, said, chosen)],
                user=user,
                annotation_id=uuid4().hex,
                comment=comment,
            )
            done.artworks += 1
            done.labels_changed += recorded.labels_changed
    return done


def judge_many(
    catalog: Catalog,
    shown: Sequence[UUID],
    wrong: Sequence[UUID],
    attribute: str,
    class_key: str | None,
    user: str,
) -> Decided:
    """Answer a contact sheet: of the artworks shown, some are wrong, and all others are right.

    Args:
        catalog: Takes the verdicts.
        shown: All artworks that were looked at.
        wrong: Those whose label is wrong.
        attribute: What was looked at.
        class_key: The class of the wrong ones; each one's suggestion if None, and where there is none it is
            left as it is.
        user: Who decided.
    """
    done = Decided()
    marked = set(wrong)
    with catalog.write() as session:
        of = find_attribute(session, attribute)
        chosen = find_class(session, of, class_key) if class_key is not None else None
        ids = {uuid: find_artwork(session, str(uuid)).id for uuid in dict.fromkeys([*shown, *wrong])}
        cards, classes = read_cards(session, ids.values()), class_list(session, of)
        for uuid, artwork_id in ids.items():
            issue = cards[artwork_id].issues.get(attribute)
            suggested = classes.id_of[issue.suggested] if issue and issue.suggested else None
            given = current_class(session, artwork_id, of.id)
            right = (chosen or suggested) if uuid in marked else given
            if given is None or right is None or (uuid in marked and right == given):
                done.without_label += 1
                continue
            decision = Decision(of.id, of_choice(given, right), right, form="contact_sheet")
            recorded = decide(session, artwork_id, [decision], user=user, annotation_id=uuid4().hex)
            done.artworks += 1
            done.labels_changed += recorded.labels_changed
    return done


def judge(
    catalog: Catalog,
    artworks: Sequence[UUID],
    attribute: str | None,
    decision: str,
    user: str,
    comment: str | None,
) -> Decided:
    """Record one decision on artworks: on their label of an attribute, or on the image (no attribute)."""
    done = Decided()
    with catalog.write() as session:
        of = find_attribute(session, attribute) if attribute is not None else None
        for uuid in artworks:
            row = find_artwork(session, str(uuid))
            kept = DecisionKind(decision).keeps_class
            if kept and of is not None and current_class(session, row.id, of.id) is None:
                done.without_label += 1
                continue
            recorded = decide(
                session,
                row.id,
                [Decision(of.id if of else None, decision)],
                user=user,
                annotation_id=uuid4().hex,
                comment=comment,
            )
            done.artworks += 1
            done.labels_changed += recorded.labels_changed
    return done


def send(workspace: Workspace, catalog: Catalog, artworks: Sequence[UUID], progress: Progress) -> Pushed:
    """Send artworks to Label Studio as review tasks; those that have an open task keep it.

    Raises:
        NothingToSend: None of them is usable and without an open task.
        NoRunYet: There is no run that a batch could name.
        LabelStudioError: One of its kinds, with what to do.
    """
    plan = plan_chosen(workspace, catalog, artworks)
    with open_project(workspace, catalog, progress) as pusher:
        pusher.resume()
        return pusher.send(plan)


def plan_chosen(workspace: Workspace, catalog: Catalog, artworks: Sequence[UUID]) -> Plan:
    """Return the batch that asks about chosen artworks: about their flagged labels, else about all."""
    with look(catalog, workspace) as picture:
        run_id = picture.require_run("push").id
        chosen = picture.facts_of(artworks)
        names = list(picture.names)
    free = [facts.id for facts in chosen if facts.status == "ok" and not facts.open_task]
    if not free:
        raise NothingToSend(len(artworks))
    with catalog.read() as session:
        cards = read_cards(session, free)
    items = [_item(cards[artwork_id], names) for artwork_id in free]
    wrong = sum(1 - issue.score for card in cards.values() for issue in card.issues.values())
    return Plan(run_id, len(items), round(wrong, 2), sorted(items, key=lambda item: item.score))


def _item(card: Card, names: Sequence[str]) -> PlannedItem:
    """Return one artwork of a batch, asked about its flagged labels, the worst first, else about all."""
    issues = sorted(card.issues.values(), key=lambda issue: issue.score)
    asked = [issue.attribute for issue in issues] or names
    score = queue_score((issue.score for issue in issues), len(names))
    return PlannedItem(card.artwork_id, "review", tuple(asked), score)


def card_of(
    workspace: Workspace, catalog: Catalog, artwork: UUID, run_id: int | None
) -> tuple[ReviewCard, dict[int, Path]]:
    """Return the review card of an artwork, and the files of it and of those beside it, by artwork id.

    Raises:
        NoRunYet: There is no run that could flag anything.
    """
    with look(catalog, workspace, run_id) as picture:
        run, names = picture.require_run("browse").id, list(picture.names)
        (facts,) = picture.facts_of([artwork])
    with catalog.read() as session:
        face = read_cards(session, [facts.id])[facts.id]
    card = review_cards(catalog, workspace, run, [_item(face, names)])[facts.id]
    beside = [one for asked in card.questions for one in (*asked.like_label, *asked.like_suggested)]
    return card, shown_files(workspace, {one.artwork_id: one.place for one in (face, *beside)})


def history(catalog: Catalog, workspace: Workspace, artwork: UUID) -> str:
    """Return what was said of an artwork, and why its labels are flagged, as Markdown."""
    with catalog.read() as session:
        row = find_artwork(session, str(artwork))
        events = artwork_events(session, row)
    with look(catalog, workspace) as picture:
        facts, names = picture.facts_of([artwork]), picture.names
    lines = [f"**{plainly(row.path)}**", ""]
    for name, attribute_facts in facts[0].attributes.items() if facts else ():
        if attribute_facts.reason:
            lines.append(
                f"- {plainly(name)} is flagged (score {attribute_facts.score or 0:.2f}): "
                f"{plainly(names[name].in_text(attribute_facts.reason))}"
            )
    lines += ["", "| when | who | what |", "|---|---|---|"]
    lines += [
        f"| {event.when:%Y-%m-%d %H:%M} | {plainly(event.source)} | {_said(event)} |" for event in events
    ]
    return "\n".join(lines)


def plainly(text: str) -> str:
    """Return a text that Markdown shows as it is: no image of it is fetched, no link or table made of it."""
    one_line = "".join(sign if sign.isprintable() else " " for sign in text)
    return MARKDOWN.sub(r"\\\g<0>", one_line)


def _said(event: Event) -> str:
    label = event.label and f"**{plainly(event.label)}**"
    words = [plainly(part) if part else part for part in (event.action, event.attribute, event.decision)]
    counts = " (counts now)" if event.counts else ""
    comment = f": {plainly(event.comment)}" if event.comment else ""
    return " ".join(part for part in (*words, label) if part) + counts + comment
