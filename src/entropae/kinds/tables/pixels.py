"""Tables whose columns are the pixels of images, as MNIST is often handed on."""

from __future__ import annotations

import itertools
import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entropae.kinds.tables.style import Style
from entropae.reader import suffix_of
from entropae.storage.foreign import free, python

SMALLEST = 8  # pixels a side
WHITES = (1, 16, 255, 65535)


def as_images(source: Any, table: Any, style: Style | None) -> str:
    """A command that makes an array of images of the columns that are pixels, if there are any.

    Args:
        source: Where the table was read from: only a `.csv` file is one.
        table: A `pyarrow.Table`.
        style: How it is written, if it is a text file.
    """
    is_csv = isinstance(source, str | Path) and suffix_of(source) == ".csv"
    if not is_csv or style is None or not str(source).isprintable():
        return ""
    ways = [(*way, _white(table, way[0])) for way in pixels(table.column_names)]
    found = [way for way in ways if way[-1] is not None]
    if not found:
        return ""
    # Of two ways, that which leaves out as a label what is more even: corners are mostly black.
    places, (height, width), white = min(found, key=lambda way: _commonest(table, way[0]))
    first, last = (table.column_names[i] for i in (places[0], places[-1]))
    path = Path(source)
    out = str(free(path.with_suffix(".npy")))
    read = "" if style.separator == "," else f", sep={style.separator!r}"
    read += "" if style.header else ", header=None"
    name = repr if style.header else lambda one: str(int(one) - 1)  # as pandas calls it
    chosen = f"x.loc[:, {name(first)}:{name(last)}].to_numpy('float32')"
    array = f"{chosen}.reshape(-1, {height}, {width}) / {white}"
    code = f"x = pandas.read_csv({str(path)!r}{read}); numpy.save({out!r}, {array})"
    fit = ["entropae", "fit", "--data", out]
    others = [one for i, one in enumerate(table.column_names) if i not in places]
    if len(others) == 1:
        labels = str(free(path.with_suffix(".txt")))
        code += f"; x[{name(others[0])}].to_csv({labels!r}, index=False, header=False)"
        fit += ["--labels", labels]
    return (
        f"{len(places)} columns, {first} to {last}, may be the pixels of images. To train "
        f"on images: {python(f'import numpy, pandas; {code}')} and then {shlex.join(fit)}"
    )


def pixels(names: Sequence[str]) -> list[tuple[range, tuple[int, int]]]:
    """Where columns are that are numbered as the pixels of an image, and its sides.

    Where a label is numbered with them, it may be the first or the last.

    Examples:
        >>> pixels(["label", *(f"pixel{i}" for i in range(784))])
        [(range(1, 785), (28, 28))]
        >>> pixels(["label", *(f"{i}x{j}" for i in range(1, 29) for j in range(1, 31))])
        [(range(1, 841), (28, 30))]
        >>> pixels([str(i) for i in range(785)])
        [(range(1, 785), (28, 28)), (range(0, 784), (28, 28))]
    """
    by_place = [i for i, name in enumerate(names) if re.fullmatch(r"[0-9]+x[0-9]+", name)]
    if len(by_place) >= SMALLEST**2:
        rows, columns = zip(*(map(int, names[i].split("x")) for i in by_place), strict=True)
        spans = [range(min(one), max(one) + 1) for one in (rows, columns)]
        sides = (len(spans[0]), len(spans[1]))
        if math.prod(sides) != len(by_place):  # which may promise far more than there is
            return []
        places = range(by_place[0], by_place[-1] + 1)
        in_order = [f"{i}x{j}" for i, j in itertools.product(*spans)]
        return [(places, sides)] if [names[i] for i in places] == in_order else []
    numbered = [re.fullmatch(r"(.*?)([0-9]+)", name) for name in names]
    for prefix in dict.fromkeys(one[1] for one in numbered if one):
        places = [i for i, one in enumerate(numbered) if one and one[1] == prefix]
        start, stop = places[0], places[-1] + 1
        first = int(numbered[start][2])  # type: ignore[index]
        side = math.isqrt(stop - start)
        in_order = [f"{prefix}{first + i}" for i in range(stop - start)]
        if side < SMALLEST or list(names[start:stop]) != in_order:
            continue
        if side**2 == stop - start:
            return [(range(start, stop), (side, side))]
        if side**2 + 1 == stop - start:
            return [(range(start + i, stop - 1 + i), (side, side)) for i in (1, 0)]
    return []


def _commonest(table: Any, places: range) -> float:
    """Share of the value that the one numbered column beside the pixels has most often."""
    beside = [i for i in (places[0] - 1, places[-1] + 1) if 0 <= i < table.num_columns]
    counts = [table.column(i).value_counts().field("counts").to_pylist() for i in beside]
    return min((max(one) / sum(one) for one in counts), default=0.0)


def _white(table: Any, places: range) -> int | None:
    """The value of white; none if these are no pixels."""
    import pyarrow as pa

    from entropae.reader.compute import compute

    ends = []
    for column in map(table.column, places):
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            return None
        if column.null_count:
            return None
        found = compute().min_max(column)
        ends += [found["min"].as_py(), found["max"].as_py()]
    whole = [one for one in WHITES if max(ends) <= one]
    return whole[0] if whole and min(ends) >= 0 else None
