"""Class names: in columns of other models (looked up, never added), and in texts that people read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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
    class_ids = {name: by_key[name] for name in names if name in by_key}
    for name in names:
        if name not in class_ids:
            try:
                class_ids[name] = find_class(session, of, name)
            except UnknownClass:
                continue
    return class_ids


def class_keys(session: Session, attribute: str) -> list[str]:
    """Return the keys of an attribute's classes that stand, sorted."""
    classes = class_list(session, find_attribute(session, attribute))
    return [classes.key[class_id] for class_id in classes.live()]


class WithNames:
    """Texts with the names of classes in place of their keys, as they are shown everywhere else.

    Example:
        >>> told = WithNames({"Art_Nouveau": "Art Nouveau", "Cubism": "Cubism"})
        >>> told("10 of the 10 nearest in looks are Art_Nouveau")
        '10 of the 10 nearest in looks are Art Nouveau'
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {key: name for key, name in names.items() if key != name}
        self._keys = sorted(self._names, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return a text with names; a key inside another word stays."""
        if there := [re.escape(key) for key in self._keys if key in text]:
            text = re.sub(rf"(?<!\w)(?:{'|'.join(there)})(?!\w)", lambda match: self._names[match[0]], text)
        return text
