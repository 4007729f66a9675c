"""From evidence to the chance that a label is wrong, and to how many are."""
