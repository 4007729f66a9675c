"""Answers to controls: compared with what is known, and never a label."""

from __future__ import annotations

from sqlalchemy import Delete, delete, select

from db.decision_rules import DecisionKind
from db.models import BatchItem, ControlAnswer, Task
from db.reviews.answering.answers import Answer, AnswerBatch


def answer_control(batch: AnswerBatch, answer: Answer, task: Task) -> int:
    """Compare an answer with what is known of a control; return how many attributes were compared."""
    answers = batch.session.scalar(
        select(BatchItem.known).where(
            BatchItem.batch_id == task.batch_id, BatchItem.artwork_id == task.artwork_id
        )
    )
    batch.session.execute(forgetting_control_answers(answer.server, answer.annotation_id))
    compared = 0
    for decision in answer.counted:
        kind = DecisionKind(decision.decision)
        known_id = (answers or {}).get(str(decision.attribute_id))
        if decision.attribute_id is None or known_id is None or kind is DecisionKind.UNSURE:
            continue
        said = decision.class_id
        if said is None and kind.keeps_class:
            said = batch.given(answer, decision)
        batch.session.add(
            ControlAnswer(
                server=answer.server,
                annotation_id=answer.annotation_id,
                artwork_id=task.artwork_id,
                attribute_id=decision.attribute_id,
                reviewer_id=batch.reviewer(answer).id,
                known_id=known_id,
                class_id=said,
                correct=said == known_id,
                form=decision.form,
                answered_at=answer.updated_at,
            )
        )
        compared += 1
    return compared


def forgetting_control_answers(server: str, annotation_id: str) -> Delete:
    """Return the statement that forgets what an annotation answered to a control."""
    return delete(ControlAnswer).where(
        ControlAnswer.server == server, ControlAnswer.annotation_id == annotation_id
    )
