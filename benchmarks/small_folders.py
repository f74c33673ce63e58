"""Small folders of images by the default command, against principal components and pythae.

    pip install --no-deps -r benchmarks/requirements.txt
    OMP_NUM_THREADS=1 python benchmarks/small_folders.py DATA --minutes 10 --seeds 0 1 2

DATA holds mnist, fashion_mnist and cifar10_jpeg. Each data set goes through `entropae fit` with
nothing but `--minutes` and `--seed`: held-out squared error beside that of as many principal
components, what the diagnosis finds, and the kernel distance of 1000 samples from images that
nobody trained on. pythae's VAE and RAE (RAE-L2) then train on the same images, with pythae's own
default networks, the same dimensions of the code, batches of 256 and Adam at 1e-3, for as many
seconds of processor time as the whole command took; the state of the least held-out loss is kept,
and samples are drawn as its authors do: from N(0, I), and from a mixture of ten normals.

On a machine that is shared with others, minutes say little: `--epochs` fixes the passes instead.
Both budgets are in the results, and the processor's seconds.

Defaults were chosen on subsets of CIFAR-10 (JPEG) and MNIST; Fashion-MNIST and the digits are for
report. Results are added to those that are there, row by row.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from entropae.drawing.pictures import save_panels
from entropae.features import extract, find
from entropae.kinds import read
from entropae.metrics.kernel import kernel_distance
from entropae.runs import Run
from entropae.storage.arrays import read_array

from _machine import RESULTS, save

NUMBER = 1000  # samples that distances are measured with
SHOWN = 64


class Source(NamedTuple):
    """What the command is given, images of the same kind that it is not, and their features."""

    path: Path
    others: Tensor
    features: str


def digits(data: Path, out: Path, seed: int) -> Source:
    """500 of scikit-learn's digits."""
    images = (load_digits().images / 16).astype(np.float32)
    rows = np.random.default_rng(seed).permutation(len(images))
    np.save(out / "digits.npy", images[rows[:500]])
    return Source(out / "digits.npy", torch.tensor(images[rows[500:]])[:, None], "pixels")


def fashion(data: Path, out: Path, seed: int) -> Source:
    """1000 images of Fashion-MNIST."""
    return thousand(data / "fashion_mnist", out, seed, "efficientnet-lite0:64")


def thousand(data: Path, out: Path, seed: int, features: str) -> Source:
    """1000 images of a data set in IDX files."""
    images = np.asarray(read_array(data / "train-images-idx3-ubyte.gz"))
    rows = np.random.default_rng(seed).permutation(len(images))
    path = out / f"{data.name}.npy"
    np.save(path, images[np.sort(rows[:1000])])
    others = torch.tensor(images[rows[1000 : 1000 + NUMBER]])[:, None] / 255
    return Source(path, others, features)


def cifar(data: Path, out: Path, seed: int) -> Source:
    """3000 images of CIFAR-10 (JPEG), as class folders."""
    with tarfile.open(data / "cifar10_jpeg" / "cifar10_jpegs.tar.xz") as archive:
        members = [one for one in archive.getmembers() if one.name.endswith(".jpg")]
        rows = np.random.default_rng(seed).permutation(len(members))[: 3000 + NUMBER]
        parts = {"cifar": set(rows[:3000].tolist()), "others": set(rows[3000:].tolist())}
        for name, chosen in parts.items():
            some = [one for i, one in enumerate(members) if i in chosen]
            archive.extractall(out / name, some, filter="data")
    others = read(str(out / "others")).first(NUMBER)
    return Source(out / "cifar", others, "efficientnet-lite0:64")


SETS: dict[str, Callable[[Path, Path, int], Source]] = {
    "digits": digits,
    "fashion": fashion,
    "cifar": cifar,
}


def command(source: Path, run: Path, *, budget: list[str], seed: int) -> dict[str, Any]:
    """The default command, and the processor's seconds that it took."""
    asked = [*budget, "--seed", str(seed), "--no-report"]
    line = [sys.executable, "-m", "entropae.cli", "fit", "--data", str(source), "--out", str(run)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*line, *asked], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "processor_seconds": round(
            after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, 1
        ),
    }


def ours(run: Run) -> dict[str, Any]:
    """Figures of a finished run."""
    metrics = run.metrics
    found = run.diagnose(progress=False)
    return {
        "dim": run.model.latent.dim,
        "augment": run.recipe.augment,
        "epochs": metrics["epochs"],
        "train": metrics["train"]["mean_squared_error"],
        "held_out": metrics["validation"]["mean_squared_error"],
        "pca": metrics["principal_components"]["mean_squared_error"],
        "drawn_from": run.model.drawn_from(),
        "findings": {one.name: one.severity.name.lower() for one in found.findings},
    }


class OutOfTimeError(Exception):
    """pythae has had its time."""


def theirs(name: str, run: Run, *, seconds: float, seed: int) -> tuple[dict[str, Any], Tensor]:
    """Figures and samples of one of pythae's models, trained on the run's images."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import RAE_L2, VAE, RAE_L2_Config, VAEConfig
    from pythae.samplers import GaussianMixtureSampler, NormalSampler
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    class Clock(TrainingCallback):
        """Stops the training when its time is up."""

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            """Look at the clock."""
            self.epochs = getattr(self, "epochs", 0) + 1
            if time.process_time() - began > seconds:
                raise OutOfTimeError

    made: Mapping[str, Any] = {"VAE": (VAE, VAEConfig), "RAE": (RAE_L2, RAE_L2_Config)}
    kind, config = made[name]
    train, held_out = (part.first(len(part)) for part in (run.train, run.held_out))
    torch.manual_seed(seed)
    model = kind(config(input_dim=tuple(train.shape[1:]), latent_dim=run.model.latent.dim))
    sets = [BaseDataset(x, torch.zeros(len(x))) for x in (train, held_out)]
    clock = Clock()
    began = time.process_time()
    with TemporaryDirectory() as folder:
        options = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=256,
            per_device_eval_batch_size=256,
            num_epochs=10**6,
            learning_rate=1e-3,
            no_cuda=True,
            seed=seed,
        )
        trainer = BaseTrainer(model, *sets, training_config=options, callbacks=[clock])
        try:
            trainer.train()
        except OutOfTimeError:
            model = trainer._best_model.eval()
        with torch.no_grad():
            again = model.reconstruct(held_out)
            if name == "VAE":
                samples = NormalSampler(model).sample(NUMBER)
            else:
                sampler = GaussianMixtureSampler(model)
                sampler.fit(train)
                samples = sampler.sample(NUMBER)
    error = float((again - held_out).double().square().mean())
    # The mixture's come component by component.
    samples = samples[torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))]
    return {"held_out": error, "epochs": clock.epochs}, samples.cpu()


def distance(samples: Tensor, source: Source) -> float:
    """Kernel distance from images that nobody trained on."""
    features = find(source.features)
    x, y = (extract(features, part) for part in (samples, source.others[:NUMBER]))
    return kernel_distance(x, y, size=min(500, len(x), len(y))).mean


def measured(name: str, data: Path, *, budget: list[str], seed: int) -> dict[str, Any]:
    """A row: the command, principal components, pythae."""
    with TemporaryDirectory() as folder:
        source = SETS[name](data, Path(folder), seed)
        taken = command(source.path, Path(folder) / "run", budget=budget, seed=seed)
        run = Run.open(Path(folder) / "run")
        x = {"data": run.train.spread(NUMBER), "entropae": run.sample(NUMBER, seed=seed)}
        row = taken | ours(run)
        for peer in ("VAE", "RAE"):
            row[peer], x[peer] = theirs(peer, run, seconds=taken["processor_seconds"], seed=seed)
        row["distance"] = {label: distance(one, source) for label, one in x.items()}
        row["distance_in"] = source.features
        if seed == 0:
            shown = {label: one[:SHOWN].clamp(0, 1) for label, one in x.items()}
            save_panels(shown, RESULTS / f"small_folders_{name}.png", columns=8)
    return row


def table(rows: Mapping[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        "| data, seed | d | images changed | squared error, held out | principal components | "
        "ratio | VAE | RAE | kernel distance: training images | entropae | VAE | RAE | findings | "
        "processor (wall) | budget |",
        "|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|",
    ]
    for name, row in rows.items():
        found = ", ".join(f"{one} ({level})" for one, level in row["findings"].items()) or "none"
        far = row["distance"]
        cells = [
            *(name, row["dim"], row["augment"], f"{row['held_out']:.5f}", f"{row['pca']:.5f}"),
            f"{row['held_out'] / row['pca']:.3f}",
            *(f"{row[peer]['held_out']:.5f}" for peer in ("VAE", "RAE")),
            *(f"{far[one]:.3g}" for one in ("data", "entropae", "VAE", "RAE")),
            *(found, f"{row['processor_seconds']:.0f} s ({row['seconds']:.0f} s)", row["budget"]),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Train and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--epochs", type=int, help="passes, instead of minutes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    options = parser.parse_args()
    logging.disable(logging.INFO)
    path = RESULTS / "small_folders.json"
    budget = ["--minutes", str(options.minutes)]
    if options.epochs:
        budget = ["--epochs", str(options.epochs)]
    rows = json.loads(path.read_text())["result"] if path.exists() else {}
    for name in options.sets:
        for seed in options.seeds:
            key = f"{name}, seed {seed}"
            row = measured(name, options.data, budget=budget, seed=seed)
            rows[key] = row | {"budget": " ".join(budget)}
            save("small_folders", rows, pythae="0.1.2")
            (RESULTS / "small_folders.md").write_text(table(rows))
            print(table({key: rows[key]}), flush=True)


if __name__ == "__main__":
    main()
