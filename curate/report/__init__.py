"""The report of a run, and of several runs side by side: one HTML page, and its figures as files."""
