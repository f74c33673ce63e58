"""Mutual information of data as people have them, beside scikit-learn and ennemi.

    python benchmarks/real_numbers.py

Tables with one decimal, in unlike units, with heavy tails, classes, zeros and many ties, 20 samples
of 1000 rows each; the mean error against the truth, and the mean absolute one. The penguins of
Palmer station, if the package `palmerpenguins` is there, have no known truth. Packages are called
as their documentation says, told which columns are discrete. Needs `ennemi` and `pandas`.
Writes `results/real_numbers.json`.
"""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ennemi
import numpy as np
import torch
from scipy.stats import poisson
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from tqdm import tqdm

import entropae as ea

from _machine import save

ROWS, SAMPLES, K = 1000, 20, 3
Pair = tuple[np.ndarray, np.ndarray]


def by_entropae(x: np.ndarray, y: np.ndarray, x_classes: bool, y_classes: bool) -> float:
    return ea.knn_mutual_information(x, y, K)  # nothing is said of classes


def by_scikit_learn(x: np.ndarray, y: np.ndarray, x_classes: bool, y_classes: bool) -> float:
    of = mutual_info_classif if y_classes else mutual_info_regression
    found = of(x[:, None], y, discrete_features=[x_classes], n_neighbors=K, random_state=0)
    return float(found[0])


def by_ennemi(x: np.ndarray, y: np.ndarray, x_classes: bool, y_classes: bool) -> float:
    found = ennemi.estimate_mi(y, x, k=K, discrete_x=x_classes, discrete_y=y_classes)
    return float(np.asarray(found).ravel()[0])


PACKAGES: dict[str, Callable[..., float]] = {
    "entropae": by_entropae,
    "scikit-learn": by_scikit_learn,
    "ennemi": by_ennemi,
}


def normal_pair(rng: np.random.Generator, rho: float) -> Pair:
    x, noise = rng.standard_normal((2, ROWS))
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def one_decimal(rho: float) -> Callable[[np.random.Generator], Pair]:
    def draw(rng: np.random.Generator) -> Pair:
        x, y = normal_pair(rng, rho)
        return np.round(15 + 3 * x, 1), np.round(60 + 3 * y, 1)

    return draw


def unlike_units(rng: np.random.Generator) -> Pair:
    x, y = normal_pair(rng, 0.9)
    return 1e5 * x, y


def over_decades(digits: int | None) -> Callable[[np.random.Generator], Pair]:
    """Log-normal columns over some ten decades, all digits or a few significant ones of them."""

    def draw(rng: np.random.Generator) -> Pair:
        x, y = (np.exp(5 * part) for part in normal_pair(rng, 0.6))
        if digits is not None:
            x, y = (np.array([float(f"{v:.{digits}g}") for v in part]) for part in (x, y))
        return x, y

    return draw


def label(rng: np.random.Generator) -> Pair:
    classes = rng.integers(0, 2, ROWS)
    return np.round(4 * classes + rng.standard_normal(ROWS), 2), classes


def inflated(rng: np.random.Generator) -> Pair:
    """Y is 0 for 40 % of the rows, whatever X; else X and Y are a normal pair."""
    x, y = normal_pair(rng, 0.9)
    return x, np.where(rng.uniform(size=ROWS) < 0.4, 0.0, y)


def counts(rng: np.random.Generator) -> Pair:
    own = rng.poisson(2, (2, ROWS))
    return tuple(own + rng.poisson(4, ROWS))  # pyright: ignore[reportReturnType]


def coarse(rng: np.random.Generator) -> Pair:
    x, y = normal_pair(rng, 0.6)
    return np.round(x), np.round(y)


def of_normal(rho: float) -> float:
    return -0.5 * math.log(1 - rho**2)


def of_label() -> float:
    grid = np.linspace(-8, 12, 20_001)
    density = (np.exp(-(grid**2) / 2) + np.exp(-((grid - 4) ** 2) / 2)) / math.sqrt(8 * math.pi)
    return float(
        -np.trapezoid(density * np.log(density), grid) - 0.5 * math.log(2 * math.pi * math.e)
    )


def of_counts() -> float:
    common, own = poisson.pmf(np.arange(60), 4), poisson.pmf(np.arange(60), 2)
    table = np.zeros((120, 120))
    for c, weight in enumerate(common):
        table[c : c + 60, c : c + 60] += weight * np.outer(own, own)
    x = table.sum(1)
    kept = table > 1e-15
    return float(
        (table * np.log(np.where(kept, table, 1) / np.where(kept, np.outer(x, x), 1)))[kept].sum()
    )


def of_coarse() -> float:
    from rounding import truth

    return truth(0.6, 1.0)


# What to draw, the truth, and whether each part is of classes.
CASES: dict[str, tuple[Callable[[np.random.Generator], Pair], float, bool, bool]] = {
    "one decimal, independent": (one_decimal(0), 0.0, False, False),
    "one decimal, ρ = 0.6": (one_decimal(0.6), of_normal(0.6), False, False),
    "one decimal, ρ = 0.9": (one_decimal(0.9), of_normal(0.9), False, False),
    "one column × 1e5, ρ = 0.9": (unlike_units, of_normal(0.9), False, False),
    "heavy tails, ρ = 0.6": (over_decades(None), of_normal(0.6), False, False),
    "heavy tails, 3 digits, ρ = 0.6": (over_decades(3), of_normal(0.6), False, False),
    "two decimals and a label": (label, of_label(), False, True),
    "40 % zeros, ρ = 0.9": (inflated, 0.6 * of_normal(0.9), False, False),
    "counts that share a part": (counts, of_counts(), False, False),
    "rounded to one sd, ρ = 0.6": (coarse, of_coarse(), False, False),
}


def measured(name: str) -> list[dict[str, Any]]:
    draw, truth, *classes = CASES[name]
    pairs = [draw(np.random.default_rng([number, ROWS])) for number in range(SAMPLES)]
    rows = []
    for package, estimate in PACKAGES.items():
        error = np.array([estimate(*pair, *classes) for pair in pairs]) - truth
        rows.append(
            {
                "data": name,
                "truth": round(truth, 3),
                "package": package,
                "bias": round(float(error.mean()), 3),
                "absolute_error": round(float(np.abs(error).mean()), 3),
            }
        )
    return rows


def penguins() -> list[dict[str, Any]]:
    """Pairs of columns, with mass in grams and in tonnes; [] if the data are not there."""
    found = importlib.util.find_spec("palmerpenguins")
    if found is None or found.origin is None:
        return []
    path = next(Path(found.origin).parent.rglob("penguins.csv"))
    with path.open(newline="") as lines:
        table = [row for row in csv.DictReader(lines) if "NA" not in row.values()]
    mass, flipper, depth = (
        np.array([float(row[name]) for row in table])
        for name in ("body_mass_g", "flipper_length_mm", "bill_depth_mm")
    )
    species = np.unique([row["species"] for row in table], return_inverse=True)[1]
    pairs = {
        "mass in g, flipper": (mass, flipper, False, False),
        "mass in t, flipper": (mass / 1e6, flipper, False, False),
        "mass in g, bill depth": (mass, depth, False, False),
        "mass in g, species": (mass, species, False, True),
    }
    return [
        {"data": name} | {p: round(of(*pair), 3) for p, of in PACKAGES.items()}
        for name, pair in pairs.items()
    ]


def main() -> None:
    torch.set_num_threads(1)
    rows = [row for name in tqdm(CASES) for row in measured(name)]
    of_penguins = penguins()
    for table in (rows, of_penguins):
        if table:
            print(f"| {' | '.join(table[0])} |")
        for row in table:
            print(f"| {' | '.join(map(str, row.values()))} |")
    versions = {p: importlib.metadata.version(p) for p in ("scikit-learn", "ennemi")}
    result = {"known": rows, "penguins": of_penguins}
    save("real_numbers", result, rows=ROWS, samples=SAMPLES, k=K, packages=versions)


if __name__ == "__main__":
    main()
