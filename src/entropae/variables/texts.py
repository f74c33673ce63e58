"""Numbers that came as texts, and are taken as numbers, or as classes if they may be codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from entropae.variables import quantities

# Share of a column's different texts that must be numbers, and rows of each one in the mean from
# which they may well be codes.
MOSTLY, CODES = 0.5, 10
# Fewest different texts that a scale has.
LEAST = 10


def numbers_of(
    values: Shaped[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, " n"], str] | None:
    """Texts of one form as numbers, and the form; `None` if they are none, or may be codes.

    Args:
        values: Texts, none of them missing.

    Examples:
        >>> numbers_of(np.array(["12.5 kg", "7.0 kg"]))
        (array([12.5,  7. ]), '0.0 kg')
        >>> numbers_of(np.array(["12", "7"])) is None
        True
    """
    listed = values.tolist()
    if not listed or not all(isinstance(value, str) for value in listed):
        return None
    distinct = sorted(set(listed))
    form = quantities.form_of(distinct)
    if not form or (form == "0" and not any(value.startswith("-") for value in distinct)):
        return None
    known = {value: quantities.parsed(value, form) for value in distinct}
    return np.array([known[value] for value in listed]), form


def why_numbers(name: str, levels: Sequence[Any], n: int) -> str | None:
    """Why a column's classes are rather numbers, in words; `None` if they are not.

    Args:
        name: What to call the column.
        levels: Its different values.
        n: Rows.
    """
    if len(levels) <= LEAST or n >= CODES * len(levels):
        return None
    others = [one for one in levels if not _is_number(one)]
    if len(others) > (1 - MOSTLY) * len(levels):
        return None
    beside = f", beside {others[0]!r}" if others else ""
    way = ' with pandas.to_numeric(…, errors="coerce")' if others else " with astype(float)"
    return (
        f"`{name}` holds numbers written as texts{beside}, and is taken as {len(levels)} classes. "
        f"If they are a scale, convert them{way}."
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return isinstance(value, str) and bool(quantities.form_of([value]))
    return True
