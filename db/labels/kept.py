"""What lists say of artworks beside their labels: shown wherever the artwork is, and searched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine.bulk import chunks
from db.errors import CurateError
from db.models import Attribute, Listing, Withheld
from db.spelling import fold, loose_fold


class UnknownColumn(CurateError):
    """A kept column that no list has."""

    def __init__(self, column: str, columns: Sequence[str]) -> None:
        there = f"There are {', '.join(columns)}" if columns else "No list of this catalog has kept columns"
        super().__init__(f"No list has a column {column!r} that is kept. {there}.")


@dataclass
class KeptCells:
    """The id that people know an artwork by, and its kept columns that say something, by name."""

    known_as: str | None = None
    cells: dict[str, str] = field(default_factory=dict)


def kept_cells(session: Session, artwork_ids: Sequence[int]) -> dict[int, KeptCells]:
    """Return what is kept of artworks, the newest list's first; artworks of which nothing is are left out.

    A cell that gives no label (several values, "workshop of") is among them as ``<attribute> (as listed)``.
    """
    kept: dict[int, KeptCells] = {}
    for some in chunks(artwork_ids):
        rows = session.execute(
            select(Listing.artwork_id, Listing.known_as, Listing.cells)
            .where(Listing.artwork_id.in_(some))
            .order_by(Listing.id.desc())
        )
        for artwork_id, known_as, cells in rows:
            own = kept.setdefault(artwork_id, KeptCells())
            own.known_as = own.known_as or known_as
            own.cells |= {
                name: cell for name, cell in cells.items() if cell.strip() and name not in own.cells
            }
        withheld = session.execute(
            select(Withheld.artwork_id, Attribute, Withheld.spelling)
            .join(Attribute, Attribute.id == Withheld.attribute_id)
            .where(Withheld.artwork_id.in_(some))
        )
        for artwork_id, attribute, spelling in withheld:
            kept.setdefault(artwork_id, KeptCells()).cells[f"{attribute.shown} (as listed)"] = spelling
    return kept


def artworks_listed_as(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Return the artworks that people know by these ids, such as inventory numbers, by id.

    An id that several artworks have is nobody's, and left out.
    """
    artworks_by_name: dict[str, set[int]] = {}
    for some in chunks(names):
        rows = session.execute(select(Listing.known_as, Listing.artwork_id).where(Listing.known_as.in_(some)))
        for name, artwork_id in rows:
            artworks_by_name.setdefault(str(name), set()).add(artwork_id)
    return {name: artworks.pop() for name, artworks in artworks_by_name.items() if len(artworks) == 1}


def artworks_where(session: Session, wanted: Mapping[str, str]) -> set[int]:
    """Return the artworks whose kept cells are as wanted, all of them.

    Args:
        session: A session of the catalog.
        wanted: Texts by column, compared but for case and white space; ``*`` stands for any characters.

    Raises:
        UnknownColumn: No list has a column of that name.
    """
    tests = {name: _pattern(text) for name, text in wanted.items()}
    columns: dict[str, None] = {}
    asked: dict[str, str | None] = {}
    matching: set[int] = set()
    for artwork_id, cells in session.execute(select(Listing.artwork_id, Listing.cells).order_by(Listing.id)):
        for name in [name for name in cells if name not in columns]:
            columns[name] = None
            asked[name] = next((w for w in tests if loose_fold(w) == loose_fold(name)), None)
        met = {
            asked[name]
            for name, cell in cells.items()
            if (want := asked[name]) is not None and tests[want].fullmatch(fold(cell))
        }
        if met == tests.keys():
            matching.add(artwork_id)
    for name in tests.keys() - set(asked.values()):
        raise UnknownColumn(name, list(columns))
    return matching


def _pattern(text: str) -> re.Pattern[str]:
    """Return what a folded cell must match; ``*`` is any run of characters."""
    return re.compile(".*".join(re.escape(part) for part in fold(text).split("*")), re.DOTALL)
