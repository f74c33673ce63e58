"""What the columns of a table mean: recognised by measured rules, or as it is declared."""

from __future__ import annotations

import re
import shlex
import warnings
from typing import Any

import numpy as np

from entropae.kinds.cells import holds_samples
from entropae.kinds.items import alone
from entropae.kinds.tables import forms, spans
from entropae.kinds.tables.column import KNOTS, Column, numbers_of
from entropae.kinds.tables.declared import Declared
from entropae.kinds.tables.grid import Grid, digits_of, grid_of
from entropae.kinds.tables.identifiers import Identifier, made_up, numbered, patterned
from entropae.kinds.tables.offsets import offsets_of
from entropae.kinds.tables.plain import (
    Plain,
    arrow,
    dictionary_of,
    is_text,
    is_understood,
    is_whole,
    plain,
    type_of,
    units_per_day,
)
from entropae.variables import quantities

FEW = 10  # distinct numbers up to which they are categories
MOST = 100  # categories of a column that have a state each
# Numbers are codes, or keep to those seen, if each is there so often on average while so few of the
# places between the middle ones are taken: a smooth distribution on a grid leaves a fifth empty.
REPEATED = 2.0
SPARSE = 0.25
# Texts such as 12 % and $1,000 are no names of rows, in whatever forms.
AFFIXED = re.compile(r"^[€$£¥]\s?[+-]?[\d.,' ]+$|^[+-]?[\d.,' ]+\s?[%€$£¥]$")
NUMBERS = ("number", "whole number")
TIMES = {"date": "date", "timestamp": "date-time", "time": "time", "duration": "time span"}


def dropping(*names: str) -> str:
    """How columns are left out, in both ways."""
    said = " ".join(map(shlex.quote, names))
    return f"--drop {said} (drop={list(names)} in Python)"


def check_types(table: Any, *, more: bool = False) -> None:
    """Raise unless all columns of a `pyarrow.Table` are of types that can be modelled.

    Args:
        table: The table.
        more: Whether `key` could name a column of vectors or images to be learnt instead.

    Raises:
        ValueError: Naming those that are not, with what to do.
    """
    not_ = {f.name: f.type for f in table.schema if not is_understood(f.type)}
    if not not_:
        return
    name, kind = next(iter(not_.items()))
    rest = f" (and {len(not_) - 1} more)" if len(not_) > 1 else ""
    way = alone(name) if more and holds_samples(table.column(name)) else ""
    part = "frame.index" if name.startswith("__index_level_") else f"frame[{name!r}]"
    raise ValueError(
        f"The column {name!r}{rest} has the type {kind}, which is not understood. Make it numbers "
        f"or texts, as by {part} = {part}.astype(str) in pandas, or leave it out: "
        f"{dropping(*not_)}{way}"
    )


def describe(
    name: str, values: Any, rows: np.ndarray, declared: Declared | None = None
) -> Column | Identifier:
    """The column that these values are of, its quantiles and shares those of some rows.

    Args:
        name: Its name.
        values: A `pyarrow.ChunkedArray`.
        rows: Which of them are learnt from.
        declared: What its user says of it.

    Raises:
        ValueError: If it is of a type, or has values, that are of no use, or are not as declared.
    """
    import pyarrow as pa

    said = declared or Declared()
    found = plain(values)
    if found.values.dtype.kind == "f" and np.isinf(found.present).any():
        raise ValueError(
            f"The column {name!r} has infinite numbers. Replace them, or leave it out: "
            f"{dropping(name)}"
        )
    kind = str(values.type)
    distinct = np.unique(found.present)
    base = {"missing": bool(found.absent.any()), "nan": _is_nan(values, found)}
    if said.meaning == "identifier" or (not said.meaning and not found.absent.any()):
        forced = said.meaning == "identifier"
        made = _identifier(name, kind, found, distinct, forced=forced)
        made = made_up(name, kind, found.values) if forced and made is None else made
        if made is not None:
            return made
    if pa.types.is_dictionary(values.type):
        words = dictionary_of(values)
        order = words if values.type.ordered or said.order is None else said.order
        meaning = "ordered category" if values.type.ordered else "category"
        used = set(distinct.tolist())
        base |= {"dictionary": words}
        return _category(name, kind, [w for w in order if w in used], found, rows, meaning, base)
    if said.order is not None:
        return _ordered(name, kind, distinct, found, rows, said.order, base)
    if said.meaning in ("category", "text"):
        return _category(name, kind, distinct.tolist(), found, rows, said.meaning, base)
    return _recognised(name, values.type, found, rows, said, distinct, base)


def _recognised(
    name: str,
    kind: Any,
    found: Plain,
    rows: np.ndarray,
    said: Declared,
    distinct: np.ndarray,
    base: dict[str, Any],
) -> Column:
    text, whole = is_text(kind), is_whole(kind)
    listed = distinct.tolist()
    form, zones = said.form, ()
    if text and said.meaning == "time span":
        form = spans.form_of(listed)
    elif said.meaning in ("", "date", "time", "date-time") and (text or whole) and not form:
        form, zones = _form(kind, listed)
    elif text and form:
        zones = forms.zones_of(listed)
    if form and (said.form or len(listed) > 2):
        offsets = offsets_of(listed, form) if zones else None
        zones = () if offsets else zones
        column = Column(name, str(kind), form=form, zones=zones, offsets=offsets, **base)
        return _number(column, found, rows, forms.meaning_of(form), None)
    if said.meaning in ("date", "time", "date-time", "time span") and text:
        how = f"Say how, as {said.meaning} %d/%m/%Y."
        if said.meaning == "time span":
            how = "Those that are known are 2 days 03:00:00, 51:00:00 and 51:00."
        raise ValueError(
            f"The column {name!r} is declared as {said.meaning}, and is written in no form that is "
            f"known, e.g. {listed[:1]}. {how}"
        )
    form = quantities.form_of(listed) if text and said.meaning in ("", *NUMBERS) else ""
    if form:
        return _numeric(Column(name, str(kind), form=form, **base), kind, found, rows, said)
    if text and said.meaning in NUMBERS:
        first = quantities.exception(listed) or listed[0]
        raise ValueError(
            f"The column {name!r} is declared as {said.meaning}, and its texts do not all write "
            f"numbers in one form, e.g. {first!r}. Declare it a category."
        )
    timed = (*TIMES, "null")
    if said.meaning in TIMES.values() and not str(kind).startswith(timed):
        raise ValueError(
            f"The column {name!r} is declared as {said.meaning}, and is of type {kind}. Declare it "
            f"a number; or seconds since 1970 become times by pandas.to_datetime(frame[{name!r}], "
            "unit='s')."
        )
    if text or (found.values.dtype.kind in "bO" and not whole) or str(kind) == "null":
        words = {"b": "boolean"}.get(found.values.dtype.kind, "category")
        words = words if len(listed) > 1 else "constant"
        many = len(listed) > MOST and len(listed) > len(found.present) / REPEATED
        if text and many and not said.meaning:
            _warn_of_totals(name, str(kind), found)
        return _category(name, str(kind), listed, found, rows, "text" if many else words, base)
    return _numeric(Column(name, str(kind), **base), kind, found, rows, said)


def _warn_of_totals(name: str, kind: str, found: Plain) -> None:
    """Say if the last row alone keeps a column from being made anew, as a line of totals does."""
    *others, last = found.present.tolist()
    if last not in others and patterned(name, kind, others) is not None:
        warnings.warn(
            f"The last row has {last!r} for {name!r}, where all others are like {others[0]!r}: it "
            f"may be a line of totals. Leave it out: with it {name!r} is learnt as text, and drawn "
            "rows have those of real rows.",
            stacklevel=2,
        )


def _numeric(column: Column, kind: Any, found: Plain, rows: np.ndarray, said: Declared) -> Column:
    """Numbers, of which few or codes are categories."""
    numbers, _ = numbers_of(column, found)
    present = numbers[~found.absent]
    distinct, counts = np.unique(present, return_counts=True)
    levels = np.unique(found.present).tolist()

    def category(meaning: str) -> Column:
        base = {"missing": column.missing, "nan": column.nan}
        return _category(column.name, column.type, levels, found, rows, meaning, base)

    few = len(distinct) <= FEW and (2 * len(distinct) <= len(present) or len(distinct) <= 1)
    meaning = _of_numbers(kind, numbers)
    if few and not said.meaning:
        words = "category" if column.form else meaning
        return category(words if len(distinct) > 1 else "constant")
    grid = said.grid(distinct) or grid_of(present)
    sparse = grid is not None and _is_sparse(grid.sites(distinct), counts)
    if sparse and not said.meaning and meaning == "whole number" and not _is_power(distinct):
        return category("category")
    return _number(column, found, rows, meaning, grid, seen=sparse and said.step is None)


def _is_nan(values: Any, found: Plain) -> bool:
    return bool(found.absent.any()) and found.values.dtype.kind == "f" and values.null_count == 0


def _is_power(distinct: np.ndarray) -> bool:
    """Whether most values are twice, ten times … another: sizes, and not codes."""
    positive = distinct[distinct > 0].astype(np.float64)
    ratios = positive[1:] / positive[:-1]
    return len(ratios) > 2 and bool((np.abs(ratios - np.median(ratios)) < 0.3).all())


def _form(kind: Any, distinct: list[Any]) -> tuple[str, tuple[str, ...]]:
    """How dates or times are written as texts or whole numbers, and their offsets."""
    import pyarrow as pa

    if not distinct:
        return "", ()
    if not is_text(kind):
        return (forms.number_form(distinct) if pa.types.is_integer(kind) else ""), ()
    return forms.zoned_form_of(distinct)


def _of_numbers(kind: Any, numbers: np.ndarray) -> str:
    """What numbers of a type are, or those that texts write."""
    import pyarrow as pa

    if is_text(kind):
        return "whole number" if (numbers == np.rint(numbers)).all() else "number"

    for start, meaning in TIMES.items():
        if str(kind).startswith(start):
            return meaning
    whole = pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0)
    return "whole number" if whole else "number"


def _is_sparse(sites: np.ndarray, counts: np.ndarray) -> bool:
    """Whether numbers are there again and again, with wide gaps between them."""
    if len(sites) < FEW or counts.mean() < REPEATED:
        return False
    core = sites[len(sites) // 10 : len(sites) - len(sites) // 10]
    return bool(len(core) / (core[-1] - core[0] + 1) < SPARSE)


def _identifier(
    name: str, kind: str, found: Plain, distinct: np.ndarray, *, forced: bool
) -> Identifier | None:
    if len(distinct) < len(found.values) or not len(distinct):
        if forced:
            raise ValueError(
                f"The column {name!r} is declared an identifier, and its values are not all "
                f"different: {len(distinct)} of {len(found.values)}. Declare it a category."
            )
        return None
    text = found.values.dtype == object and isinstance(found.values[0], str)
    if not text and found.values.dtype.kind not in "iu":
        return None
    listed = found.values.tolist()
    if text:
        # Numbers of some form are no names of rows either, but for plain whole ones.
        quantity = quantities.form_of(listed) not in ("", "0")
        quantity = quantity or all(AFFIXED.search(value) for value in listed)
        return (
            None if quantity or _form(type_of(kind), listed)[0] else patterned(name, kind, listed)
        )
    if not kind.startswith(("int", "uint")) or (forms.number_form(listed) and not forced):
        return None
    return numbered(name, kind, found.values)


def _category(
    name: str,
    kind: str,
    levels: list[Any],
    found: Plain,
    rows: np.ndarray,
    meaning: str,
    base: dict[str, Any],
) -> Column:
    """Categories, of which each has a state; or, if they are many, a place among their shares."""
    places = {level: i for i, level in enumerate(levels)}
    seen = found.values[rows][~found.absent[rows]].tolist()
    counts = np.bincount([places[v] for v in seen], minlength=len(levels)).astype(np.float64)
    if len(levels) <= MOST:
        shares = counts / max(counts.sum(), 1)
        return Column(name, kind, tuple(levels), knots=shares, meaning=meaning, **base)
    used = counts > 0
    labels = tuple(level for level, there in zip(levels, used, strict=True) if there)
    shares = counts[used] / counts.sum()
    return Column(name, kind, None, knots=shares, labels=labels, meaning=meaning, **base)


def _ordered(
    name: str,
    kind: str,
    distinct: np.ndarray,
    found: Plain,
    rows: np.ndarray,
    order: tuple[Any, ...],
    base: dict[str, Any],
) -> Column:
    unlisted = [value for value in distinct.tolist() if value not in order]
    if unlisted:
        raise ValueError(
            f"The order of the column {name!r} leaves out {unlisted[0]!r}. Name all its values."
        )
    levels = [value for value in order if value in set(distinct.tolist())]
    return _category(name, kind, levels, found, rows, "ordered category", base)


def _number(
    column: Column,
    found: Plain,
    rows: np.ndarray,
    meaning: str,
    grid: Grid | None,
    *,
    seen: bool = False,
) -> Column:
    """A column of numbers, dates or times, with its quantiles."""
    from dataclasses import replace

    numbers, known = numbers_of(column, found)
    if not known.all():
        first = found.values[~known][:1]
        said = f"The column {column.name!r} is declared as {meaning} {column.form}, and"
        kind = type_of(column.type)
        if is_text(kind) or not units_per_day(kind):
            raise ValueError(f"{said} {first.tolist()[0]!r} is none.")
        one = arrow(first, kind, np.zeros(1, bool))[0]
        raise ValueError(f"{said} is read as dates or times already, as {one}. Leave that out.")
    if column.form and grid is None:
        grid = grid_of(numbers[~found.absent])
    there = numbers[rows][~found.absent[rows]]
    if not len(there):
        raise ValueError(
            f"The column {column.name!r} has no value in the rows to learn from. Leave it out: "
            f"{dropping(column.name)}"
        )
    sites = np.sort(there.astype(np.float64) if grid is None else grid.sites(there))
    if grid is not None:
        sites = np.rint(sites)
    few = np.unique(sites)
    keeps = seen or (grid is None and len(few) * REPEATED <= len(sites))
    only = few if keeps and len(few) <= KNOTS else None
    knots = knots_of(sites)
    digits = 0 if grid is not None or column.form else digits_of(found.present)
    return replace(column, meaning=meaning, grid=grid, knots=knots, sites=only, digits=digits)


def only_seen(ordered: np.ndarray, grid: Grid | None) -> np.ndarray | None:
    """The places that sorted numbers keep to, if they are few or far apart; `None`: any."""
    few, counts = np.unique(ordered, return_counts=True)
    repeated = len(few) * REPEATED <= len(ordered)
    keeps = repeated and (grid is None or len(few) <= FEW or _is_sparse(few, counts))
    return few if keeps and len(few) <= KNOTS else None


def knots_of(ordered: np.ndarray) -> np.ndarray:
    """Quantiles at `(i + 1/2)/K`; of few numbers, all of them."""
    if len(ordered) <= KNOTS:
        return ordered
    ranks = (np.arange(KNOTS) + 0.5) / KNOTS
    knots = np.quantile(ordered, ranks, method="hazen")
    knots[[0, -1]] = ordered[0], ordered[-1]
    return knots
