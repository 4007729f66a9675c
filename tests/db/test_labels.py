from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes.classes import find_attribute, find_class, resolve_classes
from db.classes.missing import is_missing
from db.engine.catalog import Catalog
from db.errors import UnknownAttribute, UnknownClass
from db.labels.class_changes import merge_classes
from db.labels.conflicts import record_conflicts
from db.labels.effective import derive, find_source, retract
from db.models import EffectiveLabel, Issue, Label
from db.spelling import fold

START = datetime(2026, 1, 1, tzinfo=UTC)


def say(session: Session, source: str, class_name: str, minute: int, priority: int = 0) -> int:
    """Add one label of artwork 1's style and return its id."""
    style = find_attribute(session, "style")
    class_id = resolve_classes(session, style, [class_name], "test")[class_name]
    authority = source.partition(":")[0]
    row = Label(
        artwork_id=1,
        attribute_id=style.id,
        class_id=class_id,
        source_id=find_source(session, source, authority, priority).id,
        created_at=START + timedelta(minutes=minute),
    )
    session.add(row)
    session.flush()
    derive(session, [1])
    return row.id


def effective_label(session: Session) -> tuple[str, str, bool]:
    """Return class key, authority and conflict of the label that counts."""
    style = find_attribute(session, "style")
    row = session.get_one(EffectiveLabel, (1, style.id))
    keys = {find_class(session, style, key): key for key in ("A", "B", "C") if known(session, key)}
    return keys[row.class_id], row.authority, row.conflict


def known(session: Session, key: str) -> bool:
    try:
        return bool(find_class(session, find_attribute(session, "style"), key))
    except UnknownClass:
        return False


def test_reviewers_beat_imports_and_adjudication_beats_reviewers(catalog: Catalog) -> None:
    with catalog.write() as session:
        say(session, "import:list", "A", 0, priority=9)
        say(session, "reviewer:x", "B", 1)
        assert effective_label(session) == ("B", "reviewer", False)

        say(session, "adjudicated:boss", "C", 2)
        say(session, "reviewer:y", "A", 3)
        assert effective_label(session) == ("C", "adjudicated", False)


def test_a_later_import_never_overrides_a_reviewer(catalog: Catalog) -> None:
    with catalog.write() as session:
        say(session, "reviewer:x", "B", 0)
        say(session, "import:list", "A", 5, priority=99)

        assert effective_label(session) == ("B", "reviewer", False)


def test_imports_go_by_priority_then_time(catalog: Catalog) -> None:
    with catalog.write() as session:
        say(session, "import:good", "A", 0, priority=2)
        say(session, "import:poor", "B", 5, priority=1)
        assert effective_label(session)[0] == "A"

        say(session, "import:good", "C", 6, priority=2)
        assert effective_label(session) == ("C", "import", False)


@pytest.mark.parametrize("source", ["import:list", "reviewer:x", "adjudicated:boss"])
def test_a_label_given_while_the_clock_was_a_day_ahead_is_followed_by_later_ones(
    catalog: Catalog, source: str
) -> None:
    with catalog.write() as session:
        say(session, source, "A", 24 * 60)
        say(session, source, "B", 0)

        assert effective_label(session) == ("B", source.partition(":")[0], False)


def test_imports_that_tie_are_a_conflict(catalog: Catalog) -> None:
    with catalog.write() as session:
        say(session, "import:one", "A", 0)
        say(session, "import:two", "B", 0)

        assert effective_label(session)[2] is True


def test_a_merge_of_the_classes_ends_their_tie(catalog: Catalog) -> None:
    with catalog.write() as session:
        say(session, "import:one", "A", 0)
        say(session, "import:two", "B", 0)
        record_conflicts(session)
        tie = session.scalars(select(Issue).where(Issue.kind == "label_conflict")).one()
        assert (tie.state, effective_label(session)[2]) == ("open", True)

        merge_classes(session, "style", "A", "B", "test")

        session.refresh(tie)
        effective = session.scalars(select(EffectiveLabel).where(EffectiveLabel.artwork_id == 1)).one()
        assert (tie.state, effective.conflict) == ("resolved", False)


def test_the_majority_of_reviewers_counts_each_once(catalog: Catalog) -> None:
    with catalog.write() as session:
        say(session, "reviewer:x", "A", 0)
        say(session, "reviewer:y", "B", 1)
        say(session, "reviewer:z", "B", 2)
        say(session, "reviewer:x", "A", 3)

        assert effective_label(session) == ("B", "reviewer", False)


def test_taking_back_brings_the_earlier_label_back(catalog: Catalog) -> None:
    with catalog.write() as session:
        say(session, "import:list", "A", 0)
        label = say(session, "reviewer:x", "B", 1)

        changed = derive(session, retract(session, [label]))
        again = derive(session, retract(session, [label]))

        assert (changed, again) == (1, 0)
        assert effective_label(session) == ("A", "import", False)
        assert session.query(Label).count() == 3


def test_spellings_of_one_class_meet_and_near_ones_do_not(catalog: Catalog) -> None:
    with catalog.write() as session:
        style = find_attribute(session, "style")
        ids = resolve_classes(session, style, ["Art_Nouveau", "art nouveau", "Art_Nouveau_Modern"], "test")

        assert ids["Art_Nouveau"] == ids["art nouveau"] != ids["Art_Nouveau_Modern"]
        assert resolve_classes(session, style, ["ART NOUVEAU"], "test") == {"ART NOUVEAU": ids["Art_Nouveau"]}


def test_folding_and_missing() -> None:
    assert fold("Albrecht_Dürer") == fold("albrecht-du\u0308rer") == fold(" ALBRECHT  DÜRER")
    assert fold("3.0") == fold("3") != fold("3.00")
    assert fold("Dürer, Albrecht") != fold("Durer, Albrecht") != fold("Durer Albrecht")
    assert is_missing(" Unknown Artist ") and is_missing("") and not is_missing("Unknown Pleasures")


def test_unknown_names_say_what_there_is(catalog: Catalog) -> None:
    with catalog.write() as session:
        style = find_attribute(session, "style")
        resolve_classes(session, style, ["Realism", "Cubism"], "test")

        with pytest.raises(UnknownAttribute) as attribute:
            find_attribute(session, "styl")
        with pytest.raises(UnknownClass) as class_:
            find_class(session, style, "Realsim")

    assert str(attribute.value) == "There is no attribute 'styl'. Attributes of this workspace: style, genre."
    assert str(class_.value) == (
        "style has no class 'Realsim'. Nearest: Realism. List them with `curate classes list style`."
    )
