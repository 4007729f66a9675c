"""Artworks whose sources contradict themselves or each other, as far as the catalog knows."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Artwork, Issue


def contested_paths(session: Session, collection: str, root: str) -> set[str]:
    """Return the paths in a root of artworks that ever had two labels of one attribute that tied."""
    statement = (
        select(Artwork.path)
        .join(Issue, Issue.artwork_id == Artwork.id)
        .where(Issue.kind == "label_conflict", Artwork.collection == collection, Artwork.root == root)
        .distinct()
    )
    return set(session.scalars(statement))
