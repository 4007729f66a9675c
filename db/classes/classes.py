"""Attributes and their classes: keys that stay, names that may change, and every spelling met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import UnknownAttribute, UnknownClass
from db.models import Attribute, Class, ClassAlias, ClassChange
from db.spelling import display_name, fold


def attributes(session: Session) -> list[Attribute]:
    """Return the attributes in the workspace's order."""
    return list(session.scalars(select(Attribute).order_by(Attribute.position)))


def find_attribute(session: Session, name: str) -> Attribute:
    """Return the attribute by its key, or by what people call it.

    Raises:
        UnknownAttribute: There is none; the message lists those there are.
    """
    there = attributes(session)
    match = next((a for a in there if a.name == name), None)
    match = match or next((a for a in there if fold(a.title or a.name) == fold(name)), None)
    if match is None:
        raise UnknownAttribute(name, [a.name for a in there])
    return match


@dataclass(frozen=True)
class ClassList:
    """The classes of one attribute as they are today, merged ones resolved.

    ``key``, ``name``, ``spelling`` and ``current`` are by class id; ``current`` leads from a merged class to
    the one it went into. ``spelling`` is what a label row without a spelling of its own was written as.
    ``missing`` holds the classes that stand for no label.
    """

    attribute_id: int
    attribute: str
    key: Mapping[int, str]
    name: Mapping[int, str]
    current: Mapping[int, int]
    spelling: Mapping[int, str] = field(default_factory=dict)
    missing: frozenset[int] = frozenset()

    def live(self) -> list[int]:
        """Return the ids of the classes that stand, by key."""
        return sorted(
            (i for i in self.key if self.current[i] == i and i not in self.missing), key=lambda i: self.key[i]
        )

    @cached_property
    def id_of(self) -> dict[str, int]:
        """Class ids by key, merged classes leading to their successor."""
        return {key: self.current[i] for i, key in self.key.items()}

    @cached_property
    def key_of(self) -> dict[int, str]:
        """Keys by class id, merged classes having their successor's."""
        return {i: self.key[self.current[i]] for i in self.key}

    @cached_property
    def names(self) -> dict[str, str]:
        """Display names by key, of the classes that stand."""
        return {self.key[i]: self.name[i] for i in self.live()}


def merged_classes(session: Session) -> dict[int, int]:
    """Return where merged classes went, by class id, chains followed; a circle, which is damage, is not."""
    into = {
        row.id: row.merged_into_id
        for row in session.execute(
            select(Class.id, Class.merged_into_id).where(Class.merged_into_id.is_not(None))
        )
    }

    def last(class_id: int) -> int:
        passed: set[int] = set()
        while class_id in into and class_id not in passed:
            passed.add(class_id)
            class_id = into[class_id]
        return class_id

    return {class_id: last(class_id) for class_id in into}


def class_list(session: Session, attribute: Attribute) -> ClassList:
    """Read the classes of one attribute."""
    rows = session.execute(
        select(Class.id, Class.key, Class.name, Class.spelling, Class.missing).where(
            Class.attribute_id == attribute.id
        )
    ).all()
    merged = merged_classes(session)
    return ClassList(
        attribute_id=attribute.id,
        attribute=attribute.name,
        key={row.id: row.key for row in rows},
        name={row.id: row.name for row in rows},
        current={row.id: merged.get(row.id, row.id) for row in rows},
        spelling={row.id: row.spelling or row.name for row in rows},
        missing=frozenset(row.id for row in rows if row.missing),
    )


def read_class_lists(session: Session) -> dict[str, ClassList]:
    """Return the classes of each attribute, attributes in the workspace's order."""
    return {attribute.name: class_list(session, attribute) for attribute in attributes(session)}


def find_class(session: Session, attribute: Attribute, spelling: str) -> int:
    """Return the id of the class that a person means by a key, a name or an alias.

    Raises:
        UnknownClass: There is none; the message names the nearest.
    """
    classes = class_list(session, attribute)
    by_key = {key: id_ for key, id_ in classes.id_of.items() if id_ not in classes.missing}
    if spelling in by_key:
        return by_key[spelling]
    class_id = session.scalar(
        select(ClassAlias.class_id).where(
            ClassAlias.attribute_id == attribute.id, ClassAlias.folded == fold(spelling)
        )
    )
    if class_id is None or classes.current[class_id] in classes.missing:
        raise UnknownClass(attribute.name, spelling, [classes.name[i] for i in classes.live()])
    return classes.current[class_id]


def resolve_classes(
    session: Session, attribute: Attribute, spellings: Iterable[str], made_by: str
) -> dict[str, int]:
    """Return the class id of each spelling, making the classes that are new.

    Spellings are one class when they fold to the same text; nothing is merged by likeness.
    """
    wanted = {s: fold(s) for s in spellings}
    classes = class_list(session, attribute)
    class_ids = {
        row.folded: classes.current[row.class_id]
        for row in session.execute(
            select(ClassAlias.folded, ClassAlias.class_id).where(ClassAlias.attribute_id == attribute.id)
        )
    }
    for spelling, folded in sorted(wanted.items()):
        if folded not in class_ids:
            class_ids[folded] = add_class(session, attribute, spelling, made_by).id
    return {spelling: class_ids[folded] for spelling, folded in wanted.items()}


def add_class(session: Session, attribute: Attribute, spelling: str, made_by: str) -> Class:
    """Add a class with its first spelling as key, name and alias."""
    shown = display_name(spelling)
    new = Class(attribute_id=attribute.id, key=shown, name=shown, spelling=spelling)
    session.add(new)
    session.flush()
    session.add(ClassAlias(attribute_id=attribute.id, class_id=new.id, folded=fold(spelling), alias=spelling))
    session.add(ClassChange(class_id=new.id, kind="added", detail={"spelling": spelling}, made_by=made_by))
    session.flush()
    return new
