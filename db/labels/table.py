"""Artworks and their labels as arrays: what training, ranking and export read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.classes.classes import attributes, class_list
from db.classes.columns import require_own_columns
from db.decision_rules import DecisionKind
from db.engine.bulk import chunks
from db.errors import ArtworkAmbiguous, ArtworkNotFound
from db.models import Artwork, EffectiveLabel, Label, Listing, Verdict

IMPORTED, REVIEWED, ATYPICAL = 0, 1, 2
"""The review state of a label: as imported, said by a reviewer, said to be right though unlike its class."""


NAMED = 5
"""Artworks that are listed where a name fits several."""


@dataclass(frozen=True)
class LabelTable:
    """All usable artworks with their effective labels, N rows by artwork id.

    Attributes:
        artwork_ids: Shape ``(N,)``.
        uuids, roots, paths, sha256: One an artwork; ``sha256`` is empty where the image was not read.
        groups: Duplicate group ids, shape ``(N,)``; an artwork in none has a negative id of its own.
        labels: By attribute, class ids, shape ``(N,)``, -1 where missing.
        review_state: By attribute, ``IMPORTED``, ``REVIEWED`` or ``ATYPICAL``, shape ``(N,)``.
        newest_label: The newest label row of the catalog as it was read.
    """

    artwork_ids: NDArray[np.int64]
    uuids: list[UUID]
    roots: list[str]
    paths: list[str]
    sha256: list[str]
    groups: NDArray[np.int64]
    labels: dict[str, NDArray[np.int64]]
    review_state: dict[str, NDArray[np.int8]]
    newest_label: int = 0

    def __len__(self) -> int:
        return len(self.artwork_ids)

    def rows_of(self, artwork_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some artworks, -1 for those that are not here."""
        at = np.searchsorted(self.artwork_ids, artwork_ids).clip(max=max(len(self) - 1, 0))
        return np.where(self.artwork_ids[at] == artwork_ids, at, -1) if len(self) else np.full(len(at), -1)


def label_table(session: Session, statuses: tuple[str, ...] = ("ok",)) -> LabelTable:
    """Read the artworks of some statuses with their effective labels."""
    rows = session.execute(
        select(
            Artwork.id, Artwork.uuid, Artwork.root, Artwork.path, Artwork.sha256, Artwork.duplicate_group_id
        )
        .where(Artwork.status.in_(statuses))
        .order_by(Artwork.id)
    ).all()
    ids = np.array([row.id for row in rows], dtype=np.int64)
    table = LabelTable(
        artwork_ids=ids,
        uuids=[row.uuid for row in rows],
        roots=[row.root for row in rows],
        paths=[row.path for row in rows],
        sha256=[row.sha256 or "" for row in rows],
        groups=np.array([row.duplicate_group_id or -row.id for row in rows], dtype=np.int64),
        labels={},
        review_state={},
        newest_label=session.scalar(select(func.max(Label.id))) or 0,
    )
    for attribute in attributes(session):
        current = class_list(session, attribute).current
        table.labels[attribute.name] = np.full(len(ids), -1, dtype=np.int64)
        table.review_state[attribute.name] = np.zeros(len(ids), dtype=np.int8)
        effective = session.execute(
            select(EffectiveLabel.artwork_id, EffectiveLabel.class_id, EffectiveLabel.authority).where(
                EffectiveLabel.attribute_id == attribute.id
            )
        ).all()
        at = table.rows_of(np.array([row.artwork_id for row in effective], dtype=np.int64))
        classes = np.array([current[row.class_id] for row in effective], dtype=np.int64)
        reviewed = np.array([row.authority != "import" for row in effective], dtype=np.int8)
        table.labels[attribute.name][at[at >= 0]] = classes[at >= 0]
        table.review_state[attribute.name][at[at >= 0]] = reviewed[at >= 0]
        atypical = session.scalars(
            select(Verdict.artwork_id).where(
                Verdict.attribute_id == attribute.id,
                Verdict.decision == DecisionKind.ATYPICAL.value,
                Verdict.superseded_at.is_(None),
            )
        ).all()
        at = table.rows_of(np.array(atypical, dtype=np.int64))
        table.review_state[attribute.name][at[at >= 0]] = ATYPICAL
    return table


def spelled_labels(session: Session) -> dict[str, dict[int, str]]:
    """Return the label that counts as its source spells it, by what people call the attribute and by artwork.

    A reviewer's label, and one of a class that was merged into another, is spelled by the class's name.

    Raises:
        AttributesClash: Two attributes are called the same, or one as the column of the images.
    """
    require_own_columns(session)
    spellings: dict[str, dict[int, str]] = {}
    for attribute in attributes(session):
        classes = class_list(session, attribute)
        rows = session.execute(
            select(EffectiveLabel.artwork_id, Label.class_id, Label.spelling, EffectiveLabel.authority)
            .join(Label, Label.id == EffectiveLabel.label_id)
            .where(EffectiveLabel.attribute_id == attribute.id)
        )
        own = spellings.setdefault(attribute.shown, {})
        for artwork_id, class_id, spelling, authority in rows:
            current = classes.current[class_id]
            if authority == "import" and current == class_id:
                own[artwork_id] = spelling or classes.spelling[class_id]
            else:
                own[artwork_id] = classes.name[current]
    return spellings


def label_digest(table: LabelTable) -> str:
    """Return a digest of which labels stood: the same labels of the same artworks give the same digest."""
    digest = hashlib.sha256()
    for uuid in table.uuids:
        digest.update(uuid.bytes)
    for name in sorted(table.labels):
        digest.update(name.encode())
        digest.update(table.labels[name].tobytes())
    return digest.hexdigest()


def find_artwork(session: Session, reference: str) -> Artwork:
    """Return the artwork by its uuid, its path or the id that a list gives it, where only one artwork has it.

    Raises:
        ArtworkNotFound: None has it.
        ArtworkAmbiguous: Several have that path or id.
    """
    statement = select(Artwork).where(Artwork.path == reference)
    try:
        statement = select(Artwork).where(Artwork.uuid == UUID(reference))
    except ValueError:
        pass
    artworks = session.scalars(statement.order_by(Artwork.id).limit(NAMED + 1)).all()
    if not artworks:
        listed = select(Listing.artwork_id).where(
            (Listing.known_as == reference) | (Listing.path == reference)
        )
        statement = select(Artwork).where(Artwork.id.in_(listed))
        artworks = session.scalars(statement.order_by(Artwork.id).limit(NAMED + 1)).all()
    if len(artworks) > 1:
        uuids = [str(artwork.uuid) for artwork in artworks[:NAMED]]
        raise ArtworkAmbiguous(reference, uuids, len(artworks) > NAMED)
    if not artworks:
        raise ArtworkNotFound(reference, session.scalar(select(func.count(Artwork.id))) or 0)
    return artworks[0]


def as_uuid(text: str) -> UUID:
    """Return the uuid that a text is, or one that nothing has."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def find_artworks(session: Session, uuids: Sequence[str]) -> dict[str, int]:
    """Return the ids of the artworks that have these uuids, by uuid."""
    wanted = [as_uuid(text) for text in uuids]
    ids: dict[str, int] = {}
    for chunk in chunks(wanted):
        rows = session.execute(select(Artwork.uuid, Artwork.id).where(Artwork.uuid.in_(chunk)))
        ids.update((str(row.uuid), row.id) for row in rows)
    return ids
