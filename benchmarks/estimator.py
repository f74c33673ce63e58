"""Bias and root mean square error of `knn_entropy` on laws of known entropy.

    python benchmarks/estimator.py

Laws and closed forms are those of the tests. 20 samples (seeds 0 … 19) of n points each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from _machine import save

sys.path.append(str(Path(__file__).parent.parent / "tests"))
import entropae as ea

from laws import LAWS

REPEATS = 20
POINTS = 2000


def main() -> None:
    rows = []
    cases = [(name, d, k) for name in LAWS for d in range(1, 9) for k in (1, 3, 10)]
    for name, d, k in tqdm(cases):
        law = LAWS[name]
        errors = np.array(
            [
                ea.knn_entropy(law.sample(np.random.default_rng([seed, d]), POINTS, d), k)
                - law.entropy(d)
                for seed in range(REPEATS)
            ]
        )
        rows.append(
            {
                "law": name,
                "d": d,
                "k": k,
                "truth": law.entropy(d),
                "bias": errors.mean(),
                "rmse": np.sqrt(np.mean(errors**2)),
            }
        )
    high = []
    for d in tqdm((16, 32, 64)):
        values = [
            ea.knn_entropy(np.random.default_rng([seed, d]).standard_normal((10_000, d)), 3)
            for seed in range(5)
        ]
        high.append({"d": d, "mean": np.mean(values), "sd": np.std(values, ddof=1)})
    for row in rows:
        if row["d"] in (1, 2, 4, 8):
            print(
                f"{row['law']:18s} d={row['d']} k={row['k']:2d}  truth {row['truth']:8.3f}  "
                f"bias {row['bias']:+.3f}  rmse {row['rmse']:.3f}"
            )
    for row in high:
        print(f"N(0, I), n = 10 000, k = 3, d={row['d']}: {row['mean']:.2f} ± {row['sd']:.2f}")
    save("estimator", {"laws": rows, "high": high}, n=POINTS, repeats=REPEATS)


if __name__ == "__main__":
    main()
