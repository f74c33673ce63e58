"""Steps that `torch.compile` and `torch.func` call but cannot look into.

A search looks at numbers to decide what to do next, which no transformed function may. As operators
of torch, with the shapes of what they return, they are nodes of a compiled graph; a batch of
samples, as under `torch.vmap`, is worked through one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec

import torch
from torch import Tensor

_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore[reportAttributeAccessIssue]
P = ParamSpec("P")
LIBRARY = torch.library.Library("entropae", "DEF")


def is_wrapped(x: Tensor) -> bool:
    """Whether a transform of `torch.func` looks on, which takes only some kinds of functions."""
    # A compiler does not know of the second.
    return not torch.compiler.is_compiling() and _is_wrapped(x)


def is_opaque(x: Tensor) -> bool:
    """Whether no number of `x` can be looked at, as inside `torch.compile` and `torch.func`."""
    return torch.compiler.is_compiling() or is_wrapped(x)


def constant(function: Callable[P, float]) -> Callable[P, float]:
    """Have a compiler call `function` and keep what it returns.

    This is `torch.compiler.assume_constant_result`, which loads all of dynamo to set the same
    mark: a second, where nothing is compiled.
    """
    function._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
    return function


def operator(name: str, schema: str, run: Callable[..., Tensor], like: Callable[..., Tensor]):
    """Define `torch.ops.entropae.name` of tensors first and options after them.

    Args:
        name: Its name.
        schema: Its arguments and result, in torch's notation.
        run: What it does.
        like: A tensor of the shape and type of its result, from the same arguments.
    """
    LIBRARY.define(name + schema)
    LIBRARY.impl(name, run, "CompositeExplicitAutograd")
    torch.library.register_fake(f"entropae::{name}", like, lib=LIBRARY)
    found = getattr(torch.ops.entropae, name).default

    def one_by_one(info: Any, axes: tuple[int | None, ...], *args: Any) -> tuple[Tensor, int]:
        results = [
            found(
                *(
                    a.select(b, i) if isinstance(b, int) else a
                    for a, b in zip(args, axes, strict=True)
                )
            )
            for i in range(info.batch_size)
        ]
        return torch.stack(results), 0

    torch.library.register_vmap(f"entropae::{name}", one_by_one, lib=LIBRARY)
    return found
