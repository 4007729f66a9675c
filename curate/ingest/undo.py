"""Take an ingest back, and bring what follows from it up to date: contradictions, unreadable, duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.ingest.images.duplicates import group_duplicates
from curate.ingest.summary import IngestSummary
from db.engine.catalog import Catalog
from db.ingest.broken_images import record_unreadable
from db.ingest.undo import IngestUndo, plan_undo, undo_ingest
from db.labels.conflicts import record_conflicts
from db.workspace.progress import Progress


@dataclass(frozen=True)
class UndoneIngest:
    """An ingest that was, or would be, taken back.

    Attributes:
        plan: What that does.
        labels_changed: How many labels that count have changed; None where it is only planned.
    """

    plan: IngestUndo
    labels_changed: int | None = None

    def __str__(self) -> str:
        plan = self.plan
        if self.labels_changed is not None:
            return (
                f"ingest {plan.ingest_id} taken back: {len(plan.set_aside)} artworks set aside, "
                f"{len(plan.retracted)} labels taken back, {len(plan.restored)} restored; "
                f"{self.labels_changed} labels changed"
            )
        parts = [
            f"Ingest {plan.ingest_id} read {plan.location} on {plan.started_at:%Y-%m-%d %H:%M}.",
            f"{len(plan.retracted)} labels that it gave are taken back, "
            f"{len(plan.restored)} that it replaced count again, "
            f"{len(plan.set_aside)} artworks that only it brought are set aside until an ingest names them "
            f"again.",
        ]
        if plan.splits:
            parts.append(f"{plan.splits} splits of it go.")
        if plan.kept:
            parts.append(f"{len(plan.kept)} artworks stay: people or other sources have named them.")
        return " ".join(parts)

    def as_record(self) -> dict[str, Any]:
        """Return it as scripts read it."""
        return {
            "ingest": self.plan.ingest_id,
            "labels_taken_back": len(self.plan.retracted),
            "labels_restored": len(self.plan.restored),
            "splits": self.plan.splits,
            "artworks_set_aside": len(self.plan.set_aside),
            "artworks_kept": len(self.plan.kept),
            "labels_changed": self.labels_changed,
        }


def take_back(catalog: Catalog, ingest_id: int, progress: Progress, *, dry_run: bool = False) -> UndoneIngest:
    """Take an ingest back in one transaction, or only say what that would do.

    Raises:
        CurateError: As ``plan_undo`` does.
    """
    if dry_run:
        with catalog.read() as session:
            return UndoneIngest(plan_undo(session, ingest_id))
    with catalog.write() as session:
        plan = plan_undo(session, ingest_id)
        changed = undo_ingest(session, plan)
        record_conflicts(session)
        record_unreadable(session)
    group_duplicates(catalog, IngestSummary(plan.location, "undo"), progress)
    progress.finish()
    return UndoneIngest(plan, changed)
