"""One run from the catalog and back; its folds; the issues that follow."""
