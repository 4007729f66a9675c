"""Find and fix the wrong labels in a collection of artwork images."""

__version__ = "0.1.0"
