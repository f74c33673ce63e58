"""Mutual information on the 40 tasks of `benchmark-mi`: absolute errors, tasks within 0.05, time.

    python benchmarks/information.py FOLDER [--seeds 0 1 2] [--n 10000] [--drawn 40]

`FOLDER` is what `bmi_samples.py` wrote. Counting neighbours (`ksg1`, k = 3) is slow in many
columns: there it gets 2 000 rows only. `CCA` is the value of the normal distribution with the
sample's canonical correlations. Maps and thresholds were chosen with 5 000 rows of seed 0 of the
same tasks, so that other seeds are new samples, but no new tasks. New ones are those of `tasks.py`,
drawn at random from a family: the first forty showed that sums of entropies may say less than
counting in many columns too, and so are left out. Writes `results/information.json` and
`.md`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

import entropae as ea
from entropae.information.formulas import ksg1 as counted
from entropae.information.mapped import by_map, pair_sums
from entropae.information.parts import Part
from tasks import task

from _machine import RESULTS, save

MANY, ROWS = 12, 2000
WITHIN = 0.05
LOOKED_AT = 40  # tasks of the family


def cca(x: np.ndarray, y: np.ndarray) -> float:
    qx, qy = (np.linalg.qr(part - part.mean(0))[0] for part in (x, y))
    correlation = np.linalg.svd(qx.T @ qy)[1].clip(max=1 - 1e-12)
    return float(-0.5 * np.log1p(-(correlation**2)).sum())


def ksg1(x: np.ndarray, y: np.ndarray) -> float:
    rows = ROWS if x.shape[1] + y.shape[1] > MANY else len(x)
    return ea.knn_mutual_information(
        x[:rows], y[:rows], 3, method="ksg1", resolution=None, scale=None
    )


def by(method: str) -> Callable[[np.ndarray, np.ndarray], tuple[float, str]]:
    def estimate(x: np.ndarray, y: np.ndarray) -> tuple[float, str]:
        def count(rows: slice) -> np.ndarray:
            return counted([Part((z[rows] - z.mean(0)) / z.std(0)) for z in (x, y)], 3).values

        try:
            found = by_map([x, y], pair_sums(2), 3, method, count)
        except ValueError:  # rows that repeat, as numbers of single precision do
            return math.nan, method
        return float(found.terms.mean()), found.method

    return estimate


ESTIMATORS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "CCA": cca,
    "ksg1": ksg1,
    "calibrated": by("calibrated"),
    "copula": by("copula"),
    "auto": by("auto"),
}


Row = dict[str, Any]


def measure(name: str, seed: int, x: np.ndarray, y: np.ndarray, true: float) -> Row:
    row: Row = {"task": name, "seed": seed, "true": round(true, 4)}
    for method, estimate in ESTIMATORS.items():
        began = time.perf_counter()
        found = estimate(x, y)
        value, chosen = found if isinstance(found, tuple) else (found, "")
        row[method] = round(value - true, 4)
        row[f"{method} seconds"] = round(time.perf_counter() - began, 2)
        if method == "auto":
            row["chosen"] = chosen
    return row


def of_file(path: Path, n: int) -> Row:
    sample = np.load(path)
    name, seed = path.stem.rsplit("_", 1)
    x, y = (sample[part][:n].astype(np.float64) for part in ("x", "y"))
    return measure(name, int(seed), x, y, float(sample["mi"]))


def of_family(number: int, seed: int, n: int) -> Row:
    drawn = task(number)
    x, y = drawn.draw(np.random.default_rng([number, seed]), n)
    return measure(drawn.name, seed, x, y, drawn.information)


def totals(rows: list[Row], seeds: list[int]) -> list[dict[str, Any]]:
    made = []
    for method in ESTIMATORS:
        error = np.abs([row[method] for row in rows])
        within = [
            sum(abs(row[method]) <= WITHIN for row in rows if row["seed"] == seed) for seed in seeds
        ]
        made.append(
            {
                "method": method,
                "refused": int(np.isnan(error).sum()),
                "mean": round(float(np.nanmean(error)), 3),
                "median": round(float(np.nanmedian(error)), 3),
                "largest": round(float(np.nanmax(error)), 3),
                "within": within,
                "seconds": round(float(np.median([row[f"{method} seconds"] for row in rows])), 2),
            }
        )
    return made


def table(title: str, rows: list[Row], seeds: list[int]) -> list[str]:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    lines = [
        f"{title}: {len(tasks)} tasks",
        "",
        "| | mean | median | largest | within 0.05, by seed | refused | median seconds |",
        "|-|-:|-:|-:|-|-:|-:|",
    ]
    lines += [
        f"| {t['method']} | {t['mean']:.3f} | {t['median']:.3f} | {t['largest']:.2f} | "
        f"{', '.join(map(str, t['within']))} | {t['refused']} | {t['seconds']:.1f} |"
        for t in totals(rows, seeds)
    ]
    lines += ["", "| task | true | CCA | ksg1 | calibrated | copula | auto | chosen |"]
    lines += ["|-|-:|-:|-:|-:|-:|-:|-|"]
    for name in tasks:
        some = [row for row in rows if row["task"] == name]
        means = (np.nanmean([row[method] for row in some]) for method in ESTIMATORS)
        chosen = ", ".join(dict.fromkeys(row["chosen"] for row in some))
        values = " | ".join(f"{mean:+.3f}" for mean in means)
        lines.append(f"| {name} | {some[0]['true']:.3f} | {values} | {chosen} |")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--drawn", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds = options.seeds
    files = [p for s in seeds for p in sorted(options.folder.glob(f"*_{s}.npz"))]
    known = [of_file(path, options.n) for path in tqdm(files)]
    drawn = [
        of_family(number, seed, options.n)
        for seed in seeds
        for number in tqdm(range(LOOKED_AT, LOOKED_AT + options.drawn))
    ]
    lines = table("benchmark-mi", known, seeds) + table("Drawn at random", drawn, seeds)
    result: dict[str, Any] = {
        "totals": totals(known, seeds),
        "rows": known,
        "drawn": {"totals": totals(drawn, seeds), "rows": drawn},
    }
    rivals = options.folder / "rivals.json"
    if rivals.exists():
        result["rivals"] = json.loads(rivals.read_text())
        lines += ["| task | estimator | error | seconds |", "|-|-|-:|-:|"]
        for name, found in result["rivals"].items():
            for rival, value in found.items():
                if isinstance(value, dict) and math.isfinite(value["value"]):
                    error = value["value"] - found["true"]
                    lines.append(f"| {name} | {rival} | {error:+.3f} | {value['seconds']:.1f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    (RESULTS / "information.md").write_text(text)
    save("information", result, n=options.n, seeds=seeds, k=3, ksg1_rows_of_many=ROWS)


if __name__ == "__main__":
    main()
