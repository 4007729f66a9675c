"""Contradictions that need no model: imports that tie, and one image under two labels.

They are issues without a run. Each is kept in step with the labels: it opens when the contradiction
appears, and is resolved when it is gone; one that somebody dismissed stays dismissed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db.classes.classes import merged_classes
from db.engine.bulk import chunks, take_turns
from db.labels.effective import live_labels
from db.models import Artwork, Class, EffectiveLabel, Issue, Source, now


class Contradiction(NamedTuple):
    """One label that something else contradicts; ``score`` is the share of what is said that agrees."""

    class_id: int
    suggested_id: int | None
    score: float
    reason: str
    evidence: Mapping[str, Any]


Contradictions = dict[tuple[int, int], Contradiction]
"""By (artwork, attribute)."""


def record_conflicts(session: Session) -> int:
    """Bring the issues ``label_conflict`` and ``duplicate`` up to date; return how many labels they flag."""
    take_turns(session)
    ties, doubles = label_conflicts(session), duplicate_conflicts(session)
    _keep(session, "label_conflict", ties)
    _keep(session, "duplicate", doubles)
    return len(ties.keys() | doubles.keys())


def record_ties(session: Session) -> None:
    """Bring the issues ``label_conflict`` up to date, after reviewers have spoken."""
    _keep(session, "label_conflict", label_conflicts(session))


def label_conflicts(session: Session) -> Contradictions:
    """Return the labels that tie: imports of one time and rank, or reviewers, that say different classes."""
    tied = [
        (row[0], row[1])
        for row in session.execute(
            select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id).where(EffectiveLabel.conflict)
        )
    ]
    names = {row[0]: row[1] for row in session.execute(select(Source.id, Source.name))}
    keys, merged = _class_keys(session), merged_classes(session)
    facts = live_labels(session, sorted({artwork_id for artwork_id, _ in tied}))
    effective = _effective(session, [artwork_id for artwork_id, _ in tied])
    contradictions: Contradictions = {}
    for key in tied:
        votes = Counter(merged.get(fact.class_id, fact.class_id) for fact in facts.get(key, ()))
        stands = merged.get(effective[key][0], effective[key][0])
        others = [class_id for class_id, _ in votes.most_common() if class_id != stands]
        said = sorted({(names[fact.source_id], keys[fact.class_id]) for fact in facts.get(key, ())})
        if others:
            contradictions[key] = Contradiction(
                stands,
                others[0],
                votes[stands] / votes.total(),
                "; ".join(f"{source} says {name}" for source, name in said),
                {"said": [list(one) for one in said]},
            )
    return contradictions


def duplicate_conflicts(session: Session) -> Contradictions:
    """Return the imported labels that differ from those of the same image's other listings."""
    rows = session.execute(
        select(
            Artwork.duplicate_group_id,
            Artwork.id,
            Artwork.path,
            EffectiveLabel.attribute_id,
            EffectiveLabel.class_id,
            EffectiveLabel.authority,
        )
        .join(EffectiveLabel, EffectiveLabel.artwork_id == Artwork.id)
        .where(Artwork.duplicate_group_id.is_not(None))
        .order_by(Artwork.id)
    ).all()
    groups: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.duplicate_group_id, row.attribute_id].append(row)
    keys, merged = _class_keys(session), merged_classes(session)
    contradictions: Contradictions = {}
    for members in groups.values():
        contradictions |= _group_conflicts(members, keys, merged)
    return contradictions


def _group_conflicts(
    members: Sequence[Any], keys: Mapping[int, str], merged: Mapping[int, int]
) -> Contradictions:
    """Return the contradicted labels of one group and attribute: outvoted, tied, or reviewed otherwise."""
    says = [merged.get(row.class_id, row.class_id) for row in members]
    votes = Counter(says)
    trusted = {own for own, row in zip(says, members, strict=True) if row.authority != "import"}
    contradictions: Contradictions = {}
    for own, row in zip(says, members, strict=True) if len(votes) > 1 else ():
        others = [id_ for id_, _ in votes.most_common() if id_ != own]
        best = next((id_ for id_ in others if id_ in trusted), others[0])
        outvoted = votes[own] <= votes[best] or best in trusted
        if row.authority == "import" and own not in trusted and outvoted:
            evidence = {
                "group": row.duplicate_group_id,
                "said": {keys[id_]: n for id_, n in votes.most_common()},
                "others": [other.path for other in members if other.id != row.id][:20],
            }
            reason = "the same image is also labelled " + ", ".join(keys[id_] for id_ in others)
            contradictions[row.id, row.attribute_id] = Contradiction(
                row.class_id, best, votes[own] / votes.total(), reason, evidence
            )
    return contradictions


def _keep(session: Session, kind: str, wanted: Contradictions) -> None:
    """Open issues for new contradictions, and resolve those that are gone."""
    issues_by_label: dict[tuple[int, int], list[Any]] = defaultdict(list)
    rows = session.execute(
        select(
            Issue.id, Issue.artwork_id, Issue.attribute_id, Issue.class_id, Issue.suggested_id, Issue.state
        ).where(Issue.kind == kind, Issue.run_id.is_(None), Issue.attribute_id.is_not(None))
    ).all()
    for row in rows:
        issues_by_label[row.artwork_id, row.attribute_id].append(row)
    gone, new = [], []
    for key, issues in issues_by_label.items():
        want = wanted.get(key)
        gone += [
            row.id
            for row in issues
            if row.state in ("open", "pushed")
            and (want is None or (row.class_id, row.suggested_id) != (want.class_id, want.suggested_id))
        ]
    for key, want in wanted.items():
        stands = [
            row
            for row in issues_by_label.get(key, ())
            if row.state in ("open", "pushed", "dismissed")
            and (row.class_id, row.suggested_id) == (want.class_id, want.suggested_id)
        ]
        if not stands:
            new.append({"artwork_id": key[0], "attribute_id": key[1], "kind": kind, **want._asdict()})
    for some in chunks(gone):
        session.execute(update(Issue).where(Issue.id.in_(some)).values(state="resolved", updated_at=now()))
    if new:
        session.execute(insert(Issue), new)


def _effective(session: Session, artwork_ids: Iterable[int]) -> dict[tuple[int, int], tuple[int, str]]:
    effective: dict[tuple[int, int], tuple[int, str]] = {}
    for some in chunks(sorted(set(artwork_ids))):
        rows = session.execute(
            select(
                EffectiveLabel.artwork_id,
                EffectiveLabel.attribute_id,
                EffectiveLabel.class_id,
                EffectiveLabel.authority,
            ).where(EffectiveLabel.artwork_id.in_(some))
        )
        effective |= {(row[0], row[1]): (row[2], row[3]) for row in rows}
    return effective


def _class_keys(session: Session) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(select(Class.id, Class.key))}
