"""Rows that are asked for: under conditions, with shares of categories, by the rules."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from entropae.kinds.label_tables import class_name
from entropae.kinds.labels import RARE, names
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.compared import key_of
from entropae.kinds.tables.conditions import (
    QUOTED,
    Condition,
    conditions,
    is_missing,
    meant,
    meets,
    name_begun,
    unquoted,
)
from entropae.kinds.tables.drawn import Account, Draw, Meets, Wanted, counts_of, rows_of
from entropae.kinds.tables.plain import is_text, type_of
from entropae.kinds.tables.rules import Rule
from entropae.messages import unknown

Where = str | Mapping[str, Any] | Callable[[Any], Any]
Shares = str | Mapping[str, Any]
Near = Callable[[Meets], tuple[Draw, int]]
PAIR = re.compile(
    r"""\s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^,\s][^,]*?)"""
    r"\s*:\s*(?P<share>[\d.]+(?:[eE][+-]?\d+)?)\s*%?\s*(?:,|$)"
)
NARROW = 0.5  # of the usual bandwidth: rows near to rare ones should stay rare


def draw_rows(
    columns: Columns,
    rules: tuple[Rule, ...],
    draw: Draw,
    n: int,
    *,
    seed: int,
    where: Where | None = None,
    shares: Shares | None = None,
    near: Near | None = None,
    of: tuple[Condition, ...] = (),
    frame: Callable[[Any], Any] = lambda table: table,
    words: Mapping[str, str] | None = None,
) -> tuple[Any, Account]:
    """Rows that meet conditions, of given shares, with identifiers.

    Args:
        columns: What they are of.
        rules: That all keep.
        draw: What draws vectors.
        n: How many.
        seed: For the same rows again.
        where: Conditions, or a function from a frame to a value for each row.
        shares: Of the categories of a column: `species=equal`, `species=a:0.7,b:0.3`, or a mapping.
        near: What draws near to training rows that meet conditions.
        of: Further conditions, such as that of a class.
        frame: Makes of a `pyarrow.Table` what such a function takes.
        words: That stand for what is missing, by column.

    Raises:
        ValueError: If they cannot be had.
    """
    import pyarrow as pa

    asked = of
    if where is not None and not callable(where):
        given = conditions(where, columns.order)
        asked += tuple(meant(one, columns, words or {}) for one in given)
        for one in asked:
            _check_drawn(one, columns)
            _tell_alphabet(one, columns)

    def wanted(count: int, more: tuple[Condition, ...] = ()) -> Wanted:
        every = (*asked, *more)
        if where is None and not every:
            return Wanted(count)

        def met(table: Any) -> np.ndarray:
            held = meets(table, every, columns)
            if callable(where):
                held &= _told(_function(where, frame(table), columns), len(table))
            return held

        said = ", ".join(map(str, every)) or "the condition"
        return Wanted(count, met, said)

    def rows(want: Wanted) -> tuple[Any, Account]:
        close = partial(near, want.meets) if near and want.meets else None
        return rows_of(columns, rules, draw, want, seed=seed, near=close)

    if shares is None:
        table, account = rows(wanted(n))
    else:
        name, parts = shares_of(shares, columns)
        made, account = [], Account()
        for value, count in counts_of(parts, n).items():
            if count:
                sign, values = ("missing", ()) if value is None else ("==", (value,))
                table, one = rows(wanted(count, (Condition(name, sign, values),)))
                made.append(table)
                account.add(one)
        table = pa.concat_tables(made)
        table = table.take(np.random.default_rng(seed).permutation(len(table)))
    return named(columns, table, seed), account


def of_classes(
    columns: Columns,
    labels: str | None,
    classes: Sequence[str],
    shares: Shares | None,
    drawing: Mapping[str, Any],
) -> tuple[tuple[Condition, ...], Shares | None, dict[str, Any]]:
    """Rows of classes as conditions, shares and options of `model.draw`.

    A prior that knows of classes only makes them likely. Classes that it has together as one, as
    they are rare, and those of a column that it knows nothing of, can be had alone.

    Args:
        columns: Of the rows.
        labels: The column that has their classes, if there is one.
        classes: Those that the prior knows.
        shares: That are asked for, if any are.
        drawing: With `label` and `balanced`, if they are.

    Raises:
        ValueError: If there is no such class.
    """
    label, balanced = drawing.get("label"), drawing.get("balanced", False)
    if labels is None or labels not in columns.order or (label is None and not balanced):
        return (), shares, dict(drawing)
    column = columns.named(labels)
    values = {class_name(value): value for value in getattr(column, "categories", None) or ()}
    values |= {"": None} if getattr(column, "missing", False) else {}
    alone = [name for name in values if name in classes] or list(values)
    rare = [name for name in values if name not in alone]
    if label is None:
        parts = {values[name]: 1.0 for name in alone} | {values[n]: 1 / len(rare) for n in rare}
        shares = {labels: parts} if shares is None else shares
        return (), shares, {**drawing, "balanced": bool(classes)}
    (label,) = names([label])
    meant = rare if label == RARE and label not in values else [label]
    if not all(name in values for name in meant) or not meant:
        raise ValueError(unknown("label", label, [*values, *([RARE] if rare else [])]))
    known = label if label in classes else RARE if RARE in classes else None
    found = tuple(values[name] for name in meant)
    sign = "in" if len(found) > 1 else "missing" if found == (None,) else "=="
    one = Condition(labels, sign, () if sign == "missing" else found)
    return (one,), shares, {**drawing, "label": known}


def _function(where: Callable[[Any], Any], frame: Any, columns: Columns) -> Any:
    """What a function of a user's gives; where it asks for identifiers, these are named."""
    try:
        return where(frame)
    except Exception as error:
        for one in columns.identifiers:
            if one.name in str(error):
                raise ValueError(_of_identifiers("`where`", one.name)) from error
        raise


def _told(found: Any, n: int) -> np.ndarray:
    """What a function of a user's says of each row; what is missing is not met.

    Raises:
        ValueError: If it is not one value for each.
    """
    values = found.to_list() if hasattr(found, "to_list") else found
    values = values.to_pylist() if hasattr(values, "to_pylist") else values
    if np.shape(values) != (n,):
        raise ValueError(
            "`where` must give a value for each row, as lambda frame: frame['age'] > 40 does: got "
            f"{type(found).__name__} of shape {np.shape(values)} for {n} rows."
        )
    made = np.asarray(values, object)
    made[[is_missing(value) for value in values]] = False
    return made.astype(bool)


def _check_drawn(one: Condition, columns: Columns) -> None:
    """Raise if a condition is on identifiers, which are made when all else has been drawn.

    Raises:
        ValueError: If it is.
    """
    for name in (one.name, one.other):
        if any(name == identifier.name for identifier in columns.identifiers):
            raise ValueError(_of_identifiers(repr(str(one)), str(name)))


def _of_identifiers(said: str, name: str) -> str:
    return (
        f"{said} asks for values of {name!r}, which are identifiers: new rows get new ones. Ask "
        f"for something else, or declare it a category: --category {shlex.quote(name)} "
        f"(columns={{{name!r}: 'category'}} in Python)."
    )


def _tell_alphabet(one: Condition, columns: Columns) -> None:
    """Say so if words that have no order are compared by the alphabet."""
    column = columns.named(one.name)
    known = getattr(column, "categories", None) or ()
    by_letters = is_text(type_of(column.type)) and not getattr(column, "order", None)
    codes = len({len(str(value)) for value in known}) == 1
    if one.sign not in ("<", "<=", ">", ">=") or not known or not by_letters or codes:
        return
    some = ", ".join(map(repr, known[:2]))
    warnings.warn(
        f"{str(one)!r} goes by the alphabet, as the values of {one.name!r} have no order. Declare "
        f"them in theirs: --columns (columns={{{one.name!r}: [{some}, …]}} in Python), or name "
        f"those that are meant: '{one.name} in (a, b)'.",
        stacklevel=7,
    )


def named(columns: Columns, table: Any, seed: int) -> Any:
    """A table with identifiers, its columns in their order."""
    import pyarrow as pa

    own = np.random.SeedSequence(seed).spawn(len(columns.identifiers))
    made = dict(zip(table.column_names, table.columns, strict=True))
    for one, stream in zip(columns.identifiers, own, strict=True):
        made[one.name] = one.make(len(table), np.random.default_rng(stream))
    return pa.table({name: made[name] for name in columns.order})


def shares_of(shares: Shares, columns: Columns) -> tuple[str, dict[Any, float]]:
    """A column, and the shares of its categories.

    Raises:
        ValueError: If they cannot be read, are not positive, or the column has no categories.
    """
    how = "Write species=equal, or species=a:0.7,b:0.3."
    if isinstance(shares, str):
        name, given = _written(shares, columns, how)
    elif len(shares) == 1:
        name, given = next((str(label), parts) for label, parts in shares.items())
    else:
        raise ValueError(f"Shares can be given of one column: got {list(shares)}.")
    column = columns.named(name)
    known = getattr(column, "categories", None)
    if not known:
        raise ValueError(f"The column {name!r} has no categories to have shares of.")
    if given == "equal":
        return name, dict.fromkeys(known, 1.0)
    if not isinstance(given, Mapping) or not all(0 <= v < np.inf for v in given.values()):
        raise ValueError(f"Shares must be 0 or more for each category: got {given!r}. {how}")
    for value in given:
        if value is not None or not getattr(column, "missing", False):
            key_of(columns, name, value)
    if not sum(given.values()) > 0:
        raise ValueError(f"At least one share must be more than 0: got {given!r}.")
    return name, {value: float(share) for value, share in given.items()}


def _written(shares: str, columns: Columns, how: str) -> tuple[str, Any]:
    """A column, and the shares of its categories as they are written."""
    if not re.search(r"=\s*\S", shares):
        raise ValueError(f"{shares!r} is no share of categories. {how}")
    name, rest = name_begun(shares.strip(), columns.order)
    rest = rest.strip().removeprefix("=").strip()
    if rest == "equal":
        return name, rest
    column, given, at = columns.named(name), {}, 0
    known = getattr(column, "categories", None) or ()
    gone = getattr(column, "missing", False) and "missing" not in known
    while at < len(rest):
        pair = PAIR.match(rest, at)
        if not pair:
            raise ValueError(f"{rest!r} are no shares. {how}")
        quoted = QUOTED.fullmatch(pair["value"])
        value = unquoted(quoted) if quoted else pair["value"]
        given[None if gone and pair["value"] == "missing" else value] = float(pair["share"])
        at = pair.end()
    return name, given


def near_rows(model: Any, columns: Columns, vectors: Any, seed: int) -> Near:
    """What draws codes near to those of training rows that meet conditions.

    Each code is that of such a row, moved by a normal with the covariance of their codes (of all
    codes, if they are few) and half of Scott's bandwidth.

    Args:
        model: The autoencoder.
        columns: Of its rows.
        vectors: Gives the training rows as vectors.
        seed: For the same codes again.
    """

    def find(meets_: Meets) -> tuple[Draw, int]:
        x = vectors()
        x = x.first(len(x))
        there = meets_(columns.decode(x.numpy()))
        rows = np.flatnonzero(there)
        if not len(rows):
            return (lambda n: np.zeros((n, columns.width))), 0
        codes = model.encode(x, head=False).cpu().double()
        own = codes[torch.from_numpy(rows)]
        d = codes.shape[1]
        spread = torch.cov((own if len(own) > 2 * d else codes).T).reshape(d, d)
        scale = NARROW * len(own) ** (-1 / (d + 4))
        root = torch.linalg.cholesky(spread + 1e-9 * torch.eye(d, dtype=spread.dtype))

        def draw(n: int) -> np.ndarray:
            random = torch.Generator().manual_seed(seed)
            parts = []
            for _ in range(-(-n // 256)):
                which = torch.randint(len(own), (256,), generator=random)
                step = torch.randn(256, d, generator=random, dtype=torch.float64)
                parts.append(own[which] + scale * step @ root.T)
            z = model.latent.project(torch.cat(parts)[:n].to(model.device, model.dtype))
            return model.decode(z, head=False).cpu().numpy()

        return draw, len(rows)

    return find
