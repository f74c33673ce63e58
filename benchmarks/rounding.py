"""Information and entropy of rounded values: bias, and how often the interval holds the truth.

    python benchmarks/rounding.py

Normal pairs with correlation ρ are rounded to a step Δ, in standard deviations, and estimated as
they then are. The truth of the information is that of the rounded pair, from its table of
probabilities; of the entropy it is that before rounding. Writes `results/rounding.json`; takes
about 10 minutes of one core.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats import multivariate_normal, norm
from tqdm import tqdm

import entropae as ea

from _machine import save

STEPS = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0)
POINTS = (500, 5000)
CORRELATIONS = (0.0, 0.6, 0.9)
REPEATS = 50
INFORMATION: dict[str, Callable[[Any, Any], Any]] = {
    method: lambda x, y, method=method: ea.mutual_information_estimate(x, y, method=method)
    for method in ("auto", "ksg1", "ksg2", "gao")
}
AS_THEY_ARE = ("ksg1", "gao")


def rounded(x: np.ndarray, step: float) -> np.ndarray:
    return np.round(x / step) * step if step else x


def truth(rho: float, step: float) -> float:
    """Of the rounded pair; where steps are fine, before rounding: less than 1e-3 more."""
    if step < 0.5:
        return -0.5 * math.log(1 - rho**2)
    edges = step * (np.arange(-math.ceil(9 / step), math.ceil(9 / step) + 1) + 0.5)
    both = multivariate_normal(cov=[[1, rho], [rho, 1]])
    grid = np.stack(np.meshgrid(edges, edges, indexing="ij"), -1)
    table = np.diff(np.diff(both.cdf(grid), axis=0), axis=1).clip(0)
    one = np.diff(norm.cdf(edges))
    kept = table > 1e-12
    return float((table * np.log(np.where(kept, table / np.outer(one, one), 1)))[kept].sum())


def summary(found: list[Any], right: float) -> dict[str, float]:
    value, low, high, error = np.array(
        [(e.value, e.low, e.high, e.standard_error) for e in found]
    ).T
    return {
        "truth": round(right, 4),
        "bias": round(float(value.mean() - right), 4),
        "deviation": round(float(value.std(ddof=1)), 4),
        "mean_error": round(float(error.mean()), 4),
        "coverage": round(float(np.mean((low <= right) & (right <= high))), 2),
    }


def pair(number: int, n: int, rho: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    x, noise = np.random.default_rng([number, n]).standard_normal((2, n))
    return rounded(x, step), rounded(rho * x + math.sqrt(1 - rho**2) * noise, step)


def of_information(n: int, rho: float, step: float) -> list[dict[str, Any]]:
    about = {"n": n, "rho": rho, "step": step}
    right, rows = truth(rho, step), []
    pairs = [pair(number, n, rho, step) for number in range(REPEATS)]
    for name, estimate in INFORMATION.items():
        found = [estimate(x, y) for x, y in pairs]
        rows.append(about | {"estimator": name} | summary(found, right))
    for name in AS_THEY_ARE:
        raw = [
            float(ea.knn_mutual_information(x, y, method=name, resolution=None, scale=None))
            for x, y in pairs
        ]
        rows.append(
            about
            | {"estimator": f"{name}, resolution=None", "bias": round(np.mean(raw) - right, 4)}
        )
    return rows


def of_entropy(n: int, step: float) -> dict[str, Any]:
    right = ea.gaussian_entropy(1)
    found = [
        ea.entropy_estimate(pair(number, n, 0.0, step)[0], repeats=0) for number in range(REPEATS)
    ]
    return {"n": n, "step": step} | summary(found, right)


def main() -> None:
    import warnings

    warnings.simplefilter("ignore")  # of ties, which the rows without resolution are about
    torch.set_num_threads(1)
    cases = [(n, rho, step) for n in POINTS for rho in CORRELATIONS for step in STEPS]
    information = [row for case in tqdm(cases) for row in of_information(*case)]
    entropy = [of_entropy(n, step) for n in POINTS for step in STEPS]
    for rows in (information, entropy):
        print(f"| {' | '.join(rows[0])} |")
        for row in rows:
            print(f"| {' | '.join(map(str, row.values()))} |")
    save("rounding", {"information": information, "entropy": entropy}, repeats=REPEATS)


if __name__ == "__main__":
    main()
