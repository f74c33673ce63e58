"""Columns of texts that are dates and times, in any order of day and month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from entropae.reader.compute import compute

CLOCK = (
    r"(?:(?:[ T]|, )(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<part>\.\d{1,9})?)?"
    r"\s?(?P<half>[AaPp][Mm])?\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$"
)
YEAR_FIRST = rf"^(?P<year>\d{{4}})(?P<mark>[-/.])(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}}){CLOCK}"
YEAR_LAST = (
    rf"^(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})[-/.](?P<year>\d{{4}}|\d{{2}}){CLOCK}"
)
OF_DAY = r"^\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?$"
DAY_MONTH = r"^(\d{1,2})\.?[- ]([A-Za-z]{3,9})\.?[-, ]{1,2}(\d{4})"
MONTH_DAY = r"^([A-Za-z]{3,9})\.?[- ](\d{1,2})[-, ]{1,2}(\d{4})"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
CENTURY = 69  # two digits from here on are of the last century, as POSIX has it


@dataclass(frozen=True)
class Dates:
    """Distinct texts of a column that may be dates.

    Attributes:
        parts: Year, the two others, and the parts of the time, as texts.
        year_first: Whether the year comes first, and so the day last.
        day_first: Whether the day comes before the month; `None` if nothing shows it.
        likely: What the values make likely then.
    """

    parts: dict[str, Any]
    year_first: bool
    day_first: bool | None
    likely: bool | None = None


def as_dates(values: Any) -> Dates | None:
    """Distinct texts if they all could be dates."""
    import pyarrow as pa

    pc = compute()

    values, day_first = _without_words(values)
    for pattern in (YEAR_FIRST, YEAR_LAST):
        found = pc.extract_regex(values, pattern)
        if found.null_count:
            continue
        names = [field.name for field in found.type]
        parts = dict(zip(names, found.flatten(), strict=True))
        if pattern == YEAR_FIRST:
            return Dates(parts, True, False)
        a, b = (parts[name].cast(pa.int32()) for name in "ab")
        first, second = pc.max(a).as_py() > 12, pc.max(b).as_py() > 12
        if day_first is not None:
            return Dates(parts, False, day_first)
        if first and second:
            return None
        if first != second or set(parts["mark"].unique().to_pylist()) == {"."}:
            return Dates(parts, False, not second)
        # What is the same in all, as the first of each month, is the day.
        fixed = (len(a.unique()) == 1, len(b.unique()) == 1)
        return Dates(parts, False, None, fixed[0] if fixed[0] != fixed[1] else None)
    return None


def dates(found: Dates, *, day_first: bool) -> Any:
    """The dates, or times in UTC if they have a zone; `None` if there is one that is not."""
    import pyarrow as pa

    pc = compute()

    parts = found.parts
    day, month = ("a", "b") if day_first and not found.year_first else ("b", "a")
    days = pc.binary_join_element_wise(
        _year(parts["year"]), _two(parts[month]), _two(parts[day]), "-"
    )
    try:
        if not pc.any(pc.not_equal(parts["hour"], "")).as_py():
            return days.cast(pa.date32())
        if pc.any(pc.equal(parts["hour"], "")).as_py() or _mixed(parts["zone"]):
            return None
        second = pc.if_else(pc.equal(parts["second"], ""), "00", parts["second"])
        hour = _hour(parts["hour"], parts["half"])
        clock = pc.binary_join_element_wise(_two(hour), parts["minute"], second, ":")
        texts = pc.binary_join_element_wise(days, clock, "T")
        offset = pc.replace_substring_regex(parts["zone"], "UTC|GMT", "Z")
        texts = pc.binary_join_element_wise(texts, parts["part"], offset, "")
        zone = "UTC" if parts["zone"][0].as_py() else None
        return texts.cast(pa.timestamp(_unit(parts["part"]), zone))
    except pa.ArrowInvalid:  # the 30th of February
        return None


def times_of_day(values: Any) -> Any:
    """Distinct texts if they all are times of a day, else `None`."""
    import pyarrow as pa

    pc = compute()

    if not pc.all(pc.match_substring_regex(values, OF_DAY)).as_py():
        return None
    texts = pc.utf8_lpad(values, 5, "0")
    long = pc.max(pc.utf8_length(values)).as_py() > 8
    texts = pc.replace_substring_regex(texts, r"^(\d):", r"0\1:")
    try:
        found = pc.binary_join_element_wise("1970-01-01", texts, "T").cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # 25:00
        return None
    return found.cast(pa.time64("us")) if long else found.cast(pa.time64("us")).cast(pa.time32("s"))


def _without_words(values: Any) -> tuple[Any, bool | None]:
    """Texts with numbers for the names of months; and whether days come before these."""
    pc = compute()

    for pattern, day_first in ((DAY_MONTH, True), (MONTH_DAY, False)):
        if pc.all(pc.match_substring_regex(values, pattern)).as_py():
            values = pc.replace_substring_regex(values, pattern, r"\1/\2/\3")
            for i, month in enumerate(MONTHS):
                values = pc.replace_substring_regex(values, f"(?i){month}[a-z]*", str(i + 1))
            return values, day_first
    return values, None


def _two(texts: Any) -> Any:
    pc = compute()

    return pc.utf8_lpad(texts, 2, "0")


def _year(texts: Any) -> Any:
    pc = compute()

    century = pc.if_else(pc.greater_equal(texts, str(CENTURY)), "19", "20")
    short = pc.equal(pc.utf8_length(texts), 2)
    return pc.if_else(short, pc.binary_join_element_wise(century, texts, ""), texts)


def _hour(texts: Any, half: Any) -> Any:
    import pyarrow as pa

    pc = compute()

    twelve = pc.if_else(pc.equal(_two(texts), "12"), 0, texts.cast(pa.int32()))
    late = pc.if_else(pc.equal(pc.utf8_lower(half), "pm"), 12, 0)
    hour = pc.if_else(pc.equal(half, ""), texts.cast(pa.int32()), pc.add(twelve, late))
    return hour.cast(pa.string())


def _mixed(zone: Any) -> bool:
    pc = compute()

    return len(pc.equal(zone, "").unique()) > 1


def _unit(part: Any) -> str:
    pc = compute()

    length = pc.max(pc.utf8_length(part)).as_py()
    return "s" if length == 0 else "us" if length <= 7 else "ns"
