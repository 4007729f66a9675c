"""CNN+LSTM classifiers and their out-of-sample probabilities; the only package that imports torch."""
