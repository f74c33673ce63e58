"""A grid search over d and λ on the digits, and features chosen by mutual information.

    python benchmarks/sklearn_search.py
    python benchmarks/sklearn_search.py grid    # the search again, the features as they were

Writes `results/sklearn_search.json` and `.md`. Takes five to fifteen minutes on one core.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from entropae.sklearn import EntropicAutoencoder, mutual_info

from _machine import RESULTS, save

GRID = {"n_components": [2, 4, 8, 16], "weight": [0.1, 0.3, 1.0, 3.0]}
STARTS = ("pca", "random")
EPOCHS = 60
DATA = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
KEPT = (2, 5, 10)
SEEDS = (0, 1, 2)


def scores(seed: int) -> dict[str, Callable[..., Any]]:
    """What features are chosen by."""
    return {
        "mutual_info": mutual_info,
        "mutual_info_classif": partial(mutual_info_classif, random_state=seed),
        "f_classif": f_classif,
    }


def grid() -> dict[str, Any]:
    """Held-out log-density of 3 folds for each start, d and λ, and PCA's beside it."""
    # Grey values are whole numbers: spread over their step, they have a density.
    x = load_digits().data
    x = x + np.random.default_rng(0).uniform(-0.5, 0.5, x.shape)
    start = time.perf_counter()
    search = GridSearchCV(
        EntropicAutoencoder(epochs=EPOCHS, random_state=0), GRID | {"start": STARTS}, cv=3
    ).fit(x)
    found = search.cv_results_
    rows = [
        {**params, "log_density": round(mean, 2), "over_folds": round(spread, 2)}
        for params, mean, spread in zip(
            found["params"], found["mean_test_score"], found["std_test_score"], strict=True
        )
    ]
    pca = {
        d: round(float(cross_val_score(PCA(d), x, cv=3).mean()), 2) for d in GRID["n_components"]
    }
    seconds = round(time.perf_counter() - start, 1)
    today = datetime.date.today().isoformat()
    best = search.best_params_
    return {"rows": rows, "best": best, "pca": pca, "seconds": seconds, "date": today}


def selection() -> list[dict[str, Any]]:
    """Accuracy of a nearest-neighbour classifier on the features that each score chooses."""
    # Of digits, some pixels are always white, which f_classif divides by.
    warnings.filterwarnings("ignore", module="sklearn.feature_selection")
    rows = []
    for name, load in DATA.items():
        x, y = load(return_X_y=True)
        found: dict[tuple[str, int], list[list[float]]] = {}
        seconds: dict[str, list[float]] = {}
        for number, seed in enumerate(SEEDS):
            for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
                for who, score in scores(seed).items():
                    start = time.perf_counter()
                    once = score(x[train], y[train])
                    seconds.setdefault(who, []).append(time.perf_counter() - start)
                    for kept in KEPT:
                        steps = make_pipeline(
                            SelectKBest(lambda *_, once=once: once, k=kept),
                            StandardScaler(),
                            KNeighborsClassifier(),
                        )
                        accuracy = steps.fit(x[train], y[train]).score(x[test], y[test])
                        found.setdefault((who, kept), [[] for _ in SEEDS])[number].append(accuracy)
        for (who, kept), accuracies in found.items():
            by_seed = np.mean(accuracies, 1)
            rows.append(
                {
                    **{"data": name, "features": kept, "score": who},
                    "accuracy": round(float(by_seed.mean()), 4),
                    "over_seeds": round(float(by_seed.std(ddof=1)), 4),
                    "seconds": round(float(np.median(seconds[who])), 4),
                }
            )
            print(rows[-1], flush=True)
    return rows


def table(result: dict[str, Any]) -> str:
    """Both as Markdown."""
    of = {(r["n_components"], r["start"], r["weight"]): r for r in result["grid"]["rows"]}
    lines = ["| d | start | " + " | ".join(f"λ = {w}" for w in GRID["weight"]) + " | PCA |"]
    lines.append("|-" * (len(GRID["weight"]) + 3) + "|")
    for d in GRID["n_components"]:
        for start in STARTS:
            row = [of[d, start, w] for w in GRID["weight"]]
            cells = [f"{one['log_density']:.1f} ± {one['over_folds']:.1f}" for one in row]
            pca = f"{result['grid']['pca'][d]:.1f}"
            lines.append(f"| {d} | `{start}` | " + " | ".join(cells) + f" | {pca} |")
    names = list(scores(0))
    head = " | ".join(f"by `{who}`" for who in names)
    lines += ["", f"| data | features kept | {head} |", "|-" * (len(names) + 2) + "|"]
    chosen = {(r["data"], r["features"], r["score"]): r for r in result["selection"]}
    for name in DATA:
        for kept in KEPT:
            cells = [
                f"{chosen[name, kept, who]['accuracy']:.3f} ± "
                f"{chosen[name, kept, who]['over_seeds']:.3f}"
                for who in names
            ]
            lines.append(f"| {name} | {kept} | " + " | ".join(cells) + " |")
        cells = [f"{1000 * chosen[name, KEPT[0], who]['seconds']:.1f} ms" for who in names]
        lines.append(f"| {name} | time of a score | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    if sys.argv[1:] == ["grid"]:
        kept = json.loads((RESULTS / "sklearn_search.json").read_text())
        result = {"selection": kept["result"]["selection"], "grid": grid()}
    else:
        result = {"selection": selection(), "grid": grid()}
    save("sklearn_search", result, epochs=EPOCHS, seed_of_grid=0, seeds_of_selection=SEEDS)
    (RESULTS / "sklearn_search.md").write_text(table(result))
    print(table(result))


if __name__ == "__main__":
    main()
