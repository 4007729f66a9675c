"""The review card: what a reviewer is shown of one artwork, wherever they see it.

Label Studio's page, the HTML sheet and the App show the same card, made here once: the picture, whose it is,
and for each attribute the label as it is; where it is flagged, why, in one sentence, and artworks that
surely bear the label and the suggestion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from db.classes.classes import ClassList, read_class_lists
from db.classes.names import WithNames
from db.engine.catalog import Catalog
from db.models import BatchItem, Run
from db.reviews.asking.batches import PlannedItem
from db.reviews.asking.cards import Card, CardIssue, read_cards
from db.reviews.asking.references import Wanted, find_references
from db.workspace.workspace import Workspace

BLIND = "Is this label right?"
NO_REASON = "This label is flagged, and no other class is suggested."

NO_CLASS_IS_CLEAR = "no class is clear"
"""How a reason begins that speaks for no class: such an artwork does not look like what is suggested."""


@dataclass(frozen=True)
class Asked:
    """What a task asks about an artwork.

    Attributes:
        attributes: The attributes in question, worst first.
        blind: Whether suggestion and issue are hidden, as for audits and controls.
        score: Where it stands in the queue, lower first.
        shown: Class keys to show as the label instead of those of the card, by attribute.
    """

    attributes: Sequence[str]
    blind: bool
    score: float
    shown: Mapping[str, str]


def asked_of(item: BatchItem | PlannedItem, words: Mapping[str, ClassList]) -> Asked:
    """Return what an item of a batch asks, as it is planned or as the catalog has it."""
    shown = item.shown if isinstance(item, PlannedItem) else item.known.get("shown", {})
    named = {vocabulary.attribute_id: vocabulary for vocabulary in words.values()}
    keys = {
        named[int(attribute)].attribute: named[int(attribute)].key_of[class_id]
        for attribute, class_id in shown.items()
    }
    return Asked(item.attributes, item.purpose != "review", item.score, keys)


@dataclass(frozen=True)
class Question:
    """One attribute on a card; classes are keys, and their names beside them; ``""`` where there is none.

    Attributes:
        title: The attribute as people read it.
        asked: Whether an answer is wanted; another one may be given all the same.
        reason: Why the label is flagged, in one sentence.
        like_label, like_suggested: Artworks that surely bear the class, nearest in looks first.
    """

    attribute: str
    title: str
    label: str
    label_name: str
    suggested: str
    suggested_name: str
    asked: bool
    reason: str
    like_label: Sequence[Card] = ()
    like_suggested: Sequence[Card] = ()


@dataclass(frozen=True)
class ReviewCard:
    """One artwork as it is shown; ``questions`` are in the order to be read, flagged ones first.

    Attributes:
        name: What people know the artwork by: the id in their list, else the file's name.
        kept: The file's name where that is not it, and the columns of their list that are no attribute.
    """

    artwork: Card
    name: str
    kept: Mapping[str, str]
    questions: Sequence[Question]

    @property
    def about(self) -> str:
        """What is known of the artwork, in one line."""
        return " · ".join([self.name, *(f"{column}: {said}" for column, said in self.kept.items() if said)])


@dataclass(frozen=True)
class References:
    """The artworks shown beside others, by artwork id, attribute and class key."""

    cards: Mapping[tuple[int, str, str], Sequence[Card]] = field(default_factory=dict)

    def beside(self, artwork_id: int, attribute: str, key: str) -> Sequence[Card]:
        """Return those that show a class beside one artwork."""
        return self.cards.get((artwork_id, attribute, key), ())

    def without(self, artwork_ids: Collection[int]) -> References:
        """Return the same without some artworks, as whose image cannot be shown."""
        if not artwork_ids:
            return self
        kept = {
            place: [card for card in shown if card.artwork_id not in artwork_ids]
            for place, shown in self.cards.items()
        }
        return References(kept)

    def all(self) -> Iterable[Card]:
        """Yield each artwork that is shown beside another."""
        yield from {card.artwork_id: card for shown in self.cards.values() for card in shown}.values()


def read_references(
    catalog: Catalog,
    workspace: Workspace,
    run_id: int,
    asked: Mapping[int, Asked],
    cards: Mapping[int, Card],
    words: Mapping[str, ClassList],
) -> References:
    """Find what is shown beside artworks: of their label, and of the suggestion unless they are blind."""
    named: dict[tuple[int, str, str], Wanted] = {}
    for artwork_id, what in asked.items():
        card = cards[artwork_id]
        for attribute in what.attributes:
            issue = None if what.blind else card.issues.get(attribute)
            label = what.shown.get(attribute, card.labels.get(attribute, ""))
            for key in (label, issue.suggested if issue else None):
                if key and key in words[attribute].id_of:
                    place = (artwork_id, attribute, key)
                    vocabulary = words[attribute]
                    named[place] = Wanted(artwork_id, vocabulary.attribute_id, vocabulary.id_of[key])
    with catalog.read() as session:
        beside = find_references(session, workspace, session.get_one(Run, run_id), named.values())
        shown = read_cards(session, (i for ids in beside.values() for i in ids))
    return References({place: [shown[i] for i in beside.get(want, ())] for place, want in named.items()})


def review_cards(
    catalog: Catalog, workspace: Workspace, run_id: int, items: Iterable[BatchItem | PlannedItem]
) -> dict[int, ReviewCard]:
    """Return the card of each item of a batch, by artwork id."""
    with catalog.read() as session:
        words = read_class_lists(session)
        asked = {item.artwork_id: asked_of(item, words) for item in items}
        cards = read_cards(session, asked)
    beside = read_references(
        catalog, workspace=workspace, run_id=run_id, asked=asked, cards=cards, words=words
    )
    return {i: review_card(cards[i], what, words, beside) for i, what in asked.items()}


def review_card(
    card: Card, asked: Asked, words: Mapping[str, ClassList], references: References
) -> ReviewCard:
    """Return what is shown of an artwork."""
    order = [name for name in asked.attributes if name in words]
    order += [name for name in words if name not in order]
    questions = [_question(card, asked, words[name], references) for name in order]
    name, kept = _known_by(card)
    return ReviewCard(card, name, kept, questions)


def _known_by(card: Card) -> tuple[str, Mapping[str, str]]:
    """Return what an artwork is called, and what else is said of it, each thing once."""
    file = PurePosixPath(card.path).name
    if not card.known_as or card.known_as in (file, card.path):
        return file, card.kept
    others = {column: said for column, said in card.kept.items() if said != card.known_as}
    return card.known_as, {"file": file} | others


def _question(card: Card, asked: Asked, vocabulary: ClassList, references: References) -> Question:
    attribute, names = vocabulary.attribute, vocabulary.names
    label = asked.shown.get(attribute, card.labels.get(attribute, ""))
    wanted = attribute in asked.attributes
    issue = card.issues.get(attribute) if wanted and not asked.blind else None
    suggested = (issue.suggested if issue else None) or ""
    return Question(
        attribute=attribute,
        title=attribute.replace("_", " ").capitalize(),
        label=label,
        label_name=names.get(label, label),
        suggested=suggested,
        suggested_name=names.get(suggested, suggested),
        asked=wanted,
        reason=_reason(issue, vocabulary) if issue else BLIND if wanted else "",
        like_label=references.beside(card.artwork_id, attribute, label) if wanted else (),
        like_suggested=references.beside(card.artwork_id, attribute, suggested) if wanted else (),
    )


def _reason(issue: CardIssue, vocabulary: ClassList) -> str:
    """Say in one sentence why a label is flagged."""
    said = WithNames(vocabulary.names)(issue.reason)
    if issue.kind == "label_conflict" and said:
        return f"Contradicted: {said}."
    if not issue.suggested:
        return f"{said[:1].upper()}{said[1:]}." if said else NO_REASON
    name = vocabulary.names.get(issue.suggested, issue.suggested)
    if said.startswith(NO_CLASS_IS_CLEAR):
        return f"{said[:1].upper()}{said[1:]}; perhaps it is {name}."
    if not said and issue.p_suggested is not None and issue.p_label is not None:
        said = f"the model gives it {issue.p_suggested:.0%}, the label {issue.p_label:.0%}"
    return f"Looks like {name}: {said}." if said else f"Looks like {name}."
