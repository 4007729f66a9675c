"""What speaks for each class of a label: models, neighbours, records of related attributes."""
