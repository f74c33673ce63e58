"""What a spawned process of `parallel.run` does first."""

from __future__ import annotations

import gc
from typing import Any

from entropae.imports import load


def work(*arguments: Any) -> None:
    """Import what trains in less time, then work, and end without a search for garbage."""
    load("entropae.training")
    import parallel

    parallel.work(*arguments)
    gc.freeze()
