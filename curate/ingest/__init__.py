"""Take images and labels into the catalog: one reader a format, one stream of records, one engine."""

from curate.ingest.engine import ingest, ingest_records
from curate.ingest.summary import IngestSummary

__all__ = ["IngestSummary", "ingest", "ingest_records"]
