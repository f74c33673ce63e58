"""Rules that hold in every row of a table: one before the other, one given by another, keys."""

from __future__ import annotations

import graphlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool

from entropae.kinds.tables.arithmetic import Product, Sum
from entropae.kinds.tables.column import Column
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.compared import keys_beside
from entropae.kinds.tables.conditions import COMPARED
from entropae.kinds.tables.plain import arrow, plain, type_of
from entropae.kinds.tables.rule import Rule, clear, listed, opaque, quoted
from entropae.messages import unknown

NAME = r"(`[^`]+`|[^`<>=+,]+?)"
BEFORE = re.compile(rf"\s*{NAME}\s*(<=|<|>=|>)\s*{NAME}\s*")
GIVES = re.compile(rf"\s*{NAME}\s*(->|<->)\s*{NAME}\s*")
NUMBER = re.compile(r"[+-]?\d+\.?\d*(?:e[+-]?\d+)?", re.IGNORECASE)
KEY = re.compile(r"\s*unique\s+(.+)", re.IGNORECASE)
LARGEST = 1 << 24  # bytes of a file of rules
HOW = (
    "Write 'start <= end', 'country -> currency' (or <-> if each gives the other), 'a + b = c', "
    "'a + b = 100', 'price * quantity = total', 'total / quantity = price', 'net * 1.19 = gross' "
    "or 'unique store, day'; names with such signs in backquotes."
)


@dataclass(frozen=True)
class Before(Rule):
    """One column is below another."""

    low: str
    sign: str
    high: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self.low, self.high

    def __str__(self) -> str:
        return f"{quoted(self.low)} {self.sign} {quoted(self.high)}"

    def met(self, table: Any, columns: Columns) -> Bool[np.ndarray, " n"]:
        """Where one is below the other."""
        a, b = plain(table.column(self.low)), plain(table.column(self.high))
        left, right = keys_beside(columns, (self.low, self.high), (a.values, b.values))
        return COMPARED[self.sign](left, right).astype(bool) | a.absent | b.absent


@dataclass(frozen=True)
class Gives(Rule):
    """A value of one column has one value of another beside it, always."""

    of: str
    to: str
    both: bool = False
    known: Mapping[Any, Any] = field(default_factory=dict, repr=False)
    signs: ClassVar[dict[bool, str]] = {False: "->", True: "<->"}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self.of, self.to

    def __str__(self) -> str:
        return f"{quoted(self.of)} {self.signs[self.both]} {quoted(self.to)}"

    def learnt(self, table: Any) -> Gives:
        """With the values that stand beside each other in a table.

        Raises:
            ValueError: If a value has several.
        """
        a, b = (listed(table.column(name)) for name in self.names)
        known: dict[Any, Any] = {}
        for left, right in zip(a, b, strict=True):
            if known.setdefault(left, right) != right:
                raise ValueError(
                    f"The rule {self} does not hold: {left!r} has {known[left]!r} and {right!r} "
                    "beside it. Leave it out."
                )
        if self.both and len(set(known.values())) < len(known):
            raise ValueError(f"The rule {self} does not hold: write -> instead of <->.")
        return Gives(self.of, self.to, self.both, known)

    def met(self, table: Any, columns: Columns) -> Bool[np.ndarray, " n"]:
        """Where the value is the one that is given."""
        a, b = (listed(table.column(name)) for name in self.names)
        known = self.known or self.learnt(table).known
        return np.array([x in known and known[x] == y for x, y in zip(a, b, strict=True)], bool)

    @property
    def gives(self) -> tuple[str, ...]:
        """The second, and the first if each gives the other."""
        return (self.to, self.of) if self.both else (self.to,)

    def repaired(self, table: Any, columns: Columns, name: str | None = None) -> Any:
        """One column by the other."""
        a, b = (listed(table.column(name)) for name in self.names)
        known = self.known
        if name == self.of:
            a, b, known = b, a, {right: left for left, right in known.items()}
        made = [known.get(x, y) for x, y in zip(a, b, strict=True)]
        return _with(table, columns, name or self.to, made)

    def settings(self) -> dict[str, Any]:
        """With the values beside each other."""
        return {"rule": str(self), "known": [list(pair) for pair in self.known.items()]}


@dataclass(frozen=True)
class Unique(Rule):
    """No two rows have the same values in these columns."""

    keys: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self.keys

    def __str__(self) -> str:
        return f"unique {', '.join(map(quoted, self.keys))}"

    def met(self, table: Any, columns: Columns) -> Bool[np.ndarray, " n"]:
        """All rows but those that repeat an earlier one."""
        seen: set[tuple[Any, ...]] = set()
        rows = list(zip(*(listed(table.column(name)) for name in self.keys), strict=True))
        held = np.zeros(len(rows), bool)
        for i, row in enumerate(rows):
            held[i] = row not in seen
            seen.add(row)
        return held


def _with(table: Any, columns: Columns, name: str, made: list[Any]) -> Any:
    """A table with other plain values in a column."""
    column = columns.named(name)
    kind = type_of(column.type)
    absent = np.array([value is None for value in made], bool)
    blank = _blank(made)
    filled = [blank if value is None else value for value in made]
    levels = None
    if isinstance(column, Column):
        levels = column.dictionary or column.categories
    values: Any = filled
    if filled and not isinstance(filled[0], str):
        values = np.array(filled)
    made_column = arrow(values, kind, absent, levels=levels)
    return table.set_column(table.column_names.index(name), name, made_column)


def _blank(values: list[Any]) -> Any:
    return next((value for value in values if value is not None), 0)


def about_others(rules: Iterable[Rule], given: Collection[str]) -> tuple[Rule, ...]:
    """The rules that are not about given columns alone, which are not drawn.

    Nor that one of these gives another column: new rows have other values of it.
    """
    about = (rule for rule in rules if not {*given} >= {*rule.names})
    return tuple(r for r in about if not (isinstance(r, Gives) and {*given} & {*r.names}))


def rule_of(text: str, names: Sequence[str]) -> Rule:
    """A rule as it is written.

    Raises:
        ValueError: If it cannot be read, or a column is unknown.

    Examples:
        >>> rule_of("end >= start", ["start", "end"])
        Before(low='start', sign='<=', high='end')
        >>> rule_of("a + b = 100", ["a", "b"])
        Sum(parts=('a', 'b'), total=100.0)
        >>> str(rule_of("price*quantity / 100 = total", ["price", "quantity", "total"]))
        'price * quantity / 100 = total'
    """
    text = opaque(text)
    key, gives, before = KEY.fullmatch(text), GIVES.fullmatch(text), BEFORE.fullmatch(text)
    if key and not (gives or before):
        return Unique(tuple(_known(part, names) for part in _split(key[1], ",")))
    if gives:
        return Gives(_known(gives[1], names), _known(gives[3], names), gives[2] == "<->")
    if before:
        for side in (before[1], before[3]):
            if NUMBER.fullmatch(side.strip()) and side.strip() not in names:
                raise ValueError(
                    f"{text!r} compares a column with a number, and a rule two columns. Drawn "
                    "numbers stay within the range of the training rows by themselves; for a "
                    "narrower range sample under a condition: --where (where= in Python)."
                )
        low, sign, high = _known(before[1], names), before[2], _known(before[3], names)
        return Before(low, sign, high) if "<" in sign else Before(high, sign.replace(">", "<"), low)
    left, equals, right = _partition(text)
    if not equals or not right.strip():
        raise ValueError(f"{text!r} is no rule. {HOW}")
    product = _product(left, right, names)
    if product is not None:
        return product
    parts = tuple(_known(part, names) for part in _split(left, "+"))
    try:
        return Sum(parts, float(right))
    except ValueError:
        return Sum(parts, _known(right, names))


def _product(left: str, right: str, names: Sequence[str]) -> Product | None:
    """A rule of columns and numbers with `*` and ` / ` between."""
    pieces = re.split(r"(\*| / )(?=(?:[^`]*`[^`]*`)*[^`]*$)", f"*{left}")[1:]
    if len(pieces) < 4:
        return None
    columns: dict[str, list[str]] = {"*": [], "/": []}
    numbers = {"*": 1.0, "/": 1.0}
    for sign, piece in zip(pieces[::2], pieces[1::2], strict=True):
        sign = sign.strip()
        if NUMBER.fullmatch(piece.strip()):  # a column of such a name is quoted
            numbers[sign] *= float(piece)
        else:
            columns[sign].append(_known(piece, names))
    total, known = _known(right, names), (*columns["*"], *columns["/"])
    finite = all(np.isfinite(value) and value for value in numbers.values())
    if not columns["*"] or total in known or not finite:
        raise ValueError(f"{left.strip()} = {right.strip()} is no rule. {HOW}")
    return Product(tuple(columns["*"]), total, tuple(columns["/"]), numbers["*"], numbers["/"])


def _partition(text: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"((?:`[^`]*`|[^`=])*)(=)(.*)", text)
    return (found[1], found[2], found[3]) if found else (text, "", "")


def _split(text: str, mark: str) -> list[str]:
    return [part for part in re.findall(rf"(?:`[^`]*`|[^`{mark}])+", text) if part.strip()]


def _known(name: str, names: Sequence[str]) -> str:
    name = clear(name.strip().strip("`"))
    if name not in names:
        raise ValueError(unknown("column", name, names))
    return name


def rule_from(said: Mapping[str, Any], names: Sequence[str]) -> Rule:
    """What `Rule.settings` gave.

    Raises:
        ValueError: If it is no rule of these columns.
    """
    if not isinstance(said, Mapping) or not isinstance(said.get("rule"), str):
        raise ValueError("a rule is a text")
    rule = rule_of(said["rule"], names)
    if not isinstance(rule, Gives):
        return rule
    known = dict(said["known"])
    return Gives(rule.of, rule.to, rule.both, known)


def steps(rules: Sequence[Rule]) -> tuple[tuple[Rule, str], ...]:
    """The rules that set a column and which, each after those that set what it is computed from.

    No column is set twice, nor by what is computed from it: rules for which none is left are not
    among them.
    """
    chosen: dict[str, Rule] = {}
    before: dict[str, set[str]] = {}
    for rule in rules:
        exact = rule.gives[:1] if isinstance(rule, Product) else rule.gives
        for name in exact:
            inputs = {*rule.names} - {name}
            if name not in chosen and not _computed(inputs, name, before):
                chosen[name], before[name] = rule, inputs
                break
    order = graphlib.TopologicalSorter(before).static_order()
    return tuple((chosen[name], name) for name in order if name in chosen)


def _computed(inputs: set[str], name: str, before: Mapping[str, set[str]]) -> bool:
    """Whether one of some columns is computed from a column."""
    return any(one == name or _computed(before.get(one, set()), name, before) for one in inputs)


def said_of_gaps(rules: Sequence[Rule]) -> dict[str, Any]:
    """What rules say of columns that may be counted from each other, see `gaps.with_gaps`."""
    ordered = [frozenset(rule.names) for rule in rules if isinstance(rule, Before)]
    return {"computed": {name for _, name in steps(rules)}, "ordered": ordered}


def read_rules(path: Path, names: Sequence[str], *, some: bool = False) -> tuple[Rule, ...]:
    """The rules in a file, of models that have one.

    Raises:
        ValueError: If it is damaged, or is missing where there were some rules.
    """
    if not path.is_file() and not some:
        return ()
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        return tuple(rule_from(said, names) for said in json.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing.") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
