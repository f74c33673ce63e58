"""Rules that hold in all rows of a table, with so many rows that it is no accident."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
from jaxtyping import Float

from entropae.kinds.tables.arithmetic import Product, Sum, tolerance
from entropae.kinds.tables.column import Column
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.compared import family, keys_of
from entropae.kinds.tables.identifiers import Identifier
from entropae.kinds.tables.plain import per_day, plain, type_of
from entropae.kinds.tables.rule import Rule, listed
from entropae.kinds.tables.rules import Before, Gives, about_others, rule_of, steps

# −log of the chance that a rule holds by accident, were its columns independent.
EVIDENCE = 30.0
LEAST = 0.02  # share of random pairs that must break an inequality: else their ranges say it all
LOOKED = 20_000  # rows that rules are looked for in, before they are held against all
MOST = 60  # columns among which sums and products are looked for
USUAL = 1e60  # numbers that are added or multiplied are smaller
FIRST = 32  # rows that a product is tried on first
DIGITS = 10  # of a factor, at most
SPREAD = 5  # rows at least for each value of a column that gives another
MOST_BROKEN = 0.9  # of the rows, by which a rule that is asked for is taken as a slip
REPEATED = 2  # if drawn values of it are among those seen


def propose(table: Any, columns: Columns) -> tuple[Rule, ...]:
    """The rules that all rows of a `pyarrow.Table` keep, with evidence.

    An inequality must hold where random pairs of its two columns would break it often; a column
    that gives another must repeat its values so often that the same value beside each is no chance;
    sums must have coefficients of 1 and hold exactly, products to the decimals of the column that
    is one. What follows from other rules is left out.
    """
    some = table.slice(0, LOOKED)
    found: list[Rule] = [*_gives(some, columns)]
    given = {rule.to for rule in found if isinstance(rule, Gives)}
    products, scaled = _products(some, columns, given)
    found += [*products, *_sums(some, columns, given), *scaled]
    kept: list[Rule] = []
    for rule in found:
        if isinstance(rule, Gives):
            try:
                kept.append(rule.learnt(table))
            except ValueError:
                continue
        elif rule.met(table, columns).all():
            kept.append(rule)
    kept = [rule for rule, _ in steps(kept)]
    # Two columns that are equal to their decimals are not in any order as well.
    tied = [{*rule.names} for rule in kept]
    ordered = (rule for rule in _befores(some, columns) if {*rule.names} not in tied)
    return (*kept, *(rule for rule in ordered if rule.met(table, columns).all()))


def _numbers(table: Any, column: Column, *, codes: bool = False) -> np.ndarray | None:
    """A column of numbers or times, NaN where it is missing; `None` if it is of categories.

    With `codes` also one of numbers that are taken for categories.
    """
    found = plain(table.column(column.name))
    texts = found.values.dtype.kind in "Ob" and not column.form
    if texts and not column.type.startswith("decimal"):
        return None
    categories = ("constant", "text", "boolean") if codes else ("category", "constant", "text")
    if column.meaning in categories or (codes and column.type.startswith("dict")):
        return None
    values = keys_of(Columns([column]), column.name, found.values, in_utc=True).astype(np.float64)
    return np.where(found.absent, np.nan, values)


def _befores(table: Any, columns: Columns) -> list[Rule]:
    """Inequalities, without those that follow from two others."""
    found: dict[tuple[str, str], str] = {}
    numbers = {
        c.name: (family(c), None if x is None else x / (per_day(c) or 1))
        for c in columns.columns
        if not c.order
        for x in [_numbers(table, c)]
    }
    random = np.random.default_rng(0)
    for (a, (sort, x)), (b, (other, y)) in combinations(numbers.items(), 2):
        if x is None or y is None or sort != other:
            continue
        there = ~np.isnan(x) & ~np.isnan(y)
        left, right = x[there], y[there]
        if np.array_equal(left, right):  # of which more is found than that
            continue
        for low, high, first, second in ((left, right, a, b), (right, left, b, a)):
            if not len(low) or not (low <= high).all():
                continue
            broken = np.mean(low > random.permutation(high))
            if broken >= LEAST and -math.log1p(-min(broken, 0.999)) * len(low) >= EVIDENCE:
                found[first, second] = "<=" if (low == high).any() else "<"
                break
    direct = {
        (a, b): sign
        for (a, b), sign in found.items()
        if not any((a, c) in found and (c, b) in found for c in numbers)
    }
    return [Before(a, sign, b) for (a, b), sign in direct.items()]


def _gives(table: Any, columns: Columns) -> list[Gives]:
    """Columns whose values are given by those of a column of categories."""
    codes = {c.name: _codes(table.column(c.name)) for c in columns.columns}
    sizes = {name: int(code.max()) + 1 for name, code in codes.items()}
    most = {c.name: len(table) / (REPEATED if _only_seen(c) else SPREAD) for c in columns.columns}
    givers = sorted((n for n in codes if 2 <= sizes[n] <= most[n]), key=sizes.__getitem__)
    found: list[Gives] = []
    giver: dict[str, str] = {}
    for a in givers:
        for b in codes:
            if a == b or b in giver or sizes[b] > sizes[a] or _leads(giver, a, b):
                continue
            if _given(codes[a], codes[b], sizes[a], sizes[b]):
                giver[b] = a
                found.append(Gives(a, b, sizes[a] == sizes[b]))
    # One that is given comes after what gives it.
    depth = {b: _depth(giver, b) for b in giver}
    return sorted(found, key=lambda rule: depth[rule.to])


def _only_seen(column: Column) -> bool:
    return column.categories is not None or column.sites is not None


def _leads(giver: dict[str, str], a: str, b: str) -> bool:
    """Whether what gives `a` is in the end given by `b`."""
    while a in giver:
        a = giver[a]
        if a == b:
            return True
    return False


def _depth(giver: dict[str, str], name: str) -> int:
    return 1 + _depth(giver, giver[name]) if name in giver else 0


def _codes(column: Any) -> np.ndarray:
    known: dict[Any, int] = {}
    return np.array([known.setdefault(v, len(known)) for v in listed(column)], np.int64)


def _given(a: np.ndarray, b: np.ndarray, m: int, k: int) -> bool:
    if k < 2:
        return False
    first = np.full(m, -1)
    first[a[::-1]] = b[::-1]
    if (first[a] != b).any():
        return False
    same = float(((np.bincount(b, minlength=k) / len(b)) ** 2).sum())
    return -math.log(same) * (len(a) - m) >= EVIDENCE


def _sums(table: Any, columns: Columns, given: set[str]) -> list[Sum]:
    """Columns that add up, from the null space of their covariance."""
    numbers = {
        c.name: _numbers(table, c)
        for c in columns.columns
        if family(c) == "number" and c.name not in given and not c.order
    }
    known = {
        name: x
        for name, x in numbers.items()
        if x is not None and _of_usual_size(x) and np.ptp(x[~np.isnan(x)]) > 0
    }
    names = list(known)[:MOST]
    if len(names) < 2:
        return []
    x = np.stack([known[name] for name in names], 1)
    x = x[~np.isnan(x).any(1)]
    if len(x) < 3 * len(names) + EVIDENCE:
        return []
    vary = np.ptp(x, axis=0) > 0  # in rows in which nothing is missing
    names, x = [name for name, varies in zip(names, vary, strict=True) if varies], x[:, vary]
    if len(names) < 2:
        return []
    found = []
    for row in _null(x):
        rule = _sum(names, row, x)
        if rule is not None:
            found.append(rule)
    return found


def _products(table: Any, columns: Columns, given: set[str]) -> tuple[list[Product], list[Product]]:
    """Columns that are products or quotients of two others; and those of one and a number.

    A quotient may be by a square, as the body mass index is.
    """
    known = {
        c.name: x
        for c in columns.columns
        if family(c) == "number" and not c.order
        for x in [_numbers(table, c, codes=True)]
        if x is not None and len(np.unique(x[~np.isnan(x)])) > 1 and _of_usual_size(x)
    }
    names = list(known)[:MOST]
    best: dict[frozenset[str], tuple[float, Product]] = {}
    for rule in _likely(names, known, columns) if names else ():
        loose = _looseness(rule, known, columns)
        columns_of_it = frozenset(rule.names)
        if rule.total not in given and loose < best.get(columns_of_it, (np.inf, rule))[0]:
            best[columns_of_it] = loose, rule
    found = [rule for _, rule in best.values()]
    return [r for r in found if len(r.parts + r.over) > 1], [
        r for r in found if len(r.parts + r.over) == 1
    ]


def _of_usual_size(x: np.ndarray) -> bool:
    """Whether squares, products and quotients of such numbers are numbers too."""
    size = np.abs(x[~np.isnan(x) & (x != 0)])
    return bool(size.max(initial=1) < USUAL and size.min(initial=1) > 1 / USUAL)


def _likely(names: list[str], known: dict[str, np.ndarray], columns: Columns) -> Iterator[Product]:
    """Products that hold in the first rows."""
    first = np.stack([known[name][:FIRST] for name in names], 1)
    pairs = np.array([*combinations_with_replacement(range(len(names)), 2)])
    product = first[:, pairs[:, 0]] * first[:, pairs[:, 1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = first[:, :, None] / first[:, None, :]
        over_square = ratio / first[:, None, :]
    for i, total in enumerate(names):
        column = columns.named(total)

        def holds(made: np.ndarray, there: np.ndarray, column: Any = column) -> np.ndarray:
            with np.errstate(invalid="ignore"):
                off = np.abs(made - there)
                return np.all(np.isnan(off) | (off <= tolerance(column, made)), 0)

        for a, b in pairs[holds(product, first[:, [i]]) & (pairs != i).all(1)]:
            yield Product((names[a], names[b]), total)
        for times, made in ((1, ratio), (2, over_square)):
            for a, b in np.argwhere(holds(made, first[:, i, None, None])):
                if len({a, b, i}) == 3:
                    yield Product((names[a],), total, times * (names[b],))
        for name in names[:i]:
            yield from _scaled(name, total, known, column)


def _scaled(
    name: str, total: str, known: dict[str, np.ndarray], column: Column | Identifier
) -> Iterator[Product]:
    """A product with the number of fewest digits of all by which it can be one."""
    there = ~np.isnan(known[name]) & ~np.isnan(known[total]) & (known[name] != 0)
    x, y = known[name][there], known[total][there]
    some = slice(FIRST)
    alike = float(x[some] @ y[some]) ** 2
    if not alike or alike < 0.99 * float(x[some] @ x[some]) * float(y[some] @ y[some]):
        return
    low, high = _factors(x[some], y[some], column)
    if low <= high:
        low, high = _factors(x, y, column)
    if not low <= high or low <= 0 <= high or low <= 1 <= high:
        return
    for digits in range(1, DIGITS + 1):
        factor = float(f"{(low + high) / 2:.{digits}g}")
        divisor = float(f"{2 / (low + high):.{digits}g}")
        if low <= factor <= high:
            yield Product((name,), total, factor=factor)
            return
        if low <= 1 / divisor <= high:
            yield Product((name,), total, divisor=divisor)
            return


def _factors(x: np.ndarray, y: np.ndarray, column: Column | Identifier) -> tuple[float, float]:
    """Between which numbers a factor is by which all `x` are `y`, rounded."""
    half = tolerance(column, y)
    first, second = (y - half) / x, (y + half) / x
    return float(np.minimum(first, second).max()), float(np.maximum(first, second).min())


def _looseness(rule: Product, known: dict[str, np.ndarray], columns: Columns) -> float:
    """By how much of its spread a product may be off; infinite if there is no evidence for it."""
    there = ~np.any([np.isnan(known[name]) for name in rule.names], 0)
    if there.sum() < 2:
        return np.inf
    total = known[rule.total][there]
    made = rule.product({name: known[name][there] for name in rule.names})
    near = tolerance(columns.named(rule.total), made)
    if not (np.abs(made - total) <= near).all():
        return np.inf
    by_chance = np.mean(np.abs(made - np.random.default_rng(0).permutation(total)) <= near)
    if -math.log(max(by_chance, 1 / len(made))) * len(made) < EVIDENCE:
        return np.inf
    return float(near.mean() / max(total.std(), 1e-300))


def _null(x: Float[np.ndarray, "n m"]) -> list[np.ndarray]:
    """A sparse basis of the directions in which rows do not vary."""
    spread = x.std(0)
    centred = (x - x.mean(0)) / np.maximum(spread, 1e-300)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    basis = directions[sizes < 1e-7 * sizes[0]] / spread
    rows: list[np.ndarray] = []
    for pivot in range(basis.shape[1] - 1, -1, -1):
        if not len(basis):
            break
        scaled = np.abs(basis[:, pivot]) * spread[pivot]
        best = int(scaled.argmax())
        if scaled[best] < 1e-6:
            continue
        row = basis[best] / basis[best, pivot]
        others = np.delete(basis, best, 0)
        basis = others - others[:, pivot : pivot + 1] * row
        rows = [r - r[pivot] * row for r in rows]
        rows.append(row)
    return rows


def _sum(names: Sequence[str], row: np.ndarray, x: np.ndarray) -> Sum | None:
    signs = np.rint(row)
    if np.abs(row - signs).max() > 1e-4 or np.abs(signs).max() > 1 or (signs != 0).sum() < 2:
        return None
    plus = [name for name, sign in zip(names, signs, strict=True) if sign > 0]
    minus = [name for name, sign in zip(names, signs, strict=True) if sign < 0]
    values = x @ signs
    constant = float(np.median(values))
    if np.abs(values - constant).max() > 1e-9 * (1 + np.abs(x).max()):
        return None
    if not minus or not plus:
        return Sum(tuple(plus or minus), round(constant if plus else -constant, 9))
    if abs(constant) > 1e-9:
        return None
    if len(plus) == 1:
        return Sum(tuple(minus), plus[0])
    return Sum(tuple(plus), minus[0]) if len(minus) == 1 and len(plus) > 1 else None


def supports(rule: Rule, columns: Columns) -> None:
    """Raise unless a rule that was declared is of columns that it can be about.

    Raises:
        ValueError: If one names the rows, or is of texts where numbers are needed.
    """
    for name in rule.names:
        column = columns.named(name)
        if not isinstance(column, Column):
            raise ValueError(f"The rule {rule} is about {name!r}, which names the rows.")
        texts = str(type_of(column.type)).startswith(("string", "large_string", "dict", "bool"))
        if (
            isinstance(rule, Before | Sum | Product)
            and texts
            and not column.form
            and not column.order
        ):
            raise ValueError(f"The rule {rule} needs numbers, dates or times: {name!r} is of none.")


def declared_and_found(
    table: Any,
    columns: Columns,
    texts: Sequence[str],
    *,
    find: bool,
    given: Collection[str] = (),
) -> tuple[Rule, ...]:
    """The rules that were declared, which must hold, and those that are found if asked for.

    What follows from other columns is in the order in which it is computed. What is found of
    `given` columns alone is left out: they are not drawn.
    """
    told = [rule_of(text, columns.order) for text in texts]
    for i, rule in enumerate(told):
        supports(rule, columns)
        if isinstance(rule, Gives):
            told[i] = rule.learnt(table)
        else:
            broken = int((~rule.met(table, columns)).sum())
            if broken > MOST_BROKEN * len(table):
                raise ValueError(
                    f"{broken} of {len(table)} rows break the rule {rule}: is it meant the other "
                    "way round? Correct it, or leave it out."
                )
            if broken:
                warnings.warn(
                    f"{broken} of {len(table)} rows break the rule {rule}. No drawn row will.",
                    stacklevel=7,
                )
    known = {str(rule) for rule in told}
    found = about_others(propose(table, columns), given) if find else ()
    every = (*told, *(rule for rule in found if str(rule) not in known))
    first = [rule for rule, _ in steps(every)]
    return (*first, *(rule for rule in every if rule not in first))
