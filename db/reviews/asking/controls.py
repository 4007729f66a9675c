"""Labels known to be right, as somebody lists them, for controls before any two reviewers agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from db.classes.classes import attributes, find_class
from db.labels.table import find_artwork
from db.reviews.asking.planning import KnownLabel


def listed_labels(session: Session, rows: Iterable[Mapping[str, str]], key: str) -> list[KnownLabel]:
    """Return the known labels of a list.

    Args:
        session: A reading transaction.
        rows: The list's rows, by column; an empty cell says nothing.
        key: The column that names the artwork, by uuid or path.

    Raises:
        ArtworkNotFound, UnknownClass: A row names something that the catalog does not have.
    """
    named = attributes(session)
    labels = []
    for row in rows:
        artwork = find_artwork(session, row[key])
        for attribute in named:
            if row.get(attribute.name):
                class_id = find_class(session, attribute, row[attribute.name])
                labels.append(KnownLabel(artwork.id, attribute.id, class_id, None))
    return labels
