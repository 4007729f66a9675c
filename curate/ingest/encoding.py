"""Turn spellings into classes: once for each spelling of an ingest, in the catalog's own list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import NamedTuple

from curate.ingest.records import Reader, Record, Spelling, bad_spelling, shown
from curate.ingest.summary import IngestSummary
from curate.ingest.tables.cells import CellRule
from db.classes.classes import attributes, class_list, find_attribute, resolve_classes
from db.engine.bulk import take_turns
from db.engine.catalog import Catalog
from db.ingest.writer import Columns, SourceAttribute, SplitColumn, Unlabelled
from db.labels.class_changes import add_alias, folded_classes, name_by_commonest
from db.labels.effective import find_source
from db.spelling import fold, loose_fold

LONGEST_SPLIT = 32


DEFAULT_RULE = CellRule()


class _Odd(NamedTuple):
    """What a cell says beyond its classes: own spellings, a placeholder, why it gives no label."""

    spellings: tuple[str | None, ...] = ()
    missing: str | None = None
    withheld: Unlabelled | None = None


class Encoder:
    """Knows the class ids of every spelling met so far."""

    def __init__(self, catalog: Catalog, reader: Reader, summary: IngestSummary) -> None:
        self._catalog, self._summary = catalog, summary
        self._said, self._aliases = reader.columns, reader.aliases
        self._rules = reader.rules or (DEFAULT_RULE,) * len(reader.columns)
        self._ids: list[dict[Spelling, tuple[int, ...]]] = [{} for _ in reader.columns]
        self._odd: list[dict[Spelling, _Odd]] = [{} for _ in reader.columns]
        self._good_splits = {""}
        self._class_ids: dict[str, dict[str, int]] = {}
        self._own: dict[str, dict[int, str]] = {}
        self._missing: dict[str, set[int]] = {}
        self._respelt: set[int] = set()
        with catalog.write() as session:
            names = {c.source for c in reader.columns} | {c.source for c in reader.splits}
            sources = {name: find_source(session, name).id for name in sorted(names)}
            ids = {attribute.name: attribute.id for attribute in attributes(session)}
            for attribute in attributes(session):
                self._class_ids[attribute.name] = folded_classes(session, attribute)
                classes = class_list(session, attribute)
                self._own[attribute.name] = dict(classes.spelling)
                self._missing[attribute.name] = set(classes.missing)
        self.columns = Columns(
            tuple(SourceAttribute(sources[c.source], ids[c.attribute]) for c in reader.columns),
            tuple(
                SplitColumn(sources[c.source], None if c.attribute is None else ids[c.attribute])
                for c in reader.splits
            ),
            sources[reader.columns[0].source] if reader.mapping is not None else None,
        )

    def refusal(self, record: Record) -> tuple[str, str] | None:
        """Return why a record cannot be taken, as (reason, detail); a bad label is no reason."""
        for split in record.splits:
            if split in self._good_splits:
                continue
            if len(split) > LONGEST_SPLIT or bad_spelling(split):
                return "bad_split", shown(split)
            self._good_splits.add(split)
        return None

    def learn(self, records: Iterable[Record]) -> None:
        """Look up the spellings that are new, and make the classes that are."""
        new: list[set[Spelling]] = [set() for _ in self._said]
        for record in records:
            for unseen, table, spelling in zip(new, self._ids, record.labels, strict=True):
                if spelling not in table:
                    unseen.add(spelling)
        for at, cells in enumerate(new):
            if cells:
                self._learn(at, cells)

    def _learn(self, at: int, cells: set[Spelling]) -> None:
        attribute = self._said[at].attribute
        id_of, aliases = self._class_ids[attribute], self._aliases.get(attribute, {})
        said = {cell: self._rules[at].read(cell) for cell in cells}
        names = {one: aliases.get(one, one) for what in said.values() for one in what.labels}
        if unknown := {name for name in names.values() if fold(name) not in id_of}:
            self._make(attribute, sorted(unknown))
        own, missing = self._own[attribute], self._missing[attribute]
        for cell, what in said.items():
            spelled = {id_of[fold(names[one])]: one for one in reversed(what.labels)}
            ids = tuple(sorted(spelled.keys() - missing))
            spellings = tuple(None if spelled[id_] == own[id_] else spelled[id_] for id_ in ids)
            self._ids[at][cell] = ids
            self._respelt.update(id_ for id_, one in zip(ids, spellings, strict=True) if one is not None)
            if what.reason is not None:
                whole = cell if isinstance(cell, str) else "; ".join(cell)
                held = Unlabelled(at, what.reason, shown(whole, 1000), what.detail or {})
                self._odd[at][cell] = _Odd(withheld=held)
            elif not ids and cell:
                self._odd[at][cell] = _Odd(missing=cell if isinstance(cell, str) else "; ".join(cell))
            elif any(spellings):
                self._odd[at][cell] = _Odd(spellings)

    def _make(self, name: str, spellings: list[str]) -> None:
        """Make the classes of spellings that the catalog does not have."""
        made_by = self._said[0].source
        with self._catalog.write() as session:
            take_turns(session)
            attribute = find_attribute(session, name)
            before = class_list(session, attribute)
            ids = resolve_classes(session, attribute, spellings, made_by)
            for alias, canonical in self._aliases.get(name, {}).items():
                if canonical in ids:
                    add_alias(session, attribute, ids[canonical], alias, made_by)
            after = class_list(session, attribute)
        self._class_ids[name].update({fold(spelling): id_ for spelling, id_ in ids.items()})
        self._own[name].update(after.spelling)
        self._missing[name].update(after.missing)
        added = {spelling for spelling, id_ in ids.items() if id_ not in before.key}
        self._tell(name, added, [before.name[i] for i in before.live()])

    def encode(self, record: Record) -> Coded:
        """Return a record's classes, splits, own spellings and cells without a label, for its ``Entry``."""
        labels = record.labels
        classes = tuple([table[s] for table, s in zip(self._ids, labels, strict=True)])
        if not any(self._odd):
            return Coded(classes, record.splits)
        odd = [odd.get(s) for odd, s in zip(self._odd, labels, strict=True)]
        if not any(odd):
            return Coded(classes, record.splits)
        withheld = []
        for said, one in zip(self._said, odd, strict=True):
            if one is not None and one.missing is not None:
                self._summary.missing_spellings.setdefault(said.attribute, Counter())[one.missing] += 1
            if one is not None and one.withheld is not None:
                self._summary.withheld.setdefault(said.attribute, Counter())[one.withheld.reason] += 1
                withheld.append(one.withheld)
        spellings: tuple[tuple[str | None, ...], ...] = ()
        if any(one is not None and one.spellings for one in odd):
            spellings = tuple(
                one.spellings if one is not None and one.spellings else (None,) * len(ids)
                for one, ids in zip(odd, classes, strict=True)
            )
        return Coded(classes, record.splits, spellings, tuple(withheld))

    def name_by_commonest(self) -> None:
        """Show each class that this source spells in several ways by its commonest spelling."""
        if self._respelt:
            with self._catalog.write() as session:
                name_by_commonest(session, sorted(self._respelt))

    def _tell(self, attribute: str, added: set[str], before: list[str]) -> None:
        """Note new classes, and which of them look like another."""
        if not added:
            return
        by_fold = {fold(spelling): spelling for spelling in sorted(added)}
        self._summary.new_classes[attribute] = self._summary.new_classes.get(attribute, 0) + len(by_fold)
        self._summary.near_matches += [
            (attribute, *match) for match in near_matches(sorted(by_fold.values()), before)
        ]


class Coded(NamedTuple):
    """A record's part of an ``Entry``."""

    classes: tuple[tuple[int, ...], ...]
    splits: tuple[str, ...]
    spellings: tuple[tuple[str | None, ...], ...] = ()
    withheld: tuple[Unlabelled, ...] = ()


def near_matches(new: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Return (new, other) pairs of classes that may be the same, in the order of the new ones.

    They look alike but for accents and punctuation, have the same words in another order, or (against the
    classes that were there) nearly the same letters.

    Example:
        >>> near_matches(["Impresionism", "Gogh, van Vincent"], ["Impressionism", "Vincent van Gogh"])
        [('Impresionism', 'Impressionism'), ('Gogh, van Vincent', 'Vincent van Gogh')]
    """
    pairs = []
    folded = [(name, loose_fold(name)) for name in others]
    by_words = {" ".join(sorted(text.split())): name for name, text in folded if text}
    for spelling in new:
        text = loose_fold(spelling)
        words = " ".join(sorted(text.split()))
        if words in by_words:
            pairs.append((spelling, by_words[words]))
            continue
        if text:
            by_words[words] = spelling
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(text)
        for name, other in folded:
            if abs(len(other) - len(text)) <= 2 and other[:1] == text[:1]:
                matcher.set_seq1(other)
                if matcher.real_quick_ratio() > 0.9 and matcher.quick_ratio() > 0.9 and matcher.ratio() > 0.9:
                    pairs.append((spelling, name))
    return pairs
