"""Your own arrays: labels, probabilities and embeddings in, label issues out; no workspace, no files."""
