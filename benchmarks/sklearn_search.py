"""A grid search over d and λ on the digits, and features chosen by mutual information.

    python benchmarks/sklearn_search.py

Writes `results/sklearn_search.json` and `.md`. Takes about five minutes on one core.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from entropae.sklearn import EntropicAutoencoder, mutual_info

from _machine import RESULTS, save

GRID = {"n_components": [2, 4, 8, 16], "weight": [0.1, 0.3, 1.0, 3.0]}
EPOCHS = 60
DATA = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
SCORES = {"entropae": mutual_info, "scikit-learn": mutual_info_classif}
KEPT = (2, 5, 10)


def grid() -> dict[str, Any]:
    """Held-out log-density of 3 folds for each d and λ, and PCA's beside it."""
    # Grey values are whole numbers: spread over their step, they have a density.
    x = load_digits().data
    x = x + np.random.default_rng(0).uniform(-0.5, 0.5, x.shape)
    start = time.perf_counter()
    search = GridSearchCV(
        EntropicAutoencoder(hidden=(128,), epochs=EPOCHS, random_state=0), GRID, cv=3
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
    return {"rows": rows, "best": search.best_params_, "pca": pca, "seconds": seconds}


def selection() -> list[dict[str, Any]]:
    """Accuracy of a nearest-neighbour classifier on the features that each score chooses."""
    rows = []
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for name, load in DATA.items():
        x, y = load(return_X_y=True)
        for kept in KEPT:
            for who, score in SCORES.items():
                start = time.perf_counter()
                steps = make_pipeline(
                    SelectKBest(score, k=kept), StandardScaler(), KNeighborsClassifier()
                )
                accuracy = cross_val_score(steps, x, y, cv=folds)
                rows.append(
                    {
                        **{"data": name, "features": kept, "score": who},
                        "accuracy": round(float(accuracy.mean()), 4),
                        "over_folds": round(float(accuracy.std()), 4),
                        "seconds": round(time.perf_counter() - start, 2),
                    }
                )
                print(rows[-1], flush=True)
    return rows


def table(result: dict[str, Any]) -> str:
    """Both as Markdown."""
    of = {(row["n_components"], row["weight"]): row for row in result["grid"]["rows"]}
    lines = ["| d | " + " | ".join(f"λ = {w}" for w in GRID["weight"]) + " | PCA |"]
    lines.append("|-" * (len(GRID["weight"]) + 2) + "|")
    for d in GRID["n_components"]:
        cells = [
            f"{of[d, w]['log_density']:.1f} ± {of[d, w]['over_folds']:.1f}" for w in GRID["weight"]
        ]
        lines.append(f"| {d} | " + " | ".join(cells) + f" | {result['grid']['pca'][d]:.1f} |")
    lines += ["", "| data | features kept | by `mutual_info` | by `mutual_info_classif` |"]
    lines.append("|-|-|-|-|")
    chosen = {(r["data"], r["features"], r["score"]): r for r in result["selection"]}
    for name in DATA:
        for kept in KEPT:
            cells = [
                f"{chosen[name, kept, who]['accuracy']:.3f} ± "
                f"{chosen[name, kept, who]['over_folds']:.3f}"
                for who in SCORES
            ]
            lines.append(f"| {name} | {kept} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    result = {"selection": selection(), "grid": grid()}
    save("sklearn_search", result, epochs=EPOCHS, seed=0)
    (RESULTS / "sklearn_search.md").write_text(table(result))
    print(table(result))


if __name__ == "__main__":
    main()
