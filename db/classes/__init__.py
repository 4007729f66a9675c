"""Attributes and their classes: keys, names, spellings, and what means that a label is missing."""
