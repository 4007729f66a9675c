"""Where files are: roots, names as lists spell them, URLs, folders that moved."""
