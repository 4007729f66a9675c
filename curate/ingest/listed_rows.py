"""What the rows of a source say of each artwork: its first row, and further ones that say something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from curate.ingest.records import Record, Spelling


class Said(NamedTuple):
    """What the first row of an artwork says; few combinations are shared by all artworks."""

    labels: tuple[Spelling, ...]
    splits: tuple[str, ...]


class ListedRows:
    """The rows of one root's artworks; a million paths take little room, since they are kept as hashes."""

    def __init__(self) -> None:
        self._first: dict[int, Said] = {}
        self._combinations: dict[Said, Said] = {}
        self._further: dict[str, list[Record]] = {}

    def __contains__(self, path: str) -> bool:
        return hash(path) in self._first

    def add_first(self, path: str, record: Record) -> None:
        """Remember what the first row of an artwork says."""
        said = Said(record.labels, record.splits)
        self._first[hash(path)] = self._combinations.setdefault(said, said)

    def says_the_same(self, path: str, record: Record) -> bool:
        """Return whether another row of an artwork has the labels of its first."""
        return record.labels == self._first[hash(path)].labels

    def add_further(self, path: str, record: Record) -> None:
        """Remember what another row of an artwork says."""
        self._further.setdefault(path, []).append(record)

    def contradicted(self) -> Iterator[str]:
        """Yield the artworks of which several rows say different things."""
        yield from self._further

    def merged(self, path: str, row: Record | None = None) -> Record:
        """Return an artwork's record with the labels of all its rows, and what its first says beside them."""
        first = self._first[hash(path)]
        rows = [first.labels, *(record.labels for record in self._further.get(path, ()))]
        labels = tuple(_union(column) for column in zip(*rows, strict=True))
        merged = Record(path, labels, "", first.splits)
        return merged if row is None else merged._replace(path=row.path, known_as=row.known_as, kept=row.kept)


def _union(column: Sequence[Spelling]) -> Spelling:
    """Return all that several rows say in one column: one spelling, several, or an empty string."""
    several = dict.fromkeys(
        one for cell in column for one in ((cell,) if isinstance(cell, str) else cell) if one
    )
    return tuple(several) if len(several) > 1 else next(iter(several), "")
