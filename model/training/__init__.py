"""One run: its networks, the loop, losses, rates, what an epoch came to."""
