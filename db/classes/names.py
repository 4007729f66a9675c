"""Class names that come with the columns of other people's models: looked up, never added."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.classes.classes import class_list, find_attribute, find_class
from db.errors import UnknownClass


def match_class_names(session: Session, attribute: str, names: Sequence[str]) -> dict[str, int]:
    """Return the class id of each name that is a key, a name or an alias of the attribute's classes.

    Raises:
        UnknownAttribute: There is no such attribute.
    """
    of = find_attribute(session, attribute)
    by_key = class_list(session, of).id_of
    found = {name: by_key[name] for name in names if name in by_key}
    for name in names:
        if name not in found:
            try:
                found[name] = find_class(session, of, name)
            except UnknownClass:
                continue
    return found


def class_keys(session: Session, attribute: str) -> list[str]:
    """Return the keys of an attribute's classes that stand, sorted."""
    classes = class_list(session, find_attribute(session, attribute))
    return [classes.key[class_id] for class_id in classes.live()]
