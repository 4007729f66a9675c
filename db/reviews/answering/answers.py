"""Answers as they are read, and what the catalog knows of them: read and written in few statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.decision_rules import DecisionKind
from db.engine.bulk import chunks, next_ids
from db.labels.effective import find_source
from db.models import (
    ASKED_KINDS,
    OPEN_STATES,
    Annotation,
    Artwork,
    EffectiveLabel,
    Issue,
    Label,
    Reviewer,
    Source,
    Task,
    Verdict,
    now,
)
from db.reviews.answering.verdicts import current_verdicts


@dataclass(frozen=True)
class Decision:
    """One decision: on an attribute, with a class where it names one; or on the image (no attribute).

    ``given_id`` is the label that the reviewer saw, where it may not be the one that stands; ``form`` is
    whether one artwork was judged, or many at once (``REVIEW_FORMS``).
    """

    attribute_id: int | None
    decision: str
    class_id: int | None = None
    given_id: int | None = None
    form: str = "card"


@dataclass(frozen=True)
class Answer:
    """One annotation as read: who said what of which artwork, and when.

    ``decisions`` is empty for a skip or an answer that touched nothing; ``refused`` says why an answer
    cannot be understood (it is kept raw, and decides nothing). ``timed`` is false where ``updated_at`` is
    only when it was read: then an answer is news if it says something else than before. A ``final`` one is
    the last word where reviewers disagree: its labels count before theirs. ``finishes`` is
    false where more is asked about the artwork than the annotation can answer, as on contact sheets.
    """

    server: str
    annotation_id: str
    artwork_id: int | None
    reviewer: tuple[str, str]
    updated_at: datetime
    decisions: Sequence[Decision] = ()
    task_id: int | None = None
    comment: str | None = None
    seconds: float | None = None
    skipped: bool = False
    refused: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    timed: bool = True
    final: bool = False
    finishes: bool = True

    @property
    def counted(self) -> Sequence[Decision]:
        """The decisions that become verdicts: none if the answer was skipped, refused or has no artwork."""
        return () if self.refused or self.skipped or self.artwork_id is None else self.decisions


@dataclass
class Recorded:
    """What came of recording answers; ``labels_changed`` counts effective labels that differ now."""

    annotations: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    labels_changed: int = 0
    control_answers: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    def count(self, decision: str) -> None:
        """Count one new verdict."""
        self.verdicts[decision] = self.verdicts.get(decision, 0) + 1


def find_reviewer(session: Session, server: str, user_id: str, name: str) -> Reviewer:
    """Return the reviewer, making or renaming the row as the server shows it."""
    reviewer = session.scalar(select(Reviewer).where(Reviewer.server == server, Reviewer.user_id == user_id))
    if reviewer is None:
        reviewer = Reviewer(server=server, user_id=user_id, name=name or user_id)
        session.add(reviewer)
        session.flush()
    elif name and reviewer.name != name:
        reviewer.name = name
    return reviewer


@dataclass
class AnswerBatch:
    """What the catalog knows of some answers, and what they add to it.

    Rows that are held need no second query. ``labels`` and ``settled`` wait for ``write``; whatever reads
    what depends on them writes first.
    """

    session: Session
    recorded: Recorded
    annotations: dict[tuple[str, str], Annotation]
    rows: Sequence[object]
    classes: Mapping[tuple[int, int], int]
    exact_duplicates: Mapping[int, Sequence[int]]
    verdict_ids: Iterator[int]
    labels: list[Label] = field(default_factory=list)
    settled: dict[tuple[str, int | None], set[int]] = field(default_factory=dict)
    reviewers: dict[tuple[str, str, str], Reviewer] = field(default_factory=dict)
    sources: dict[tuple[int, str], Source] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, answers: Sequence[Answer], recorded: Recorded) -> AnswerBatch:
        """Read it."""
        ids = [answer.annotation_id for answer in answers]
        tasks = [answer.task_id for answer in answers if answer.task_id is not None]
        artworks = [answer.artwork_id for answer in answers if answer.artwork_id is not None]
        servers = {answer.server for answer in answers}
        annotations = session.scalars(
            select(Annotation).where(Annotation.server.in_(servers), Annotation.annotation_id.in_(ids))
        )
        by_name = {(row.server, row.annotation_id): row for row in annotations}
        rows: list[object] = list(session.scalars(select(Task).where(Task.id.in_(tasks))))
        pictures = session.scalars(select(Artwork).where(Artwork.id.in_(artworks))).all()
        exact_duplicates = _exact_duplicates(session, pictures)
        shown = {*artworks, *(member for members in exact_duplicates.values() for member in members)}
        verdict_ids = next_ids(session, Verdict, sum(len(answer.decisions) for answer in answers))
        return cls(
            session=session,
            recorded=recorded,
            annotations=by_name,
            rows=[*rows, *pictures],
            classes=_classes(session, shown),
            exact_duplicates=exact_duplicates,
            verdict_ids=iter(verdict_ids),
        )

    def write(self) -> None:
        """Write what waits: labels after their verdicts, then the issues that the verdicts answer."""
        self.session.flush()
        self.session.add_all(self.labels)
        self.session.flush()
        for (state, attribute_id), artwork_ids in self.settled.items():
            _settle_issues(self.session, artwork_ids, attribute_id, state)
        self.labels, self.settled = [], {}

    def settle(self, artwork_ids: Set[int], decision: Decision) -> None:
        """Close the issues that a decision answers."""
        if any(artwork_ids & waiting for waiting in self.settled.values()):
            self.write()
        state = DecisionKind(decision.decision).closes_as
        self.settled.setdefault((state, decision.attribute_id), set()).update(artwork_ids)

    def reviewer(self, answer: Answer) -> Reviewer:
        """Return who answered."""
        key = (answer.server, *answer.reviewer)
        if key not in self.reviewers:
            self.reviewers[key] = find_reviewer(self.session, *key)
        return self.reviewers[key]

    def source(self, reviewer: Reviewer, final: bool) -> Source:
        """Return the source of a reviewer's labels, or of those by which they settle a disagreement."""
        authority = "adjudicated" if final else "reviewer"
        key = (reviewer.id, authority)
        if key not in self.sources:
            name = f"{authority}:{reviewer.server}:{reviewer.user_id}"
            self.sources[key] = find_source(self.session, name, authority)
        return self.sources[key]

    def verdicts_of(self, answer: Answer) -> dict[int | None, Verdict]:
        """Return what an annotation that is read again had said, by attribute."""
        self.write()
        return current_verdicts(self.session, answer.server, answer.annotation_id)

    def give_labels(self, verdict: Verdict, artwork_ids: Set[int], source: Source) -> None:
        """Give artworks the label that a verdict decides."""
        self.labels += [
            Label(
                artwork_id=artwork_id,
                attribute_id=verdict.attribute_id,
                class_id=verdict.class_id,
                source_id=source.id,
                verdict_id=verdict.id,
                created_at=verdict.decided_at,
            )
            for artwork_id in artwork_ids
        ]

    def given(self, answer: Answer, decision: Decision) -> int | None:
        """Return the class that an answer's artwork has now, in the attribute decided on."""
        return self.classes.get((answer.artwork_id or 0, decision.attribute_id or 0))

    def alike(self, artwork_id: int, attribute_id: int | None, given: int | None) -> set[int]:
        """Return the other artworks with the same bytes and the same label: one verdict serves them all.

        The same label is the one given, or the one that an earlier reviewer's verdict made of it for all.
        """
        if attribute_id is None:
            return set()
        same = {given, self.classes.get((artwork_id, attribute_id))} - {None}
        exact_duplicates = self.exact_duplicates.get(artwork_id, ())
        return {
            duplicate for duplicate in exact_duplicates if self.classes.get((duplicate, attribute_id)) in same
        }


def _classes(session: Session, artwork_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """Return the classes that artworks have now, by artwork and attribute."""
    classes = {}
    for some in chunks(sorted(artwork_ids)):
        for row in session.execute(
            select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id, EffectiveLabel.class_id).where(
                EffectiveLabel.artwork_id.in_(some)
            )
        ):
            classes[row.artwork_id, row.attribute_id] = row.class_id
    return classes


def _exact_duplicates(session: Session, artworks: Iterable[Artwork]) -> dict[int, list[int]]:
    """Return the other artworks with the same bytes, for each of these that has any."""
    wanted = {artwork.sha256 for artwork in artworks} - {None}
    by_bytes: dict[str | None, list[int]] = {}
    for row in session.execute(select(Artwork.sha256, Artwork.id).where(Artwork.sha256.in_(wanted))):
        by_bytes.setdefault(row.sha256, []).append(row.id)
    groups = [group for group in by_bytes.values() if len(group) > 1]
    return {
        member: [duplicate for duplicate in group if duplicate != member]
        for group in groups
        for member in group
    }


def _settle_issues(session: Session, artwork_ids: Set[int], attribute_id: int | None, state: str) -> None:
    """Close the open issues of artworks: in one attribute, or all of them.

    Kinds and states are compared here: in the query, SQLite would walk through all issues of these kinds.
    """
    for some in chunks(sorted(artwork_ids)):
        columns = (Issue.id, Issue.attribute_id, Issue.kind, Issue.state)
        asked = [
            row.id
            for row in session.execute(select(*columns).where(Issue.artwork_id.in_(some)))
            if row.state in OPEN_STATES
            and (attribute_id is None or (row.attribute_id == attribute_id and row.kind in ASKED_KINDS))
        ]
        for ids in chunks(asked):
            session.execute(
                update(Issue)
                .where(Issue.id.in_(ids))
                .values(state=state, updated_at=now())
                .execution_options(synchronize_session=False)
            )
