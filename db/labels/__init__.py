"""Classes and labels: which label counts, what was said before, where sources disagree."""
