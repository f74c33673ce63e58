"""What is said to people: names that are nearly right, and texts that are safe to show."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

MOST = 1 << 63
JOINERS = "\u200c\u200d"


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """A message for a name that is not among the known ones, with the nearest of them."""
    names = sorted({*known})
    if not isinstance(name, str):
        got = type(name).__name__
        return f"Unknown {what}: one name is meant, got {got}. Known are {', '.join(names)}."
    same = [known for known in names if known.casefold() == name.strip().casefold()]
    near = same or difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(name or "''" for name in names)
    return f"Unknown {what} {name!r}: known are {shown}.{hint}"


def number_of(n: int, thing: str) -> str:
    """So many things.

    Examples:
        >>> number_of(1, "row"), number_of(2000, "row")
        ('1 row', '2,000 rows')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def whole(name: str, value: Any, least: int) -> int:
    """An argument that must be a whole number, below what torch takes.

    Raises:
        ValueError: If it is none, or smaller than the least.

    Examples:
        >>> whole("n", 5.0, 1)
        Traceback (most recent call last):
        ValueError: `n` must be a whole number of at least 1: got n=5.0.
    """
    if not isinstance(value, Integral) or not least <= int(value) < MOST:
        large = isinstance(value, Integral) and int(value) >= MOST
        where = "below 2^63" if large else f"of at least {least}"
        raise ValueError(f"`{name}` must be a whole number {where}: got {name}={value!r}.")
    return int(value)


def printable(text: object) -> str:
    r"""A text in which everything that steers a terminal is escaped, for names from elsewhere.

    What joins signs, as of Persian or of families of emoji, stays.

    Examples:
        >>> printable("a\x1b[31mb.png")
        'a\\x1b[31mb.png'
    """
    return "".join(c if c.isprintable() or c in JOINERS else ascii(c)[1:-1] for c in str(text))


def counted(things: Sequence[object], most: int = 3) -> str:
    """The first few of a list, and how many more there are.

    Examples:
        >>> counted(["a", "b", "c"], 2)
        'a; b; and 1 more'
    """
    first = [printable(thing) for thing in things[:most]]
    more = [f"and {len(things) - most} more"] if len(things) > most else []
    return "; ".join([*first, *more])
