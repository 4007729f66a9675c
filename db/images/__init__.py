"""Image files: the one place where they are opened, told apart and decoded, and their copies for browsers."""
