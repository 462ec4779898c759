"""One thread a process: there is one worker a core, and sums over several threads may differ in the last bit.

Nothing that towers compute is kept on disk from one test to another."""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["EMOLAB_FEATURES_GB"] = "0"  # a test that wants embeddings kept on disk says where
