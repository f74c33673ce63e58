"""Rows drawn until there are enough that meet conditions and keep rules; or an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from entropae.kinds.tables.columns import Columns, Drawing
from entropae.kinds.tables.inequalities import Inequalities
from entropae.kinds.tables.rules import Rule, Unique, steps

LEAST, MOST = 1024, 1 << 16  # rows drawn at a time
NUMBERS = 1 << 27  # of drawn vectors, at most
EFFORT = 100_000  # rows drawn before codes near to training rows are tried, and again with these
EACH = 100  # of them at least for each row that is wanted

# From how many rows to as many vectors that a decoder made, the first ones always the same.
Draw = Callable[[int], Float[np.ndarray, "n w"]]
Meets = Callable[[Any], Bool[np.ndarray, " n"]]


@dataclass
class Account:
    """What was done to get the rows.

    Attributes:
        drawn: How many were drawn.
        fit: How many of them met the conditions and kept the rules.
        broken: How many broke each rule, and were drawn again.
        near: How many training rows those were drawn near to; 0 if the prior sufficed.
    """

    drawn: int = 0
    fit: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    near: int = 0

    def add(self, other: Account) -> None:
        """Count what was done elsewhere too."""
        self.drawn, self.fit = self.drawn + other.drawn, self.fit + other.fit
        self.near += other.near
        for rule, count in other.broken.items():
            self.broken[rule] = self.broken.get(rule, 0) + count

    def __str__(self) -> str:
        said = [
            f"{count} rows that broke '{rule}' were drawn again."
            for rule, count in self.broken.items()
            if count
        ]
        if self.near:
            said.append(
                f"Rows that meet the condition are rare: they were drawn from codes near to those "
                f"of the {self.near} training rows that do."
            )
        return "".join(f" {one}" for one in said)


@dataclass(frozen=True)
class Wanted:
    """Rows that are wanted.

    Attributes:
        n: How many.
        meets: Which rows of a table meet the conditions; `None` if there are none.
        said: The conditions in words.
    """

    n: int
    meets: Meets | None = None
    said: str = ""


def rows_of(
    columns: Columns,
    rules: Sequence[Rule],
    draw: Draw,
    wanted: Wanted,
    *,
    seed: int,
    near: Callable[[], tuple[Draw, int]] | None = None,
) -> tuple[Any, Account]:
    """So many rows that meet the conditions and keep all rules, without identifiers.

    Rows are drawn in growing parts and those that do not fit are left out, so that what remains
    has the model's distribution under the condition. If that takes too many, codes are drawn near
    to training rows that meet it, and likewise filtered.

    Args:
        columns: What the vectors are of.
        rules: That every row must keep.
        draw: From the prior.
        wanted: How many, and which.
        seed: Of what is drawn besides codes.
        near: What draws near to training rows that meet the conditions, and how many these are.

    Returns:
        A `pyarrow.Table`, and what was done.

    Raises:
        ValueError: If not enough rows meet the conditions, and how rare they are.
    """
    account = Account(broken={str(rule): 0 for rule in rules})
    search = _Search(columns, rules, wanted, account)
    most = max(EFFORT, EACH * wanted.n)
    if not search.run(draw, most, seed):
        seen = account.drawn, account.fit
        if wanted.meets is not None and near is not None:
            close, account.near = near()
            if account.near and search.run(close, most, seed + 1):
                return search.table(), account
        raise ValueError(_too_rare(wanted, account, *seen))
    return search.table(), account


class _Search:
    """Rows that were found so far."""

    def __init__(
        self, columns: Columns, rules: Sequence[Rule], wanted: Wanted, account: Account
    ) -> None:
        self.columns, self.wanted, self.account = columns, wanted, account
        self.rules = [rule for rule in rules if not isinstance(rule, Unique)]
        self.steps = steps(rules)
        self.keys = [rule for rule in rules if isinstance(rule, Unique)]
        self.found: list[Any] = []
        self.count = 0

    def run(self, draw: Draw, most: int, seed: int) -> bool:
        """Draw until there are enough, or so many are drawn that there will not be."""
        drawing = Drawing(
            self.columns,
            np.random.SeedSequence(seed),
            keeps=Inequalities(self.columns, self.rules),
        )
        most = max(1, min(most, NUMBERS // max(1, self.columns.width)))
        done, fit, upto = 0, 0, min(self.wanted.n, most)
        while True:
            before = self.count
            self._look(drawing, draw(upto)[done:])
            done, fit = upto, fit + self.count - before
            if self.count >= self.wanted.n or done >= most:
                return self.count >= self.wanted.n
            rate = (fit + 1) / (done + 1)
            expected = done + 1.2 * (self.wanted.n - self.count) / rate
            if done >= LEAST and fit < 10 and expected > most:
                return False
            upto = int(min(most, max(expected, done + LEAST), 4 * done + LEAST))

    def _look(self, drawing: Drawing, x: np.ndarray) -> None:
        for start in range(0, len(x), MOST):
            self._keep(drawing, x[start : start + MOST])

    def _keep(self, drawing: Drawing, x: np.ndarray) -> None:
        import pyarrow as pa

        table = pa.table(drawing.modelled(x))
        self.account.drawn += len(x)
        for rule, name in self.steps:
            table = rule.repaired(table, self.columns, name)
        held = np.ones(len(x), bool)
        if self.wanted.meets is not None:
            held = np.asarray(self.wanted.meets(table), bool)
        wanted = held.copy()
        for rule in self.rules:
            kept = rule.met(table, self.columns)
            self.account.broken[str(rule)] += int((wanted & ~kept).sum())
            held &= kept
        table = table.filter(pa.array(held))
        self.account.fit += len(table)
        self.found.append(table)
        if self.keys:
            self._without_twins()
        self.count = sum(map(len, self.found))

    def _without_twins(self) -> None:
        import pyarrow as pa

        table = pa.concat_tables(self.found)
        for rule in self.keys:
            kept = rule.met(table, self.columns)
            self.account.broken[str(rule)] += int((~kept).sum())
            table = table.filter(pa.array(kept))
        self.found = [table]

    def table(self) -> Any:
        """As many as are wanted."""
        import pyarrow as pa

        return pa.concat_tables(self.found).slice(0, self.wanted.n).combine_chunks()


def _too_rare(wanted: Wanted, account: Account, drawn: int, fit: int) -> str:
    """How rare what is asked for is."""
    share = f"{fit} of {drawn} drawn rows ({fit / max(drawn, 1):.2g})"
    worst = max(account.broken, key=lambda rule: account.broken[rule], default=None)
    if wanted.said:
        near = f"and so do {account.near} training rows" if account.near else "and no training row"
        return (
            f"{share} meet '{wanted.said}', {near}: {wanted.n} cannot be drawn. Ask for fewer, or "
            "for a wider condition."
        )
    count = account.broken.get(worst or "", 0)
    return (
        f"{share} keep the rules, too few for {wanted.n}: {count} broke '{worst}'. Train longer, "
        "or without rules that are found: --no-find-rules (find_rules=False in Python)"
    )


def counts_of(shares: dict[Any, float], n: int) -> dict[Any, int]:
    """How many rows each category gets: shares of n, rounded so that they add up.

    Examples:
        >>> counts_of({"a": 1, "b": 1, "c": 1}, 100)
        {'a': 34, 'b': 33, 'c': 33}
    """
    total = sum(shares.values())
    exact = {key: n * share / total for key, share in shares.items()}
    counts = {key: int(value) for key, value in exact.items()}
    rest = sorted(exact, key=lambda key: counts[key] - exact[key])
    for key in rest[: n - sum(counts.values())]:
        counts[key] += 1
    return counts
