"""Artworks that show what a class looks like: a reviewer compares instead of remembering.

Those are taken that surely bear the class (a reviewer said so, or the run is surest of them), and among
these the ones that look most like the artwork in question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from db.classes.classes import class_list
from db.engine.bulk import chunks
from db.models import ASKED_KINDS, OPEN_STATES, Artwork, Attribute, EffectiveLabel, Issue, Prediction, Run
from db.runs.runs import run_folder
from db.workspace.workspace import Workspace

EACH = 3
"""Reference artworks of one class beside one artwork."""

SUREST = 0.25
"""The share of a class that may stand for it: of all of it, the nearest would be those labelled wrong."""

LEAST = 12
"""At least this many of a class may stand for it, however small it is."""


@dataclass(frozen=True)
class Wanted:
    """A class that one artwork is to be compared with."""

    artwork_id: int
    attribute_id: int
    class_id: int


@dataclass(frozen=True)
class _Member:
    """An artwork that surely bears a class; ``same`` holds what duplicates of it have in common."""

    artwork_id: int
    same: frozenset[object]


def find_references(
    session: Session, workspace: Workspace, run: Run, wanted: Iterable[Wanted], each: int = EACH
) -> dict[Wanted, tuple[int, ...]]:
    """Return the artworks to show beside others, nearest in looks first, at most ``each`` a class.

    None of them is flagged in the attribute, is unusable, or is a duplicate of the artwork or of another one
    shown. Fewer, or none, where the class has no more; none where the run's arrays do not lie here.
    """
    asked = list(dict.fromkeys(wanted))
    folder = run_folder(session, workspace, run.uuid)
    if not asked or not (folder / "embedding.npy").is_file():
        return {}
    place = _Embedding(np.load(folder / "artworks.npy"), np.load(folder / "embedding.npy", mmap_mode="r"))
    marks = _marks(session, {one.artwork_id for one in asked})
    references: dict[Wanted, tuple[int, ...]] = {}
    for attribute_id, class_id in dict.fromkeys((one.attribute_id, one.class_id) for one in asked):
        members = _sure_members(session, run, attribute_id, class_id)
        members = [member for member in members if place.has(member.artwork_id)]
        looks = place.rows([member.artwork_id for member in members])
        for one in asked:
            if (one.attribute_id, one.class_id) == (attribute_id, class_id):
                order = _nearest(looks, place, one.artwork_id)
                references[one] = _apart(members, order, marks.get(one.artwork_id, frozenset()), each)
    return references


@dataclass(frozen=True)
class _Embedding:
    """A run's embedding ``(N, D)``, L2-normalised, and whose its rows are, ascending ``(N,)``."""

    artwork_ids: NDArray[np.int64]
    vectors: NDArray[np.float16]

    def has(self, artwork_id: int) -> bool:
        """Return whether the run has looked at an artwork."""
        at = int(np.searchsorted(self.artwork_ids, artwork_id))
        return at < len(self.artwork_ids) and int(self.artwork_ids[at]) == artwork_id

    def rows(self, artwork_ids: list[int]) -> NDArray[np.float32]:
        """Return the vectors of artworks that the run has looked at, shape ``(len(artwork_ids), D)``."""
        at = np.searchsorted(self.artwork_ids, np.array(artwork_ids, dtype=np.int64))
        vectors: NDArray[np.float32] = np.nan_to_num(self.vectors[at].astype(np.float32))
        return vectors


def _sure_members(session: Session, run: Run, attribute_id: int, class_id: int) -> list[_Member]:
    """Return the artworks that surely bear a class, the surest first."""
    classes = class_list(session, session.get_one(Attribute, attribute_id)).current
    alike = [other for other, now in classes.items() if now == classes[class_id]]
    rows = session.execute(
        select(
            EffectiveLabel.artwork_id,
            EffectiveLabel.authority,
            Artwork.sha256,
            Artwork.duplicate_group_id,
            Prediction.score,
            Prediction.predicted_id,
        )
        .join(Artwork, Artwork.id == EffectiveLabel.artwork_id)
        .outerjoin(
            Prediction,
            and_(
                Prediction.run_id == run.id,
                Prediction.artwork_id == EffectiveLabel.artwork_id,
                Prediction.attribute_id == EffectiveLabel.attribute_id,
            ),
        )
        .where(
            EffectiveLabel.attribute_id == attribute_id,
            EffectiveLabel.class_id.in_(alike),
            EffectiveLabel.conflict.is_(False),
            Artwork.status == "ok",
        )
    ).all()
    sure = [
        (2.0 if row.authority != "import" else row.score, row)
        for row in rows
        if row.authority != "import" or (row.score is not None and row.predicted_id in alike)
    ]
    flagged = _flagged(session, attribute_id, [row.artwork_id for _, row in sure])
    sure = [(score, row) for score, row in sure if row.artwork_id not in flagged]
    sure.sort(key=lambda entry: (-entry[0], entry[1].artwork_id))
    kept = sure[: max(LEAST, round(SUREST * len(sure)))]
    return [
        _Member(row.artwork_id, _same(row.artwork_id, row.sha256, row.duplicate_group_id)) for _, row in kept
    ]


def _flagged(session: Session, attribute_id: int, artwork_ids: list[int]) -> set[int]:
    """Return which of these artworks are flagged in an attribute.

    Kinds and states are compared here: in the query, SQLite would walk through all issues by them.
    """
    flagged: set[int] = set()
    for some in chunks(artwork_ids):
        for row in session.execute(
            select(Issue.artwork_id, Issue.attribute_id, Issue.kind, Issue.state).where(
                Issue.artwork_id.in_(some)
            )
        ):
            if row.attribute_id == attribute_id and row.kind in ASKED_KINDS and row.state in OPEN_STATES:
                flagged.add(row.artwork_id)
    return flagged


def _marks(session: Session, artwork_ids: set[int]) -> dict[int, frozenset[object]]:
    """Return what each artwork has in common with its duplicates."""
    marks = {}
    for some in chunks(sorted(artwork_ids)):
        rows = session.execute(
            select(Artwork.id, Artwork.sha256, Artwork.duplicate_group_id).where(Artwork.id.in_(some))
        )
        marks.update({row[0]: _same(*row) for row in rows})
    return marks


def _same(artwork_id: int, sha256: str | None, group_id: int | None) -> frozenset[object]:
    return frozenset({artwork_id, sha256 or artwork_id, ("group", group_id) if group_id else artwork_id})


def _nearest(looks: NDArray[np.float32], place: _Embedding, artwork_id: int) -> list[int]:
    """Return the order of some rows by their likeness to an artwork; as they are where it is not known."""
    if not place.has(artwork_id):
        return list(range(len(looks)))
    order: list[int] = np.argsort(-(looks @ place.rows([artwork_id])[0]), kind="stable").tolist()
    return order


def _apart(members: list[_Member], order: list[int], same: frozenset[object], each: int) -> tuple[int, ...]:
    """Return the first members in an order that are duplicates neither of the artwork nor of each other."""
    taken = set(same)
    artwork_ids: list[int] = []
    for row in order:
        if len(artwork_ids) == each:
            break
        if not taken & members[row].same:
            artwork_ids.append(members[row].artwork_id)
            taken |= members[row].same
    return tuple(artwork_ids)
