"""Whose probability a prediction is, and whether that model had seen the label: stated here only."""

from __future__ import annotations

from enum import StrEnum


class Provenance(StrEnum):
    """A kind of model behind a probability; its value is the word that the catalog stores."""

    FOLD = "fold"
    """Its fold's model, which saw neither the artwork nor a duplicate of it."""
    ENSEMBLE = "ensemble"
    """The mean of all fold models, none of which saw it."""
    HOLDOUT = "holdout"
    """A model whose training and validation it had no part in."""
    TEST = "test"
    """The same, as other tools call it."""
    VALIDATION = "validation"
    """A model that was chosen by it."""
    IN_SAMPLE = "in-sample"
    """A model that was trained on it: its probability makes a wrong label look right."""
    UNKNOWN = "unknown"
    """A model of which nobody says what it had seen; who imports it so wants it judged, and it is marked."""

    @property
    def out_of_sample(self) -> bool:
        """Whether the model never saw the label, as far as anybody says: the probability may tell of it."""
        return self not in (Provenance.VALIDATION, Provenance.IN_SAMPLE)


ALL = tuple(kind.value for kind in Provenance)
OUT_OF_SAMPLE = tuple(kind.value for kind in Provenance if kind.out_of_sample)
NO_IMAGE = "none"
"""Where an image cannot be read there is no probability, and no row."""
