"""Dates, times and numbers that are written as texts, and dates as numbers such as 20210131."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from entropae.kinds.tables import spans
from entropae.variables import quantities

DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d")
DAYS += ("%-d/%-m/%Y", "%-m/%-d/%Y", "%-d.%-m.%Y", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y")
DAYS += ("%-d/%-m/%y", "%-m/%-d/%y", "%d %b %Y", "%-d %b %Y", "%d-%b-%Y", "%b %-d, %Y")
DAYS += ("%d %B %Y", "%-d %B %Y", "%B %-d, %Y", "%b %d, %Y", "%B %d, %Y", "%-d-%b-%Y")
DAYS += ("%d-%b-%y", "%-d-%b-%y")
CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S.%3f", "%-H:%M", "%-H:%M:%S")
CLOCKS += ("%I:%M %p", "%-I:%M %p", "%I:%M:%S %p", "%-I:%M:%S %p")
TIMED = tuple(f"{day}{gap}{clock}" for day in DAYS[:15] for gap in (" ", "T") for clock in CLOCKS)
MONTHS = ("%Y-%m", "%m/%Y", "%b %Y", "%Y/%m")
OF_TEXTS = (*DAYS, *CLOCKS, *TIMED, *MONTHS)
OF_NUMBERS = ("%Y%m%d", "%Y%m")
ZONE = re.compile(r" ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$")
CODE = re.compile(r"%[-3]?[a-zA-Z]")  # %3f are thousandths of a second
FIRST = 20  # values that a form is tried on first
BETWEEN = (1800, 2200)  # years that numbers are believed to be dates of
EPOCH = dt.datetime(1970, 1, 1)


def form_of(values: Sequence[str], forms: Sequence[str] = OF_TEXTS) -> str:
    """The form in which all different texts are dates, times or spans, exactly; `""`: none.

    Nor is there one if days and months could be either.

    Examples:
        >>> form_of(["03/04/2020", "25/04/2020"]), form_of(["12:30", "09:05"])
        ('%d/%m/%Y', '%H:%M')
        >>> form_of(["03/04/2020", "05/06/2020"]), form_of(["a"])
        ('', '')
    """
    found = [form for form in forms if _fits(values[:FIRST], form) and _fits(values, form)]
    plainest = [form for form in found if "%-" not in form] or found
    swapped = {form.translate(str.maketrans("dm", "md")) for form in plainest if "%b" not in form}
    months = {form for form in plainest if "m" in form and "d" in form}
    if len(plainest) > 1 and swapped & months - {"%Y-%m-%d"}:
        return ""
    if not plainest and forms is OF_TEXTS:
        return spans.form_of(values)
    return plainest[0] if plainest else ""


def _fits(values: Sequence[str], form: str) -> bool:
    try:
        return all(written(parsed(value, form), form) == value for value in values)
    except (ValueError, OverflowError):
        return False


def usual(form: str) -> str:
    """A form in the codes that Python knows everywhere."""
    return re.sub("%[-3]", "%", form)


def unit_of(form: str) -> str:
    """What times of a form are counted in."""
    if form in spans.FORMS:
        return "ns"
    codes = {usual(code) for code in CODE.findall(form)}
    if "%f" in codes:
        return "us"
    if codes & {"%H", "%I"}:
        return "s"
    return "D" if "%d" in codes else "M"


def meaning_of(form: str) -> str:
    """Whether a form is of dates, times of day, both, or spans of time."""
    if form in spans.FORMS:
        return "time span"
    clock = unit_of(form) in ("s", "us")
    return "date" if not clock else "date-time" if "%Y" in form or "%y" in form else "time"


def is_of_numbers(form: str) -> bool:
    """Whether it is a form of numbers, such as `$#,##0.00`, and not of dates or times."""
    return bool(form and quantities.sections(form))


def parsed(text: str, form: str) -> float:
    """A text as a number, or a whole one of its form's unit: long, since 1970, or since midnight.

    Raises:
        ValueError: If it is not of the form.
    """
    if is_of_numbers(form):
        return quantities.parsed(text, form)
    if form in spans.FORMS:
        return spans.parsed(text)
    when = dt.datetime.strptime(text, usual(form))
    unit = unit_of(form)
    if unit == "M":
        return 12 * (when.year - 1970) + when.month - 1
    if "%Y" not in form and "%y" not in form:
        when = when.replace(1970, 1, 1)
    since = when - EPOCH
    if unit == "D":
        return since.days
    return since // dt.timedelta(microseconds=1 if unit == "us" else 1_000_000)


def written(value: float, form: str) -> str:
    """The text of a number, or of a whole one of a form's unit."""
    if is_of_numbers(form):
        return quantities.written(value, form)
    if form in spans.FORMS:
        return spans.written(int(value), form)
    value, unit = int(value), unit_of(form)
    if unit == "M":
        when = dt.datetime(1970 + value // 12, value % 12 + 1, 1)
    else:
        size = {"D": 86_400_000_000, "s": 1_000_000, "us": 1}[unit]
        when = EPOCH + dt.timedelta(microseconds=value * size)
    return CODE.sub(lambda code: _part(when, code[0]), form)


def _part(when: dt.datetime, code: str) -> str:
    if code == "%Y":
        return f"{when.year:04}"  # which strftime does not fill up everywhere
    if code == "%3f":
        return f"{when.microsecond // 1000:03}"
    text = when.strftime(usual(code))
    return text.lstrip("0") or "0" if "-" in code else text


def zones_of(values: Sequence[str]) -> tuple[str, ...]:
    """The offsets that all texts end in; none if not all do.

    Examples:
        >>> zones_of(["2021-01-01T10:00:00+01:00", "2021-07-01T10:00:00Z"])
        ('+01:00', 'Z')
    """
    found = {*map(zone_of, values)}
    if "" in found or not all(":" in value[:-3] for value in values):
        return ()
    return tuple(sorted(found))


def zoned_form_of(values: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The form of all different texts before the offsets that they end in, and these offsets.

    Examples:
        >>> zoned_form_of(["2021-01-01 10:00+01:00", "2021-07-13 10:00Z"])
        ('%Y-%m-%d %H:%M', ('+01:00', 'Z'))
        >>> zoned_form_of(["12:30", "09:05"])
        ('%H:%M', ())
    """
    zones = zones_of(values)
    return form_of(sorted({*map(without_zone, values)}) if zones else values), zones


def zone_of(value: str) -> str:
    """The offset that a text ends in; `""` without one."""
    found = ZONE.search(value)
    return found[0] if found else ""


def without_zone(value: str) -> str:
    """A text without its offset."""
    return ZONE.sub("", value)


def offset_of(text: str) -> int:
    """The seconds by which the offset that a text ends in is ahead of UTC; 0 without one.

    Examples:
        >>> offset_of("2021-01-01T10:00:00+01:30"), offset_of("%H:%M:%SZ"), offset_of("10:00 -05")
        (5400, 0, -18000)
    """
    zone = zone_of(text)
    digits = re.sub(r"\D", "", zone)
    seconds = 3600 * int(digits[:2] or 0) + 60 * int(digits[2:] or 0)
    return -seconds if "-" in zone else seconds


def number_form(values: Sequence[int]) -> str:
    """The form in which all different whole numbers are dates, such as 20210131; `""` if none.

    Examples:
        >>> number_form([20210131, 20240229]), number_form([20210230, 20210101])
        ('%Y%m%d', '')
    """
    for form, digits in zip(OF_NUMBERS, (8, 6), strict=True):
        low, high = (10 ** (digits - 4) * year for year in BETWEEN)
        if all(low <= value < high for value in values) and _fits([*map(str, values)], form):
            return form
    return ""
