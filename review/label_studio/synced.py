"""What a sync brought, counted."""

from __future__ import annotations

from dataclasses import dataclass

from db.reviews.verdicts import Recorded


@dataclass
class Synced(Recorded):
    """What is new or changed in a sync; ``vanished`` counts open tasks that are gone from the server."""

    taken_back: int = 0
    vanished: int = 0

    def add(self, recorded: Recorded) -> None:
        """Add what one transaction recorded."""
        self.annotations += recorded.annotations
        self.labels_changed += recorded.labels_changed
        self.control_answers += recorded.control_answers
        self.refused += recorded.refused
        for decision, count in recorded.verdicts.items():
            self.verdicts[decision] = self.verdicts.get(decision, 0) + count
