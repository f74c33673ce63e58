"""One thread a test process: the suite runs on as many processes as there are cores."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
