"""Commands about review: browse, push, sync-corrections, label, status, reviewers."""
