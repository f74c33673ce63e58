"""Arrow's functions of columns."""

from __future__ import annotations

from typing import Any


def compute() -> Any:
    """`pyarrow.compute`, which makes its functions when it is imported, so that none is known."""
    from pyarrow import compute

    return compute
