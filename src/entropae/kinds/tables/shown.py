"""What the columns of a table were taken for, in words, before anything is trained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from entropae.kinds.tables import spans
from entropae.kinds.tables.column import Column, written
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.identifiers import Identifier
from entropae.kinds.tables.plain import arrow, is_text, plain, type_of
from entropae.kinds.tables.rules import Rule
from entropae.messages import printable
from entropae.variables import quantities

MOST = 60  # columns that have a line
NAMED = 4  # categories that are named
LONGEST = 30  # characters of one that are shown
HINT = (
    "If a column is something else: --category NAME, --drop NAME, or --columns FILE with lines as "
    "'NAME: date %d/%m/%Y' (in Python columns={'NAME': 'category'}, drop=['NAME']; see "
    "docs/tables.md)."
)


def introduction(
    table: Any,
    columns: Columns,
    rules: Sequence[Rule],
    more: str = "",
    *,
    words: Mapping[str, str] | None = None,
) -> str:
    """A line for each column, the rules, and what more is to be said, if anything."""
    gaps = {name: f", written {word!r}" for name, word in (words or {}).items()}
    shown = [
        (_named(one.name), _said(one, table.column(one.name)) + gaps.get(one.name, ""))
        for one in columns.all
    ]
    wide = min(LONGEST, max(len(name) for name, _ in shown))
    lines = [f"{len(shown)} columns of {len(table):,} rows:"]
    lines += [f"  {name:<{wide}}  {said}" for name, said in shown[:MOST]]
    if len(shown) > MOST:
        kinds = Counter(said.partition(",")[0] for _, said in shown[MOST:]).most_common()
        counts = ", ".join(f"{count} × {kind}" for kind, count in kinds)
        lines.append(f"  … and {len(shown) - MOST} more: {counts}")
    broken = [rule for rule in rules if not rule.met(table, columns).all()]
    kept = [rule for rule in rules if rule not in broken]
    if broken:
        lines.append("Every row that is drawn will keep these rules, which some rows break:")
        lines += [f"  {printable(rule)}" for rule in broken]
    if kept:
        lines.append("Every row keeps these rules, and so will every row that is drawn:")
        lines += [f"  {printable(rule)}" for rule in kept]
    if rules:
        lines.append(
            "To leave out those that were found: --no-find-rules (find_rules=False in Python)"
        )
    return "\n".join([*lines, HINT, *([more] if more else [])])


def _named(name: str) -> str:
    """A column's name; of the index of a frame that it is that."""
    level = re.fullmatch(r"__index_level_\d+__", name)
    return f"(index) {name}" if level else printable(name)


def _said(one: Column | Identifier, values: Any) -> str:
    if isinstance(one, Identifier):
        return f"identifier, {one.said}"
    found = plain(values)
    parts = [one.meaning, *_details(one)]
    if one.gap is not None:
        line = "" if one.gap.slope == 1 else "a line of "
        parts.append(f"counted from {line}{one.gap.since}")
    if found.absent.any():
        share = found.absent.mean()
        parts.append(f"{share:.2g} missing" if share < 0.001 else f"{share:.1%} missing")
    return printable(", ".join(filter(None, parts)))


def _details(one: Column) -> list[str]:
    if one.categories is not None:
        return _of_categories(one)
    if one.form:
        known = one.zones or sorted({*(one.offsets.zones if one.offsets else ())})
        zones = f" with offsets {', '.join(known)}" if known else ""
        return [f"written {one.form}{zones}", *_range(one)]
    kind = type_of(one.type)
    if one.meaning in ("date", "time", "date-time", "time span"):
        zone = getattr(kind, "tz", None)
        return [*([f"in {zone}"] if zone else []), *_first_and_last(one, kind)]
    if one.grid is None:
        digits = [f"{one.digits} digits"] if one.digits else []
        return [*digits, f"{one.knots[0]:.4g} to {one.knots[-1]:.4g}"]
    scale = 10.0 ** -getattr(kind, "scale", 0)
    low, high = (float(v) * scale for v in one.grid.values(one.knots[[0, -1]]))
    step = one.grid.size * scale
    steps = [f"steps of {step:.10g}"] if step != 1 or one.meaning == "number" else []
    only = [f"{len(one.sites)} values"] if one.sites is not None else []
    return [*steps, *only, f"{low:.10g} to {high:.10g}"]


def _range(one: Column) -> list[str]:
    """The least and the largest of numbers, dates or times that are written as texts."""
    ends = one.knots[[0, -1]]
    low, high = written(one, ends if one.grid is None else one.grid.values(ends))
    return [f"{low} to {high}"]


def _first_and_last(one: Column, kind: Any) -> list[str]:
    """The first and the last of dates, times and spans, those with a zone in UTC."""
    if one.grid is None:
        return []
    import pyarrow as pa

    if pa.types.is_duration(kind):
        low, high = one.grid.values(one.knots[[0, -1]]).tolist()
        size = spans.SIZES[kind.unit]
        return [" to ".join(spans.written(end * size, spans.USUAL) for end in (low, high))]
    ends = arrow(one.grid.values(one.knots[[0, -1]]), kind, np.zeros(2, bool))
    texts = (re.sub(r"\.0+(?=Z?$)", "", end) for end in ends.cast(pa.string()).to_pylist())
    return [" to ".join(text.removesuffix(" 00:00:00") for text in texts)]


def _of_categories(one: Column) -> list[str]:
    categories = one.categories or ()
    scale = getattr(type_of(one.type), "scale", 0)
    words = [str(v * 10.0**-scale if scale else v)[:LONGEST] for v in categories[:NAMED]]
    if not is_text(type_of(one.type)) and one.meaning in ("date", "time", "date-time", "time span"):
        words = []
    other = quantities.exception(categories) if is_text(type_of(one.type)) else None
    no_number = [f"as {other[:LONGEST]!r} is no number"] if other else []
    more = f" and {len(categories) - NAMED} more" if len(categories) > NAMED else ""
    return [f"{', '.join(words)}{more}" if words else f"{len(categories)} values", *no_number]
