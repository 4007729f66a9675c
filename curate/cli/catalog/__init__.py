"""Commands about the catalog: init, ingest, stats, history, classes, relocate, export."""
