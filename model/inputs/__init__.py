"""Images and features, from files to batches."""
