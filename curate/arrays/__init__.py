"""Your own arrays: labels, probabilities and embeddings in, doubts out; no workspace, no files."""
