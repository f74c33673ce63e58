"""Entropies by way of maps against the truth: bias, spread, coverage, and what goes unwarned.

    OMP_NUM_THREADS=1 python benchmarks/maps.py [--quick]

For each distribution, dimension and size: bias, root mean square error, share of 95 % intervals
that hold the truth, and the share of *false silence*, estimates off by more than 0.1 nats and by
two of their own standard errors that come without a warning. `tuned` are the distributions that
maps and thresholds were chosen on; `drawn` are of a random family fixed beforehand, and none was
looked at while choosing. About 15 minutes of one core. Writes `results/maps.json` and `.md`.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

import entropae as ea

from _machine import RESULTS, save
from distributions import TUNED, Distribution, drawn

METHODS = ("kl", "calibrated", "auto")
DIMENSIONS = (4, 8, 16)
REPEATS = {1_000: 5, 5_000: 3, 20_000: 1}
RANDOM = 12  # distributions of the random family, for each dimension


def measure(law: Distribution, n: int, seeds: range, method: str) -> list[dict[str, Any]]:
    rows = []
    for seed in seeds:
        x = law.sample(np.random.default_rng([seed, n]), n)
        began = time.perf_counter()
        found = ea.entropy_estimate(x, method=method)  # type: ignore[arg-type]
        error = found.value - law.entropy
        rows.append(
            {
                "error": error,
                "standard_error": found.standard_error,
                "held": found.low <= law.entropy <= found.high,
                "silent": abs(error) > max(0.1, 2 * found.standard_error) and not found.warnings,
                "off": abs(error) > max(0.1, 2 * found.standard_error),
                "bound": found.upper_bound - law.entropy,
                "method": found.method,
                "seconds": time.perf_counter() - began,
            }
        )
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    error = np.array([row["error"] for row in rows])
    mean = {name: float(np.mean([row[name] for row in rows])) for name in ("held", "silent", "off")}
    chosen = [row["method"] for row in rows]
    return {
        "bias": round(float(error.mean()), 3),
        "rmse": round(float(np.sqrt((error**2).mean())), 3),
        **{name: round(value, 3) for name, value in mean.items()},
        "bound": round(float(np.mean([row["bound"] for row in rows])), 2),
        "chosen": {name: chosen.count(name) for name in sorted(set(chosen))},
        "seconds": round(float(np.median([row["seconds"] for row in rows])), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="n = 1000 and d = 4, 8 alone.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = {1_000: 2} if options.quick else REPEATS
    dimensions = (4, 8) if options.quick else DIMENSIONS
    cases: list[tuple[str, str, int, Distribution]] = []
    for d in dimensions:
        cases += [("tuned", name, d, make(d)) for name, make in TUNED.items()]
        cases += [("drawn", f"drawn {seed}", d, drawn(seed, d)) for seed in range(RANDOM)]
    table, every = [], []
    for group, name, d, law in tqdm(cases):
        for n, repeats in sizes.items():
            if n * d > 20_000 * 16:
                continue
            number = repeats if group == "tuned" else 1
            for method in METHODS:
                rows = measure(law, n, range(number), method)
                about = {"group": group, "law": name, "d": d, "n": n, "by": method}
                table.append(about | summary(rows))
                every += [about | row for row in rows]
    totals = []
    for group in ("tuned", "drawn"):
        for method in METHODS:
            for low, high in ((0, 99), (4, 4), (8, 8), (16, 16)):
                some = [
                    row
                    for row in every
                    if row["group"] == group and row["by"] == method and low <= row["d"] <= high
                ]
                if some:
                    dims = f"d = {low}" if low else "all"
                    totals.append({"group": group, "by": method, "d": dims} | summary(some))
    lines = [
        "| group | by | d | RMSE | off | silent | intervals that hold |",
        "|-|-|-|-:|-:|-:|-:|",
    ]
    lines += [
        f"| {t['group']} | {t['by']} | {t['d']} | {t['rmse']:.2f} | {t['off']:.0%} | "
        f"{t['silent']:.1%} | {t['held']:.0%} |"
        for t in totals
    ]
    lines += [
        "",
        "| distribution | d | n | kl | calibrated | auto | chosen | bound |",
        "|-|-:|-:|-:|-:|-:|-|-:|",
    ]
    for row in [row for row in table if row["group"] == "tuned" and row["by"] == "auto"]:
        same = ("group", "law", "d", "n")
        kl, calibrated = (
            next(o for o in table if o["by"] == by and all(o[s] == row[s] for s in same))
            for by in ("kl", "calibrated")
        )
        lines.append(
            f"| {row['law']} | {row['d']} | {row['n']} | {kl['bias']:+.2f} | "
            f"{calibrated['bias']:+.2f} | {row['bias']:+.2f} | {', '.join(row['chosen'])} | "
            f"{row['bound']:+.2f} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    if not options.quick:
        (RESULTS / "maps.md").write_text(text)
        save("maps", {"totals": totals, "table": table}, repeats=REPEATS, random=RANDOM, k=3)


if __name__ == "__main__":
    main()
