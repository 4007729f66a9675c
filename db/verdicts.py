"""What reviewers decide, on its one way into the catalog: for commands, Label Studio and the App alike.

A verdict is known by (server, annotation id, attribute or none). An annotation that comes again
unchanged does nothing; an edited one supersedes its earlier verdicts, whose labels are taken back by
``retracted`` rows; a deleted one takes back what it said. All of it, and the effective labels that follow,
lands in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Delete, delete, distinct, func, select, update
from sqlalchemy.orm import Session

from db.bulk import chunks, next_ids
from db.errors import VerdictNotFound
from db.labels import derive, find_source, retract
from db.models import (
    ASKED_KINDS,
    LABELLING_DECISIONS,
    STANDING,
    Annotation,
    Artwork,
    Batch,
    BatchItem,
    ControlAnswer,
    EffectiveLabel,
    Issue,
    Label,
    Reviewer,
    Run,
    Source,
    Task,
    Verdict,
    now,
)

LOCAL = "local"
"""The server's name for what is decided at this machine, by a command or in the App."""


@dataclass(frozen=True)
class Decision:
    """One decision: on an attribute, with a class where it names one; or on the image (no attribute).

    ``given_id`` is the label that the reviewer saw, where it may not be the one that stands.
    """

    attribute_id: int | None
    decision: str
    class_id: int | None = None
    given_id: int | None = None


@dataclass(frozen=True)
class Answer:
    """One annotation as read: who said what of which artwork, and when.

    ``decisions`` is empty for a skip or an answer that touched nothing; ``refused`` says why an answer
    cannot be understood (it is kept raw, and decides nothing).
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
    found = session.scalar(select(Reviewer).where(Reviewer.server == server, Reviewer.user_id == user_id))
    if found is None:
        found = Reviewer(server=server, user_id=user_id, name=name)
        session.add(found)
        session.flush()
    elif name and found.name != name:
        found.name = name
    return found


def record(session: Session, answers: Iterable[Answer]) -> Recorded:
    """Write answers as verdicts and labels; answers that are known and unchanged do nothing."""
    recorded = Recorded()
    touched: set[int] = set()
    for some in chunks(list(answers)):
        known = _Known.of(session, some)
        for answer in some:
            touched |= _record_one(session, answer, known, recorded)
        known.write(session)
    recorded.labels_changed = derive(session, touched)
    return recorded


@dataclass
class _Known:
    """What the catalog knows of some answers, and what they add to it: read and written in few statements.

    Rows that are held need no second query. ``labels`` and ``settled`` wait for ``write``, which is due
    before anything that depends on them is read.
    """

    annotations: dict[tuple[str, str], Annotation]
    rows: Sequence[object]
    classes: Mapping[tuple[int, int], int]
    twins: Mapping[int, Sequence[int]]
    verdict_ids: Iterator[int]
    labels: list[Label] = field(default_factory=list)
    settled: dict[tuple[str, int | None], set[int]] = field(default_factory=dict)
    reviewers: dict[tuple[str, str, str], Reviewer] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, answers: Sequence[Answer]) -> _Known:
        """Read it."""
        ids = [answer.annotation_id for answer in answers]
        tasks = [answer.task_id for answer in answers if answer.task_id is not None]
        artworks = [answer.artwork_id for answer in answers if answer.artwork_id is not None]
        servers = {answer.server for answer in answers}
        annotations = session.scalars(
            select(Annotation).where(Annotation.server.in_(servers), Annotation.annotation_id.in_(ids))
        )
        found = {(row.server, row.annotation_id): row for row in annotations}
        rows: list[object] = list(session.scalars(select(Task).where(Task.id.in_(tasks))))
        pictures = session.scalars(select(Artwork).where(Artwork.id.in_(artworks))).all()
        twins = _twins(session, pictures)
        shown = {*artworks, *(twin for members in twins.values() for twin in members)}
        verdict_ids = next_ids(session, Verdict, sum(len(answer.decisions) for answer in answers))
        return cls(found, [*rows, *pictures], _classes(session, shown), twins, iter(verdict_ids))

    def write(self, session: Session) -> None:
        """Write what waits: labels after their verdicts, then the issues that the verdicts answer."""
        session.flush()
        session.add_all(self.labels)
        session.flush()
        for (state, attribute_id), artwork_ids in self.settled.items():
            _settle_issues(session, artwork_ids, attribute_id, state)
        self.labels, self.settled = [], {}

    def settle(self, session: Session, artwork_ids: Set[int], decision: Decision) -> None:
        """Close the issues that a decision answers: right labels dismiss them, the others resolve them."""
        if any(artwork_ids & waiting for waiting in self.settled.values()):
            self.write(session)
        state = "dismissed" if decision.decision in ("confirmed", "atypical", "unsure") else "resolved"
        self.settled.setdefault((state, decision.attribute_id), set()).update(artwork_ids)

    def reviewer(self, session: Session, answer: Answer) -> Reviewer:
        """Return who answered."""
        key = (answer.server, *answer.reviewer)
        if key not in self.reviewers:
            self.reviewers[key] = find_reviewer(session, *key)
        return self.reviewers[key]

    def source(self, session: Session, reviewer: Reviewer) -> Source:
        """Return the source that a reviewer's labels come from."""
        if reviewer.id not in self.sources:
            name = f"reviewer:{reviewer.server}:{reviewer.user_id}"
            self.sources[reviewer.id] = find_source(session, name, "reviewer")
        return self.sources[reviewer.id]

    def given(self, answer: Answer, decision: Decision) -> int | None:
        """Return the class that an answer's artwork has as it stands, in the attribute decided on."""
        return self.classes.get((answer.artwork_id or 0, decision.attribute_id or 0))

    def alike(self, artwork_id: int, attribute_id: int | None, given: int | None) -> set[int]:
        """Return the other artworks with the same bytes and the same label: one verdict serves them all.

        The same label is the one given, or the one that an earlier reviewer's verdict made of it for all.
        """
        if attribute_id is None:
            return set()
        same = {given, self.classes.get((artwork_id, attribute_id))} - {None}
        twins = self.twins.get(artwork_id, ())
        return {twin for twin in twins if self.classes.get((twin, attribute_id)) in same}


def _record_one(session: Session, answer: Answer, known: _Known, recorded: Recorded) -> set[int]:
    """Write one answer; return the artworks whose labels may have changed."""
    reviewer = known.reviewer(session, answer)
    before = known.annotations.get((answer.server, answer.annotation_id))
    if before is not None and not _news(before, answer):
        return set()
    recorded.annotations += 1
    known.annotations[answer.server, answer.annotation_id] = _keep_raw(session, answer, before, reviewer)
    if answer.refused is not None:
        recorded.refused.append((answer.annotation_id, answer.refused))
    task = session.get(Task, answer.task_id) if answer.task_id is not None else None
    if task is not None and task.state == "open" and _answered_by_all(session, task, answer):
        task.state, task.updated_at = "done", now()
    decisions = () if answer.refused or answer.skipped or answer.artwork_id is None else answer.decisions
    if task is not None and task.purpose == "control":
        _answer_control(session, answer, task, known, decisions, recorded)
        return set()
    standing = {}
    if before is not None:
        known.write(session)
        standing = _current(session, answer.server, answer.annotation_id)
    return _replace_verdicts(session, answer, standing, task, known, decisions, recorded)


def _news(known: Annotation, answer: Answer) -> bool:
    """Return whether an annotation says something that we have not taken in."""
    if known.state == "deleted" or answer.updated_at > known.updated_at:
        return True
    return known.state == "refused" and answer.refused is None and answer.updated_at == known.updated_at


def _answered_by_all(session: Session, task: Task, answer: Answer | None = None) -> bool:
    """Return whether as many reviewers answered a task as its batch asked for; ``answer`` is the newest."""
    wanted = session.get_one(Batch, task.batch_id).annotators
    if wanted == 1 and answer is not None and not answer.skipped and answer.refused is None:
        return True
    session.flush()
    answered = session.scalar(
        select(func.count(distinct(Annotation.reviewer_id))).where(
            Annotation.task_id == task.id, Annotation.state == "accepted"
        )
    )
    return (answered or 0) >= wanted


def _keep_raw(session: Session, answer: Answer, known: Annotation | None, reviewer: Reviewer) -> Annotation:
    state = "refused" if answer.refused else "skipped" if answer.skipped else "accepted"
    row = known or Annotation(server=answer.server, annotation_id=answer.annotation_id)
    row.artwork_id, row.task_id, row.reviewer_id = answer.artwork_id, answer.task_id, reviewer.id
    row.state, row.reason = state, answer.refused
    row.updated_at, row.raw = answer.updated_at, answer.raw
    session.add(row)
    return row


def _current(session: Session, server: str, annotation_id: str) -> dict[int | None, Verdict]:
    rows = session.scalars(
        select(Verdict).where(
            Verdict.server == server,
            Verdict.annotation_id == annotation_id,
            Verdict.superseded_at.is_(None),
        )
    )
    return {row.attribute_id: row for row in rows}


def _replace_verdicts(
    session: Session,
    answer: Answer,
    before: Mapping[int | None, Verdict],
    task: Task | None,
    known: _Known,
    decisions: Sequence[Decision],
    recorded: Recorded,
) -> set[int]:
    """Make the annotation's verdicts those of the answer; keep equal ones, supersede the others."""
    touched: set[int] = set()
    wanted = {d.attribute_id: d for d in decisions}
    for attribute_id, old in before.items():
        new = wanted.get(attribute_id)
        if new is not None and (new.decision, new.class_id) == (old.decision, old.class_id):
            del wanted[attribute_id]
        else:
            touched |= supersede(session, old)
    for decision in wanted.values():
        edited = before.get(decision.attribute_id)
        given = edited.given_id if edited else decision.given_id or known.given(answer, decision)
        touched |= _add_verdict(session, answer, task, known, decision, given)
        recorded.count(decision.decision)
    return touched


def _add_verdict(
    session: Session,
    answer: Answer,
    task: Task | None,
    known: _Known,
    decision: Decision,
    given: int | None,
) -> set[int]:
    """Add one verdict, the labels it gives, and what follows for issues and the image's status.

    ``given`` is the class before anybody decided; an edited answer keeps what its first version saw.
    """
    assert answer.artwork_id is not None
    reviewer = known.reviewer(session, answer)
    class_id = decision.class_id
    if class_id is None and decision.decision in ("confirmed", "atypical"):
        class_id = given
    verdict = Verdict(
        id=next(known.verdict_ids),
        server=answer.server,
        annotation_id=answer.annotation_id,
        artwork_id=answer.artwork_id,
        attribute_id=decision.attribute_id,
        reviewer_id=reviewer.id,
        batch_id=task.batch_id if task else None,
        purpose=task.purpose if task else "review",
        decision=decision.decision,
        given_id=given,
        class_id=class_id,
        comment=answer.comment,
        seconds=answer.seconds,
        decided_at=answer.updated_at,
    )
    session.add(verdict)
    if decision.decision == "unusable":
        _set_status(session, answer.artwork_id, "ok", "unusable", reason="reviewer")
    members = {answer.artwork_id, *known.alike(answer.artwork_id, decision.attribute_id, given)}
    known.settle(session, members, decision)
    if decision.decision not in LABELLING_DECISIONS or class_id is None:
        return {answer.artwork_id}
    source = known.source(session, reviewer)
    known.labels += [
        Label(
            artwork_id=artwork_id,
            attribute_id=decision.attribute_id,
            class_id=class_id,
            source_id=source.id,
            verdict_id=verdict.id,
            created_at=answer.updated_at,
        )
        for artwork_id in members
    ]
    return members


def current_class(session: Session, artwork_id: int | None, attribute_id: int | None) -> int | None:
    """Return the class that the artwork has in an attribute as it stands."""
    if attribute_id is None:
        return None
    return session.scalar(
        select(EffectiveLabel.class_id).where(
            EffectiveLabel.artwork_id == artwork_id, EffectiveLabel.attribute_id == attribute_id
        )
    )


def _classes(session: Session, artwork_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """Return the classes that artworks have as they stand, by artwork and attribute."""
    found = {}
    for some in chunks(sorted(artwork_ids)):
        for row in session.execute(
            select(EffectiveLabel.artwork_id, EffectiveLabel.attribute_id, EffectiveLabel.class_id).where(
                EffectiveLabel.artwork_id.in_(some)
            )
        ):
            found[row.artwork_id, row.attribute_id] = row.class_id
    return found


def _twins(session: Session, artworks: Iterable[Artwork]) -> dict[int, list[int]]:
    """Return the other artworks with the same bytes, for each of these that has any."""
    wanted = {artwork.sha256 for artwork in artworks} - {None}
    by_bytes: dict[str | None, list[int]] = {}
    for row in session.execute(select(Artwork.sha256, Artwork.id).where(Artwork.sha256.in_(wanted))):
        by_bytes.setdefault(row.sha256, []).append(row.id)
    groups = [group for group in by_bytes.values() if len(group) > 1]
    return {member: [twin for twin in group if twin != member] for group in groups for member in group}


def _settle_issues(session: Session, artwork_ids: Set[int], attribute_id: int | None, state: str) -> None:
    """Close what is doubted of artworks: in one attribute, or all of it.

    What is to be closed is chosen here: in the query, SQLite would walk through all doubts of these kinds.
    """
    for some in chunks(sorted(artwork_ids)):
        columns = (Issue.id, Issue.attribute_id, Issue.kind, Issue.state)
        asked = [
            row.id
            for row in session.execute(select(*columns).where(Issue.artwork_id.in_(some)))
            if row.state in STANDING
            and (attribute_id is None or (row.attribute_id == attribute_id and row.kind in ASKED_KINDS))
        ]
        for ids in chunks(asked):
            session.execute(
                update(Issue)
                .where(Issue.id.in_(ids))
                .values(state=state, updated_at=now())
                .execution_options(synchronize_session=False)
            )


def _reopen_issues(session: Session, verdict: Verdict, artwork_ids: Set[int]) -> None:
    """Open the issues of the newest run again that a verdict had settled, where no other verdict stands."""
    others = select(Verdict.artwork_id).where(
        Verdict.attribute_id == verdict.attribute_id,
        Verdict.superseded_at.is_(None),
        Verdict.id != verdict.id,
    )
    newest = select(func.max(Run.id)).where(Run.state == "complete").scalar_subquery()
    statement = update(Issue).where(
        Issue.artwork_id.in_(artwork_ids),
        Issue.state.in_(("resolved", "dismissed")),
        (Issue.run_id == newest) | Issue.run_id.is_(None),
    )
    if verdict.attribute_id is not None:
        statement = statement.where(
            Issue.attribute_id == verdict.attribute_id,
            Issue.kind.in_(("label", "label_conflict")),
            Issue.artwork_id.not_in(others),
        )
    session.execute(
        statement.values(state="open", updated_at=now()).execution_options(synchronize_session=False)
    )


def _set_status(session: Session, artwork_id: int, before: str, after: str, reason: str | None) -> None:
    """Change the status of an image, and of all with the same bytes."""
    same = select(Artwork.sha256).where(Artwork.id == artwork_id, Artwork.sha256.is_not(None))
    session.execute(
        update(Artwork)
        .where((Artwork.id == artwork_id) | Artwork.sha256.in_(same), Artwork.status == before)
        .execution_options(synchronize_session=False)
        .values(status=after, reason=reason, updated_at=now())
    )


def _answer_control(
    session: Session,
    answer: Answer,
    task: Task,
    known: _Known,
    decisions: Sequence[Decision],
    recorded: Recorded,
) -> None:
    """Compare an answer with what is known of a control; it never becomes a label."""
    answers = session.scalar(
        select(BatchItem.known).where(
            BatchItem.batch_id == task.batch_id, BatchItem.artwork_id == task.artwork_id
        )
    )
    session.execute(_control_answers(answer.server, answer.annotation_id))
    for decision in decisions:
        known_id = (answers or {}).get(str(decision.attribute_id))
        if decision.attribute_id is None or known_id is None or decision.decision == "unsure":
            continue
        said = decision.class_id
        if said is None and decision.decision in ("confirmed", "atypical"):
            said = known.given(answer, decision)
        session.add(
            ControlAnswer(
                server=answer.server,
                annotation_id=answer.annotation_id,
                artwork_id=task.artwork_id,
                attribute_id=decision.attribute_id,
                reviewer_id=known.reviewer(session, answer).id,
                known_id=known_id,
                class_id=said,
                correct=said == known_id,
                answered_at=answer.updated_at,
            )
        )
        recorded.control_answers += 1


def _control_answers(server: str, annotation_id: str) -> Delete:
    """Return the statement that forgets what an annotation answered to a control."""
    return delete(ControlAnswer).where(
        ControlAnswer.server == server, ControlAnswer.annotation_id == annotation_id
    )


def find_verdict(session: Session, verdict_id: int) -> Verdict:
    """Return a verdict that still counts.

    Raises:
        VerdictNotFound: There is none by that number, or it was taken back already.
    """
    verdict = session.get(Verdict, verdict_id)
    if verdict is None or verdict.superseded_at is not None:
        raise VerdictNotFound(verdict_id, taken_back=verdict is not None)
    return verdict


def supersede(session: Session, verdict: Verdict) -> set[int]:
    """Take one verdict back, with its labels; return the artworks whose labels may have changed."""
    verdict.superseded_at = now()
    labels = session.scalars(
        select(Label.id).where(Label.verdict_id == verdict.id, Label.retracts_id.is_(None))
    ).all()
    if verdict.decision == "unusable":
        _set_status(session, verdict.artwork_id, "unusable", "ok", reason=None)
    session.flush()
    touched = {verdict.artwork_id, *retract(session, labels)}
    _reopen_issues(session, verdict, touched)
    return touched


def forget_annotation(session: Session, server: str, annotation_id: str) -> set[int]:
    """Take back all that a deleted annotation said; the raw row stays, marked deleted."""
    row = session.scalar(
        select(Annotation).where(Annotation.server == server, Annotation.annotation_id == annotation_id)
    )
    if row is None or row.state == "deleted":
        return set()
    row.state = "deleted"
    session.flush()
    _reopen(session, row)
    session.execute(_control_answers(server, annotation_id))
    touched: set[int] = set()
    for verdict in _current(session, server, annotation_id).values():
        touched |= supersede(session, verdict)
    return touched


def _reopen(session: Session, row: Annotation) -> None:
    """Open a task again that has answers too few now, unless its artwork has another one open."""
    task = session.get(Task, row.task_id) if row.task_id is not None else None
    if task is None or task.state != "done":
        return
    rival = session.scalar(
        select(Task.id).where(
            Task.artwork_id == task.artwork_id, Task.purpose == task.purpose, Task.state == "open"
        )
    )
    if rival is None and not _answered_by_all(session, task):
        task.state, task.updated_at = "open", now()


Outcome = Literal["corrected", "confirmed", "labelled"]


def decide(
    session: Session,
    artwork_id: int,
    decisions: Sequence[Decision],
    *,
    user: str,
    annotation_id: str,
    comment: str | None = None,
) -> Recorded:
    """Record what somebody at this machine decides, by a command or in the App."""
    answer = Answer(
        server=LOCAL,
        annotation_id=annotation_id,
        artwork_id=artwork_id,
        reviewer=(user, user),
        updated_at=now(),
        decisions=decisions,
        comment=comment,
    )
    return record(session, [answer])


def outcome(given: int | None, chosen: int) -> Outcome:
    """Return what choosing a class means where another, the same, or none was given."""
    if given is None:
        return "labelled"
    return "confirmed" if given == chosen else "corrected"
