"""Take an ingest back, and bring what follows from it up to date: contradictions, unreadable, duplicates."""

from __future__ import annotations

from curate.ingest.images.duplicates import group_duplicates
from curate.ingest.summary import IngestSummary
from db.engine.catalog import Catalog
from db.ingest.broken_images import record_unreadable
from db.ingest.undo import IngestUndo, plan_undo, undo_ingest
from db.labels.conflicts import record_conflicts
from db.workspace.progress import Progress


def take_back(catalog: Catalog, ingest_id: int, progress: Progress) -> tuple[IngestUndo, int]:
    """Take an ingest back in one transaction; return what was done and how many labels changed.

    Raises:
        CurateError: As ``plan_undo`` does, if another process was quicker.
    """
    with catalog.write() as session:
        plan = plan_undo(session, ingest_id)
        changed = undo_ingest(session, plan)
        record_conflicts(session)
        record_unreadable(session)
    group_duplicates(catalog, IngestSummary(plan.location, "undo"), progress)
    progress.finish()
    return plan, changed
