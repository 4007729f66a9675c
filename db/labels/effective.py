"""Labels are rows that are added; which of them counts is derived here, in the same transaction.

The rule: adjudicated, else the reviewers' consensus, else the import of highest priority, then the
newest. A tie is marked ``conflict`` and becomes an issue.

The newest is the row that was added last: a clock may have been a day ahead when an earlier one was. Times
only tell which labels came in one ingest: those have the same time, and tie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.classes.classes import merged_classes
from db.engine.bulk import chunks
from db.models import EffectiveLabel, Label, Source, now


@dataclass(frozen=True)
class LabelFact:
    """One label row with what its source says of it."""

    id: int
    artwork_id: int
    attribute_id: int
    class_id: int
    source_id: int
    authority: str
    priority: int
    created_at: datetime


@dataclass(frozen=True)
class Effective:
    """The label that counts, whose authority it has, and whether others tie with it."""

    class_id: int
    label_id: int
    authority: str
    conflict: bool


def find_source(session: Session, name: str, authority: str = "import", priority: int = 0) -> Source:
    """Return the source by that name, making it when it is new."""
    source = session.scalar(select(Source).where(Source.name == name))
    if source is None:
        source = Source(name=name, authority=authority, priority=priority)
        session.add(source)
        session.flush()
    return source


def choose(facts: Sequence[LabelFact], merged: Mapping[int, int]) -> Effective | None:
    """Return the label that counts among those of one artwork and attribute, none of them retracted.

    Labels of classes that were merged agree; ``merged`` says where each such class went.
    """
    for authority in ("adjudicated", "reviewer"):
        said = [fact for fact in facts if fact.authority == authority]
        if said:
            return _consensus(said, authority, merged)
    if not facts:
        return None
    best = max(facts, key=lambda fact: (fact.priority, fact.id))
    rivals = {
        merged.get(fact.class_id, fact.class_id)
        for fact in facts
        if (fact.priority, fact.created_at) == (best.priority, best.created_at)
    }
    return Effective(best.class_id, best.id, "import", conflict=len(rivals) > 1)


def _consensus(said: Sequence[LabelFact], authority: str, merged: Mapping[int, int]) -> Effective:
    """Return the class that most of the sources say, each by its newest label; the newest breaks a tie."""
    newest: dict[int, LabelFact] = {}
    for fact in sorted(said, key=lambda fact: fact.id):
        newest[fact.source_id] = fact
    said_by = [(merged.get(fact.class_id, fact.class_id), fact) for fact in newest.values()]
    votes = Counter(class_id for class_id, _ in said_by)
    most = max(votes.values())
    leading = [fact for class_id, fact in said_by if votes[class_id] == most]
    best = max(leading, key=lambda fact: fact.id)
    tied = list(votes.values()).count(most) > 1
    return Effective(best.class_id, best.id, authority, conflict=tied)


def live_labels(
    session: Session, artwork_ids: Sequence[int], newest: int | None = None
) -> dict[tuple[int, int], list[LabelFact]]:
    """Return the labels that were not taken back, by (artwork, attribute).

    ``newest`` names a label row: the answer is what stood when that one was the newest.
    """
    facts: dict[tuple[int, int], list[LabelFact]] = {}
    seen = [] if newest is None else [Label.id <= newest]
    for chunk in chunks(artwork_ids):
        rows = session.execute(
            select(
                Label.id,
                Label.artwork_id,
                Label.attribute_id,
                Label.class_id,
                Label.source_id,
                Source.authority,
                Source.priority,
                Label.created_at,
                Label.retracts_id,
            )
            .join(Source)
            .where(Label.artwork_id.in_(chunk), *seen)
        ).all()
        retracted = {row.retracts_id for row in rows if row.retracts_id is not None}
        for row in rows:
            if row.retracts_id is None and row.id not in retracted:
                key = (row.artwork_id, row.attribute_id)
                facts.setdefault(key, []).append(LabelFact(*row[:8]))
    return facts


def derive(session: Session, artwork_ids: Iterable[int]) -> int:
    """Bring the effective labels of these artworks up to date.

    Returns:
        How many labels now have another class than before, labels gained or lost among them.
    """
    ids = sorted(set(artwork_ids))
    session.flush()
    live, merged = live_labels(session, ids), merged_classes(session)
    changed = 0
    for chunk in chunks(ids):
        before = {
            (row.artwork_id, row.attribute_id): row.class_id
            for row in session.execute(
                select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id, EffectiveLabel.class_id).where(
                    EffectiveLabel.artwork_id.in_(chunk)
                )
            )
        }
        inside = set(chunk)
        chosen = {key: choose(facts, merged) for key, facts in live.items() if key[0] in inside}
        after = {key: best for key, best in chosen.items() if best is not None}
        session.execute(delete(EffectiveLabel).where(EffectiveLabel.artwork_id.in_(chunk)))
        if after:
            session.execute(insert(EffectiveLabel), [_row(key, best) for key, best in after.items()])
        changed += sum(
            before.get(key) != (after[key].class_id if key in after else None) for key in before | after
        )
    return changed


def _row(key: tuple[int, int], best: Effective) -> dict[str, object]:
    return {
        "artwork_id": key[0],
        "attribute_id": key[1],
        "class_id": best.class_id,
        "label_id": best.label_id,
        "authority": best.authority,
        "conflict": best.conflict,
    }


def retract(session: Session, label_ids: Iterable[int], when: datetime | None = None) -> list[int]:
    """Take labels back by adding rows that say so; return the artworks concerned."""
    artworks = []
    for label_id in label_ids:
        label = session.get_one(Label, label_id)
        taken_back = session.scalar(select(Label.id).where(Label.retracts_id == label_id))
        if taken_back is None:
            session.add(
                Label(
                    artwork_id=label.artwork_id,
                    attribute_id=label.attribute_id,
                    class_id=label.class_id,
                    source_id=label.source_id,
                    verdict_id=label.verdict_id,
                    retracts_id=label.id,
                    created_at=when or now(),
                )
            )
            artworks.append(label.artwork_id)
    session.flush()
    return artworks
