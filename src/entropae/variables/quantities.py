"""Numbers that texts write in one form, such as $1,000 or 12.5 kg, in the notation of spreadsheets.

`$#,##0.00` has signs of money, thousands grouped by commas and two decimals; `0.0#` one or two;
`0.0e+00` powers of ten; after a `;` stands how negative numbers are written, after another zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

SPACE = "[ \u00a0\u2009\u202f]"
CODES = (
    "AED|ARS|AUD|BDT|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|GHS|HKD|HUF|IDR|ILS|INR|ISK|"
    "JPY|KES|KRW|KZT|MAD|MXN|MYR|NGN|NOK|NZD|PEN|PHP|PKR|PLN|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|TWD|"
    "UAH|USD|VND|ZAR"
)
MONEY = rf"[A-Z]{{0,2}}[$€£¥₹₩₽₺₪₫₱฿₴₦]|{CODES}|Rs\.?|kr\.?|S?Fr\."
DIGITS = "[0-9](?:[0-9.,'’ \u00a0\u2009\u202f]*[0-9])?(?:[eE][+-]?[0-9]{1,3})?"
UNIT = rf"(?:{SPACE}?(?:[^\W\d_]|[+%‰°€$£¥₹₩₽₺₪₫₱฿₴₦′″'\"])[^0#;()<>=\r\n]{{0,15}})?"
PARTS = re.compile(
    rf"(?P<open>\()?(?P<sign>[+\-−])?(?P<before>(?:{MONEY}){SPACE}?)?(?P<inner>[+\-−])?"
    rf"(?P<digits>{DIGITS})(?P<after>{UNIT})(?P<close>\))?"
)
SECTION = re.compile(
    r"(?P<before>[^0#;]*)(?:#(?P<group>[^0#;])##(?P<pairs>(?P=group)##)?)?0(?:(?P<decimal>[.,])(?P<places>0*#*))?"
    r"(?P<power>[eE]\+?0{1,3})?(?P<after>[^0#;]*)"
)
# Decimal character and group, in the order in which they are tried: 1,234 is no decimal number.
MARKS = ((".", ""), (".", ","), (",", ""), (",", "."))
MARKS += tuple((decimal, group) for group in "'’ \u00a0\u2009\u202f" for decimal in ".,")
PAIRS = re.compile(r"(?<=\d)(?=(?:\d\d)+$)")
LONGEST = 40  # characters of a text
MOST = 15  # digits that float64 tells apart
FIRST = 20  # texts that a form is tried on first


class Section(NamedTuple):
    """How numbers of one sign are written."""

    before: str
    group: str
    pairs: bool  # above the thousands groups are of two digits: 1,00,000
    decimal: str
    places: int
    least: int  # of them, where the last are zeros
    power: str
    after: str


@cache
def sections(form: str) -> tuple[Section, ...]:
    """The parts of a form: of positive and negative numbers, and of zero; none if it is no form.

    Examples:
        >>> [(s.before, s.group, s.places, s.after) for s in sections("$#,##0.00;($0.00)")]
        [('$', ',', 2, ''), ('($', '', 2, ')')]
    """
    found = [SECTION.fullmatch(part) for part in form.split(";")]
    if not all(found) or len(found) > 3:
        return ()
    return tuple(
        Section(
            match["before"],
            match["group"] or "",
            bool(match["pairs"]),
            match["decimal"] or ".",
            len(match["places"] or ""),
            (match["places"] or "").count("0"),
            match["power"] or "",
            match["after"],
        )
        for match in found
        if match
    )


def written(value: float, form: str) -> str:
    """The text of a number.

    Examples:
        >>> written(-1234.5, "$#,##0.00;($#,##0.00)"), written(1.5, "0.## kg")
        ('($1,234.50)', '1.5 kg')
    """
    known = sections(form)
    which = 1 if value < 0 else 2 if value == 0 else 0
    one = known[which] if which < len(known) else known[0]
    sign = "-" if value < 0 and len(known) < 2 else ""
    return f"{sign}{one.before}{_digits(abs(value), one)}{one.after}"


def _digits(value: float, one: Section) -> str:
    if one.power:
        text, _, power = f"{value:.{one.places}e}".partition("e")
        exponent = int(power)
        sign = "-" if exponent < 0 else "+" if "+" in one.power else ""
        power = f"{one.power[0]}{sign}{abs(exponent):0{one.power.count('0')}}"
    else:
        text, power = f"{value:,.{one.places}f}", ""
    if one.pairs:
        whole, point, places = text.replace(",", "").partition(".")
        text = f"{PAIRS.sub(',', whole[:-3])}{',' * (len(whole) > 3)}{whole[-3:]}{point}{places}"
    if one.least < one.places:
        whole, _, places = text.partition(".")
        places = places[: one.least] + places[one.least :].rstrip("0")
        text = f"{whole}.{places}" if places else whole
    return text.translate(str.maketrans({",": one.group, ".": one.decimal})) + power


def parsed(text: str, form: str) -> float:
    """The number of a text; its groups and decimals may be others than those of the form.

    Raises:
        ValueError: If it is not of the form.
    """
    for i, pattern in enumerate(_patterns(form)):
        match = pattern.fullmatch(text)
        if match:
            one = sections(form)[min(i, len(sections(form)) - 1)]
            digits = match[1].replace(one.group, "") if one.group else match[1]
            value = float(digits.replace(one.decimal, "."))
            return -value if i == 1 and value else value
    raise ValueError(f"{text!r} is not written as {form}")


@cache
def _patterns(form: str) -> tuple[re.Pattern[str], ...]:
    known = sections(form)
    if len(known) == 1:
        known = (known[0], known[0]._replace(before=f"-{known[0].before}"))
    return tuple(
        re.compile(
            f"{re.escape(one.before)}([0-9][0-9{re.escape(one.group)}]*"
            f"(?:{re.escape(one.decimal)}[0-9]+)?(?:[eE][+-]?[0-9]+)?){re.escape(one.after)}"
        )
        for one in known
    )


def form_of(values: Sequence[str]) -> str:
    """The form in which all different texts are numbers, exactly; `""` if there is none.

    Digits alone, of one length, are codes and no numbers. A zero that is written as negative, as
    rounding leaves some, is that of the others.

    Examples:
        >>> form_of(["$1,000", "$25"]), form_of(["1.234,50 EUR", "7,25 EUR"]), form_of(["12%"])
        ('$#,##0', '#.##0,00 EUR', '0%')
        >>> form_of(["(5)", "12"]), form_of(["2e3", "1e10"]), form_of(["0123", "1234"])
        ('0;(0)', '0e0', '')
        >>> form_of(["(5.1)", "7.2", "0.0", "(0.0)"])
        '0.0;(0.0)'
    """
    others = [value for value in values if not _is_negative_zero(value)]
    form = _form_of(others) if len(others) < len(values) else ""
    return form if form and _are_of(values, form) else _form_of(values)


def _is_negative_zero(text: str) -> bool:
    return not set(text) & set("123456789") and text.startswith(("-", "−", "(")) and "0" in text


def _are_of(values: Sequence[str], form: str) -> bool:
    try:
        for value in values:
            parsed(value, form)
    except ValueError:
        return False
    return True


def _form_of(values: Sequence[str]) -> str:
    found = [PARTS.fullmatch(v) if len(v) <= LONGEST else None for v in values[:FIRST]]
    if not all(found):
        return ""
    matches = [PARTS.fullmatch(v) if len(v) <= LONGEST else None for v in values]
    parts = [match for match in matches if match]
    if not parts or len(parts) < len(values) or len({m["after"] for m in parts}) > 1:
        return ""
    if max(sum(c.isdigit() for c in m["digits"]) for m in parts) > MOST:
        return ""
    forms = (_form(parts, digits) for digits in _layouts([m["digits"] for m in parts]))
    form = next((f for f in forms if f and _fits(values[:FIRST], f) and _fits(values, f)), "")
    return "" if _is_code(form, values) else form


def exception(values: Sequence[str]) -> str | None:
    """The first text that is no number if more than half are, in one form; else `None`."""
    found = [bool(len(v) <= LONGEST and PARTS.fullmatch(v)) for v in values]
    if all(found) or 2 * sum(found) <= len(found):
        return None
    numbers = form_of([v for v, number in zip(values, found, strict=True) if number])
    return values[found.index(False)] if numbers else None


def _fits(values: Sequence[str], form: str) -> bool:
    try:
        return all(written(parsed(value, form), form) == value for value in values)
    except ValueError:
        return False


def _is_code(form: str, values: Sequence[str]) -> bool:
    """Whether whole numbers without a unit are rather codes, or of telephones."""
    first = sections(form)[0] if form else None
    if first is None or first.places or first.power or first.after or first.before.strip("+-−("):
        return False
    if first.group in (",", ".") or any(value[0] in "-−(" for value in values):
        return False
    return first.before == "+" or len({*map(len, values)}) == 1


def _form(parts: Sequence[re.Match[str]], digits: str) -> str:
    """A form with these digits; `""` if signs are not all written alike."""
    found: list[set[str]] = [set(), set(), set()]
    for match in parts:
        negative = match["open"] or any(s in ("-", "−") for s in match.group("sign", "inner"))
        if bool(match["open"]) != bool(match["close"]):
            return ""
        zero = not re.search("[1-9]", re.split("[eE]", match["digits"])[0])
        around = match.group("open", "sign", "before", "inner")
        template = "".join(filter(None, (*around, digits, match["after"], match["close"])))
        found[2 if zero else 1 if negative else 0].add(template)
    if any(len(one) > 1 for one in found):
        return ""
    positive, negative, zero = (next(iter(one), "") for one in found)
    usual = positive or zero or negative.lstrip("-−")
    if zero and zero != usual:
        return ";".join((usual, negative or f"-{usual.lstrip('+')}", zero))
    return ";".join(filter(None, (usual, negative if negative != f"-{usual}" else "")))


def _layouts(digits: Sequence[str]) -> Iterator[str]:
    """Forms of digits that may be meant, the likeliest first."""
    split = [re.fullmatch("([^eE]*)(?:([eE])([+-]?)([0-9]+))?", text) for text in digits]
    matches = [match for match in split if match]
    powers = {match[2] for match in matches}
    if len(powers) > 1:
        return
    power = powers.pop() or ""
    if power:
        plus = any(match[3] == "+" for match in matches)
        power += "+" * plus + "0" * min(len(match[4]) for match in matches)
    texts = [match[1] for match in matches]
    used = {c for text in texts for c in text}
    pairs = [(d, g) for d, g in MARKS if not g or g in used]
    for fixed in (True, False):
        for decimal, group in pairs:
            places = {len(text.partition(decimal)[2]) for text in texts}
            least, most = min(places), max(places)
            if fixed != (least == most):
                continue
            for whole in (f"#{group}##0", "#,##,##0") if group == "," else (f"#{group}##0",):
                places = (decimal + "0" * least + "#" * (most - least)) * (most > 0)
                yield (whole if group else "0") + places + power
