"""How far a table is from another of the same columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from entropae.kinds.tables.columns import Columns

# Parts of the drawn rows, as large as the held-out table, over which the classifier's is averaged.
DRAWS = 3


def compare_tables(
    columns: Columns,
    train: Any,
    test: Any,
    drawn: Any,
    *,
    target: str | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Figures of a drawn table against rows that its generator was not trained on.

    Args:
        columns: Of all three.
        train: The generator's training rows, a `pyarrow.Table`.
        test: Held-out rows.
        drawn: Rows of the generator; 3 times as many as `test` has make `auc` steadier.
        target: The column to predict from the others; by default the last.
        seed: Of the classifiers.

    Returns:
        `kolmogorov_smirnov`, the mean over columns of numbers, and `total_variation`, over columns
        of categories; `association`, the mean absolute difference over pairs of columns of
        Pearson's correlation of normal scores, Cramér's V, or the correlation ratio; `auc`, how
        well boosted trees tell drawn from held-out rows, cross-validated: 0.5 is not at all;
        `real_score` and `drawn_score`, of trees trained on training or on drawn rows that predict
        the target of held-out ones (accuracy of a category, R² of a number); `nearest`, the median
        distance of a drawn row to the nearest training row over that of a held-out row (below 1:
        copies), and `copied`, the share of drawn rows at distance 0. NaN where there is no such
        column.

    Raises:
        ValueError: If a table has fewer than 10 rows, or the target is not a column.
    """
    tables = [table.select([c.name for c in columns.columns]) for table in (train, test, drawn)]
    if min(map(len, tables)) < 10:
        raise ValueError(f"At least 10 rows of each are needed: got {[len(t) for t in tables]}.")
    x, y, z = (columns.encode(table) for table in tables)
    starts = np.cumsum([0, *(column.width for column in columns.columns)])
    differences: dict[bool, list[float]] = {True: [], False: []}
    for column, start, stop in zip(columns.columns, starts, starts[1:], strict=False):
        a, b = y[:, start:stop], z[:, start:stop]
        if column.levels is None:
            here, there = (_present(part, column.missing) for part in (a, b))
            if len(here) and len(there):
                found: Any = ks_2samp(here, there)
                differences[True].append(float(found.statistic))
            a, b = a[:, 1:], b[:, 1:]
        if a.shape[1]:
            differences[False].append(float(np.abs(a.mean(0) - b.mean(0)).sum() / 2))
    association = np.abs(_associations(columns, y) - _associations(columns, z))
    pairs = association[np.triu_indices(len(association), 1)]
    real, score = _predict(columns, (x, y, z), target, seed)
    parts = [z[i : i + len(y)] for i in range(0, max(1, len(z) - len(y) + 1), len(y))][:DRAWS]
    nearest = NearestNeighbors(n_neighbors=1).fit(x)
    far = nearest.kneighbors(z)[0]
    return {
        "kolmogorov_smirnov": _mean(differences[True]),
        "total_variation": _mean(differences[False]),
        "association": _mean(pairs),
        "auc": float(np.mean([two_sample_auc(y, part, seed=seed) for part in parts])),
        "real_score": real,
        "drawn_score": score,
        "nearest": float(np.median(far) / max(np.median(nearest.kneighbors(y)[0]), 1e-12)),
        "copied": float((far == 0).mean()),
    }


def two_sample_auc(
    a: Float[np.ndarray, "n w"], b: Float[np.ndarray, "m w"], *, seed: int = 0
) -> float:
    """How well boosted trees tell rows of `a` from rows of `b`: area under the ROC curve.

    Five-fold cross-validated: 0.5 if they cannot, 1 if they always can.
    """
    x, of_b = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    trees = HistGradientBoostingClassifier(max_iter=50, min_samples_leaf=5, random_state=seed)
    scores = np.asarray(cross_val_predict(trees, x, of_b, cv=folds, method="predict_proba"))
    return float(roc_auc_score(of_b, scores[:, 1]))


def _present(part: np.ndarray, missing: bool) -> np.ndarray:
    return part[part[:, 2] == 0, 0] if missing else part[:, 0]


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _associations(columns: Columns, x: np.ndarray) -> np.ndarray:
    """Between columns, from 0 to 1, of numbers from -1: by what the two are."""
    starts = np.cumsum([0, *(column.width for column in columns.columns)])
    parts = [
        x[:, a : a + 1] if column.levels is None else x[:, a:b]
        for column, a, b in zip(columns.columns, starts, starts[1:], strict=False)
    ]
    numeric = [column.levels is None for column in columns.columns]
    found = np.eye(len(parts))
    for i, a in enumerate(parts):
        for j, b in enumerate(parts[:i]):
            if numeric[i] and numeric[j]:
                value = _correlation(a[:, 0], b[:, 0])
            elif numeric[i] or numeric[j]:
                value = _correlation_ratio(*((a[:, 0], b) if numeric[i] else (b[:, 0], a)))
            else:
                value = _cramer(a, b)
            found[i, j] = found[j, i] = value
    return found


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.std() * b.std()
    return float(np.mean((a - a.mean()) * (b - b.mean())) / spread) if spread > 0 else 0.0


def _correlation_ratio(a: np.ndarray, states: np.ndarray) -> float:
    """`√(variance of the states' means / variance)`."""
    counts = states.sum(0)
    means = states.T @ a / np.maximum(counts, 1)
    variance = a.var()
    between = counts @ (means - a.mean()) ** 2 / len(a)
    return float(np.sqrt(between / variance)) if variance > 0 else 0.0


def _cramer(a: np.ndarray, b: np.ndarray) -> float:
    """`√(χ²/n / (min(rows, columns) − 1))` of the states that occur."""
    table = a.T @ b / len(a)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    least = min(table.shape) - 1
    expected = np.outer(table.sum(1), table.sum(0))
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / least)) if least else 0.0


def _predict(
    columns: Columns, rows: tuple[np.ndarray, ...], target: str | None, seed: int
) -> tuple[float, float]:
    names = [column.name for column in columns.columns]
    name = names[-1] if target is None else target
    if name not in names:
        raise ValueError(f"`target` must be one of {', '.join(names)}: got {name!r}.")
    if len(names) < 2:
        return float("nan"), float("nan")
    column = columns.columns[names.index(name)]
    start = sum(c.width for c in columns.columns[: names.index(name)])
    own = range(start, start + column.width)
    inputs = [np.delete(part, own, 1) for part in rows]
    if column.levels is None:
        targets = [part[:, start] for part in rows]
    else:
        targets = [part[:, own].argmax(1) for part in rows]
    scores = []
    for i in (0, 2):
        if column.levels is None:
            trees = HistGradientBoostingRegressor(random_state=seed)
            made = trees.fit(inputs[i], targets[i]).predict(inputs[1])
            scores.append(float(r2_score(targets[1], made)))
        elif len(np.unique(targets[i])) < 2:
            scores.append(float((targets[1] == targets[i][0]).mean()))
        else:
            trees = HistGradientBoostingClassifier(random_state=seed)
            made = trees.fit(inputs[i], targets[i]).predict(inputs[1])
            scores.append(float((made == targets[1]).mean()))
    return scores[0], scores[1]
