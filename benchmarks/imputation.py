"""Missing cells of tables filled in: against means, and scikit-learn's IterativeImputer.

Of the held-out rows of three tables of `benchmarks/tables.py` a fifth of all cells is hidden at
random. "mean of 20" is the mean, of categories the most frequent, of twenty imputations, as one
guesses; "one" is a single imputation, as one fills in a table. IterativeImputer is at its defaults,
on numbers standardised and categories one-hot (which then stay near their means, because each
follows from the others), fitted to the training rows. "by codes alone" is the
autoencoder without the forests: the missing cells encoded and decoded in turn, ten times.

    rivals/bin/python benchmarks/imputation.py
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import wasserstein_distance

import entropae as ea
from tables import divided

from _machine import RESULTS, save

NAMES = ("penguins", "credit", "wage")
HIDDEN, DRAWS = 0.2, 20


def hidden(test: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table with gaps, and where they are that were none before."""
    random = np.random.default_rng(seed)
    gaps = pd.DataFrame(random.random(test.shape) < HIDDEN, test.index, test.columns)
    return test.mask(gaps), gaps & test.notna()


def usual(train: pd.DataFrame, holed: pd.DataFrame) -> pd.DataFrame:
    """Means, and the most frequent categories."""
    fill = {c: train[c].mean() if is_number(train[c]) else train[c].mode()[0] for c in train}
    return pd.DataFrame({c: holed[c].astype(object).fillna(fill[c]) for c in holed})


def iterative(train: pd.DataFrame, holed: pd.DataFrame) -> pd.DataFrame:
    """Scikit-learn's imputer, of categories the one of the largest number."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    parts, sizes = [], {}
    for c in train:
        if is_number(train[c]):
            mean, std = train[c].mean(), train[c].std()
            parts.append([(t[[c]].astype(float) - mean) / std for t in (train, holed)])
        else:
            levels = sorted(train[c].dropna().unique())
            sizes[c] = levels
            coded = []
            for t in (train, holed):
                made = pd.DataFrame({f"{c}={v}": (t[c] == v).astype(float) for v in levels})
                coded.append(made.mask(t[c].isna(), axis=0))
            parts.append(coded)
    x, new = (pd.concat([part[i] for part in parts], axis=1) for i in (0, 1))
    made = pd.DataFrame(
        IterativeImputer(random_state=0).fit(x).transform(new), new.index, x.columns
    )
    out = {}
    for c in train:
        if c in sizes:
            best = made[[f"{c}={v}" for v in sizes[c]]].to_numpy().argmax(1)
            out[c] = np.array(sizes[c], object)[best]
        else:
            out[c] = made[c] * train[c].std() + train[c].mean()
    return pd.DataFrame(out, holed.index)


def is_number(column: pd.Series) -> bool:
    """Whether a column is of numbers."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def combined(draws: list[pd.DataFrame]) -> pd.DataFrame:
    """Means of several imputations, and their most frequent categories."""
    made = {}
    for c in draws[0]:
        several = pd.concat([draw[c] for draw in draws], axis=1)
        number = is_number(draws[0][c])
        made[c] = several.mean(axis=1) if number else several.astype(object).mode(axis=1)[0]
    return pd.DataFrame(made)


def figures(filled: pd.DataFrame, test: pd.DataFrame, gaps: pd.DataFrame) -> dict[str, float]:
    """How far what was filled in is from what was hidden.

    Returns:
        `rmse`, in standard deviations; `right`, the share of categories; `wasserstein`, the
        distance of the distributions of numbers, in standard deviations.
    """
    squares, right, far = [], [], []
    for c in test:
        here = gaps[c]
        if not here.any():
            continue
        if is_number(test[c]):
            std = test[c].std()
            a, b = (t.loc[here, c].astype(float).to_numpy() for t in (filled, test))
            squares.append(np.mean(((a - b) / std) ** 2))
            far.append(wasserstein_distance(a, b) / std)
        else:
            right.append(np.mean(filled.loc[here, c].astype(str) == test.loc[here, c].astype(str)))
    return {
        "rmse": float(np.sqrt(np.mean(squares))),
        "right": float(np.mean(right)),
        "wasserstein": float(np.mean(far)),
    }


def measure(name: str, seed: int) -> dict[str, dict[str, float]]:
    """Figures of every way on one table."""
    train, test = (t.to_pandas().convert_dtypes() for t in divided(name, seed))
    holed, gaps = hidden(test, seed)
    model = ea.synthesize(pa.Table.from_pandas(train), seed=seed, progress=False)
    table = pa.Table.from_pandas(holed)

    def draws() -> list[pd.DataFrame]:
        return [model.impute(table, seed=s).to_pandas() for s in range(DRAWS)]

    ours = draws()
    model.kind.columns.conditionals = None
    codes = draws()
    made = {
        "means": usual(train, holed),
        "IterativeImputer": iterative(train, holed),
        "entropae, mean of 20": combined(ours),
        "entropae, one": ours[0],
        "by codes alone, mean of 20": combined(codes),
        "by codes alone, one": codes[0],
    }
    return {said: figures(filled, test, gaps) for said, filled in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    result: dict[str, Any] = {
        name: [measure(name, seed) for seed in options.seeds] for name in NAMES
    }
    save("imputation", result, seeds=options.seeds, hidden=HIDDEN, draws=DRAWS)
    lines = ["| | " + " | ".join(f"{n}: {k}" for n in NAMES for k in KEYS) + " |"]
    lines.append("|-|" + "-|" * (len(NAMES) * len(KEYS)))
    for said in result[NAMES[0]][0]:
        means = [np.mean([one[said][k] for one in result[n]]) for n in NAMES for k in KEYS]
        lines.append(f"| {said} | " + " | ".join(f"{v:.3f}" for v in means) + " |")
    (RESULTS / "imputation.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


KEYS = ("rmse", "right", "wasserstein")

if __name__ == "__main__":
    main()
