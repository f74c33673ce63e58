"""Modules in evaluation mode for a while, also if several threads ask for it at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from torch import nn

# Who is inside, and the modes of before. Not kept in the modules: a lock can be neither copied nor
# pickled.
_turn = threading.Lock()
_inside: WeakKeyDictionary[nn.Module, tuple[int, dict[nn.Module, bool]]] = WeakKeyDictionary()


def left_alone(module: nn.Module) -> set[nn.Module]:
    """The parts that somebody froze: in evaluation mode, and no weight takes a gradient."""
    found: set[nn.Module] = set()
    for part in module.modules():
        weights = list(part.parameters())
        if weights and not part.training and not any(one.requires_grad for one in weights):
            found.update(part.modules())
    return found


def set_training(module: nn.Module) -> None:
    """Put a module into training mode, but for what somebody froze."""
    left = left_alone(module)
    module.train()
    for part in left:
        part.eval()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Inside, a module is in evaluation mode; each part's own mode comes back.

    Of several threads inside, the first sets the mode, and the last sets it back.
    """
    with _turn:
        inside, modes = _inside.get(module, (0, {}))
        if not inside:
            modes = {part: part.training for part in module.modules()}
            module.eval()
        _inside[module] = inside + 1, modes
    try:
        yield
    finally:
        with _turn:
            inside, modes = _inside.pop(module)
            if inside > 1:
                _inside[module] = inside - 1, modes
            else:
                for part, mode in modes.items():
                    part.training = mode
