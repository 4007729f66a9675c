"""What a sync brought, counted."""

from __future__ import annotations

from dataclasses import dataclass

from db.reviews.answering.answers import Recorded


@dataclass
class Synced(Recorded):
    """What is new or changed in a sync.

    Attributes:
        vanished: Open tasks that are gone from the server.
        blank: Rows of a sheet that were answered before and say nothing now.
    """

    taken_back: int = 0
    vanished: int = 0
    blank: int = 0

    def add(self, recorded: Recorded) -> None:
        """Add what one transaction recorded."""
        self.annotations += recorded.annotations
        self.labels_changed += recorded.labels_changed
        self.control_answers += recorded.control_answers
        self.refused += recorded.refused
        for decision, count in recorded.verdicts.items():
            self.verdicts[decision] = self.verdicts.get(decision, 0) + count

    def join(self, other: Synced) -> None:
        """Add what the sync of another project brought."""
        self.add(other)
        self.taken_back += other.taken_back
        self.vanished += other.vanished
        self.blank += other.blank
