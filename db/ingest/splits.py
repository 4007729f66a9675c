"""Splits as sources give them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Attribute, SplitFact

HELD_OUT = ("test", "val")


def said_splits(session: Session, attribute: Attribute) -> dict[int, str]:
    """Return the split of artworks in an attribute's lists; held out where any list says so."""
    said: dict[int, str] = {}
    rows = session.execute(
        select(SplitFact.artwork_id, SplitFact.split)
        .where((SplitFact.attribute_id == attribute.id) | SplitFact.attribute_id.is_(None))
        .order_by(SplitFact.id)
    )
    for artwork_id, split in rows:
        if said.get(artwork_id) not in HELD_OUT:
            said[artwork_id] = split
    return said
