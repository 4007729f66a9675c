"""What reviewers decide, on its one way into the catalog: for commands, Label Studio and the App alike.

A verdict is known by (server, annotation id, attribute or none). An annotation that comes again
unchanged does nothing; an edited one supersedes its earlier verdicts, whose labels are taken back by
``retracted`` rows; a deleted one takes back what it said. All of it, and the effective labels that follow,
lands in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import timedelta

from sqlalchemy import ColumnElement, Delete, delete, distinct, exists, func, select, update
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute
from db.decisions import DecisionKind
from db.engine.bulk import chunks
from db.errors import NothingDecided, VerdictNotFound
from db.labels.effective import derive, retract
from db.labels.table import find_artwork
from db.models import (
    ASKED_KINDS,
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
    Task,
    Verdict,
    now,
)
from db.reviews.answering.answers import Answer, AnswerBatch, Decision, Recorded, find_reviewer

__all__ = [
    "LOCAL",
    "Answer",
    "Decision",
    "Recorded",
    "current_class",
    "decide",
    "find_reviewer",
    "find_verdict",
    "forget_annotation",
    "newest_verdict",
    "record",
    "supersede",
]

ANNOTATION_ID = 64
"""Characters that the catalog has for an annotation's name."""

AHEAD = timedelta(minutes=5)
"""How far two right clocks may differ."""

LOCAL = "local"
"""The server's name for what is decided at this machine, by a command or in the App."""


def record(session: Session, answers: Iterable[Answer]) -> Recorded:
    """Write answers as verdicts and labels; answers that are known and unchanged do nothing."""
    recorded = Recorded()
    touched: set[int] = set()
    for some in chunks(list(answers)):
        batch = AnswerBatch.of(session, some)
        for answer in some:
            touched |= _record_one(session, answer, batch, recorded)
        batch.write(session)
    recorded.labels_changed = derive(session, touched)
    return recorded


def _record_one(session: Session, answer: Answer, batch: AnswerBatch, recorded: Recorded) -> set[int]:
    """Write one answer; return the artworks whose labels may have changed."""
    reviewer = batch.reviewer(session, answer)
    before = batch.annotations.get((answer.server, answer.annotation_id))
    if before is not None and _is_another(before, answer):
        batch.write(session)
        _keep_apart(session, before)
        before = None
    if before is not None and not _news(before, answer):
        return set()
    recorded.annotations += 1
    batch.annotations[answer.server, answer.annotation_id] = _keep_raw(session, answer, before, reviewer)
    if answer.refused is not None:
        recorded.refused.append((answer.annotation_id, answer.refused))
    task = session.get(Task, answer.task_id) if answer.task_id is not None else None
    open_ = task is not None and task.state == "open" and answer.finishes
    if task is not None and open_ and _answered_by_all(session, task, answer):
        task.state, task.updated_at = "done", now()
    decisions = () if answer.refused or answer.skipped or answer.artwork_id is None else answer.decisions
    if task is not None and task.purpose == "control":
        _answer_control(session, answer, task, batch, decisions, recorded)
        return set()
    current = {}
    if before is not None:
        batch.write(session)
        current = _current(session, answer.server, answer.annotation_id)
    return _replace_verdicts(session, answer, current, task, batch, decisions, recorded)


def _is_another(before: Annotation, answer: Answer) -> bool:
    """Return whether an answer only has the number of an annotation: a server set up anew counts from 1."""
    artworks, tasks = (before.artwork_id, answer.artwork_id), (before.task_id, answer.task_id)
    return any(None not in pair and pair[0] != pair[1] for pair in (artworks, tasks))


def _keep_apart(session: Session, row: Annotation) -> None:
    """Give an annotation, and all that came of it, a name that its server gives to no other."""
    end = f"~{row.id}"
    name = f"{row.annotation_id[: ANNOTATION_ID - len(end)]}{end}"
    for kind in (Verdict, ControlAnswer):
        session.execute(
            update(kind)
            .where(kind.server == row.server, kind.annotation_id == row.annotation_id)
            .values(annotation_id=name)
        )
    row.annotation_id = name
    session.flush()


def _news(before: Annotation, answer: Answer) -> bool:
    """Return whether an annotation says something that we have not taken in.

    An older time is an older answer, read by another sync meanwhile; unless what we know bears a time that
    has not come yet, from a clock that was ahead and has been set right.
    """
    if before.state == "deleted" or answer.updated_at > before.updated_at:
        return True
    if not answer.timed or before.updated_at > now() + AHEAD:
        return before.raw != answer.raw
    return before.state == "refused" and answer.refused is None and answer.updated_at == before.updated_at


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


def _keep_raw(session: Session, answer: Answer, before: Annotation | None, reviewer: Reviewer) -> Annotation:
    state = "refused" if answer.refused else "skipped" if answer.skipped else "accepted"
    row = before or Annotation(server=answer.server, annotation_id=answer.annotation_id)
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
    batch: AnswerBatch,
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
        given = edited.given_id if edited else decision.given_id or batch.given(answer, decision)
        touched |= _add_verdict(session, answer, task, batch, decision, given)
        recorded.count(decision.decision)
    return touched


def _add_verdict(
    session: Session,
    answer: Answer,
    task: Task | None,
    batch: AnswerBatch,
    decision: Decision,
    given: int | None,
) -> set[int]:
    """Add one verdict, the labels it gives, and what follows for issues and the image's status.

    ``given`` is the class before anybody decided; an edited answer keeps what its first version saw.
    """
    assert answer.artwork_id is not None
    reviewer = batch.reviewer(session, answer)
    class_id, kind = decision.class_id, DecisionKind(decision.decision)
    if class_id is None and kind.keeps_class:
        class_id = given
    verdict = Verdict(
        id=next(batch.verdict_ids),
        server=answer.server,
        annotation_id=answer.annotation_id,
        artwork_id=answer.artwork_id,
        attribute_id=decision.attribute_id,
        reviewer_id=reviewer.id,
        batch_id=task.batch_id if task else None,
        purpose=task.purpose if task else "review",
        decision=decision.decision,
        form=decision.form,
        given_id=given,
        class_id=class_id,
        comment=answer.comment,
        seconds=answer.seconds,
        decided_at=answer.updated_at,
    )
    session.add(verdict)
    if kind is DecisionKind.UNUSABLE:
        _set_status(session, answer.artwork_id, "ok", "unusable", reason="reviewer")
    members = {answer.artwork_id, *batch.alike(answer.artwork_id, decision.attribute_id, given)}
    batch.settle(session, members, decision)
    if not kind.gives_label or class_id is None:
        return {answer.artwork_id}
    source = batch.source(session, reviewer, answer.final)
    batch.labels += [
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


def _reopen_issues(session: Session, verdict: Verdict, artwork_ids: Set[int]) -> None:
    """Open the issues of the newest run again that a verdict had settled, where no other verdict stands."""
    other = exists().where(
        Verdict.artwork_id == Issue.artwork_id,
        (Verdict.attribute_id == Issue.attribute_id) | (Verdict.decision == DecisionKind.UNUSABLE.value),
        Verdict.superseded_at.is_(None),
        Verdict.id != verdict.id,
    )
    newest = select(func.max(Run.id)).where(Run.state == "complete").scalar_subquery()
    statement = update(Issue).where(
        Issue.artwork_id.in_(artwork_ids),
        Issue.state.in_(("resolved", "dismissed")),
        (Issue.run_id == newest) | Issue.run_id.is_(None),
        ~other,
    )
    if verdict.attribute_id is not None:
        statement = statement.where(
            Issue.attribute_id == verdict.attribute_id,
            Issue.kind.in_(ASKED_KINDS),
        )
    session.execute(
        statement.values(state="open", updated_at=now()).execution_options(synchronize_session=False)
    )


def _same_image(artwork_id: int) -> ColumnElement[bool]:
    """Return the condition on artworks that have the same bytes, the artwork itself among them."""
    same = select(Artwork.sha256).where(Artwork.id == artwork_id, Artwork.sha256.is_not(None))
    return (Artwork.id == artwork_id) | Artwork.sha256.in_(same)


def _still_unusable(session: Session, verdict: Verdict) -> bool:
    """Return whether somebody else, too, found an image unusable."""
    other = select(Verdict.id).where(
        Verdict.artwork_id.in_(select(Artwork.id).where(_same_image(verdict.artwork_id))),
        Verdict.decision == DecisionKind.UNUSABLE.value,
        Verdict.superseded_at.is_(None),
        Verdict.id != verdict.id,
    )
    return session.scalar(other.limit(1)) is not None


def _set_status(session: Session, artwork_id: int, before: str, after: str, reason: str | None) -> None:
    """Change the status of an image, and of all with the same bytes."""
    session.execute(
        update(Artwork)
        .where(_same_image(artwork_id), Artwork.status == before)
        .execution_options(synchronize_session=False)
        .values(status=after, reason=reason, updated_at=now())
    )


def _answer_control(
    session: Session,
    answer: Answer,
    task: Task,
    batch: AnswerBatch,
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
        kind = DecisionKind(decision.decision)
        known_id = (answers or {}).get(str(decision.attribute_id))
        if decision.attribute_id is None or known_id is None or kind is DecisionKind.UNSURE:
            continue
        said = decision.class_id
        if said is None and kind.keeps_class:
            said = batch.given(answer, decision)
        session.add(
            ControlAnswer(
                server=answer.server,
                annotation_id=answer.annotation_id,
                artwork_id=task.artwork_id,
                attribute_id=decision.attribute_id,
                reviewer_id=batch.reviewer(session, answer).id,
                known_id=known_id,
                class_id=said,
                correct=said == known_id,
                form=decision.form,
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


def newest_verdict(session: Session, artwork: str, attribute: str) -> Verdict:
    """Return the newest verdict that gives an artwork its label, or says something else of an attribute.

    Args:
        session: The catalog.
        artwork: Its uuid or its path.
        attribute: The attribute's name.

    Raises:
        ArtworkNotFound: There is no such artwork.
        UnknownAttribute: There is no such attribute.
        NothingDecided: Nobody has decided anything there, or all of it was taken back.
    """
    row, of = find_artwork(session, artwork), find_attribute(session, attribute)
    given = select(Label.verdict_id).where(Label.artwork_id == row.id, Label.attribute_id == of.id)
    found = session.scalar(
        select(Verdict)
        .where(
            (Verdict.artwork_id == row.id) | Verdict.id.in_(given.where(Label.verdict_id.is_not(None))),
            Verdict.attribute_id == of.id,
            Verdict.superseded_at.is_(None),
        )
        .order_by(Verdict.id.desc())
        .limit(1)
    )
    if found is None:
        raise NothingDecided(row.path, attribute)
    return found


def supersede(session: Session, verdict: Verdict) -> set[int]:
    """Take one verdict back, with its labels; return the artworks whose labels may have changed."""
    verdict.superseded_at = now()
    labels = session.scalars(
        select(Label.id).where(Label.verdict_id == verdict.id, Label.retracts_id.is_(None))
    ).all()
    session.flush()
    if verdict.decision == DecisionKind.UNUSABLE and not _still_unusable(session, verdict):
        _set_status(session, verdict.artwork_id, "unusable", "ok", reason=None)
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


def decide(
    session: Session,
    artwork_id: int,
    decisions: Sequence[Decision],
    *,
    user: str,
    annotation_id: str,
    comment: str | None = None,
    final: bool = False,
) -> Recorded:
    """Record what somebody at this machine decides, by a command or in the App; ``final``: see ``Answer``."""
    answer = Answer(
        server=LOCAL,
        annotation_id=annotation_id,
        artwork_id=artwork_id,
        reviewer=(user, user),
        updated_at=now(),
        decisions=decisions,
        comment=comment,
        final=final,
    )
    return record(session, [answer])
