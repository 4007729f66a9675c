"""Cards: what a task or a sheet may show of one artwork."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import ClassList, read_class_lists
from db.engine.bulk import chunks
from db.images.copies import Place
from db.labels.kept import KeptCells, kept_cells
from db.models import ASKED_KINDS, OPEN_STATES, Artwork, EffectiveLabel, Issue


@dataclass(frozen=True)
class CardIssue:
    """Why one label of an artwork is flagged; classes are keys."""

    attribute: str
    kind: str
    suggested: str | None
    score: float
    reason: str
    p_label: float | None
    p_suggested: float | None


@dataclass(frozen=True)
class Card:
    """What a task may show of one artwork: where the image lies, its labels by attribute, its issues.

    ``kept`` are the columns of its list that are no attribute, by name, in the list's order; ``known_as`` is
    the id that its people use.
    """

    artwork_id: int
    uuid: UUID
    root: str
    path: str
    labels: Mapping[str, str]
    issues: Mapping[str, CardIssue]
    place: Place
    kept: Mapping[str, str] = field(default_factory=dict)
    known_as: str | None = None


def read_cards(session: Session, artwork_ids: Iterable[int]) -> dict[int, Card]:
    """Return what tasks show of these artworks, by artwork id."""
    ids = sorted(set(artwork_ids))
    classes = {v.attribute_id: v for v in read_class_lists(session).values()}
    cards: dict[int, Card] = {}
    for chunk in chunks(ids):
        labels: dict[int, dict[str, str]] = {}
        for row in session.execute(
            select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id, EffectiveLabel.class_id).where(
                EffectiveLabel.artwork_id.in_(chunk)
            )
        ):
            named = classes[row.attribute_id]
            labels.setdefault(row.artwork_id, {})[named.attribute] = named.key_of[row.class_id]
        issues = _worst_issues(session, chunk, classes)
        kept = kept_cells(session, chunk)
        for artwork in session.execute(
            select(
                Artwork.id,
                Artwork.uuid,
                Artwork.root,
                Artwork.path,
                Artwork.sha256,
                Artwork.needs_copy,
                Artwork.image_format,
            ).where(Artwork.id.in_(chunk))
        ):
            own = kept.get(artwork.id, KeptCells())
            cards[artwork.id] = Card(
                *artwork[:4],
                labels.get(artwork.id, {}),
                issues.get(artwork.id, {}),
                Place(*artwork[2:]),
                own.cells,
                own.known_as,
            )
    return cards


def _worst_issues(
    session: Session, artwork_ids: Sequence[int], classes: Mapping[int, ClassList]
) -> dict[int, dict[str, CardIssue]]:
    """Return the open issues of some artworks, by attribute, the worst one of each.

    Kinds and states are compared here: in the query, SQLite would walk through all issues by them.
    """
    rows = session.execute(
        select(
            Issue.artwork_id,
            Issue.attribute_id,
            Issue.kind,
            Issue.state,
            Issue.suggested_id,
            Issue.score,
            Issue.reason,
            Issue.p_label,
            Issue.p_suggested,
        )
        .where(Issue.artwork_id.in_(artwork_ids))
        .order_by(Issue.score.desc(), Issue.id.desc())
    )
    worst: dict[int, dict[str, CardIssue]] = {}
    for issue in rows:
        if issue.attribute_id is None or issue.kind not in ASKED_KINDS or issue.state not in OPEN_STATES:
            continue
        named = classes[issue.attribute_id]
        suggested = named.key_of[issue.suggested_id] if issue.suggested_id is not None else None
        worst.setdefault(issue.artwork_id, {})[named.attribute] = CardIssue(
            attribute=named.attribute,
            kind=issue.kind,
            suggested=suggested,
            score=issue.score,
            reason=issue.reason,
            p_label=issue.p_label,
            p_suggested=issue.p_suggested,
        )
    return worst
