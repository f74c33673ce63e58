"""What a spawned process of `parallel.run` does first."""

from __future__ import annotations

from typing import Any

from entropae.imports import load


def work(*arguments: Any) -> None:
    """Import what trains in less time, then work."""
    load("entropae.training")
    import parallel

    parallel.work(*arguments)
