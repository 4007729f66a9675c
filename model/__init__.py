"""Networks, training and prediction; the only package that imports torch."""
