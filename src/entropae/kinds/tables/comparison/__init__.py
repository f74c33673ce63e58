"""How like a drawn table is to held-out rows, and what it tells of training rows."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from entropae.kinds.tables.comparison.columns import TEST, Shared, halved, share
from entropae.kinds.tables.comparison.official import official
from entropae.kinds.tables.comparison.privacy import privacy
from entropae.kinds.tables.comparison.quality import (
    associations,
    marginal,
    quality,
    two_sample_auc,
)
from entropae.kinds.tables.frames import to_table, without_index
from entropae.kinds.tables.measures import check_target

__all__ = [
    "Shared",
    "associations",
    "compare_tables",
    "marginal",
    "more_held_out",
    "privacy",
    "real_privacy",
    "real_rows",
    "share",
    "shared",
    "two_sample_auc",
]

LEAST = 10  # rows of each table


def more_held_out(least: int, of: int, command: str = "fit") -> str:
    """What to do so that at least so many of some rows are held out."""
    if 2 * least > of:
        return "Train on more rows."
    share = math.ceil(10 * least / of) / 10
    return f"Hold out a larger share: {command} --validation {share} (validation={share} in Python)"


def shared(
    train: Any, test: Any, drawn: Any, *, categories: Collection[str] | None = None
) -> list[Shared]:
    """The columns of training, held-out and drawn rows, as figures take them.

    Raises:
        ValueError: If a table has fewer than 10 rows, or not all columns of the first.
    """
    sizes = [len(table) for table in (train, test, drawn)]
    if min(sizes) < LEAST:
        raise ValueError(
            f"At least {LEAST} training, held-out and drawn rows are needed: got "
            f"{', '.join(map(str, sizes))}. {more_held_out(LEAST, sum(sizes[:2]))}"
        )
    return share((train, test, drawn), categories)


def compare_tables(
    train: Any,
    test: Any,
    drawn: Any,
    *,
    target: str | None = None,
    categories: Collection[str] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Figures of a drawn table against rows that its generator was not trained on.

    Args:
        train: The generator's training rows: a frame of pandas, polars or pyarrow.
        test: Held-out rows.
        drawn: Rows of the generator; 3 times as many as `test` has make `auc` steadier.
        target: A column to predict from the others.
        categories: Columns of categories, whatever their types; see `columns.share`.
        seed: Of the classifiers, and of the rows that are looked at where there are many.

    Returns:
        What `quality` and `privacy` return, and sdmetrics' scores if that package is installed:
        named as in `MEASURES`, which says what each is and what is good.

    Raises:
        ValueError: If a table has fewer than 10 rows, not all columns of the first, or the target
            is not a column.

    Examples:
        >>> import numpy as np
        >>> import pyarrow as pa
        >>> x = np.random.default_rng(0).standard_normal((300, 2))
        >>> tables = [pa.table({"a": part[:, 0], "b": part[:, 1]}) for part in (x[:200], x[200:])]
        >>> found = compare_tables(*tables, tables[0])  # which has copied every row
        >>> found["copied"], found["nearest"], found["membership"], found["membership_density"]
        (1.0, 0.0, 1.0, 1.0)
    """
    train, test, drawn = (to_table(without_index(frame)) for frame in (train, test, drawn))
    check_target(train.column_names, target)
    columns = shared(train, test, drawn, categories=categories)
    return {
        **quality(columns, target=target, seed=seed),
        **official(columns),
        **privacy(columns, seed=seed),
    }


def real_rows(
    train: Any,
    test: Any,
    *,
    target: str | None = None,
    categories: Collection[str] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """The same figures of real rows, which drawn ones are seen beside.

    Of likeness those of the training rows, as if they had been drawn; of privacy those of half of
    the held-out rows, as if they had been drawn, against the other half.
    """
    train, test = (to_table(without_index(frame)) for frame in (train, test))
    check_target(train.column_names, target)
    columns = shared(train, test, train, categories=categories)
    return {
        **quality(columns, target=target, seed=seed),
        **official(columns),
        **real_privacy(columns, seed=seed),
    }


def real_privacy(columns: Sequence[Shared], *, seed: int = 0) -> dict[str, float]:
    """What `privacy` returns of half of the held-out rows as if they had been drawn.

    Empty if there are fewer than 20 held-out rows.
    """
    if len(columns[0].values[TEST]) < 2 * LEAST:
        return {}
    return privacy(halved(columns, TEST, seed), seed=seed)
