"""What stays standing when one of several reviewers takes an answer back."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute, resolve_classes
from db.engine.catalog import Catalog
from db.labels.effective import derive, find_source
from db.models import Artwork, Issue, Label, Run
from db.reviews.answering.answers import Answer, Decision
from db.reviews.answering.recording import forget_annotation, record

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def flag(session: Session) -> int:
    """Label the style of artwork 1 and flag it; return the attribute's id."""
    style = find_attribute(session, "style")
    class_id = resolve_classes(session, style, ["A"], "test")["A"]
    source = find_source(session, "import:list")
    session.add(Label(artwork_id=1, attribute_id=style.id, class_id=class_id, source_id=source.id))
    run = Run(backbone="none", protocol="none", seed=0, settings={}, label_digest="", state="complete")
    session.add(run)
    session.flush()
    derive(session, [1])
    session.add(
        Issue(
            run_id=run.id,
            artwork_id=1,
            attribute_id=style.id,
            kind="label",
            score=0.1,
            class_id=class_id,
            reason="",
        )
    )
    return style.id


def say(session: Session, annotation_id: str, decision: Decision) -> None:
    """Let the reviewer of that name decide on artwork 1."""
    answer = Answer(
        server="http://ls",
        annotation_id=annotation_id,
        artwork_id=1,
        reviewer=(annotation_id, annotation_id),
        updated_at=WHEN,
        decisions=[decision],
    )
    record(session, [answer])


def effective_label(session: Session) -> tuple[str, str]:
    """Return the status of artwork 1 and the state of its issue."""
    session.flush()
    session.expire_all()
    return session.get_one(Artwork, 1).status, session.scalars(select(Issue.state)).one()


def test_an_image_stays_unusable_while_one_reviewer_says_so(catalog: Catalog) -> None:
    with catalog.write() as session:
        flag(session)
        say(session, "ada", Decision(None, "unusable"))
        say(session, "bob", Decision(None, "unusable"))
        settled = effective_label(session)
        forget_annotation(session, "http://ls", "bob")
        one_left = effective_label(session)
        forget_annotation(session, "http://ls", "ada")

        assert settled[0] == "unusable" and settled[1] != "open"
        assert one_left == settled
        assert effective_label(session) == ("ok", "open")


def test_a_judged_label_is_not_asked_about_again_when_its_image_turns_out_usable(catalog: Catalog) -> None:
    with catalog.write() as session:
        style = flag(session)
        say(session, "ada", Decision(style, "confirmed"))
        say(session, "bob", Decision(None, "unusable"))
        forget_annotation(session, "http://ls", "bob")

        status, issue = effective_label(session)
        assert status == "ok"
        assert issue != "open"
