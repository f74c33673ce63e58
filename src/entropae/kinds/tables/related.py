"""Two tables joined by a key: a row of the parent has any number of rows of the child."""

from __future__ import annotations

import decimal
import shlex
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from entropae.kinds.keys import halved, keys_of_table
from entropae.kinds.tables.column import Column, read_values
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.declared import Declared
from entropae.kinds.tables.drawn import NUMBERS
from entropae.kinds.tables.imputation import drawn_beside
from entropae.kinds.tables.meaning import check_types, describe
from entropae.kinds.tables.plain import arrow, inner, is_number, is_text, plain, type_of
from entropae.kinds.tables.repaired import repaired
from entropae.kinds.tables.siblings import Siblings
from entropae.kinds.tables.totals import Total
from entropae.messages import unknown

MOST = 100  # categories of which the commonest is looked for


@dataclass(frozen=True)
class Relation:
    """How two tables belong together, and what the model of each has beside its own columns.

    Attributes:
        key: The parent's column of keys.
        foreign_key: The child's column that refers to them.
        count: The column of the parent's model with the number of children.
        given: What the columns of the parent's model are called in that of the child.
        parent: The parent's columns, in order.
        child: Arrow's types of the child's columns by name, in order.
        seed: Of the split of the parents into those to learn from and those held out.
        below: The boundary of that split; `None` in models of before it was kept.
        totals: What of the parent is computed from its children.
    """

    key: str
    foreign_key: str
    count: str
    given: Mapping[str, str]
    parent: tuple[str, ...]
    child: Mapping[str, str]
    seed: int = 0
    below: int | None = None
    totals: tuple[Total, ...] = ()

    def held_out(self, parent: Any) -> Bool[np.ndarray, " n"]:
        """Which rows of the parent's table nothing was learnt from, nor from their children.

        Raises:
            ValueError: If that is not known.
        """
        if self.below is None:
            raise ValueError(
                "Which parents were held out is not known of this model, which was saved before "
                "that was kept. Learn the tables again."
            )
        keys = keys_of_table(parent.select(list(self.parent)))
        held = halved(len(parent), 0.5, seed=self.seed, keys=keys, below=self.below).held_out
        return np.isin(np.arange(len(parent)), held)


def checked_relation(said: Mapping[str, Any], parent: Columns, child: Columns) -> Relation:
    """A relation as a stranger's file describes it.

    Args:
        said: What `dataclasses.asdict` made of it.
        parent: Of the parent's model.
        child: Of the child's model.

    Raises:
        ValueError: If the models have not the columns that it names.
    """
    types = {str(k): str(v) for k, v in dict(said["child"]).items()}
    known = {one.name: one.type for one in (*parent.columns, *parent.identifiers)}
    one = Relation(
        str(said["key"]),
        str(said["foreign_key"]),
        str(said["count"]),
        {str(k): str(v) for k, v in dict(said["given"]).items()},
        tuple(map(str, said["parent"])),
        types,
        int(said.get("seed", 0)),
        None if said.get("below") is None else int(said["below"]),
        tuple(Total.checked(total, known, types) for total in said.get("totals", ())),
    )
    if one.seed < 0 or not 0 <= (one.below or 0) < 1 << 64:
        raise ValueError("the split of the parents is none")
    if not {one.key, one.count, *one.given, *one.parent} <= {*parent.order}:
        raise ValueError("it names columns that the parent's model has not")
    if {*one.given.values(), *one.child} != {*child.order, one.foreign_key}:
        raise ValueError("it names other columns than the child's model has")
    for kind in one.child.values():
        type_of(kind)
    return one


def parents_of(parent: Any, child: Any, key: str, foreign_key: str) -> Int[np.ndarray, " n"]:
    """For each row of the child the place of its parent.

    Of two files one may have keys such as 17 only, and the other also B17; or a spreadsheet has
    made 17 of 00017. So where one has texts and the other numbers, texts count as what they are
    as numbers.

    Raises:
        ValueError: If a column is not there, keys are missing or repeated, or a child has none.
    """
    for table, name, whose in ((parent, key, "parent"), (child, foreign_key, "child")):
        if name not in table.column_names:
            said = unknown(f"column of the {whose}", name, table.column_names)
            raise ValueError(f"{said}{_instead(parent, child, key, foreign_key)}")
    keys = parent.column(key).to_pylist()
    place = {value: i for i, value in enumerate(keys)}
    if None in place or len(place) < len(keys):
        raise ValueError(
            f"The parent's key {key!r} must be unique and never missing: {len(keys)} rows have "
            f"{len(set(place) - {None})} different ones. Name another column, or leave out the "
            "rows that repeat one."
        )
    own = child.column(foreign_key).to_pylist()
    if not are_alike(parent, child, key, foreign_key):
        numbers = {_as_number(value): i for value, i in place.items()}
        if len(numbers) == len(place):
            place, own = numbers, [_as_number(value) for value in own]
    found = [place.get(value, -1) for value in own]
    if -1 in found:
        raise ValueError(_orphans(parent, child, key, foreign_key, found))
    if not found:
        raise ValueError("The child must have rows: got none.")
    return np.array(found, np.int64)


def are_alike(parent: Any, child: Any, key: str, foreign_key: str) -> bool:
    """Whether the keys of both are texts, or those of neither."""
    return is_text(parent.column(key).type) == is_text(child.column(foreign_key).type)


def _as_number(value: Any) -> Any:
    """A number, of a text that is one."""
    try:
        number = decimal.Decimal(str(value))
    except decimal.InvalidOperation:
        return value
    return number if number.is_finite() else value


def _instead(parent: Any, child: Any, key: str, foreign_key: str) -> str:
    """What was probably meant, where the parent or the child has no such column."""
    if key in child.column_names and foreign_key in parent.column_names and key != foreign_key:
        return " The parent comes first, then the child."
    return "" if key not in parent.column_names else _referring(parent, child, key, foreign_key)


def _referring(parent: Any, child: Any, key: str, foreign_key: str) -> str:
    """The child's column that has nothing but keys, if there is one, and how it is named."""
    keys = {*parent.column(key).to_pylist()}
    names = [name for name in child.column_names if name != foreign_key]
    found = [name for name in names if keys >= {*child.column(name).to_pylist()}]
    if not found:
        return ""
    option = f"--foreign-key {shlex.quote(found[0])}"
    return f" If {found[0]!r} refers to them: {option} (foreign_key={found[0]!r} in Python)"


def _orphans(parent: Any, child: Any, key: str, foreign_key: str, found: list[int]) -> str:
    """What is wrong with the rows of a child that have no parent."""
    own = child.column(foreign_key).to_pylist()
    gone = [value is None or value != value for value in own]
    missing = sum(gone)
    other, said = found.count(-1) - missing, []
    if missing:
        said.append(
            f"{missing} of {len(own)} rows of the child have no {foreign_key!r}: it is missing. "
            "Leave these rows out."
        )
    if other:
        lost = zip(own, found, gone, strict=True)
        first = next(value for value, place, none in lost if place < 0 and not none)
        said.append(
            f"{other} of {len(own)} rows of the child have a {foreign_key!r} that is no {key!r} of "
            f"the parent, such as {first!r}."
        )
        instead = _referring(parent, child, key, foreign_key)
        said.append(instead.strip() or "Leave these rows out.")
    return " ".join(said)


def with_children(
    parent: Any,
    child: Any,
    places: Int[np.ndarray, " n"],
    *,
    foreign_key: str,
    said: Mapping[str, Declared] | None = None,
    key: str | None = None,
    seed: int = 0,
) -> tuple[Any, str]:
    """The parent with what its children are like: how many, their means and commonest values.

    What children of one parent have in common passes through these columns. Where enough have
    siblings, they are what the children would be on average, see `siblings`.

    Args:
        parent: A `pyarrow.Table`.
        child: Another.
        places: Of the children's parents.
        foreign_key: The child's column that says so.
        said: What is declared of columns.
        key: The parent's column of keys, which tells nothing.
        seed: Of what is drawn.

    Returns:
        The table, and the name of the column of counts.
    """
    n, taken = len(parent), set(parent.column_names)
    count = free_name("number of children", taken)
    made = parent.append_column(count, _array(np.bincount(places, minlength=n)))
    check_types(child)
    rows, known = np.arange(len(child)), _known(parent, key)
    for name in child.column_names:
        if name == foreign_key:
            continue
        values = child.column(name)
        column = describe(name, values, rows, (said or {}).get(name))
        if not isinstance(column, Column):
            continue
        found = read_values(column, values)
        there = ~found.absent
        family = Siblings(places[there], n, *known, seed=seed)
        summary = _summary(column, found.values[there], family)
        if summary is not None:
            title, found = summary
            made = made.append_column(free_name(title, made.column_names), found)
    return made, count


def free_name(name: str, taken: Collection[str]) -> str:
    """A name that no column has."""
    while name in taken:
        name += "_"
    return name


def _array(values: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.array(values)


def _known(parent: Any, key: str | None) -> tuple[np.ndarray, list[bool]]:
    """The parent's columns as trees take them, and which are categories."""
    from entropae.kinds.tables.comparison.columns import share
    from entropae.kinds.tables.comparison.quality import grouped, inputs

    columns = share([parent.select([name for name in parent.column_names if name != key])])
    x = inputs(columns, 0) if columns else np.zeros((len(parent), 0))
    return x, grouped(columns)


def _summary(column: Column, values: np.ndarray, family: Siblings) -> tuple[str, Any] | None:
    """The mean or the commonest value of each parent's children; `None` of texts and forms."""
    import pyarrow as pa

    kind, places, n = type_of(column.type), family.places, family.n
    counts = np.bincount(places, minlength=n)
    if column.categories is not None:
        levels = column.categories
        if column.meaning == "text" or not 0 < len(levels) <= MOST:
            return None
        index = {level: i for i, level in enumerate(levels)}
        which = np.array([index[value] for value in values.tolist()], np.int64)
        votes = np.bincount(places * len(levels) + which, minlength=n * len(levels))
        chosen = votes.reshape(n, -1).argmax(1)
        if family.are_enough and len(levels) > 1:
            chosen = family.usual_class(which, len(levels))
        common = np.empty(len(levels), object)
        common[:] = levels
        return f"commonest {column.name}", arrow(common[chosen].tolist(), inner(kind), counts == 0)
    if column.form or not (is_number(kind) or pa.types.is_temporal(kind)):
        return None
    numbers = values.astype(np.float64)
    if pa.types.is_decimal(kind):
        numbers = numbers / 10.0**kind.scale
    means = np.bincount(places, numbers, n) / np.maximum(counts, 1)
    if family.are_enough:
        means = family.usual_number(numbers)
    if pa.types.is_temporal(kind):
        return f"mean {column.name}", arrow(np.rint(means), kind, counts == 0)
    return f"mean {column.name}", pa.array(means, mask=counts == 0)


def with_keys_of(
    parent: Any, child: Any, places: Int[np.ndarray, " n"], key: str, foreign_key: str
) -> Any:
    """The child with keys as the parent has them, if one has texts and the other numbers."""
    if are_alike(parent, child, key, foreign_key):
        return child
    made = parent.column(key).take(_array(places))
    return child.set_column(child.column_names.index(foreign_key), foreign_key, made)


def beside_parents(
    parent: Any, child: Any, places: Int[np.ndarray, " n"], relation: Relation
) -> Any:
    """The child with its parents' columns beside its own, without the key."""
    made = child.drop_columns([relation.foreign_key])
    for name, new in relation.given.items():
        made = made.append_column(new, parent.column(name).take(_array(places)))
    return made


def children(
    model: Any, parent: Any, relation: Relation, *, seed: int
) -> tuple[Any, Int[np.ndarray, " n"]]:
    """New rows of the child for rows of the parent's model.

    Each parent gets as many as it says, and their columns are drawn given those of the parent.

    Args:
        model: Of the child beside its parents.
        parent: A `pyarrow.Table`, with keys and the number of children.
        relation: How they belong together.
        seed: For the same rows again.

    Returns:
        The rows, and the places of their parents.

    Raises:
        ValueError: If there are more than fit in memory.
    """
    import pyarrow as pa

    columns, given = model.kind.columns, {*relation.given.values()}
    counts = np.maximum(plain(parent.column(relation.count)).values.astype(np.int64), 0)
    if counts.astype(np.float64).sum() * columns.width > NUMBERS:
        raise ValueError(
            f"{len(parent)} parents have {counts.astype(np.float64).sum():.3g} children, more than "
            "are drawn at once. Ask for fewer parents."
        )
    rows = np.repeat(np.arange(len(parent)), counts)
    own = [column.name for column in columns.columns if column.name not in given]
    # At first they are rows of the model's prior, whoever their parents are.
    made = model.kind.table(model.draw(max(1, len(rows)), seed=seed).cpu(), drawn=True, seed=seed)
    made = made.slice(0, len(rows)).select([column.name for column in columns.columns])
    for name, new in relation.given.items():
        values = parent.column(name).take(_array(rows))
        made = made.set_column(made.column_names.index(new), new, values)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(no training row has|and had none)", UserWarning)
        table, _ = drawn_beside(model, columns, model.kind.rules, made, own, seed=seed)
    table, done = repaired(table, columns, model.kind.rules, keep=given)
    left = ", ".join(f"{count} '{rule}'" for rule, count in done.left.items() if count)
    if left:
        warnings.warn(f"Some children break rules beside their parents: {left}.", stacklevel=3)
    found = dict(zip(table.column_names, table.columns, strict=True))
    streams = np.random.SeedSequence(seed).spawn(len(columns.identifiers))
    for one, stream in zip(columns.identifiers, streams, strict=True):
        found[one.name] = one.make(len(rows), np.random.default_rng(stream))
    keys = parent.column(relation.key).take(_array(rows))
    found[relation.foreign_key] = _keys_as(keys, type_of(relation.child[relation.foreign_key]))
    return pa.table({name: found[name] for name in relation.child}), rows


def _keys_as(keys: Any, kind: Any) -> Any:
    import pyarrow as pa

    made = keys.cast(inner(kind))
    return made.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else made
