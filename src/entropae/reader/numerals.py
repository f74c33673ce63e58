"""Columns of texts that are numbers, in any country's way to write them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from entropae.reader.compute import compute

GROUPS = ".,'’ \u00a0\u2009\u202f"  # what can separate thousands
SPACES = " \u00a0\u2009\u202f"
SIGN, POWER = "^[+-]?", "([eE][+-]?[0-9]+)?$"
ANY = rf"{SIGN}([0-9]+|[1-9][0-9]{{0,2}}([{GROUPS}][0-9]{{3}})+)?([.,][0-9]*)?{POWER}"
FEW, DIGITS = "[0-9]*", "[0-9]{1,2}|[0-9]{4,}"
SPACED = rf"[1-9][0-9]{{0,2}}([{GROUPS[2:]}][0-9]{{3}})+"
INFINITE = r"(?i)^[+-]?inf(inity)?$"
CODE = r"^[+-]?0[0-9]"  # of a post code, not of a quantity
LETTER = r"^[+-]?[.,]?[eE]"  # of a name such as E1, not of a power
# Of money, one sign for all of a column: two would be two units.
AFFIXES = {
    "percent signs": (r"\s?%$",),
    "currency signs": tuple(
        pattern for sign in ("€", r"\$", "£", "¥") for pattern in (rf"^{sign}\s?", rf"\s?{sign}$")
    ),
}

# What a number shows of the characters in it: of 1,234 alone nothing is certain.
EVIDENCE = {
    "point": rf"{SIGN}({FEW}\.({DIGITS})?|(0?|[0-9]{{4,}})\.[0-9]{{3}}|{SPACED}\.[0-9]*){POWER}",
    "comma": rf"{SIGN}({FEW},({DIGITS})?|(0?|[0-9]{{4,}}),[0-9]{{3}}|{SPACED},[0-9]*){POWER}",
    "grouped by commas": rf"{SIGN}[1-9][0-9]{{0,2}}(,[0-9]{{3}})+(\.[0-9]*|,[0-9]{{3}})$",
    "grouped by points": rf"{SIGN}[1-9][0-9]{{0,2}}(\.[0-9]{{3}})+(,[0-9]*|\.[0-9]{{3}})$",
    "point or group": rf"{SIGN}[1-9][0-9]{{0,2}}\.[0-9]{{3}}$",
    "comma or group": rf"{SIGN}[1-9][0-9]{{0,2}},[0-9]{{3}}$",
}


@dataclass(frozen=True)
class Texts:
    """Distinct texts of a column that may be numbers.

    Attributes:
        values: A `pyarrow.Array` without missing ones.
        affix: What was taken off each.
        shows: How many show what of the characters in them.
    """

    values: Any
    affix: str
    shows: Counter[str]


def as_numerals(values: Any) -> Texts | None:
    """Distinct texts if they all could be numbers, signs of money or percent taken off."""
    pc = compute()

    taken = ""
    for affix, patterns in AFFIXES.items():
        for pattern in patterns:
            if _all(values, pattern):
                values, taken = pc.replace_substring_regex(values, pattern, ""), affix
    number = pc.or_(
        pc.match_substring_regex(values, ANY), pc.match_substring_regex(values, INFINITE)
    )
    digits = pc.or_(
        pc.match_substring_regex(values, "[0-9]"), pc.match_substring_regex(values, INFINITE)
    )
    if not pc.all(pc.and_(number, digits)).as_py() or _any(values, f"{CODE}|{LETTER}"):
        return None
    shows = {
        name: pc.sum(pc.match_substring_regex(values, pattern)).as_py()
        for name, pattern in EVIDENCE.items()
    }
    return Texts(values, taken, Counter(shows))


def mostly_numbers(values: Any) -> str | None:
    """The first text that is no number among texts of which more than half are; else `None`."""
    pc = compute()

    number = pc.and_(
        pc.match_substring_regex(values, ANY), pc.match_substring_regex(values, "[0-9]")
    )
    if pc.all(number).as_py() or 2 * pc.sum(number).as_py() <= len(values):
        return None
    return values.filter(pc.invert(number))[0].as_py()


def decimal_of(shows: Counter[str]) -> str | None:
    """The decimal character that numbers show; `None` if they do not."""
    point = shows["point"] + shows["grouped by commas"]
    comma = shows["comma"] + shows["grouped by points"]
    return None if point == comma else "." if point > comma else ","


def likely_decimal(shows: Counter[str], separator: str) -> tuple[str, str]:
    """The decimal character of numbers that do not show it, and a remark if that is a guess."""
    if shows["comma or group"] and separator != ",":
        return ",", "decimal comma (if it separates thousands: --decimal .)"
    if shows["comma or group"]:
        return ".", "thousands separated by ',' (if it is a decimal comma: --decimal ,)"
    if shows["point or group"] and separator == ";":
        return ".", "decimal point (if it separates thousands: --decimal ,)"
    return ".", ""


def numbers(texts: Any, decimal: str, thousands: str | None) -> tuple[Any, str] | None:
    """Texts as whole numbers or float64, and what separates their thousands.

    Returns:
        `None` if they are not all numbers, or whole ones of more than 64 bits.
    """
    import pyarrow as pa

    pc = compute()

    groups = GROUPS.replace(decimal, "") if thousands is None else thousands
    groups = SPACES if groups and groups in SPACES else groups
    inner = f"([0-9]+|[1-9][0-9]{{0,2}}([{groups}][0-9]{{3}})+)" if groups else "[0-9]+"
    number = rf"{SIGN}{inner}?([{decimal}][0-9]*)?{POWER}"
    if not _all(texts, f"({number})|({INFINITE})"):
        return None
    found = ""
    if groups and _any(texts, f"[{groups}]"):
        found = next(mark for mark in groups if pc.any(pc.match_substring(texts, mark)).as_py())
        texts = pc.replace_substring_regex(texts, f"[{groups}]", "")
    if decimal != ".":
        texts = pc.replace_substring(texts, decimal, ".")
    if not _all(texts, rf"{SIGN}[0-9]+$"):
        return texts.cast(pa.float64()), found
    texts = pc.replace_substring_regex(texts, r"^\+", "")
    for kind in (pa.int64(), pa.uint64()):
        try:
            return texts.cast(kind), found
        except pa.ArrowInvalid:
            continue
    return None


def _all(texts: Any, pattern: str) -> bool:
    pc = compute()

    return pc.all(pc.match_substring_regex(texts, pattern), min_count=0).as_py()


def _any(texts: Any, pattern: str) -> bool:
    pc = compute()

    return pc.any(pc.match_substring_regex(texts, pattern), min_count=0).as_py()
