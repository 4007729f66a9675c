"""Attributes of an older catalog that would share one column or field; new ones are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from db.classes.classes import attributes
from db.errors import AttributesClash
from db.models import Attribute
from db.spelling import fold
from db.workspace.settings import PATH_COLUMN, clash


def shared_columns(session: Session) -> Iterator[str]:
    """Yield a sentence for each two attributes that share a column, or a name but for case and signs."""
    there = attributes(session)
    yield from _derived(there)
    yield from _listed(there)
    for at, one in enumerate(there):
        for other in there[:at]:
            names = {fold(one.name), fold(one.shown)} & {fold(other.name), fold(other.shown)}
            if names and one.shown != other.shown:
                yield f"{other.shown!r} and {one.shown!r} are one name but for case and punctuation"


def require_own_fields(session: Session) -> None:
    """Refuse to write what is made of the attributes where it would overwrite another attribute.

    Raises:
        AttributesClash: It would.
    """
    for problem in _derived(attributes(session)):
        raise AttributesClash(problem)


def require_own_columns(session: Session) -> None:
    """Refuse to write the attributes as columns of a list where two would be one.

    Raises:
        AttributesClash: They would.
    """
    for problem in _listed(attributes(session)):
        raise AttributesClash(problem)


def _derived(there: Sequence[Attribute]) -> Iterator[str]:
    keys = [attribute.name for attribute in there if attribute.name != PATH_COLUMN]
    for at, key in enumerate(keys):
        for other in keys[:at]:
            if (problem := clash((other, key))) is not None:
                yield problem


def _listed(there: Sequence[Attribute]) -> Iterator[str]:
    shown = [attribute.shown for attribute in there]
    for at, name in enumerate(shown):
        if name == PATH_COLUMN:
            yield f"an attribute is called {name!r}, as the column of the images in every list is"
        elif name in shown[:at]:
            yield f"two attributes are called {name!r}"
