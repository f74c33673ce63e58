"""Scores of the package sdmetrics, if it is installed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from entropae.kinds.tables.comparison.columns import DRAWN, TEST, Shared


def official(columns: Sequence[Shared]) -> dict[str, float]:
    """The two parts of sdmetrics' quality report, which has their mean as its score.

    Args:
        columns: Of training, held-out and drawn rows.

    Returns:
        `sdmetrics_shapes` and `sdmetrics_pairs`, from 0 to 1; nothing if it is not installed:
        `pip install "entropae[sdmetrics]"`.
    """
    if find_spec("sdmetrics") is None:
        return {}
    kinds = {True: "numerical", False: "categorical"}
    metadata = {"columns": {one.name: {"sdtype": kinds[one.is_number]} for one in columns}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its newer place, and of columns that are constant
        from sdmetrics.reports.single_table import (  # pyright: ignore[reportMissingImports]
            QualityReport,
        )

        report = QualityReport()
        report.generate(_frame(columns, TEST), _frame(columns, DRAWN), metadata, verbose=False)
    scores = report.get_properties().set_index("Property")["Score"]
    return {
        "sdmetrics_shapes": float(scores["Column Shapes"]),
        "sdmetrics_pairs": float(scores["Column Pair Trends"]),
    }


def _frame(columns: Sequence[Shared], table: int) -> Any:
    import pandas as pd

    return pd.DataFrame({column.name: _values(column, table) for column in columns})


def _values(column: Shared, table: int) -> np.ndarray:
    if column.levels is None:
        return column.values[table]
    levels = np.array([level or None for level in column.levels], object)
    return levels[column.values[table].astype(np.int64)]
