"""Probabilities and embeddings of other models, from files: read, matched with the catalog, made a run."""
