"""Label errors that we plant in these very labels, to learn what errors look like here."""
