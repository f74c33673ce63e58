"""Objects to and from plain settings: only classes that are registered are built."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from entropae.messages import unknown

T = TypeVar("T")


def settings(thing: object) -> dict[str, Any]:
    """Constructor arguments of an object that keeps each as an attribute of the same name."""
    names = inspect.signature(type(thing)).parameters
    return {name: _plain(getattr(thing, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def build(known: Mapping[str, type[T]], config: Mapping[str, Any], what: str) -> T:
    """Make the object that `{"name": …, option: value, …}` describes.

    Args:
        known: Classes by name. Only these can be built, whatever a file says.
        config: A name and the constructor's arguments.
        what: What is built, for messages.

    Raises:
        ValueError: If the name or an option is unknown, an option is missing or of another type.
    """
    options = dict(config)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in known:
        raise ValueError(unknown(what, str(name), known))
    parameters = inspect.signature(known[name]).parameters
    for option in options:
        if option not in parameters:
            raise ValueError(unknown(f"option of {what} {name!r}:", option, parameters))
    for option, parameter in parameters.items():
        if parameter.default is parameter.empty and option not in options:
            raise ValueError(f"The {what} {name!r} needs the option {option!r}.")
    try:
        return known[name](**options)
    except (TypeError, ArithmeticError, AttributeError, LookupError, RuntimeError) as error:
        # Torch adds where in its own sources it failed.
        said = str(error).partition("\n")[0]
        raise ValueError(f"The {what} {name!r} cannot have {options}: {said}") from error
