"""How often the 95 % interval of `entropy_estimate` holds the true entropy.

    python benchmarks/coverage.py

Of samples of 1000 points. Beside the coverage stand the bias over the deviation of the estimates,
which an interval of variance alone cannot know, and the mean standard error over that deviation,
which should be 1. "about the mean" is the coverage of the estimator's own mean in place of the
truth: what is left where bias is out of the way. Takes about 10 minutes of one core. Writes
`results/coverage.json`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from _machine import save

sys.path.append(str(Path(__file__).parent.parent / "tests"))
import entropae as ea

from laws import HARD, LAWS

ALL = LAWS | HARD
CASES = (
    *(("normal", d) for d in (1, 2, 4, 8)),
    *(("uniform", d) for d in (1, 2)),
    ("laplace", 1),
    *(("student-t(3)", d) for d in (1, 2)),
    ("mixture", 2),
)
POINTS = 1_000
REPEATS = 500
# Samples of the normal baseline, which "kl" simulates again for each estimate. For the error it
# needs only the slope of the terms there, which 4 give to a percent.
BASELINE = {"kl": 4, "calibrated": None}


def measure(name: str, d: int, method: str, k: int) -> dict[str, str | int | float]:
    law = ALL[name]
    truth = law.entropy(d)
    found = [
        ea.entropy_estimate(
            law.sample(np.random.default_rng([number, d]), POINTS, d),
            k,
            method=method,
            repeats=BASELINE[method],
        )
        for number in range(REPEATS)
    ]
    value, low, high = np.array([(e.value, e.low, e.high) for e in found]).T
    mean, deviation = value.mean(), value.std(ddof=1)
    return {
        "law": name,
        "d": d,
        "method": method,
        "k": k,
        "coverage": round(float(np.mean((low <= truth) & (truth <= high))), 3),
        "about_the_mean": round(float(np.mean((low <= mean) & (mean <= high))), 3),
        "bias_over_deviation": round(float((mean - truth) / deviation), 2),
        "error_over_deviation": round(
            float(np.mean([e.standard_error for e in found]) / deviation), 2
        ),
    }


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for name, d in tqdm(CASES):
        for method in BASELINE:
            rows += [measure(name, d, method, k) for k in (1, 3)]
    print("| law | d | method | k | coverage | about the mean | bias/dev | error/dev |")
    print("|-|-:|-|-:|-:|-:|-:|-:|")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")
    save("coverage", rows, n=POINTS, repeats=REPEATS, confidence=0.95)


if __name__ == "__main__":
    main()
