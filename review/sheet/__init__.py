"""A batch as a file to fill in, where there is no server."""
