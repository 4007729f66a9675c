"""Artworks whose image is gone or cannot be read, as an ingest finds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, and_, func, insert, literal, select, update
from sqlalchemy.orm import Session

from db.engine.bulk import chunks, take_turns
from db.models import Artwork, Issue, now

UNREADABLE: ColumnElement[bool] = and_(
    Issue.kind == "unreadable", Issue.artwork_id == Artwork.id, Issue.reason == Artwork.reason
)


def known_paths(session: Session, collection: str, root: str) -> Iterator[tuple[int, str]]:
    """Yield (id, path) of a root's artworks that had a file when they were last ingested."""
    statement = select(Artwork.id, Artwork.path).where(
        Artwork.collection == collection, Artwork.root == root, Artwork.status.in_(("ok", "refused"))
    )
    for row in session.execute(statement.execution_options(yield_per=10_000)):
        yield row.id, row.path


def mark_missing(session: Session, artwork_ids: Sequence[int]) -> None:
    """Set artworks aside whose file is gone; they keep their labels until an ingest finds it again."""
    for some in chunks(artwork_ids):
        session.execute(
            update(Artwork)
            .where(Artwork.id.in_(some))
            .values(status="missing", reason="missing", updated_at=now())
        )


def record_unreadable(session: Session) -> int:
    """Bring the issues ``unreadable`` up to date: one for each artwork whose image was refused, with why.

    Returns:
        How many stand open.
    """
    take_turns(session)
    of_kind = Issue.kind == "unreadable"
    refused = and_(Artwork.status == "refused", Artwork.reason.is_not(None))
    still = select(Artwork.id).where(refused, UNREADABLE).correlate(Issue).exists()
    open_ = and_(of_kind, Issue.state.in_(("open", "pushed")))
    session.execute(update(Issue).where(open_, ~still).values(state="resolved", updated_at=now()))
    undecided = Issue.state.in_(("open", "pushed", "dismissed"))
    told = select(Issue.id).where(UNREADABLE, undecided).correlate(Artwork).exists()
    new = select(Artwork.id, literal("unreadable"), literal(0.0), Artwork.reason).where(refused, ~told)
    session.execute(insert(Issue).from_select(("artwork_id", "kind", "score", "reason"), new))
    return session.scalar(select(func.count()).where(open_)) or 0
