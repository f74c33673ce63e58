"""Spans of time that texts write, as pandas, Python and stop-watches do, in nanoseconds."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Hours in brackets may be more than 24, as in spreadsheets.
USUAL = "d days hh:mm:ss"
FORMS = ("[h]:mm:ss", "[hh]:mm:ss", "[h]:mm", "[hh]:mm", USUAL, "d days, h:mm:ss")
SPAN = re.compile(
    r"(?:(?P<days>[+-]?\d{1,5}) days?(?:,? \+?(?=\d)|$))?"
    r"(?:(?P<sign>[+-]?)(?P<h>\d{1,6}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:\.(?P<f>\d{1,9}))?)?)?"
)
SECOND = 1_000_000_000
SIZES = {"s": SECOND, "ms": 1_000_000, "us": 1000, "ns": 1}
DAY = 86_400 * SECOND
LATE = 45  # minutes of an hour that some texts should have: games end 25:23


def parsed(text: str) -> int:
    """A span of time in nanoseconds.

    Raises:
        ValueError: If it is none.

    Examples:
        >>> parsed("1 days 02:00:00") // SECOND, parsed("-1 day, 23:59:50") // SECOND
        (93600, -10)
        >>> parsed("27:10:05") // SECOND, parsed("-0:01") // SECOND, parsed("2 days") // DAY
        (97805, -60, 2)
    """
    found = SPAN.fullmatch(text)
    if not found or not text:
        raise ValueError(f"{text!r} is no span of time")
    seconds = int(found["h"] or 0) * 3600 + int(found["m"] or 0) * 60 + int(found["s"] or 0)
    clock = seconds * SECOND + int((found["f"] or "").ljust(9, "0"))
    return int(found["days"] or 0) * DAY + (-clock if found["sign"] == "-" else clock)


def written(value: int, form: str) -> str:
    """The text of so many nanoseconds.

    Examples:
        >>> written(93600 * SECOND, "d days hh:mm:ss"), written(-10 * SECOND, "d days, h:mm:ss")
        ('1 days 02:00:00', '-1 day, 23:59:50')
        >>> written(97805 * SECOND, "[h]:mm:ss"), written(-60 * SECOND, "[hh]:mm")
        ('27:10:05', '-00:01')
    """
    named = form.startswith("d")
    days, rest = divmod(value, DAY) if named else (0, abs(value))
    seconds, fraction = divmod(rest, SECOND)
    hours = f"{seconds // 3600:0{2 if 'hh' in form else 1}}"
    clock = f"{hours}:{seconds // 60 % 60:02}"
    if form.endswith("ss"):
        part = f"{fraction:09}".removesuffix("000") if fraction else ""
        clock += f":{seconds % 60:02}" + (f".{part}" if part else "")
    if not named:
        return "-" * (value < 0) + clock
    if "," not in form:
        return f"{days} days {'+' if days < 0 else ''}{clock}"
    return f"{days} day{'' if abs(days) == 1 else 's'}, {clock}" if days else clock


def form_of(values: Sequence[str]) -> str:
    """The form in which all different texts are spans of time, exactly; `""` if there is none.

    Examples:
        >>> form_of(["0 days 01:15:00", "12 days 00:00:00.500000"]), form_of(["25:23", "7:25"])
        ('d days hh:mm:ss', '')
        >>> form_of(["39:58", "7:05"]), form_of(["1 day, 0:00:01", "0:15:00"])
        ('[h]:mm', 'd days, h:mm:ss')
    """
    return next((form for form in FORMS if values and _fits(values, form)), "")


def _fits(values: Sequence[str], form: str) -> bool:
    try:
        exact = all(written(parsed(value), form) == value for value in values)
    except ValueError:
        return False
    return exact and (form.endswith("ss") or max(int(v[-2:]) for v in values) >= LATE)
