"""Splits as sources give them: the official one of each attribute, and where it contradicts itself."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.labels.classes import find_attribute
from db.models import Artwork, SplitFact

HELD_OUT = ("val", "test")


def official_split(
    session: Session, artwork_ids: NDArray[np.int64], attribute: str | None = None
) -> NDArray[np.str_]:
    """Return the split that the sources put artworks in.

    Args:
        session: A session of the catalog.
        artwork_ids: Shape ``(N,)``.
        attribute: The split of this attribute's list. None is the split of all lists at once, for a model of
            several attributes: an artwork that any list holds out is held out, although others train on it
            (566 of ArtGAN's are train for one task and val for another).

    Returns:
        A word each (``train``, ``val``, ``test``), empty where no source says, shape ``(N,)``.
    """
    statement = select(SplitFact.artwork_id, SplitFact.split)
    if attribute is not None:
        wanted = find_attribute(session, attribute).id
        statement = statement.where((SplitFact.attribute_id == wanted) | SplitFact.attribute_id.is_(None))
    said: dict[int, set[str]] = defaultdict(set)
    for artwork_id, split in session.execute(statement):
        said[artwork_id].add(split)
    chosen = {artwork_id: _strictest(splits) for artwork_id, splits in said.items()}
    return np.array([chosen.get(int(id_), "") for id_ in artwork_ids], dtype=np.str_)


def _strictest(splits: set[str]) -> str:
    held_out = [split for split in HELD_OUT if split in splits]
    return held_out[-1] if held_out else min(splits)


def straddling_groups(session: Session, attribute: str) -> list[int]:
    """Return the duplicate groups whose artworks an attribute's list puts into different splits."""
    wanted = find_attribute(session, attribute).id
    rows = session.execute(
        select(Artwork.duplicate_group_id)
        .join(SplitFact, SplitFact.artwork_id == Artwork.id)
        .where(Artwork.duplicate_group_id.is_not(None), SplitFact.attribute_id == wanted)
        .group_by(Artwork.duplicate_group_id)
        .having(func.min(SplitFact.split) != func.max(SplitFact.split))
        .order_by(Artwork.duplicate_group_id)
    )
    return [int(row[0] or 0) for row in rows]
