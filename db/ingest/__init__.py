"""What an ingest looks up and writes."""
