"""What leaves the catalog: curated lists, predictions, flagged images."""
