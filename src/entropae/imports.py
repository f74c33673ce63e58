"""Large imports."""

from __future__ import annotations

import gc
import sys
from importlib import import_module


def load(name: str) -> None:
    """Import a module, with all that it imports, sooner than `import` does.

    Lightning brings half a million objects, none of them garbage: Python does not search them for
    any meanwhile, nor afterwards. What else there is by then is kept for good too, so this is for
    processes that are the package's own.

    Args:
        name: As `import` takes it.
    """
    if name in sys.modules or not gc.isenabled():
        import_module(name)
        return
    gc.disable()
    try:
        import_module(name)
    finally:
        gc.freeze()
        gc.enable()
