"""Counts over the whole catalog: statuses, splits, classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.classes.classes import attributes, class_list
from db.models import Artwork, EffectiveLabel, SplitFact

CONFLICTING = "conflicting"
"""Artworks that one list trains on and another validates on."""


@dataclass(frozen=True)
class AttributeStats:
    """The labels of one attribute: how many artworks have one, and how many each class has, most first."""

    labelled: int
    counts: dict[str, int]
    names: dict[str, str]

    @property
    def imbalance(self) -> float:
        """How many times larger the largest class is than the smallest; 0 without labels."""
        sizes = [n for n in self.counts.values() if n]
        return max(sizes) / min(sizes) if sizes else 0.0


@dataclass
class CatalogStats:
    """What ``curate stats`` tells."""

    artworks: int = 0
    status: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    split_lists: dict[str, dict[str, int]] = field(default_factory=dict)
    attributes: dict[str, AttributeStats] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what ``curate stats --json`` prints."""
        return {
            "artworks": self.artworks,
            "status": self.status,
            "reasons": self.reasons,
            "splits": self.splits,
            "split_lists": self.split_lists,
            "attributes": {
                name: {
                    "labelled": stats.labelled,
                    "classes": len(stats.counts),
                    "counts": stats.counts,
                    "imbalance": round(stats.imbalance, 2),
                }
                for name, stats in self.attributes.items()
            },
        }


def catalog_stats(session: Session) -> CatalogStats:
    """Count everything."""
    lists = split_lists(session)
    stats = CatalogStats(split_lists=lists, splits=split_counts(session, lists))
    for status, n in session.execute(
        select(Artwork.status, func.count()).group_by(Artwork.status).order_by(Artwork.status)
    ):
        stats.status[status] = n
        stats.artworks += n
    if stats.status.keys() - {"ok", "unverified"}:
        bad = Artwork.status.in_(("refused", "missing", "unusable"))
        for reason, n in session.execute(
            select(func.coalesce(Artwork.reason, Artwork.status), func.count())
            .where(bad)
            .group_by(Artwork.reason)
        ):
            stats.reasons[reason] = stats.reasons.get(reason, 0) + n
    counted: dict[int, Counter[int]] = {}
    for attribute_id, class_id, n in session.execute(
        select(EffectiveLabel.attribute_id, EffectiveLabel.class_id, func.count()).group_by(
            EffectiveLabel.attribute_id, EffectiveLabel.class_id
        )
    ):
        counted.setdefault(attribute_id, Counter())[class_id] += n
    for attribute in attributes(session):
        classes = class_list(session, attribute)
        counts = Counter(dict.fromkeys((classes.key[i] for i in classes.live()), 0))
        for class_id, n in counted.get(attribute.id, Counter()).items():
            counts[classes.key[classes.current[class_id]]] += n
        ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        names = {classes.key[i]: classes.name[i] for i in classes.live()}
        stats.attributes[attribute.name] = AttributeStats(sum(ordered.values()), ordered, names)
    return stats


def split_counts(session: Session, lists: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return how many artworks each split has; those with two are ``conflicting``.

    Where no artwork is listed twice, the lists' own counts say it.
    """
    facts = select(func.count(SplitFact.id)).scalar_subquery()
    artworks = select(func.count()).select_from(select(SplitFact.artwork_id).distinct().subquery())
    if session.scalar(select(facts)) == session.scalar(artworks):
        return dict(sorted(sum((Counter(splits) for splits in lists.values()), Counter()).items()))
    each = (
        select(func.min(SplitFact.split).label("first"), func.max(SplitFact.split).label("last"))
        .group_by(SplitFact.artwork_id)
        .subquery()
    )
    counts: Counter[str] = Counter()
    for first, last, n in session.execute(
        select(each.c.first, each.c.last, func.count()).group_by(each.c.first, each.c.last)
    ):
        counts[first if first == last else CONFLICTING] += n
    return dict(sorted(counts.items()))


def split_lists(session: Session) -> dict[str, dict[str, int]]:
    """Return how many artworks each list of splits has, by attribute (``all``: for all of them) and split."""
    names = {attribute.id: attribute.name for attribute in attributes(session)}
    lists: dict[str, dict[str, int]] = {}
    for attribute_id, split, n in session.execute(
        select(SplitFact.attribute_id, SplitFact.split, func.count())
        .group_by(SplitFact.attribute_id, SplitFact.split)
        .order_by(SplitFact.attribute_id, SplitFact.split)
    ):
        by_split = lists.setdefault(names.get(attribute_id or 0, "all"), {})
        by_split[split] = by_split.get(split, 0) + n
    return lists
