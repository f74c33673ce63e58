"""Tables whose columns are the pixels of images, as MNIST is often handed on."""

from __future__ import annotations

import itertools
import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entropae.reader import suffix_of
from entropae.storage.foreign import free, python

SMALLEST = 8  # pixels a side
WHITES = (1, 16, 255, 65535)


def as_images(source: Any, table: Any) -> str:
    """A command that makes an array of images of the columns that are pixels, if there are any.

    Args:
        source: Where the table was read from: only a `.csv` file is one.
        table: A `pyarrow.Table`.
    """
    if not isinstance(source, str | Path) or suffix_of(source) != ".csv":
        return ""
    found = pixels(table.column_names)
    if found is None or not str(source).isprintable():
        return ""
    pattern, (height, width) = found
    names = [name for name in table.column_names if re.search(pattern, name)]
    white = _white([table.column(name) for name in names])
    if white is None:
        return ""
    path = Path(source)
    out = str(free(path.with_suffix(".npy")))
    shape = f"-1, {height}, {width}"
    array = f"x.filter(regex={pattern!r}).to_numpy('float32').reshape({shape}) / {white}"
    code = f"import numpy, pandas; x = pandas.read_csv({str(path)!r}); numpy.save({out!r}, {array})"
    fit = ["entropae", "fit", "--data", out]
    others = [name for name in table.column_names if name not in names]
    if len(others) == 1:
        labels = str(free(path.with_suffix(".txt")))
        code += f"; x[{others[0]!r}].to_csv({labels!r}, index=False, header=False)"
        fit += ["--labels", labels]
    return (
        f"{len(names)} columns, {names[0]} to {names[-1]}, may be the pixels of images. To train "
        f"on images: {python(code)} and then {shlex.join(fit)}"
    )


def pixels(names: Sequence[str]) -> tuple[str, tuple[int, int]] | None:
    """A pattern of names of columns that are numbered as the pixels of an image, and its sides.

    Examples:
        >>> pixels(["label", *(f"pixel{i}" for i in range(784))])
        ('^pixel[0-9]', (28, 28))
        >>> pixels(["label", *(f"{i}x{j}" for i in range(1, 29) for j in range(1, 31))])
        ('^[0-9]+x[0-9]', (28, 30))
    """
    by_place = [name for name in names if re.fullmatch(r"[0-9]+x[0-9]+", name)]
    if len(by_place) >= SMALLEST**2:
        rows, columns = zip(*(map(int, name.split("x")) for name in by_place), strict=True)
        spans = [range(min(one), max(one) + 1) for one in (rows, columns)]
        sides = (len(spans[0]), len(spans[1]))
        if math.prod(sides) != len(by_place):  # which may promise far more than there is
            return None
        in_order = [f"{i}x{j}" for i, j in itertools.product(*spans)]
        return ("^[0-9]+x[0-9]", sides) if by_place == in_order else None
    numbered = [re.fullmatch(r"(.*?)([0-9]+)", name) for name in names]
    for prefix in dict.fromkeys(one[1] for one in numbered if one):
        numbers = [int(one[2]) for one in numbered if one and one[1] == prefix]
        side = math.isqrt(len(numbers))
        in_order = list(range(numbers[0], numbers[0] + len(numbers)))
        if side >= SMALLEST and side**2 == len(numbers) and numbers == in_order:
            return f"^{re.escape(prefix)}[0-9]", (side, side)
    return None


def _white(columns: Sequence[Any]) -> int | None:
    """The value of white; none if these are no pixels."""
    import pyarrow as pa

    from entropae.reader.compute import compute

    ends = []
    for column in columns:
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            return None
        if column.null_count:
            return None
        found = compute().min_max(column)
        ends += [found["min"].as_py(), found["max"].as_py()]
    whole = [one for one in WHITES if max(ends) <= one]
    return whole[0] if whole and min(ends) >= 0 else None
