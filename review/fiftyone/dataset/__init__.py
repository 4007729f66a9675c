"""The catalog's artworks as samples of a dataset: written in bulk, only where something changed."""
