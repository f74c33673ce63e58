"""Columns that name the rows: unique values, made anew on the pattern of those seen."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from entropae.kinds.tables.plain import arrow, type_of, units_per_day

LEAST = 10  # rows of which anything can be told to be unique
LONGEST = 256  # characters of an identifier
STEM = 40  # characters of a column's name that made-up values begin with
LARGEST = 10**18  # a number in one
COUNTED = re.compile(r"0|[1-9][0-9]{0,17}")
# Texts such as coordinates, whose numbers are measured.
MEASURED = re.compile(r"(?:[^0-9.]*[0-9]+\.[0-9]+(?![.0-9]))+[^0-9]*")
ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+")
# Letters apart from digits, where all texts alternate alike; else letters and digits as they come.
PIECES = (re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]"), re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]"))
CALLED = re.compile(
    r"(?i)(^|[_\W])(id|uuid|guid|key|identifier|index|nr|no)$|[a-z](Id|ID)$"
    r"|^__index_level_\d+__$|^unnamed: 0(\.\d+)?$"  # an index of pandas, also from a CSV file
)
# Sets of characters that those seen at a place are taken for, the narrowest first.
LETTERS = (string.ascii_lowercase, string.ascii_uppercase, string.ascii_letters)
SETS = (
    *(string.digits, string.digits + "abcdef", string.digits + "ABCDEF"),
    *(string.digits + string.ascii_lowercase, string.digits + string.ascii_uppercase),
    string.digits + string.ascii_letters,
)
CHANCE = 1e-3  # that characters which are not seen at a place are missing there by chance
WORDS = 100  # of a place that has words, the commoner ones several times
OFTEN = 5  # rows for each word of a place, at least
RARE = 0.1  # of the rows, with words that no other row has there and that are not made
# Characters, or words, how few and how many of them; without any a whole number, from and to.
Place = tuple[str | tuple[str, ...], int, int]
FIXED: set[Place] = {(digit, 1, 1) for digit in string.digits}


@dataclass(frozen=True)
class Identifier:
    """A column of unique values.

    Attributes:
        name: Its name.
        type: Arrow's name of its type.
        pattern: Of texts, place by place.
        first: Of whole numbers, where new ones begin.
        step: Of whole numbers.
    """

    name: str
    type: str
    pattern: tuple[Place, ...] = ()
    first: int = 0
    step: int = 1

    def make(self, n: int, random: np.random.Generator) -> Any:
        """So many new values as an Arrow column.

        Raises:
            ValueError: If there are not so many.
        """
        kind, none = type_of(self.type), np.zeros(n, bool)
        if not self.pattern:
            return arrow([self.first + self.step * i for i in range(n)], kind, none)
        wide = widened(self.pattern, n)
        made: dict[str, None] = {}
        while len(made) < n:
            made[_drawn(wide, random)] = None
        values: list[Any] = list(made)
        return arrow(values, kind, none)

    @property
    def said(self) -> str:
        """What is made, in words."""
        if not self.pattern:
            return f"numbered on from {self.first}"
        return f"made anew, as {_drawn(self.pattern, np.random.default_rng(0))}"


def numbered(name: str, kind: str, values: np.ndarray) -> Identifier | None:
    """Whole numbers that number the rows, or are called an id; `None` if they do neither."""
    ordered = np.sort(values)
    gaps = np.unique(np.diff(ordered))
    if len(values) < LEAST or not len(gaps) or gaps[0] == 0:
        return None
    if len(gaps) == 1 and (gaps[0] == 1 or CALLED.search(name)):
        return Identifier(name, kind, (), int(ordered[-1] + gaps[0]), int(gaps[0]))
    return Identifier(name, kind, (), int(ordered[-1]) + 1, 1) if CALLED.search(name) else None


def made_up(name: str, kind: str, values: np.ndarray) -> Identifier:
    """Unique values of no pattern, as they are said to be identifiers: numbers on from the largest.

    Texts, such as names of persons, become that of the column with a number.
    """
    if isinstance(values[0], str):
        start = [(sign, 1, 1) for sign in f"{name[:STEM]}-"]
        return Identifier(name, kind, (*start, ("", 1, 10 ** len(str(10 * len(values))))))
    arrow_kind, ordered = type_of(kind), np.unique(values)
    step = 10**arrow_kind.scale if kind.startswith("decimal") and arrow_kind.scale > 0 else 1
    if units_per_day(arrow_kind) and len(ordered) > 1:
        step = int(np.diff(ordered).min())
    return Identifier(name, kind, (), math.floor(ordered[-1]) + step, step)


def patterned(name: str, kind: str, values: Sequence[str]) -> Identifier | None:
    """Unique texts with one pattern, such as codes with digits; `None` if they have none."""
    if len(values) < LEAST or len(set(values)) < len(values):
        return None
    if max(map(len, values)) > LONGEST or all(map(MEASURED.fullmatch, values)):
        return None
    if all(map(ADDRESS.fullmatch, values)):
        return Identifier(name, kind, _address(values))
    columns = next(filter(None, (_pieces(values, pattern) for pattern in PIECES)), None)
    if columns is None:
        return None
    alone = sum(len(set(pieces)) == len(pieces) for pieces in columns) == 1
    places: list[Place] = []
    for pieces in columns:
        words = _words(pieces)
        places += [(words, 1, 1)] if words else _places(pieces, alone)
    digits = any(
        set("".join(chars) or string.digits) & set(string.digits)
        for chars, _, _ in places
        if len(chars) != 1
    )
    if not digits and not any(chars == "@" for chars, _, _ in places):
        return None
    return Identifier(name, kind, tuple(places))


def _pieces(values: Sequence[str], pattern: re.Pattern[str]) -> Sequence[Sequence[str]] | None:
    """The texts piece by piece; `None` if they do not have the same ones."""
    split = [pattern.findall(value) for value in values]
    if len({len(pieces) for pieces in split}) > 1 or not split[0]:
        return None
    found = list(zip(*split, strict=True))
    return found if all(map(_are_alike, found)) else None


def _are_alike(pieces: Sequence[str]) -> bool:
    """Whether all are the same sign, or letters and digits, or only one of these."""
    if not all(piece.isalnum() and piece.isascii() for piece in pieces):
        return len(set(pieces)) == 1
    return len({piece.isdigit() for piece in pieces}) == 1 or not all(
        piece.isdigit() or piece.isalpha() for piece in pieces
    )


def _places(pieces: Sequence[str], alone: bool) -> list[Place]:
    """The places of one piece of all texts; numbers keep their range if others tell rows apart."""
    lengths = {len(piece) for piece in pieces}
    counted = not alone and len(set(pieces)) > 1 and all(map(COUNTED.fullmatch, pieces))
    if len(lengths) == 1 and not counted:
        return [(_kept("".join(column)), 1, 1) for column in zip(*pieces, strict=True)]
    start = _common(pieces)
    rest = [piece[len(start) :] for piece in pieces]
    fixed: list[Place] = [(c, 1, 1) for c in start]
    if all(map(COUNTED.fullmatch, rest)):
        numbers = [int(number) for number in rest]
        if alone and len(set(numbers)) == len(numbers):
            return [*fixed, ("", 0, 10 ** len(str(max(numbers))) - 1)]
        return [*fixed, ("", min(numbers), max(numbers))]
    return [*fixed, (_set("".join(rest)), min(map(len, rest)), max(map(len, rest)))]


def _address(values: Sequence[str]) -> tuple[Place, ...]:
    """Addresses of e-mail: with providers that are there, but not the names of persons."""
    local, domains = zip(*(value.rsplit("@", 1) for value in values), strict=True)
    sizes = [len(one) for one in local]
    person: tuple[Place, ...] = ((string.ascii_lowercase, min(sizes), max(sizes)),)
    if any(set(one) & set(string.digits) for one in local):
        person += (("", 1, 99),)
    words = _words(domains)
    if words:
        return (*person, ("@", 1, 1), (words, 1, 1))
    ends = tuple(domain.rpartition(".")[2] for domain in domains)  # each with a domain of its own
    names = [domain.rpartition(".")[0] for domain in domains]
    sizes = [len(one) for one in names]
    end = _words(ends) or tuple(sorted({*ends}))[:WORDS]
    owner: Place = (string.ascii_lowercase, min(sizes), max(sizes))
    return (*person, ("@", 1, 1), owner, (".", 1, 1), (end, 1, 1))


def _words(pieces: Sequence[str]) -> tuple[str, ...]:
    """Words that stand in a place again and again, as often as they do; none, if it has no such.

    As the names of providers in addresses.
    """
    counts = Counter(pieces)
    often = {word: count for word, count in counts.items() if count > 1}
    rare = len(counts) - len(often)
    if len(counts) < 2 or rare > RARE * len(pieces):
        return ()
    if not all(word.isalpha() or len(word) > 1 for word in counts):  # single digits are places
        return ()
    if not often or len(often) * OFTEN > len(pieces) or len(often) > WORDS:
        return ()
    shares = ((word, often[word] / len(pieces)) for word in sorted(often))
    return tuple(word for word, share in shares for _ in range(max(1, round(WORDS * share))))


def _common(pieces: Sequence[str]) -> str:
    """The letters that all pieces begin with."""
    low, high = min(pieces), max(pieces)
    n = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return re.match(r"[A-Za-z]*", low[:n])[0]  # type: ignore[index]


def _kept(seen: str) -> str:
    """The characters of one place: those seen, if so many rows do not leave others out by chance.

    As in a UUID, where one of 8, 9, a and b says of which sort it is.
    """
    found, all_ = "".join(sorted(set(seen))), _set(seen)
    k, most, n = len(found), len(all_), len(seen)
    return found if math.comb(most, k) * (k / most) ** n < CHANCE else all_


def _set(seen: str) -> str:
    """The characters of a place: those seen, of which there may be few, or all of their sort."""
    seen = "".join(sorted(set(seen)))
    if len(seen) == 1:
        return seen
    sets = LETTERS if seen.isalpha() else SETS
    return next((chars for chars in sets if set(seen) <= set(chars)), seen)


def capacity(pattern: Sequence[Place]) -> float:
    """How many texts a pattern has; infinity for very many."""
    bits = sum(
        most * math.log2(len(set(chars))) if chars else math.log2(most - least + 1)
        for chars, least, most in pattern
    )
    return 2.0**bits if bits < 60 else math.inf


def widened(pattern: Sequence[Place], n: int) -> tuple[Place, ...]:
    """A pattern with twice as many texts as are needed: with more digits free, or else longer."""
    places = list(pattern)
    while capacity(places) < 2 * n:
        fixed = [i for i, place in enumerate(places) if place in FIXED]
        numbers = [i for i, place in enumerate(places) if not place[0] and place[2] < LARGEST]
        if numbers:
            _, least, most = places[numbers[-1]]
            places[numbers[-1]] = ("", least, 10 * most + 9)
            continue
        if fixed:
            places[fixed[-1]] = (string.digits, 1, 1)
            continue
        free = {i: (one, a, b) for i, (one, a, b) in enumerate(places) if isinstance(one, str)}
        few = [i for i, (chars, _, _) in free.items() if 1 < len(chars) < len(_set(chars))]
        if few:
            chars, least, most = free[few[-1]]
            places[few[-1]] = (_set(chars), least, most)
            continue
        if not free:
            places.append((string.digits, 1, 1))
            continue
        at = max(free, key=lambda i: (len(free[i][0]), i))
        chars, _, most = free[at]
        places[at] = (chars if len(chars) > 1 else string.digits, most + 1, most + 1)
    return tuple(places)


def _drawn(pattern: Sequence[Place], random: np.random.Generator) -> str:
    made = []
    for chars, least, most in pattern:
        if not chars:
            made.append(str(random.integers(least, most + 1)))
            continue
        n = least if least == most else int(random.integers(least, most + 1))
        several = len(chars) > 1
        made += [chars[i] for i in random.integers(0, len(chars), n)] if several else n * [*chars]
    return "".join(made)


def checked_identifier(row: dict[str, Any]) -> Identifier:
    """An identifier as a stranger's file describes it.

    Raises:
        ValueError: If it describes none.
    """
    if set(row) != {"name", "type", "pattern", "first", "step"} or not isinstance(row["name"], str):
        raise ValueError(f"an identifier is described by {sorted(row)}")
    type_of(row["type"])
    pattern = tuple(
        (tuple(chars) if isinstance(chars, list) else chars, least, most)
        for chars, least, most in row["pattern"]
    )
    for chars, least, most in pattern:
        whole = type(least) is type(most) is int and 0 <= least <= most
        words = chars if isinstance(chars, tuple) else (chars,)
        known = all(isinstance(word, str) and len(word) <= LONGEST for word in words)
        if not known or not words or len(chars) > 2 * LONGEST or not whole:
            raise ValueError(f"the pattern of {row['name']!r} is none")
        if most > (LONGEST if chars else 10 * LARGEST):
            raise ValueError(f"the pattern of {row['name']!r} is none")
    if len(pattern) > LONGEST or not all(type(row[k]) is int for k in ("first", "step")):
        raise ValueError(f"the numbers of {row['name']!r} are none")
    return Identifier(row["name"], row["type"], pattern, row["first"], row["step"])
