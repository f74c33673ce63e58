"""Columns of texts as what they say: numbers, dates and times, logical values; or texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from entropae.reader.cells import MISSING, SIGNS
from entropae.reader.compute import compute
from entropae.reader.dialect import Dialect, shown
from entropae.reader.numerals import (
    CODE,
    Texts,
    as_numerals,
    decimal_of,
    likely_decimal,
    mostly_numbers,
    numbers,
)
from entropae.reader.times import Dates, as_dates, dates, times_of_day
from entropae.variables import quantities

TELEPHONE = r"^\+[0-9]{7,15}$"


@dataclass
class Found:
    """What was found out while columns were read.

    Attributes:
        notes: What should be said of it.
        decimal: The decimal character.
        thousands: What separates thousands, if anything does.
        day_first: Whether dates have the day before the month, if that was to be decided.
    """

    notes: list[str] = field(default_factory=list)
    decimal: str | None = None
    thousands: str | None = None
    day_first: bool | None = None

    def say(self, note: str) -> None:
        """Say it once."""
        if note and note not in self.notes:
            self.notes.append(note)


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
) -> tuple[Any, Dialect, list[str]]:
    """A table of texts with the types that they show.

    Args:
        names: Of its columns.
        table: A `pyarrow.Table` of texts.
        dialect: How it is written.
        padded: Whether spaces around texts belong to the way it is written.

    Returns:
        A `pyarrow.Table`; the dialect, with what was found; and what should be said of it.
    """
    import pyarrow as pa

    columns, found = [_distinct(name, table.column(i)) for i, name in enumerate(names)], Found()
    number, date = _number_reader(columns, dialect, found), _date_reader(columns, dialect, found)
    made = [_typed(one, number, date, padded, found) for one in columns]
    more = {"decimal": found.decimal, "thousands": found.thousands, "day_first": found.day_first}
    known = replace(dialect, **{k: v for k, v in more.items() if getattr(dialect, k) is None})
    return pa.Table.from_arrays(made, names=list(names)), known, found.notes


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


def _number_reader(
    columns: list[Distinct], dialect: Dialect, found: Found
) -> Callable[[Texts], Any]:
    """What reads a column of numbers; a column that does not show its decimals is as the others."""
    shows: Counter[str] = sum((one.numerals.shows for one in columns if one.numerals), Counter())
    found.decimal = dialect.decimal or decimal_of(shows)
    guess = ""
    if found.decimal is None:
        found.decimal, guess = likely_decimal(shows, dialect.separator or ",")
        found.say(guess if dialect.thousands is None else "")

    def read(texts: Texts) -> Any:
        decimal = dialect.decimal or decimal_of(texts.shows) or found.decimal or "."
        made = numbers(texts.values, decimal, dialect.thousands)
        if made is None:
            return None
        values, group = made
        found.thousands = group or found.thousands
        if dialect.decimal is None and not guess and decimal == "," and _has_decimals(texts):
            found.say("decimal comma")
        if dialect.thousands is None and not guess and group:
            found.say(f"thousands separated by {shown(group)}")
        found.say(texts.affix and f"{texts.affix} left out")
        return values

    return read


def _has_decimals(texts: Texts) -> bool:
    return any(texts.shows[name] for name in ("comma", "grouped by points", "comma or group"))


def _date_reader(columns: list[Distinct], dialect: Dialect, found: Found) -> Callable[[Dates], Any]:
    """What reads a column of dates; one that does not show where its days are is as the others."""
    known = {one.dates.day_first for one in columns if one.dates and not one.dates.year_first}
    shown_by_others = known - {None}
    commas = any(one.numerals and decimal_of(one.numerals.shows) == "," for one in columns)
    usual = dialect.separator == ";" or commas

    def read(texts: Dates) -> Any:
        first = dialect.day_first if texts.day_first is None else texts.day_first
        if first is None and len(shown_by_others) == 1:
            first = next(iter(shown_by_others))
        if first is None:
            first = usual if texts.likely is None else texts.likely
            other = ("month first: --no-day-first", "day first: --day-first")[not first]
            found.say(f"dates read {'day' if first else 'month'} first (if {other})")
        if not texts.year_first:
            found.day_first = first
        return dates(texts, day_first=first)

    return read


def _typed(
    one: Distinct,
    number: Callable[[Texts], Any],
    date: Callable[[Dates], Any],
    padded: bool,
    found: Found,
) -> Any:
    """A column, typed."""
    import pyarrow as pa

    pc = compute()

    values = one.coded.dictionary.filter(one.present)
    if not len(values):
        return pa.nulls(len(one.column)) if one.column.null_count == len(one.column) else one.column
    made = None
    if one.numerals:
        made = None if _are_telephones(values) else number(one.numerals)
    elif one.dates:
        made = date(one.dates)
    elif pc.all(pc.is_in(pc.utf8_lower(values), pa.array(["true", "false"]))).as_py():
        made = pc.equal(pc.utf8_lower(values), "true")
    else:
        made = times_of_day(values)
    if made is None:
        why = _why_text(values)
        found.say(why and f"{one.name!r} kept as text: {why}")
        return _texts(one, padded)
    # The place of each distinct text among those that are present.
    where = pc.if_else(one.present, pc.cumulative_sum(one.present.cast(pa.int64())), None)
    return made.take(pc.subtract(where, 1).take(one.coded.indices))


def _are_telephones(values: Any) -> bool:
    """Whether all are numbers of telephones, as +4712345678."""
    pc = compute()

    return pc.all(pc.match_substring_regex(values, TELEPHONE)).as_py()


def _texts(one: Distinct, padded: bool) -> Any:
    """A column of texts, without the spaces that belong to the way it is written."""
    import pyarrow as pa

    pc = compute()

    if not padded:
        return one.column
    trimmed = one.coded.dictionary_decode()
    return pc.if_else(pc.is_in(trimmed, pa.array(MISSING)), None, trimmed)


def _why_text(values: Any) -> str:
    """Why texts that look like numbers are none."""
    pc = compute()

    if pc.all(pc.match_substring_regex(values, "^[0-9]+$")).as_py():
        zeros = pc.any(pc.match_substring_regex(values, CODE)).as_py()
        return "it begins with zeros" if zeros else "it has numbers of more than 64 bits"
    if _are_telephones(values):
        return "it has telephone numbers"
    other = mostly_numbers(values)
    if other is None or quantities.form_of(values.to_pylist()):
        return ""
    return f"{other!r} is no number"
