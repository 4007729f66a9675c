"""Networks, training and prediction; the only package that imports torch."""

import os

# OpenMP's threads spin while they wait for each other. Where other work wants the same cores, each then waits
# out the other's time slice: a training step on two busy cores took 12 s, with sleeping threads 0.3 to 0.9 s.
# Read once, when torch is loaded; a value that the user has set stands.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# What Apple's GPU cannot do yet runs on the CPU, operation by operation. Read when torch is loaded.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
