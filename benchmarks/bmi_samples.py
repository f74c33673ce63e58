r"""Samples of the tasks of `benchmark-mi`, and what its own estimators say of them, as files.

    python -m venv bmi && bmi/bin/pip install benchmark-mi 'jax==0.4.20' 'jaxlib==0.4.20' \
        'scipy<1.12' 'jaxtyping<0.2.30' 'scikit-learn<1.5' 'numpy<2'
    bmi/bin/python benchmarks/bmi_samples.py FOLDER [--seeds 3] [--n 10000] [--rivals TASK ...]

In an environment of its own, as its versions are not ours. Writes `TASK_SEED.npz` with `x`, `y` and
the true mutual information `mi`; with `--rivals` instead `rivals.json`, the values and seconds of
its estimators on the tasks named, seed 0.

References:
    Czyż, Grabowski, Vogt, Beerenwinkel and Marx, "Beyond normal: on the evaluation of mutual
    information estimators", NeurIPS 2023.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import bmi  # pyright: ignore[reportMissingImports]
import numpy as np
from bmi.benchmark import BENCHMARK_TASKS  # pyright: ignore[reportMissingImports]

RIVALS = {
    "bmi KSG (k = 10)": lambda: bmi.estimators.KSGEnsembleFirstEstimator(neighborhoods=(10,)),
    "bmi CCA": bmi.estimators.CCAMutualInformationEstimator,
    "InfoNCE": bmi.estimators.InfoNCEEstimator,
    "MINE": bmi.estimators.MINEEstimator,
    "NWJ": bmi.estimators.NWJEstimator,
    "Donsker-Varadhan": bmi.estimators.DonskerVaradhanEstimator,
}


def rivals(folder: Path, tasks: list[str]) -> None:
    found = {}
    for name in tasks:
        sample = np.load(folder / f"{name}_0.npz")
        found[name] = {"true": float(sample["mi"]), "n": len(sample["x"])}
        for rival, make in RIVALS.items():
            began = time.perf_counter()
            value = float(make().estimate(sample["x"], sample["y"]))
            found[name][rival] = {"value": value, "seconds": time.perf_counter() - began}
            print(name, rival, found[name][rival], flush=True)
            (folder / "rivals.json").write_text(json.dumps(found, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--rivals", nargs="*", default=[])
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    if options.rivals:
        rivals(options.folder, options.rivals)
        return
    for seed in range(options.seeds):
        for name, task in BENCHMARK_TASKS.items():
            x, y = map(np.asarray, task.sample(options.n, seed))
            mi = float(task.mutual_information)
            np.savez(options.folder / f"{name}_{seed}.npz", x=x, y=y, mi=mi)


if __name__ == "__main__":
    main()
