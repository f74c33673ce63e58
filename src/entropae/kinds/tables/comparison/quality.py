"""How like held-out rows drawn ones are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import wasserstein_distance
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from entropae.kinds.tables.comparison.columns import DRAWN, TEST, TRAIN, Shared
from entropae.kinds.tables.measures import check_target

RARE = 0.05  # of the training rows: up to which a category is rare
# Parts of the drawn rows, as large as the held-out table, over which the classifier's is averaged.
DRAWS = 3
MOST = 5000  # held-out rows that the classifier tells from drawn ones
LEVELS = 255  # categories of a column that boosted trees take as such
NOT = float("nan")  # where there is no such column


def quality(
    columns: Sequence[Shared], *, target: str | None = None, seed: int = 0
) -> dict[str, float]:
    """Figures of a drawn table against held-out rows; `MEASURES` says what is good.

    Args:
        columns: Of three tables: the generator's training rows, held-out rows, drawn rows.
        target: A column to predict from the others.
        seed: Of the classifiers.

    Returns:
        `auc`, how well boosted trees tell drawn from held-out rows. `wasserstein`, the mean over
        columns of numbers of the distance between the two distributions in standard deviations of
        the held-out one; `total_variation`, over columns of categories; `rare`, that of the
        categories of at most 5 % of the training rows, over their share; `missing`, the mean
        difference of the shares of missing values. `association`, the mean difference of
        `associations`. With a target, `accuracy` if it is of categories, else `r2`: of trees that
        learnt from the drawn rows, and predict the target of held-out ones. NaN where there is no
        such column.
    """
    by_column = [marginal(column) for column in columns]
    numbers = [far for far, column in zip(by_column, columns, strict=True) if column.is_number]
    others = [far for far, column in zip(by_column, columns, strict=True) if not column.is_number]
    missing = [(column.missing(TEST), column.missing(DRAWN)) for column in columns]
    between = np.abs(associations(columns, TEST) - associations(columns, DRAWN))
    return {
        "auc": drawn_auc(columns, seed=seed),
        "wasserstein": mean_of(numbers),
        "total_variation": mean_of(others),
        "rare": _rare(columns),
        "missing": mean_of([abs(a - b) for a, b in missing if a or b]),
        "association": mean_of(between[np.triu_indices(len(columns), 1)]),
        **({} if target is None else _predicted(columns, target, seed)),
    }


def marginal(column: Shared) -> float:
    """How far a column is drawn from how it is held out.

    Returns:
        Of numbers Wasserstein's distance (of order 1) in standard deviations of the held-out
        values; of categories, a missing value being one, the total variation: half the sum of the
        differences of their shares. NaN of numbers that are all missing or all the same.
    """
    if not column.is_number:
        return float(np.abs(column.shares(TEST) - column.shares(DRAWN)).sum() / 2)
    here, there = (column.values[i][~np.isnan(column.values[i])] for i in (TEST, DRAWN))
    spread = here.std() if len(here) else 0.0
    return float(wasserstein_distance(here, there) / spread) if spread and len(there) else NOT


def mean_of(values: Any) -> float:
    """Of what there is; NaN if that is nothing."""
    values = np.asarray(values, np.float64)
    return float(np.nanmean(values)) if np.isfinite(values).any() else NOT


def _rare(columns: Sequence[Shared]) -> float:
    different = usual = 0.0
    for column in columns:
        if column.is_number:
            continue
        is_rare = (column.shares(TRAIN) <= RARE) & (column.shares(TRAIN) > 0)
        different += np.abs(column.shares(TEST) - column.shares(DRAWN))[is_rare].sum()
        usual += column.shares(TEST)[is_rare].sum()
    return float(different / usual) if usual else NOT


def drawn_auc(columns: Sequence[Shared], *, seed: int = 0) -> float:
    """The mean `two_sample_auc` of held-out rows and up to three parts of as many drawn rows.

    Of more than 5000 held-out rows, so many are taken.
    """
    random = np.random.default_rng(seed)  # real rows may come sorted
    x = random.permutation(inputs(columns, TEST))[:MOST]
    drawn = random.permutation(inputs(columns, DRAWN))
    n = len(x)
    parts = [drawn[i : i + n] for i in range(0, max(1, len(drawn) - n + 1), n)]
    groups = grouped(columns)
    return mean_of([two_sample_auc(x, part, groups=groups, seed=seed) for part in parts[:DRAWS]])


def inputs(columns: Sequence[Shared], table: int) -> Float[np.ndarray, "n c"]:
    """Rows as boosted trees take them: numbers, NaN where missing, and indices of categories."""
    return np.stack([column.values[table] for column in columns], 1)


def grouped(columns: Sequence[Shared]) -> Any:
    """Which columns are categories to boosted trees."""
    return [0 < len(column.levels or ()) <= LEVELS for column in columns]


def two_sample_auc(
    a: Float[np.ndarray, "n w"],
    b: Float[np.ndarray, "m w"],
    *,
    groups: Any = None,
    seed: int = 0,
) -> float:
    """How well boosted trees tell rows of `a` from rows of `b`: area under the ROC curve.

    Five-fold cross-validated: 0.5 if they cannot, 1 if they always can.

    Args:
        a: Rows.
        b: Others.
        groups: Which columns are indices of categories; by default none.
        seed: Of the folds and the trees.
    """
    x, of_b = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    trees = HistGradientBoostingClassifier(
        max_iter=50, min_samples_leaf=5, random_state=seed, categorical_features=groups
    )
    scores = np.asarray(cross_val_predict(trees, x, of_b, cv=folds, method="predict_proba"))
    return float(roc_auc_score(of_b, scores[:, 1]))


def associations(columns: Sequence[Shared], table: int) -> Float[np.ndarray, "c c"]:
    """How columns go together, from 0 to 1, of numbers from -1.

    Of two of numbers Pearson's correlation of their normal scores, of two of categories Cramér's V,
    of one of each the correlation ratio: the root of the share of the variance between categories.
    """
    found = np.eye(len(columns))
    values = [
        np.nan_to_num(column.scores[table])
        if column.is_number
        else column.values[table].astype(np.int64)
        for column in columns
    ]
    for i, a in enumerate(columns):
        for j, b in enumerate(columns[:i]):
            if a.is_number and b.is_number:
                value = _correlation(values[i], values[j])
            elif a.is_number:
                value = _correlation_ratio(values[i], values[j])
            elif b.is_number:
                value = _correlation_ratio(values[j], values[i])
            else:
                value = _cramer(values[i], values[j])
            found[i, j] = found[j, i] = value
    return found


def _correlation(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    spread = a.std() * b.std()
    return float(np.mean((a - a.mean()) * (b - b.mean())) / spread) if spread > 0 else 0.0


def _correlation_ratio(a: Float[np.ndarray, " n"], codes: Int[np.ndarray, " n"]) -> float:
    """`√(variance of the categories' means / variance)`."""
    counts, sums = np.bincount(codes), np.bincount(codes, weights=a)
    means, variance = sums / np.maximum(counts, 1), a.var()
    between = counts @ (means - a.mean()) ** 2 / len(a)
    return float(np.sqrt(between / variance)) if variance > 0 else 0.0


def _cramer(a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]) -> float:
    """`√(χ²/n / (min(rows, columns) − 1))` of the categories that occur.

    `χ²/n` is the sum of `p_ij² / (p_i p_j)` less 1, of the cells that are not empty.
    """
    of_a, of_b = np.bincount(a) / len(a), np.bincount(b) / len(b)
    least = min(np.count_nonzero(of_a), np.count_nonzero(of_b)) - 1
    cells, counts = np.unique(a * len(of_b) + b, return_counts=True)
    expected = of_a[cells // len(of_b)] * of_b[cells % len(of_b)]
    square = ((counts / len(a)) ** 2 / expected).sum() - 1
    return float(np.sqrt(max(square, 0.0) / least)) if least else 0.0


def _predicted(columns: Sequence[Shared], target: str, seed: int) -> dict[str, float]:
    names = [column.name for column in columns]
    check_target(names, target)
    column = columns[names.index(target)]
    others = [one for one in columns if one is not column]
    there = [~np.isnan(column.values[i]) for i in (DRAWN, TEST)]
    (x, y), (test, truth) = (
        (inputs(others, i)[rows], column.values[i][rows])
        for i, rows in zip((DRAWN, TEST), there, strict=True)
    )
    name = "r2" if column.is_number else "accuracy"
    if not len(y) or not len(truth):
        return {name: NOT}
    groups = grouped(others)
    if column.is_number:
        model = HistGradientBoostingRegressor(random_state=seed, categorical_features=groups)
        return {name: float(r2_score(truth, model.fit(x, y).predict(test)))}
    if len(np.unique(y)) < 2:
        return {name: _balanced(truth, np.full_like(truth, y[0]))}
    model = HistGradientBoostingClassifier(
        random_state=seed, categorical_features=groups, class_weight="balanced"
    )
    return {name: _balanced(truth, model.fit(x, y).predict(test))}


def _balanced(truth: Float[np.ndarray, " n"], guess: Float[np.ndarray, " n"]) -> float:
    """The mean over classes of the share of it that is found."""
    return float(np.mean([(guess[truth == one] == one).mean() for one in np.unique(truth)]))
