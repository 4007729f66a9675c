"""Which images to look for when a folder has moved."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Artwork


def root_sample(session: Session, root: str, size: int) -> tuple[int, list[str]]:
    """Return how many usable artworks a root has, and the paths of some, spread over all of them.

    Whose collection they are of does not matter: a colleague's have roots too.
    """
    belongs = (Artwork.root == root, Artwork.status.in_(("ok", "unusable", "unverified")))
    artworks = session.scalar(select(func.count()).where(*belongs)) or 0
    step = max(artworks // size, 1)
    numbered = (
        select(Artwork.path, func.row_number().over(order_by=Artwork.id).label("number"))
        .where(*belongs)
        .subquery()
    )
    paths = session.scalars(select(numbered.c.path).where(numbered.c.number % step == 0).limit(size)).all()
    return artworks, list(paths)
