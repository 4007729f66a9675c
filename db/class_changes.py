"""Changes of the class list: aliases, new names, merges; every one leaves a row that says who made it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.classes import fold
from db.models import Attribute, ClassAlias, ClassChange


def add_alias(session: Session, attribute: Attribute, class_id: int, spelling: str, made_by: str) -> bool:
    """Make a spelling stand for a class; return False where it already stands for one."""
    folded = fold(spelling)
    known = select(ClassAlias.id).where(ClassAlias.attribute_id == attribute.id, ClassAlias.folded == folded)
    if session.scalar(known) is not None:
        return False
    session.add(ClassAlias(attribute_id=attribute.id, class_id=class_id, folded=folded, alias=spelling))
    session.add(
        ClassChange(class_id=class_id, kind="aliased", detail={"spelling": spelling}, made_by=made_by)
    )
    session.flush()
    return True
