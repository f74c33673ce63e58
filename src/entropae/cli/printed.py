"""What commands print of tables and of what they measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from entropae.cli.wording import as_options
from entropae.messages import printable

if TYPE_CHECKING:
    from entropae.kinds import Measure

BAR = 24  # characters of the longest
NARROW = 14  # of a name in a table
FEW = 3  # names of which the same is said


def print_left_out(dropped: int, left_out: Sequence[str] = ()) -> None:
    """Say which rows and columns were not used."""
    if dropped:
        print(f"{dropped} rows with missing values were left out.")
    if left_out:
        print(f"Columns that are not numbers were left out: {printable(', '.join(left_out))}.")


def print_notes(notes: Iterable[str], warnings: Iterable[str]) -> None:
    """Print what was done, and what speaks against a result."""
    alike: dict[str, list[str]] = {}
    for note in notes:
        name, _, what = note.rpartition(": ")
        alike.setdefault(what, []).append(name)
    for what, names in alike.items():
        print(f"  {printable(_some(names) + ': ' if any(names) else '')}{printable(what)}")
    for warning in warnings:
        print(f"Warning: {printable(as_options(warning))}")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print cells in columns: the first to the left, the others to the right."""
    cells = [[shortened(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *others in cells:
        right = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([f"{first:<{widths[0]}}", *right]).rstrip())


def print_measures(
    measures: Mapping[str, Measure], measured: Mapping[str, Mapping[str, float]]
) -> None:
    """Print figures in columns, one for each thing measured; then what each figure is.

    Args:
        measures: What the figures are, by name.
        measured: The figures of each thing.
    """
    shown = {key: m for key, m in measures.items() if any(key in one for one in measured.values())}
    rows = [
        (m.title, *(figure_of(one.get(key)) for one in measured.values()), m.better, m.unit)
        for key, m in shown.items()
    ]
    rows = [("", *measured, "better", "in"), *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for title, *figures, better, unit in rows:
        right = [f"{cell:>{width}}" for cell, width in zip(figures, widths[1:-2], strict=True)]
        cells = [f"{title:<{widths[0]}}", *right, f"{better:<{widths[-2]}}", unit]
        print("  ".join(cells).rstrip())
    print()
    for m in shown.values():
        print(f"{m.title}: {m.said}")


def figure_of(value: float | None) -> str:
    """A figure with three decimals; a dash if there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def print_json(found: dict[str, Any]) -> None:
    """Print as JSON; infinities and NaN, which it has not, are texts, and null in lists."""
    import json

    print(json.dumps({key: _plain(value) for key, value in found.items()}, indent=2))


def value_of(value: float, error: float, p_value: float = math.nan) -> str:
    """A value with its error, and its p-value if there is one."""
    if math.isnan(value):
        return "no estimate"
    p = "" if math.isnan(p_value) else f", p = {p_value:.2g}"
    return f"{value:.4f} ± {error:.4f}{p}"


def bar(value: float, largest: float) -> str:
    """A bar of a length in proportion."""
    if not value > 0 or not largest > 0:
        return ""
    return "█" * max(1, round(BAR * value / largest))


def shortened(name: str) -> str:
    """A name without what steers a terminal, and short enough for a table."""
    name = printable(name)
    return name if len(name) <= NARROW else name[: NARROW - 1] + "…"


def _some(every: Sequence[str]) -> str:
    names = list(dict.fromkeys(every))
    more = f" and {len(names) - FEW} more" if len(names) > FEW + 1 else ""
    return ", ".join(names[:FEW] if more else names) + more


def _plain(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value  # NumPy's
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
