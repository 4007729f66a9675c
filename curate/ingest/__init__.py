"""Take images and labels into the catalog: one reader a format, one stream of records, one engine.

Processes that check images live below this package: what it offers is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.lazy import lazy_names

if TYPE_CHECKING:
    from curate.ingest.engine import ingest, ingest_records
    from curate.ingest.summary import IngestSummary

__all__ = ["IngestSummary", "ingest", "ingest_records"]

__getattr__ = lazy_names(__name__, {"engine": ("ingest", "ingest_records"), "summary": ("IngestSummary",)})
