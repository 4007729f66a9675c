"""Duplicate groups in the catalog: what to compare, and how groups are kept when they are found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.engine.bulk import chunks, stored_time, take_turns, update_rows
from db.models import Artwork, CatalogSetting, DuplicateGroup, now

STATE_KEY = "duplicates_of"


@dataclass(frozen=True)
class HashedImages:
    """The usable images, N of them by artwork id: digests, perceptual hashes (hexadecimal), their detail."""

    artwork_ids: list[int]
    sha256: list[str]
    phash: list[str]
    detail: list[float]
    paths: list[str]


@dataclass(frozen=True)
class Group:
    """Artworks that are one image: ``exact`` where all bytes agree, else ``near``."""

    kind: str
    artwork_ids: tuple[int, ...]


def images_state(session: Session, rule: str) -> str:
    """Return a text that changes when usable images were added, changed or lost, or the rule is another."""
    count, newest = session.execute(
        select(func.count(), func.max(Artwork.updated_at)).where(Artwork.status == "ok")
    ).one()
    return f"{rule} {count} {newest.isoformat() if newest else '-'}"


def grouped_state(session: Session) -> str | None:
    """Return the state that the groups in the catalog were found in."""
    setting = session.get(CatalogSetting, STATE_KEY)
    return None if setting is None else setting.value


def hashed_images(session: Session) -> HashedImages:
    """Read what usable images are compared by."""
    rows = session.execute(
        select(Artwork.id, Artwork.sha256, Artwork.phash, Artwork.phash_detail, Artwork.path)
        .where(Artwork.status == "ok", Artwork.sha256.is_not(None), Artwork.phash.is_not(None))
        .order_by(Artwork.id)
    ).all()
    return HashedImages(
        [row[0] for row in rows],
        [row[1] or "" for row in rows],
        [row[2] or "" for row in rows],
        [row[3] or 0.0 for row in rows],
        [row[4] for row in rows],
    )


def write_groups(session: Session, groups: Sequence[Group], rule: str, state: str) -> None:
    """Make these the duplicate groups; a group that goes on, even if it grew or shrank, keeps its id.

    ``state`` is that of the images compared. Where others have come since, the groups don't count as
    complete, and the next ingest looks again.
    """
    take_turns(session)
    complete = images_state(session, rule) == state
    before = {
        row[0]: row[1] or 0
        for row in session.execute(
            select(Artwork.id, Artwork.duplicate_group_id).where(Artwork.duplicate_group_id.is_not(None))
        )
    }
    old = {group.id: group for group in session.scalars(select(DuplicateGroup))}
    used: set[int] = set()
    after: dict[int, int] = {}
    for group in groups:
        votes = Counter(before[id_] for id_ in group.artwork_ids if id_ in before)
        same = next((id_ for id_, _ in votes.most_common() if id_ not in used), None)
        row = old[same] if same is not None else DuplicateGroup(kind=group.kind, size=0)
        row.kind, row.size = group.kind, len(group.artwork_ids)
        session.add(row)
        if same is None:
            session.flush()
        used.add(row.id)
        after |= dict.fromkeys(group.artwork_ids, row.id)
    session.flush()
    moved = sorted(id_ for id_ in before.keys() | after.keys() if before.get(id_) != after.get(id_))
    when = stored_time(now())
    update_rows(
        session,
        Artwork,
        ("duplicate_group_id", "updated_at"),
        [(after.get(id_), when, id_) for id_ in moved],
    )
    for some in chunks(sorted(old.keys() - used)):
        session.execute(delete(DuplicateGroup).where(DuplicateGroup.id.in_(some)))
    value = images_state(session, rule) if complete else "incomplete"
    session.merge(CatalogSetting(key=STATE_KEY, value=value))


def count_groups(session: Session) -> dict[str, int]:
    """Return how many groups there are, by kind."""
    counts = session.execute(select(DuplicateGroup.kind, func.count()).group_by(DuplicateGroup.kind)).all()
    return {kind: n for kind, n in counts}
