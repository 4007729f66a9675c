"""Drawn galleries with planted label errors, and the whole loop on them."""
