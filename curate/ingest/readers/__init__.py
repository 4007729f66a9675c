"""One reader a list format, all to one stream of records."""
