"""Turn spellings into classes: once for each spelling of an ingest, in the catalog's own list."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from curate.ingest.records import Reader, Record, Spelling, bad_spelling, shown
from curate.ingest.summary import IngestSummary
from db.engine.bulk import take_turns
from db.engine.catalog import Catalog
from db.ingest.writer import Columns, SourceAttribute, SplitColumn
from db.labels.class_changes import add_alias, folded_classes
from db.labels.classes import attributes, class_list, find_attribute, fold, is_missing, resolve_classes
from db.labels.effective import find_source

LONGEST_SPLIT = 32


class Encoder:
    """Knows the class ids of every spelling met so far."""

    def __init__(self, catalog: Catalog, reader: Reader, summary: IngestSummary) -> None:
        self._catalog, self._summary = catalog, summary
        self._said, self._aliases = reader.columns, reader.aliases
        self._ids: dict[str, dict[Spelling, tuple[int, ...]]] = {c.attribute: {} for c in reader.columns}
        self._tables = [self._ids[column.attribute] for column in reader.columns]
        self._good: set[Spelling] = {""}
        self._good_splits = {""}
        self._known: dict[str, dict[str, int]] = {}
        with catalog.write() as session:
            names = {c.source for c in reader.columns} | {c.source for c in reader.splits}
            sources = {name: find_source(session, name).id for name in sorted(names)}
            ids = {attribute.name: attribute.id for attribute in attributes(session)}
            for attribute in attributes(session):
                self._known[attribute.name] = folded_classes(session, attribute)
        self.columns = Columns(
            tuple(SourceAttribute(sources[c.source], ids[c.attribute]) for c in reader.columns),
            tuple(
                SplitColumn(sources[c.source], None if c.attribute is None else ids[c.attribute])
                for c in reader.splits
            ),
        )

    def refusal(self, record: Record) -> tuple[str, str] | None:
        """Return why a record's labels or splits cannot be taken, as (reason, detail)."""
        for spelling in record.labels:
            if spelling in self._good:
                continue
            for one in (spelling,) if isinstance(spelling, str) else spelling:
                reason = None if is_missing(one) else bad_spelling(one)
                if reason is not None:
                    return reason, shown(one)
            self._good.add(spelling)
        for split in record.splits:
            if split in self._good_splits:
                continue
            if len(split) > LONGEST_SPLIT or bad_spelling(split):
                return "bad_split", shown(split)
            self._good_splits.add(split)
        return None

    def learn(self, records: Iterable[Record]) -> None:
        """Look up the spellings that are new, and make the classes that are."""
        new: dict[str, set[Spelling]] = {}
        for record in records:
            for column, table, spelling in zip(self._said, self._tables, record.labels, strict=True):
                if spelling not in table:
                    new.setdefault(column.attribute, set()).add(spelling)
        for attribute, spellings in new.items():
            known, aliases = self._known[attribute], self._aliases.get(attribute, {})
            several = {s: tuple(aliases.get(one, one) for one in _each(s)) for s in spellings}
            if unknown := {one for ones in several.values() for one in ones if fold(one) not in known}:
                self._make(attribute, sorted(unknown))
            table = self._ids[attribute]
            for spelling, ones in several.items():
                table[spelling] = tuple(sorted({known[fold(one)] for one in ones}))

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
        self._known[name].update({fold(spelling): id_ for spelling, id_ in ids.items()})
        added = {spelling for spelling, id_ in ids.items() if id_ not in before.key}
        self._tell(name, added, [before.name[i] for i in before.live()])

    def encode(self, record: Record) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
        """Return a record's classes and splits as an ``Entry`` has them."""
        return tuple([t[s] for t, s in zip(self._tables, record.labels, strict=True)]), record.splits

    def _tell(self, attribute: str, added: set[str], before: list[str]) -> None:
        """Note new classes, and which of them look like one that was there."""
        if not added:
            return
        count = len({fold(spelling) for spelling in added})
        self._summary.new_classes[attribute] = self._summary.new_classes.get(attribute, 0) + count
        self._summary.near_matches += [(attribute, *match) for match in near_matches(sorted(added), before)]


def _each(spelling: Spelling) -> list[str]:
    """Return the labels in one cell, those that say "unknown" left out."""
    return [one for one in ((spelling,) if isinstance(spelling, str) else spelling) if not is_missing(one)]


def near_matches(new: Iterable[str], known: Iterable[str]) -> list[tuple[str, str]]:
    """Return (new, known) pairs of classes that may be the same: nearly the same letters, or the same words.

    Example:
        >>> near_matches(["Impresionism", "Gogh van Vincent"], ["Impressionism", "Vincent van Gogh"])
        [('Impresionism', 'Impressionism'), ('Gogh van Vincent', 'Vincent van Gogh')]
    """
    found = []
    folded = [(name, fold(name)) for name in known]
    by_words = {" ".join(sorted(text.split())): name for name, text in folded}
    for spelling in new:
        text = fold(spelling)
        same_words = by_words.get(" ".join(sorted(text.split())))
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(text)
        near = [same_words] if same_words else []
        for name, other in folded if not near else ():
            if abs(len(other) - len(text)) <= 2 and other[:1] == text[:1]:
                matcher.set_seq1(other)
                if matcher.real_quick_ratio() > 0.9 and matcher.quick_ratio() > 0.9 and matcher.ratio() > 0.9:
                    near.append(name)
        found += [(spelling, name) for name in near]
    return found
