"""Tables without loss: what is read of a list, and what is written back byte for byte."""
