"""How like held-out parents with their children drawn ones are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import wasserstein_distance

from entropae.kinds.tables.comparison.columns import DRAWN, TEST, Shared, share
from entropae.kinds.tables.comparison.quality import NOT, associations, mean_of

COUNT = "\x1fnumber of children"  # which no column is called


class Related(NamedTuple):
    """Rows of a parent and of its children, as they are compared."""

    parent: Any
    child: Any
    places: Int[np.ndarray, " m"]

    @property
    def counts(self) -> Int[np.ndarray, " n"]:
        """How many children each parent has."""
        return np.bincount(self.places, minlength=len(self.parent))


def compare_related(
    train: Related,
    test: Related,
    drawn: Related,
    *,
    categories: Collection[str],
    of_parents: Collection[str],
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Figures of drawn parents and children against those that nothing was learnt from.

    Args:
        train: The generator's training rows, which say what is usual.
        test: Held-out parents, with their children.
        drawn: Those of the generator.
        categories: Columns of categories of the child, whatever their types.
        of_parents: Likewise of the parent.

    Returns:
        The figures of `RELATED`, which says what each is and what is good; NaN where there is
        no such column. And for each column of the child how alike siblings are, `held out` and
        `drawn`, see `intraclass`.
    """
    sets = (train, test, drawn)
    counts = [one.counts for one in sets]
    parents = share(
        [_appended(one.parent, COUNT, n) for one, n in zip(sets, counts, strict=True)], of_parents
    )
    upper, lower = {*train.parent.column_names}, train.child.column_names
    both, names = [_beside(one) for one in sets], [_of_parent(name) for name in upper]
    columns = share(both, {*categories, *map(_of_parent, of_parents)})
    own = [one for one in columns if one.name in lower]
    alike = {one.name: _alike(one, sets) for one in own}
    return {
        "children": float(wasserstein_distance(counts[TEST], counts[DRAWN])),
        "cardinality": _largest(counts[TEST], counts[DRAWN]),
        "childless": float(abs((counts[TEST] == 0).mean() - (counts[DRAWN] == 0).mean())),
        "count_association": _between(parents, {COUNT}, upper),
        "between": _between(columns, {*lower}, {*names}),
        "siblings": mean_of([abs(one["held out"] - one["drawn"]) for one in alike.values()]),
    }, alike


def _appended(table: Any, name: str, values: np.ndarray) -> Any:
    import pyarrow as pa

    return table.append_column(name, pa.array(values))


def _of_parent(name: str) -> str:
    return f"\x1f{name}"


def _beside(one: Related) -> Any:
    """The children with their parents beside them."""
    import pyarrow as pa

    made, where = one.child, pa.array(one.places)
    for name in one.parent.column_names:
        made = made.append_column(_of_parent(name), one.parent.column(name).take(where))
    return made


def _largest(a: Int[np.ndarray, " n"], b: Int[np.ndarray, " m"]) -> float:
    """The largest difference of two empirical distribution functions."""
    values = np.union1d(a, b)
    below = [np.searchsorted(np.sort(x), values, side="right") / len(x) for x in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _between(columns: Sequence[Shared], some: Collection[str], others: Collection[str]) -> float:
    """The mean difference of the associations of some columns with others."""
    names = [column.name for column in columns]
    far = np.abs(associations(columns, TEST) - associations(columns, DRAWN))
    rows, cells = ([i for i, name in enumerate(names) if name in s] for s in (some, others))
    return mean_of(far[np.ix_(rows, cells)].ravel())


def _alike(column: Shared, sets: Sequence[Related]) -> dict[str, float]:
    named: Mapping[str, int] = {"held out": TEST, "drawn": DRAWN}
    values = column.scores if column.is_number else column.values
    return {
        name: intraclass(values[i], sets[i].places, classes=not column.is_number)
        for name, i in named.items()
    }


def intraclass(
    values: Float[np.ndarray, " m"], groups: Int[np.ndarray, " m"], *, classes: bool = False
) -> float:
    """How alike the values of a group are: the intraclass correlation, at most 1.

    0 if they are no more alike than those of different groups, 1 if they are all the same; with
    `MSB` the mean square between groups, `MSW` that within, `(MSB − MSW) / (MSB + (k − 1) MSW)`.
    Of classes the squares are of one-hot vectors: half the rows that differ.

    Args:
        values: Numbers, NaN where missing, which are left out; or indices of classes.
        groups: Of each value, an index.
        classes: Whether they are classes.

    Returns:
        NaN if no group has two values, or all are the same.

    References:
        P. E. Shrout, J. L. Fleiss, "Intraclass correlations", Psychological Bulletin 86, 1979:
        ICC(1, 1). For groups of several sizes: A. Donner, J. J. Koval, "The estimation of
        intraclass correlation in the analysis of family data", Biometrics 36, 1980.

    Examples:
        >>> from entropae.kinds.tables.comparison.related import intraclass
        >>> judged = [9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7.0]
        >>> # Shrout and Fleiss's table 2: six of whom four judges say how good they are.
        >>> round(intraclass(np.array(judged), np.repeat(np.arange(6), 4)), 2)
        0.17
    """
    there = ~np.isnan(values)
    values, groups = values[there], np.unique(groups[there], return_inverse=True)[1]
    n, sizes = len(values), np.bincount(groups)
    if len(sizes) < 2 or n == len(sizes):
        return NOT
    if classes:
        codes = values.astype(np.int64)
        cells, many = np.unique(groups * (codes.max() + 1) + codes, return_counts=True)
        within = n - (many**2 / sizes[cells // (codes.max() + 1)]).sum()
        total = n - (np.bincount(codes) ** 2).sum() / n
    else:
        means = np.bincount(groups, values) / sizes
        within = ((values - means[groups]) ** 2).sum()
        total = ((values - values.mean()) ** 2).sum()
    between = (total - within) / (len(sizes) - 1)
    within = within / (n - len(sizes))
    k = (n - (sizes**2).sum() / n) / (len(sizes) - 1)
    spread = between + (k - 1) * within
    return float((between - within) / spread) if total > 1e-12 * n and spread > 0 else NOT
