"""Commands that show one artwork or a short list go by indexes, however large the catalog is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from db.engine.catalog import Catalog
from db.labels.history import artwork_events, artwork_splits, refused_rows
from db.labels.table import find_artwork
from db.runs.issues import worst_issues
from tests.ingest.conftest import Take

LARGE = ("artwork", "label", "effective_label", "issue", "split_fact", "refusal", "prediction", "verdict")
PATH = "images/0.jpg"

QUERIES: dict[str, Callable[[Session], object]] = {
    "find artwork": lambda session: find_artwork(session, PATH),
    "history": lambda session: artwork_events(session, find_artwork(session, PATH)),
    "splits of one": lambda session: artwork_splits(session, find_artwork(session, PATH)),
    "refused": lambda session: list(refused_rows(session, 1)),
    "duplicates": lambda session: worst_issues(session, kind="duplicate", limit=20),
    "worst labels": lambda session: worst_issues(session, kind="label", limit=20),
}


@pytest.mark.parametrize("name", QUERIES)
def test_no_large_table_is_scanned(take: Take, catalog: Catalog, gallery: Path, name: str) -> None:
    take(gallery / "labels.csv")
    sent: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, parameters: Any, _x: object, _many: bool) -> None:
        sent.append((statement, parameters))

    event.listen(catalog.engine, "before_cursor_execute", keep)
    with catalog.read() as session:
        QUERIES[name](session)
        event.remove(catalog.engine, "before_cursor_execute", keep)
        connection = session.connection()
        plans = [
            row[3]
            for statement, parameters in sent
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    scans = [plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in LARGE]
    assert plans
    assert scans == []
