"""Changes of the class list: additions, new names, merges; every one leaves a row that says who made it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.classes.classes import add_class, class_list, find_attribute, find_class
from db.classes.missing import is_missing
from db.engine.bulk import take_turns
from db.errors import CurateError
from db.labels.conflicts import record_conflicts
from db.labels.effective import derive, retract
from db.models import Attribute, Class, ClassAlias, ClassChange, EffectiveLabel, Label
from db.spelling import display_name, fold

FORMULA = re.compile(r"\s*(?:[=@\t\r]|[+-].*[(|!=@&*/<>^+-])", re.DOTALL)
"""What a spreadsheet would run; a sign before a word or a number is no formula."""


class ClassExists(CurateError):
    """A spelling that already stands for a class."""

    def __init__(self, attribute: str, spelling: str, key: str) -> None:
        super().__init__(
            f"{attribute} already has {key!r}, and {spelling!r} is one of its spellings. "
            f"To make two classes one, type `curate classes merge {attribute} FROM INTO`."
        )


class ReviewersSayIt(CurateError):
    """A class that reviewers have given, and that is to stand for no label."""

    def __init__(self, attribute: str, key: str, labels: int) -> None:
        super().__init__(
            f"Reviewers gave {attribute} {key!r} to {labels} artworks, so it cannot mean no label. "
            f"Take these verdicts back first (`curate history ARTWORK`, `curate undo VERDICT`)."
        )


class SameClass(CurateError):
    """A merge of a class into itself."""

    def __init__(self, attribute: str, key: str) -> None:
        super().__init__(f"Both names stand for the {attribute} class {key!r} already. Name two classes.")


class NotAClassName(CurateError):
    """A text that cannot name a class."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} cannot name a class: it must hold a letter or digit, have at most 200 characters, "
            f"not be a word for a missing label, and be no formula of a spreadsheet. Give another name."
        )


@dataclass(frozen=True)
class ClassRow:
    """One class as people and scripts read it; ``labelled`` counts effective labels."""

    attribute: str
    key: str
    name: str
    aliases: list[str]
    labelled: int
    merged_into: str | None


@dataclass(frozen=True)
class ChangeRow:
    """One change of the class list."""

    when: datetime
    attribute: str
    key: str
    kind: str
    detail: dict[str, Any]
    made_by: str


def class_rows(session: Session, attribute: Attribute) -> list[ClassRow]:
    """Return the classes of an attribute by key, merged ones too."""
    classes = class_list(session, attribute)
    aliases: dict[int, list[str]] = {}
    for class_id, alias in session.execute(
        select(ClassAlias.class_id, ClassAlias.alias)
        .where(ClassAlias.attribute_id == attribute.id)
        .order_by(ClassAlias.alias)
    ):
        aliases.setdefault(classes.current[class_id], []).append(alias)
    counts: dict[int, int] = {}
    for class_id, n in session.execute(
        select(EffectiveLabel.class_id, func.count())
        .where(EffectiveLabel.attribute_id == attribute.id)
        .group_by(EffectiveLabel.class_id)
    ):
        current = classes.current[class_id]
        counts[current] = counts.get(current, 0) + n
    rows = []
    for class_id in sorted(classes.key, key=lambda id_: classes.key[id_]):
        current = classes.current[class_id]
        stands = current == class_id
        rows.append(
            ClassRow(
                attribute=attribute.name,
                key=classes.key[class_id],
                name=classes.name[class_id],
                aliases=aliases.get(class_id, []) if stands else [],
                labelled=counts.get(class_id, 0) if stands else 0,
                merged_into=None if stands else classes.key[current],
            )
        )
    return rows


def folded_classes(session: Session, attribute: Attribute) -> dict[str, int]:
    """Return the class that every known spelling stands for, by its folded text; merges followed."""
    current = class_list(session, attribute).current
    rows = session.execute(
        select(ClassAlias.folded, ClassAlias.class_id).where(ClassAlias.attribute_id == attribute.id)
    )
    return {row[0]: current[row[1]] for row in rows}


def change_rows(session: Session) -> list[ChangeRow]:
    """Return all changes of the class lists, oldest first."""
    rows = session.execute(
        select(
            ClassChange.created_at,
            Attribute.name,
            Class.key,
            ClassChange.kind,
            ClassChange.detail,
            ClassChange.made_by,
        )
        .join(Class, Class.id == ClassChange.class_id)
        .join(Attribute, Attribute.id == Class.attribute_id)
        .order_by(ClassChange.id)
    )
    return [ChangeRow(*row) for row in rows]


def new_class(session: Session, attribute_name: str, name: str, made_by: str) -> str:
    """Add a class; return its key.

    Raises:
        ClassExists: The name already stands for one.
        NotAClassName: It cannot name one.
    """
    attribute = _locked(session, attribute_name)
    _check_name(name)
    taken = _spelled(session, attribute, name)
    if taken is not None and taken.missing:
        taken.missing = False
        session.add(ClassChange(class_id=taken.id, kind="added", detail={"spelling": name}, made_by=made_by))
        return taken.key
    if taken is not None:
        raise ClassExists(attribute_name, name, taken.key)
    return add_class(session, attribute, name, made_by).key


def rename_class(session: Session, attribute_name: str, spelling: str, name: str, made_by: str) -> str:
    """Give a class another display name, which becomes an alias too; its key stays. Return the key.

    Raises:
        UnknownClass: No class has that key, name or alias.
        ClassExists: The new name stands for another class.
        NotAClassName: The new name cannot name one.
    """
    attribute = _locked(session, attribute_name)
    _check_name(name)
    renamed = session.get_one(Class, find_class(session, attribute, spelling))
    taken = _spelled(session, attribute, name)
    if taken is not None and taken.id != renamed.id:
        raise ClassExists(attribute_name, name, taken.key)
    detail = {"from": renamed.name, "to": display_name(name)}
    renamed.name = display_name(name)
    if taken is None:
        session.add(ClassAlias(attribute_id=attribute.id, class_id=renamed.id, folded=fold(name), alias=name))
    session.add(ClassChange(class_id=renamed.id, kind="renamed", detail=detail, made_by=made_by))
    session.flush()
    return renamed.key


def merge_classes(session: Session, attribute_name: str, from_: str, into: str, made_by: str) -> int:
    """Make one class part of another: its labels and spellings count for that from now on.

    The labels' rows stay as they were said.

    Returns:
        How many effective labels the merged class had.

    Raises:
        UnknownClass: No class has that key, name or alias.
        SameClass: Both are one already.
    """
    attribute = _locked(session, attribute_name)
    source = session.get_one(Class, find_class(session, attribute, from_))
    target = session.get_one(Class, find_class(session, attribute, into))
    if source.id == target.id:
        raise SameClass(attribute_name, source.key)
    current = class_list(session, attribute).current
    members = [id_ for id_, successor in current.items() if successor == source.id]
    of_attribute = select(EffectiveLabel.artwork_id).where(EffectiveLabel.attribute_id == attribute.id)
    artworks = session.scalars(of_attribute.where(EffectiveLabel.class_id.in_(members))).all()
    tied = session.scalars(of_attribute.where(EffectiveLabel.conflict)).all()
    source.merged_into_id = target.id
    detail = {"into": target.key, "labels": len(artworks)}
    session.add(ClassChange(class_id=source.id, kind="merged", detail=detail, made_by=made_by))
    session.flush()
    derive(session, {*artworks, *tied})
    record_conflicts(session)
    return len(artworks)


def add_alias(session: Session, attribute: Attribute, class_id: int, spelling: str, made_by: str) -> bool:
    """Make a spelling stand for a class; return False where it already stands for one."""
    if _spelled(session, attribute, spelling) is not None:
        return False
    session.add(
        ClassAlias(attribute_id=attribute.id, class_id=class_id, folded=fold(spelling), alias=spelling)
    )
    detail = {"spelling": spelling}
    session.add(ClassChange(class_id=class_id, kind="aliased", detail=detail, made_by=made_by))
    session.flush()
    return True


def name_by_commonest(session: Session, class_ids: Sequence[int]) -> None:
    """Show classes by their commonest spelling among imports, but for those that a person has renamed."""
    take_turns(session)
    renamed = set(session.scalars(select(ClassChange.class_id).where(ClassChange.kind == "renamed")))
    taken_back = select(Label.retracts_id).where(Label.retracts_id.is_not(None))
    for class_id in sorted(set(class_ids) - renamed):
        row = session.get_one(Class, class_id)
        own = row.spelling or row.name
        counts: Counter[str] = Counter()
        for spelling, n in session.execute(
            select(Label.spelling, func.count())
            .where(
                Label.class_id == class_id,
                Label.verdict_id.is_(None),
                Label.retracts_id.is_(None),
                Label.id.not_in(taken_back),
            )
            .group_by(Label.spelling)
        ):
            counts[display_name(spelling or own)] += n
        if counts:
            most = max(counts.values())
            name = min(name for name, n in counts.items() if n == most)
            row.name = row.name if counts[row.name] == most else name
    session.flush()


def take_as_missing(session: Session, attribute_name: str, spelling: str, made_by: str) -> int:
    """Make a class stand for no label: what imports said with it is taken back, and is missing from now on.

    Returns:
        How many labels were taken back.

    Raises:
        UnknownClass: No class has that key, name or alias.
        ReviewersSayIt: Reviewers have given it; what they decided is not taken back like this.
    """
    attribute = _locked(session, attribute_name)
    unwanted = session.get_one(Class, find_class(session, attribute, spelling))
    current = class_list(session, attribute).current
    members = [id_ for id_, successor in current.items() if successor == unwanted.id]
    live = select(Label).where(
        Label.class_id.in_(members),
        Label.retracts_id.is_(None),
        Label.id.not_in(select(Label.retracts_id).where(Label.retracts_id.is_not(None))),
    )
    labels = session.scalars(live).all()
    if by_reviewers := sum(label.verdict_id is not None for label in labels):
        raise ReviewersSayIt(attribute_name, unwanted.key, by_reviewers)
    unwanted.missing = True
    session.add(
        ClassChange(class_id=unwanted.id, kind="missing", detail={"labels": len(labels)}, made_by=made_by)
    )
    derive(session, retract(session, [label.id for label in labels]))
    record_conflicts(session)
    return len(labels)


def _locked(session: Session, attribute_name: str) -> Attribute:
    take_turns(session)
    return find_attribute(session, attribute_name)


def _check_name(name: str) -> None:
    plain = name.isprintable() and len(name) <= 200 and any(c.isalnum() for c in name)
    if not plain or FORMULA.match(name) or is_missing(name):
        raise NotAClassName(name)


def _spelled(session: Session, attribute: Attribute, spelling: str) -> Class | None:
    """Return the class that a spelling stands for, a merged one's successor."""
    statement = select(ClassAlias.class_id).where(
        ClassAlias.attribute_id == attribute.id, ClassAlias.folded == fold(spelling)
    )
    class_id = session.scalar(statement)
    if class_id is None:
        return None
    return session.get_one(Class, class_list(session, attribute).current[class_id])
