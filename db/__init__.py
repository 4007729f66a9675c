"""The workspace and its catalog; the only package that speaks SQL."""
