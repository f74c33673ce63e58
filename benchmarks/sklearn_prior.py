"""What `EntropicAutoencoder` draws codes from, and where it starts: density and samples.

    python benchmarks/sklearn_prior.py DATA

DATA has the folders `mnist` and `fashion_mnist`, with the IDX files of each, whose images are
averaged over fields of 4 x 4 pixels. Log-densities are of held-out samples, in nats, of features in
their own units; whole-numbered ones are spread evenly over their step. Energy distances are of as
many new samples from held-out ones, of standardised features; those of reconstructions of training
samples are what a perfect prior would reach. Takes half an hour on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from entropae.kinds import read
from entropae.sklearn import EntropicAutoencoder

from _machine import RESULTS, mean, save

SEEDS = (0, 1, 2)
MOST = 3000  # held-out samples
FIELD = 4


class Case(NamedTuple):
    """Samples, and the options of an estimator."""

    data: str
    x: np.ndarray
    n_components: int
    start: str = "pca"


def cases(data: Path) -> Iterator[Case]:
    """Those on which the default was chosen, and then those for report."""
    for name, load in (
        *(("wine", load_wine), ("breast cancer", load_breast_cancer)),
        *(("diabetes", load_diabetes), ("digits", load_digits)),
    ):
        x = load().data
        yield Case(name, x + spread(x.shape) if name == "digits" else x, 8)
    for name in ("mnist", "fashion_mnist"):
        images = np.asarray(read(data / name / "train-images-idx3-ubyte.gz").first(30_000))
        side = images.shape[-1] // FIELD
        fields = 255 * images.reshape(-1, side, FIELD, side, FIELD).mean((2, 4))
        x = fields.reshape(len(images), -1) + spread((len(images), side * side)) / FIELD**2
        yield Case(f"{name}, first 5000", x[:5000], 8)
        for start in ("pca", "random"):
            yield Case(f"{name}, first 30 000", x, 8, start)


def spread(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape)


def measured(case: Case, seed: int) -> dict[str, float]:
    """Of one split into training and held-out samples."""
    train, test = train_test_split(
        case.x, test_size=min(0.3, MOST / len(case.x)), random_state=seed
    )
    options: Any = {"start": case.start, "random_state": seed}
    model = EntropicAutoencoder(case.n_components, **options).fit(train)

    def distance(x: np.ndarray) -> float:
        a, b = ((one - model.mean_) / model.scale_ for one in (x, test))
        return float(2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean())

    found: dict[str, float] = {"seed": seed}
    found["components"] = len(getattr(model.model_.priors[model.prior_], "weights", [1]))
    # Training does not know of the prior: the same networks serve N(0, I), once it is found.
    for prior in ("auto", "normal"):
        if prior == "normal":
            model.prior_ = model.model_.prior = "normal"
        found[f"log_density_{prior}"] = model.score(test)
        found[f"energy_{prior}"] = distance(model.sample(len(test), random_state=seed))
    found["energy_perfect"] = distance(model.inverse_transform(model.transform(train[: len(test)])))
    found["noise_variance"] = model.noise_variance_
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown: means over seeds and standard deviations."""
    names = {
        "log_density_normal": "log-density, N(0, I)",
        "log_density_auto": "log-density, `auto`",
        "energy_normal": "energy distance, N(0, I)",
        "energy_auto": "energy distance, `auto`",
        "energy_perfect": "energy distance, reconstructions",
        "components": "components",
    }
    lines = [f"| data | d | start | {' | '.join(names.values())} |", "|-" * (len(names) + 3) + "|"]
    for row in rows:
        cells = [mean([run[key] for run in row["runs"]]) for key in names]
        lines.append(f"| {row['data']} | {row['d']} | `{row['start']}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    rows = []
    for case in tqdm(list(cases(parser.parse_args().data))):
        runs = [measured(case, seed) for seed in SEEDS]
        rows.append({"data": case.data, "d": case.n_components, "start": case.start, "runs": runs})
        tqdm.write(table(rows[-1:]))
    save("sklearn_prior", rows, seeds=SEEDS)
    (RESULTS / "sklearn_prior.md").write_text(table(rows))


if __name__ == "__main__":
    main()
