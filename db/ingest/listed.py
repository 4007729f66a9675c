"""A list as the catalog knows it: which artwork each of its rows is, and what reviewers decided on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.classes.classes import class_list, find_attribute
from db.labels.class_changes import folded_classes
from db.models import Artwork, Attribute, EffectiveLabel, Ingest, Label, Listing, Reviewer, Source, Verdict


@dataclass(frozen=True)
class IngestMapping:
    """What the columns of a list were taken for when it was ingested."""

    source: str
    root: str
    file: str
    labels: Mapping[str, str]
    id: str | None
    kept: Sequence[str]
    missing: Sequence[str]
    keep_values: bool
    values: Literal["missing", "first", "whole"]


def find_mapping(session: Session, location: str, name: str, columns: Sequence[str]) -> IngestMapping | None:
    """Return the newest mapping of a list: of the same file, of the same name, or of the same columns."""
    rows = session.execute(
        select(Ingest.location, Ingest.mapping)
        .where(Ingest.mapping.is_not(None), Ingest.undone_at.is_(None))
        .order_by(Ingest.id.desc())
    )
    candidates: list[tuple[int, dict[str, Any]]] = []
    for where, mapping in rows:
        if not mapping or not {mapping["file"], *mapping["labels"]} <= set(columns):
            continue
        alike = mapping["columns"] == list(columns)
        same_name = str(mapping["source"]).partition(":")[2].partition(":")[2] == name
        if where == location or same_name or alike:
            candidates.append(((where == location) * 4 + same_name * 2 + alike, mapping))
    if not candidates:
        return None
    best = max(candidates, key=lambda pair: pair[0])[1]
    return IngestMapping(**{name: best[name] for name in IngestMapping.__dataclass_fields__})


@dataclass(frozen=True)
class Corrected:
    """What reviewers decided on one attribute of one artwork."""

    class_id: int
    known_as: str
    path: str
    decision: str
    who: str
    when: datetime
    why: str | None


@dataclass
class ListedArtworks:
    """The artworks of a list.

    Attributes:
        by_written, by_path, by_id: Artwork ids by the path as the list has it, by the catalog's path, by the
            id that people use.
        decided: What reviewers decided, by artwork and attribute.
        class_of: By attribute, the class that each folded spelling stands for.
        spelling: By attribute and class, how the list spells it.
    """

    by_written: dict[str, int] = field(default_factory=dict)
    by_path: dict[str, int] = field(default_factory=dict)
    by_id: dict[str, int] = field(default_factory=dict)
    decided: dict[tuple[int, str], Corrected] = field(default_factory=dict)
    class_of: dict[str, dict[str, int]] = field(default_factory=dict)
    spelling: dict[str, dict[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, mapping: IngestMapping) -> ListedArtworks:
        """Read them."""
        listed = cls()
        source_id = session.scalar(select(Source.id).where(Source.name == mapping.source))
        known_as: dict[int, str] = {}
        twice: Counter[str] = Counter()
        for artwork_id, path, id_ in session.execute(
            select(Listing.artwork_id, Listing.path, Listing.known_as).where(Listing.source_id == source_id)
        ):
            listed.by_written[path] = artwork_id
            if id_:
                known_as[artwork_id] = id_
                listed.by_id[id_] = artwork_id
                twice[id_] += 1
        for id_ in [id_ for id_, n in twice.items() if n > 1]:
            del listed.by_id[id_]
        for path, artwork_id in session.execute(
            select(Artwork.path, Artwork.id).where(Artwork.root == mapping.root)
        ):
            listed.by_path[path] = artwork_id
        for key in mapping.labels.values():
            attribute = find_attribute(session, key)
            listed.class_of[key] = folded_classes(session, attribute)
            listed._read_decided(session, attribute, known_as)
            listed.spelling[key] = _spellings(session, attribute, source_id)
        return listed

    def _read_decided(self, session: Session, attribute: Attribute, known_as: Mapping[int, str]) -> None:
        current = class_list(session, attribute).current
        rows = session.execute(
            select(
                EffectiveLabel.artwork_id,
                EffectiveLabel.class_id,
                Artwork.uuid,
                Artwork.path,
                Verdict.decision,
                Reviewer.name,
                Source.name,
                Label.created_at,
                Verdict.comment,
            )
            .join(Artwork, Artwork.id == EffectiveLabel.artwork_id)
            .join(Label, Label.id == EffectiveLabel.label_id)
            .join(Source, Source.id == Label.source_id)
            .outerjoin(Verdict, Verdict.id == Label.verdict_id)
            .outerjoin(Reviewer, Reviewer.id == Verdict.reviewer_id)
            .where(EffectiveLabel.attribute_id == attribute.id, EffectiveLabel.authority != "import")
        )
        for artwork_id, class_id, uuid, path, decision, reviewer, source, when, why in rows:
            self.decided[artwork_id, attribute.name] = Corrected(
                class_id=current[class_id],
                known_as=known_as.get(artwork_id, str(uuid)),
                path=path,
                decision=decision or "adjudicated",
                who=reviewer or source,
                when=when,
                why=why,
            )


def _spellings(session: Session, attribute: Attribute, source_id: int | None) -> dict[int, str]:
    """Return how a source spells each class: its commonest spelling there, else the class's name."""
    classes = class_list(session, attribute)
    counts: dict[int, Counter[str]] = {}
    rows = session.execute(
        select(Label.class_id, Label.spelling, func.count())
        .where(Label.source_id == source_id, Label.attribute_id == attribute.id, Label.retracts_id.is_(None))
        .group_by(Label.class_id, Label.spelling)
    )
    for class_id, spelling, n in rows:
        own = counts.setdefault(classes.current[class_id], Counter())
        own[spelling or classes.spelling[class_id]] += n
    return {
        class_id: counts[class_id].most_common(1)[0][0] if class_id in counts else name
        for class_id, name in classes.name.items()
    }
