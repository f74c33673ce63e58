"""p-values and standard errors of information: are they what they say? And how long do they take?

    python benchmarks/significance.py

Without dependence a p-value below a has probability a: each row gives the share below 0.05, and
the p-value of Kolmogorov's and Smirnov's test for a uniform distribution on the values that it can
have. With dependence, the power at 0.05, beside permutations of scikit-learn's estimate. Standard
errors stand beside the deviation of the estimates. Last, a matrix of 30 columns with 2000 rows,
beside ennemi's if it is there. Writes `results/significance.json`; takes about 10 minutes.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats import kstest
from sklearn.feature_selection import mutual_info_regression
from tqdm import tqdm

import entropae as ea

from _machine import save

TRIALS, PERMUTATIONS = 300, 39
Rng = np.random.Generator


def continuous(rng: Rng) -> ea.information.InformationEstimate:
    return ea.mutual_information_estimate(*rng.standard_normal((2, 100)), permutations=PERMUTATIONS)


def rounded(rng: Rng) -> ea.information.InformationEstimate:
    return ea.mutual_information_estimate(
        *rng.standard_normal((2, 100)).round(1), permutations=PERMUTATIONS
    )


def label(rng: Rng) -> ea.information.InformationEstimate:
    return ea.mutual_information_estimate(
        rng.standard_normal(100), rng.integers(0, 3, 100), permutations=PERMUTATIONS
    )


def series(rng: Rng) -> ea.information.InformationEstimate:
    """Two independent series that are smooth over some 5 rows."""
    kernel = np.exp(-0.5 * (np.arange(-15, 16) / 3) ** 2)
    x, y = (np.convolve(rng.standard_normal(330), kernel, "valid") for _ in range(2))
    return ea.mutual_information_estimate(x, y, exclude=10, permutations=PERMUTATIONS)


def series_as_rows(rng: Rng) -> ea.information.InformationEstimate:
    """The same without `exclude`: permuted as if rows were independent, which is wrong."""
    kernel = np.exp(-0.5 * (np.arange(-15, 16) / 3) ** 2)
    x, y = (np.convolve(rng.standard_normal(330), kernel, "valid") for _ in range(2))
    return ea.mutual_information_estimate(x, y, permutations=PERMUTATIONS)


def given(rng: Rng) -> ea.information.InformationEstimate:
    """Both depend on `z`, with a correlation of 0.7 each, and on nothing else."""
    z, *noise = rng.standard_normal((3, 200))
    return ea.conditional_mutual_information_estimate(
        z + noise[0], z + noise[1], z, permutations=PERMUTATIONS
    )


def transferred(rng: Rng) -> ea.information.InformationEstimate:
    """Two independent autoregressive series with coefficient 0.6."""
    x, y = rng.standard_normal((2, 250))
    for t in range(1, 250):
        x[t] += 0.6 * x[t - 1]
        y[t] += 0.6 * y[t - 1]
    return ea.transfer_entropy_estimate(x, y, permutations=PERMUTATIONS)


NULLS: dict[str, Callable[[Rng], Any]] = {
    "continuous, n = 100": continuous,
    "one decimal, n = 100": rounded,
    "three classes, n = 100": label,
    "smooth series, n = 300, exclude": series,
    "smooth series, n = 300, no exclude": series_as_rows,
    "given z, n = 200": given,
    "transfer entropy, n = 250": transferred,
}


def uniformity(name: str) -> dict[str, Any]:
    p = np.array([NULLS[name](np.random.default_rng([i, 5])).p_value for i in range(TRIALS)])
    # Values on a grid are uniform on it: spread over its steps they are so between 0 and 1.
    smooth = p - np.random.default_rng(0).uniform(size=TRIALS) / (PERMUTATIONS + 1)
    return {
        "null": name,
        "below_0.05": round(float(np.mean(p <= 0.05)), 3),
        "below_0.5": round(float(np.mean(p <= 0.5)), 3),
        "ks_p_value": round(float(kstest(smooth, "uniform").pvalue), 3),
    }


def shuffled_scikit_learn(x: np.ndarray, y: np.ndarray, rng: Rng) -> float:
    def of(a: np.ndarray) -> float:
        return float(mutual_info_regression(a[:, None], y, random_state=0)[0])

    own = of(x)
    above = sum(of(rng.permutation(x)) >= own for _ in range(PERMUTATIONS))
    return (1 + above) / (1 + PERMUTATIONS)


def power(rho: float, n: int = 100, trials: int = 100) -> dict[str, Any]:
    found, peer = [], []
    for number in range(trials):
        rng = np.random.default_rng([number, 7])
        x, noise = rng.standard_normal((2, n))
        y = rho * x + math.sqrt(1 - rho**2) * noise
        found.append(ea.mutual_information_estimate(x, y, permutations=PERMUTATIONS).p_value)
        peer.append(shuffled_scikit_learn(x, y, rng))
    return {
        "rho": rho,
        "n": n,
        "entropae": round(float(np.mean(np.array(found) <= 0.05)), 2),
        "scikit-learn, shuffled": round(float(np.mean(np.array(peer) <= 0.05)), 2),
    }


def normal(rng: Rng, n: int, rho: float, d: int) -> tuple[np.ndarray, np.ndarray]:
    x, noise = rng.standard_normal((2, n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * noise


SAMPLES: dict[str, Callable[[Rng, int], tuple[np.ndarray, np.ndarray]]] = {
    "normal, ρ = 0": lambda rng, n: normal(rng, n, 0, 1),
    "normal, ρ = 0.9": lambda rng, n: normal(rng, n, 0.9, 1),
    "normal, ρ = 0.6, d = 2 + 2": lambda rng, n: normal(rng, n, 0.6, 2),
    "three classes": lambda rng, n: _classes(rng, n),
    "a table of counts": lambda rng, n: tuple(np.sign(a) for a in normal(rng, n, 0.5, 1)),
    "smooth series": lambda rng, n: _smooth(rng, n),
}


def _classes(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    which = rng.integers(0, 3, n)
    return which + rng.standard_normal(n), which


def _smooth(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    kernel = np.exp(-0.5 * (np.arange(-15, 16) / 3) ** 2)
    x, y = (np.convolve(rng.standard_normal(n + 30), kernel, "valid") for _ in range(2))
    return x, x + y


def errors(name: str, n: int, k: int, trials: int = 150) -> dict[str, Any]:
    exclude = 10 if "series" in name else 0
    found = [
        ea.mutual_information_estimate(
            *SAMPLES[name](np.random.default_rng([i, 11]), n), k, exclude=exclude
        )
        for i in range(trials)
    ]
    value, error = np.array([(e.value, e.standard_error) for e in found]).T
    reach = 1.96 * error
    return {
        "sample": name,
        "n": n,
        "k": k,
        "deviation": round(float(value.std(ddof=1)), 4),
        "error_over_deviation": round(float(error.mean() / value.std(ddof=1)), 2),
        "about_the_mean": round(float(np.mean(np.abs(value - value.mean()) <= reach)), 2),
    }


def matrices() -> dict[str, Any]:
    """Seconds for all pairs of 30 columns with 2000 rows, the least of three."""
    x = np.random.default_rng(0).standard_normal((2000, 30))
    x[:, 1:] += 0.5 * x[:, :1]
    ways: dict[str, Callable[[], Any]] = {
        "entropae": lambda: ea.information_matrix(x),
        "entropae, one decimal": lambda: ea.information_matrix(x.round(1)),
    }
    if importlib.util.find_spec("ennemi") is not None:
        import ennemi

        ways["ennemi"] = lambda: ennemi.pairwise_mi(x)
    seconds = {}
    for name, way in ways.items():
        times = []
        for _ in range(3):
            start = time.perf_counter()
            way()
            times.append(time.perf_counter() - start)
        seconds[name] = round(min(times), 2)
    return seconds


def main() -> None:
    torch.set_num_threads(1)
    result = {
        "p-values without dependence": [uniformity(name) for name in tqdm(NULLS)],
        "power at 0.05": [power(rho) for rho in (0.2, 0.4, 0.6)],
        "standard errors": [
            errors(name, n, k) for name in tqdm(SAMPLES) for n in (300, 2000) for k in (3, 10)
        ],
        "seconds of a matrix": [matrices()],
    }
    for name, rows in result.items():
        print(f"\n{name}\n\n| {' | '.join(rows[0])} |")
        for row in rows:
            print(f"| {' | '.join(map(str, row.values()))} |")
    save("significance", result, trials=TRIALS, permutations=PERMUTATIONS)


if __name__ == "__main__":
    main()
