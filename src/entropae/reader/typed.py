"""Columns of texts as what they say: numbers, dates and times, logical values; or texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from entropae.reader.cells import MISSING, SIGNS
from entropae.reader.compute import compute
from entropae.reader.dialect import Dialect, shown
from entropae.reader.numerals import Texts, as_numerals, decimal_of, likely_decimal, numbers
from entropae.reader.times import Dates, as_dates, dates, times_of_day

Notes = list[str]


@dataclass(frozen=True)
class Distinct:
    """A column by its distinct texts.

    Attributes:
        name: Its name.
        column: All its texts.
        coded: A `pyarrow.DictionaryArray` of them, trimmed.
        present: Which of the distinct ones do not say that a value is missing.
        numerals: They, if they all could be numbers.
        dates: They, if they all could be dates.
    """

    name: str
    column: Any
    coded: Any
    present: Any
    numerals: Texts | None
    dates: Dates | None


def typed(
    names: tuple[str, ...], table: Any, dialect: Dialect, *, padded: bool
) -> tuple[Any, Notes]:
    """A `pyarrow.Table` with the types that its texts show, and what should be said of it.

    Args:
        names: Of its columns.
        table: A `pyarrow.Table` of texts.
        dialect: How it is written.
        padded: Whether spaces around texts belong to the way it is written.
    """
    import pyarrow as pa

    found = [_distinct(name, table.column(i)) for i, name in enumerate(names)]
    notes: Notes = []
    number = _number_reader(found, dialect, notes)
    date = _date_reader(found, dialect, notes)
    columns = [_typed(one, number, date, padded, notes) for one in found]
    return pa.Table.from_arrays(columns, names=list(names)), notes


def _distinct(name: str, column: Any) -> Distinct:
    import pyarrow as pa

    pc = compute()

    trimmed = pc.utf8_trim_whitespace(column.combine_chunks())
    coded = trimmed.dictionary_encode()
    texts = coded.dictionary
    present = pc.invert(pc.is_in(texts, pa.array([*MISSING, *SIGNS])))
    values = texts.filter(present)
    some = len(values) > 0
    numerals = as_numerals(values) if some else None
    maybe = as_dates(values) if some and numerals is None else None
    return Distinct(name, column, coded, present, numerals, maybe)


def _number_reader(found: list[Distinct], dialect: Dialect, notes: Notes) -> Callable[[Texts], Any]:
    """What reads a column of numbers; what it does is added to `notes`."""
    shows: Counter[str] = sum((one.numerals.shows for one in found if one.numerals), Counter())
    overall = dialect.decimal or decimal_of(shows)
    doubt = ""
    if overall is None:
        overall, doubt = likely_decimal(shows, dialect.separator or ",")
        doubt = "" if dialect.thousands is not None else doubt
    if doubt:
        notes.append(doubt)

    def read(texts: Texts) -> Any:
        decimal = dialect.decimal or decimal_of(texts.shows) or overall
        made = numbers(texts.values, decimal, dialect.thousands)
        if made is None:
            return None
        values, group = made
        if decimal == "," and (texts.shows["comma"] or texts.shows["grouped by points"]):
            _add(notes, "decimal comma")
        if group and not doubt:
            _add(notes, f"thousands separated by {shown(group)}")
        if texts.affix:
            _add(notes, f"{texts.affix} left out")
        return values

    return read


def _date_reader(found: list[Distinct], dialect: Dialect, notes: Notes) -> Callable[[Dates], Any]:
    """What reads a column of dates."""
    known = {one.dates.day_first for one in found if one.dates and not one.dates.year_first} - {
        None
    }
    commas = any(one.numerals and decimal_of(one.numerals.shows) == "," for one in found)
    usual = dialect.separator == ";" or commas

    def read(texts: Dates) -> Any:
        first = texts.day_first
        if first is None:
            first = dialect.day_first
        if first is None and len(known) == 1:
            first = next(iter(known))
        if first is None:
            first = usual if texts.likely is None else texts.likely
            other = ("month first: --no-day-first", "day first: --day-first")[not first]
            _add(notes, f"dates read {'day' if first else 'month'} first (if {other})")
        return dates(texts, day_first=first)

    return read


def _typed(
    one: Distinct,
    number: Callable[[Texts], Any],
    date: Callable[[Dates], Any],
    padded: bool,
    notes: Notes,
) -> Any:
    """A column, typed."""
    import pyarrow as pa

    pc = compute()

    values = one.coded.dictionary.filter(one.present)
    if not len(values):
        return pa.nulls(len(one.column)) if one.column.null_count == len(one.column) else one.column
    made = None
    if one.numerals:
        made = number(one.numerals)
    elif one.dates:
        made = date(one.dates)
    elif pc.all(pc.is_in(pc.utf8_lower(values), pa.array(["true", "false"]))).as_py():
        made = pc.equal(pc.utf8_lower(values), "true")
    else:
        made = times_of_day(values)
    if made is None:
        if as_codes(values):
            _add(notes, f"{one.name!r} kept as text: it begins with zeros")
        return _texts(one, padded)
    # The place of each distinct text among those that are present.
    where = pc.if_else(one.present, pc.cumulative_sum(one.present.cast(pa.int64())), None)
    return made.take(pc.subtract(where, 1).take(one.coded.indices))


def _texts(one: Distinct, padded: bool) -> Any:
    """A column of texts, without the spaces that belong to the way it is written."""
    import pyarrow as pa

    pc = compute()

    if not padded:
        return one.column
    trimmed = one.coded.dictionary_decode()
    return pc.if_else(pc.is_in(trimmed, pa.array(MISSING)), None, trimmed)


def as_codes(values: Any) -> bool:
    """Whether texts would be whole numbers, were it not for zeros before them."""
    pc = compute()

    return pc.all(pc.match_substring_regex(values, "^[0-9]+$")).as_py()


def _add(notes: Notes, note: str) -> None:
    if note not in notes:
        notes.append(note)
