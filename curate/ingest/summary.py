"""What came of an ingest, for people and for scripts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from db.ingest.writer import Written


@dataclass
class IngestSummary:
    """Counts in artwork records: ``read`` is the sum of the others.

    Attributes:
        refused: Records not taken, by reason; those whose image is missing or bad are kept with their
            labels, and taken when the image turns up.
        notes: Images that were taken although something is odd, by what it is.
        moved: Among the updated, artworks that were found at another path by their bytes.
        vanished: Artworks of the folder that were there before and have no file any more.
        unreadable: Open issues of that kind: images in the whole catalog that were refused.
        overruled: Labels of this source that differ from what reviewers decided; theirs count.
        exact_groups, near_groups, oversize_groups: Duplicate groups in the whole catalog; the last are
            too large to be believed and are used for nothing.
        new_classes: By attribute, classes that this source brought.
        near_matches: (attribute, new class, other class) that may be the same.
        missing_spellings: By attribute, what was taken for "no label", and how often.
        withheld: Cells that give no label although something stands in them, by attribute and reason.
    """

    source: str
    format: str
    written: Written = field(default_factory=Written)
    refused: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    exact_groups: int = 0
    near_groups: int = 0
    oversize_groups: int = 0
    new_classes: dict[str, int] = field(default_factory=dict)
    near_matches: list[tuple[str, str, str]] = field(default_factory=list)
    missing_spellings: dict[str, Counter[str]] = field(default_factory=dict)
    withheld: dict[str, Counter[str]] = field(default_factory=dict)
    vanished: int = 0
    unreadable: int = 0
    conflicts: int = 0
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0
    ingest_id: int = 0

    @property
    def read(self) -> int:
        """How many artwork records the source had."""
        written = self.written
        return written.added + written.updated + written.unchanged + self.refused.total()

    def as_json(self) -> dict[str, Any]:
        """Return what ``curate ingest --json`` prints."""
        return {
            "read": self.read,
            "added": self.written.added,
            "updated": self.written.updated,
            "unchanged": self.written.unchanged,
            "refused": dict(sorted(self.refused.items())),
            "duplicates": {
                "exact_groups": self.exact_groups,
                "near_groups": self.near_groups,
                "oversize_groups": self.oversize_groups,
            },
            "moved": self.written.moved,
            "overruled": self.written.overruled,
            "notes": dict(sorted(self.notes.items())),
            "new_classes": self.new_classes,
            "near_matches": [list(match) for match in self.near_matches],
            "missing_spellings": {name: dict(n.most_common()) for name, n in self.missing_spellings.items()},
            "withheld": {name: dict(n.most_common()) for name, n in self.withheld.items()},
            "label_conflicts": self.conflicts,
            "vanished": self.vanished,
            "unreadable": self.unreadable,
            "ingest": self.ingest_id,
            "format": self.format,
            "seconds": round(self.seconds, 3),
        }
