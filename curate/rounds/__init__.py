"""A round of review: what is asked, what was found, what another round would bring."""
