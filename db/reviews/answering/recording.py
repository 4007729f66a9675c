"""What reviewers answer, on its one way into the catalog: for commands, Label Studio and the App alike.

A verdict is known by (server, annotation id, attribute or none). An annotation that comes again
unchanged does nothing; an edited one supersedes its earlier verdicts, whose labels are taken back by
``retracted`` rows; a deleted one takes back what it said. All of it, and the effective labels that follow,
lands in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from db.decision_rules import DecisionKind
from db.engine.bulk import chunks
from db.labels.effective import derive
from db.models import Annotation, Batch, Task, Verdict, now
from db.reviews.answering.annotations import is_another, is_news, keep_apart, keep_raw
from db.reviews.answering.answers import Answer, AnswerBatch, Decision, Recorded
from db.reviews.answering.controls import answer_control, forgetting_control_answers
from db.reviews.answering.verdicts import current_verdicts, set_status, supersede
from db.spelling import storable

LOCAL = "local"
"""The server's name for what is decided at this machine, by a command or in the App."""


def record(session: Session, answers: Iterable[Answer]) -> Recorded:
    """Write answers as verdicts and labels; answers that are known and unchanged do nothing."""
    recorded = Recorded()
    touched: set[int] = set()
    for some in chunks(list(answers)):
        batch = AnswerBatch.of(session, some, recorded)
        for answer in some:
            touched |= _record_one(batch, answer)
        batch.write()
    recorded.labels_changed = derive(session, touched)
    return recorded


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
        comment=comment and storable(comment),
        final=final,
    )
    return record(session, [answer])


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
    session.execute(forgetting_control_answers(server, annotation_id))
    touched: set[int] = set()
    for verdict in current_verdicts(session, server, annotation_id).values():
        touched |= supersede(session, verdict)
    return touched


def _record_one(batch: AnswerBatch, answer: Answer) -> set[int]:
    """Write one answer; return the artworks whose labels may have changed."""
    edited = _keep_annotation(batch, answer)
    if edited is None:
        return set()
    task = batch.session.get(Task, answer.task_id) if answer.task_id is not None else None
    if task is not None and task.state == "open" and answer.finishes:
        if _answered_by_all(batch.session, task, answer):
            task.state, task.updated_at = "done", now()
    if task is not None and task.purpose == "control":
        batch.recorded.control_answers += answer_control(batch, answer, task)
        return set()
    return _replace_verdicts(batch, answer, task, batch.verdicts_of(answer) if edited else {})


def _keep_annotation(batch: AnswerBatch, answer: Answer) -> bool | None:
    """Keep the answer as it was read; return whether it is an edited one, None where it is no news."""
    reviewer = batch.reviewer(answer)
    before = batch.annotations.get((answer.server, answer.annotation_id))
    if before is not None and is_another(before, answer):
        batch.write()
        keep_apart(batch.session, before)
        before = None
    if before is not None and not is_news(before, answer):
        return None
    row = keep_raw(batch.session, answer, before, reviewer)
    batch.annotations[answer.server, answer.annotation_id] = row
    batch.recorded.annotations += 1
    if answer.refused is not None:
        batch.recorded.refused.append((answer.annotation_id, answer.refused))
    return before is not None


def _replace_verdicts(
    batch: AnswerBatch, answer: Answer, task: Task | None, before: Mapping[int | None, Verdict]
) -> set[int]:
    """Make the annotation's verdicts those of the answer; keep equal ones, supersede the others."""
    touched: set[int] = set()
    wanted = {decision.attribute_id: decision for decision in answer.counted}
    for attribute_id, old in before.items():
        new = wanted.get(attribute_id)
        if new is not None and (new.decision, new.class_id) == (old.decision, old.class_id):
            del wanted[attribute_id]
        else:
            touched |= supersede(batch.session, old)
    for decision in wanted.values():
        edited = before.get(decision.attribute_id)
        given = edited.given_id if edited else decision.given_id or batch.given(answer, decision)
        touched |= _add_verdict(batch, answer, task, decision, given)
        batch.recorded.count(decision.decision)
    return touched


def _add_verdict(
    batch: AnswerBatch, answer: Answer, task: Task | None, decision: Decision, given: int | None
) -> set[int]:
    """Add one verdict, the labels it gives, and what follows for issues and the image's status.

    ``given`` is the class before anybody decided; an edited answer keeps what its first version saw.
    """
    assert answer.artwork_id is not None
    reviewer, kind = batch.reviewer(answer), DecisionKind(decision.decision)
    class_id = given if decision.class_id is None and kind.keeps_class else decision.class_id
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
    batch.session.add(verdict)
    if kind is DecisionKind.UNUSABLE:
        set_status(batch.session, answer.artwork_id, "ok", "unusable", reason="reviewer")
    members = {answer.artwork_id, *batch.alike(answer.artwork_id, decision.attribute_id, given)}
    batch.settle(members, decision)
    if not kind.gives_label or class_id is None:
        return {answer.artwork_id}
    batch.give_labels(verdict, members, batch.source(reviewer, answer.final))
    return members


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


def _reopen(session: Session, row: Annotation) -> None:
    """Open a task again that now has too few answers, unless its artwork has another open task."""
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
