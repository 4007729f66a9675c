"""Find and fix the wrong labels in a collection of artwork images."""

import os

__version__ = "0.1.0"

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait by spinning starve a shared machine
