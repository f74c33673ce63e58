"""Several recipes trained and measured side by side, with several seeds."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, replace
from multiprocessing import active_children, get_context
from pathlib import Path
from signal import SIGINT
from typing import Any

from tqdm.auto import tqdm

from entropae.features import check, title
from entropae.kinds import KINDS, NAMES, Kind
from entropae.kinds.sources import nothing_at
from entropae.messages import printable
from entropae.metrics.summary import summary
from entropae.model import CONFIG
from entropae.prior.names import check_names
from entropae.recipe import RECIPE, Recipe
from entropae.runs.checked import check_recipe
from entropae.runs.files import portable, read_recipe
from entropae.runs.making import make
from entropae.runs.measured import evaluation_path, features_of, no_features
from entropae.runs.resuming import leaves, left_open
from entropae.runs.run import Run
from entropae.runs.worker import begin
from entropae.signals import Stopped, working
from entropae.storage.atomic import check_links, replacing, write_text
from entropae.storage.lock import claimed
from entropae.storage.records import read_json

RESULTS = "results.json"
# What the samples of a run are drawn from unless another prior is asked for.
DRAWN = "drawn from"


def compare(
    recipes: Mapping[str, Recipe],
    out: Path,
    *,
    seeds: int = 3,
    test: str | None = None,
    features: str | None = None,
    n: int = 10_000,
    priors: Sequence[str] = (),
    processes: int = 1,
) -> list[dict[str, Any]]:
    """Train recipes with several seeds, measure each, and write tables and a picture.

    Runs that exist are not done again, so a comparison that was stopped goes on.

    Args:
        recipes: By the name of their row. They may differ in the latent only.
        out: A folder for the runs (`NAME/seed-K`), `table.md`, `table.csv`, `results.json` and,
            where samples are for looking at, `samples.png`.
        seeds: Number of seeds, from 0.
        test: Samples to measure on; by default each run's held-out share.
        features: What `features.find` takes; by default the values themselves.
        n: At most so many samples.
        priors: Fit these too, besides the fitted Gaussian and the mixture.
        processes: Runs at a time, which share the processor's cores.

    Returns:
        A row a recipe: mean and standard deviation of every figure over seeds.

    Raises:
        ValueError: If recipes differ in more than the latent, a run in `out` was made by another
            recipe, or `seeds` is less than 1.
    """
    if seeds < 1:
        raise ValueError(f"`seeds` must be at least 1: got seeds={seeds}.")
    _check_alike(recipes)
    _check_asked(recipes, test, features, priors, n)
    check_links(out)
    with claimed(out), _continued():
        return _compare(recipes, out, seeds, test, features, n, priors, processes)


def _compare(
    recipes: Mapping[str, Recipe],
    out: Path,
    seeds: int,
    test: str | None,
    features: str | None,
    n: int,
    priors: Sequence[str],
    processes: int,
) -> list[dict[str, Any]]:
    asked = {"test": test, "n": n, "priors": sorted(priors)}
    jobs = [
        (replace(recipe, seed=seed), out / name / f"seed-{seed}", features, asked)
        for name, recipe in recipes.items()
        for seed in range(seeds)
    ]
    for recipe, folder, *_ in jobs:
        if (folder / RECIPE).is_file():
            _check_same(recipe, folder)
    found = _in_processes(jobs, processes) if processes > 1 else [_finish(*job) for job in jobs]
    results = {name: found[i * seeds : (i + 1) * seeds] for i, name in enumerate(recipes)}
    rows = [
        summary(name, found) | {DRAWN: ", ".join(dict.fromkeys(one[DRAWN] for one in found))}
        for name, found in results.items()
    ]
    write_text(out / RESULTS, json.dumps(results, indent=1) + "\n")
    with replacing(out / "table.csv") as path, path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        table.writeheader()
        table.writerows(rows)
    runs = {name: Run.open(out / name / "seed-0") for name in recipes}
    kind = next(iter(runs.values())).kind
    write_text(out / "table.md", markdown(rows, kind, title(features_of(kind, features))))
    kind.compare_samples({name: run.model for name, run in runs.items()}, out)
    return rows


def _finish(
    recipe: Recipe, folder: Path, features: str | None, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Train and measure one run, as far as that has not been done."""
    with working():
        return _finished(recipe, folder, features, asked)


def _finished(
    recipe: Recipe, folder: Path, features: str | None, asked: Mapping[str, Any]
) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        print(f"{folder}:")
        make(recipe, folder, resume=True, asked={"data": recipe.data})
    run = Run.open(folder)
    kept = evaluation_path(folder, features_of(run.kind, features))
    found = read_json(kept) if kept.is_file() else {}
    if found.get("asked") != asked:
        found = run.evaluate(asked["test"], features=features, n=asked["n"], priors=asked["priors"])
    if [name for name in run.model.priors if name in found] == [run.model.prior]:
        # Of a kind whose samples of one prior are measured: that may be another in each run.
        found = {("drawn" if key == run.model.prior else key): of for key, of in found.items()}
    return found | {
        "seconds": run.metrics.get("seconds", math.nan),
        DRAWN: run.model.drawn_from(),
    }


def _in_processes(jobs: Sequence[tuple[Any, ...]], processes: int) -> list[dict[str, Any]]:
    threads = max(1, (os.cpu_count() or 1) // processes)
    others = set(active_children())
    with ProcessPoolExecutor(
        processes,
        # A forked process may hang in the threads that torch has started.
        mp_context=get_context("spawn"),
        initializer=begin,
        initargs=(threads,),
    ) as pool:
        futures = [pool.submit(_finish, *job) for job in jobs]
        try:
            for future in tqdm(as_completed(futures), "Comparing", len(futures), unit="run"):
                future.result()
        except BaseException as error:
            # By the pool itself, which else finds futures cancelled that it wants to end.
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                workers = set(active_children()) - others
                for worker in workers:
                    worker.terminate()  # which it takes as this process takes a Ctrl-C
                # The pool can tell them to end only as long as this process does not.
                for worker in workers:
                    worker.join()
            raise
        return [future.result() for future in futures]


@contextmanager
def _continued() -> Iterator[None]:
    """Inside, a signal that stops the comparison says how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Stopped) else SIGINT
        raise Stopped(
            number, "Stopped; the same command goes on with the runs that are not finished."
        ) from error


def _check_same(recipe: Recipe, folder: Path) -> None:
    """Refuse to go on with a run of another recipe; where it trains does not matter."""
    asked, found = (
        {key: value for key, value in leaves(portable(one)) if not key.startswith("trainer.")}
        for one in (recipe, read_recipe(folder))
    )
    asked |= {name: found.get(name) for name in left_open(recipe, found)}
    for key in asked.keys() | found.keys():
        if asked.get(key) != found.get(key):
            raise ValueError(
                f"The run in {folder} was made with {key}={found.get(key)!r}, the recipe now has "
                f"{asked.get(key)!r}. Give another --out, or remove that run."
            )


def _check_asked(
    recipes: Mapping[str, Recipe],
    test: str | None,
    features: str | None,
    priors: Sequence[str],
    n: int,
) -> None:
    """Refuse what would fail when all has been trained."""
    for recipe in recipes.values():
        check_recipe(recipe)
    check_names(priors)
    if n < 2:
        raise ValueError(f"`-n` must be at least 2: got {n}.")
    for source in {test, *(recipe.data for recipe in recipes.values())} - {None, *NAMES}:
        if not Path(str(source)).exists():
            raise nothing_at(str(source))
    if features is not None:
        check(features)
        for recipe in recipes.values():
            path = Path(recipe.data)
            kind = next((kind for kind in KINDS.values() if kind.claims(path)), None)
            if kind is not None and kind.features is None:
                raise ValueError(no_features(kind.things))


def _check_alike(recipes: Mapping[str, Recipe]) -> None:
    """Refuse a comparison in which more than the latent differs."""
    (first_name, first), *others = recipes.items()
    for name, recipe in others:
        for key, value in _common(first).items():
            other = _common(recipe)[key]
            if value != other:
                raise ValueError(
                    f"Recipes to compare may differ in the latent only: {key} is {value!r} in "
                    f"{first_name}, {other!r} in {name}. Make it the same in both."
                )


def _common(recipe: Recipe) -> dict[str, Any]:
    """All of a recipe but its latent, its seed and where it runs."""
    settings = asdict(recipe)
    if recipe.epochs is not None:  # which overrules them
        settings["minutes"] = None
    model = settings.pop("model")
    del settings["seed"], settings["trainer"], model["latent"]
    return settings | {f"model.{key}": value for key, value in model.items()}


CODES = {
    "norm_spread": "spread of ‖z‖",
    "norm_spread_normal": "of N(0, I)",
    "correlation": "correlation",
    "kurtosis": "excess kurtosis",
    "entropy": "entropy (nats per dimension)",
    "entropy_normal": "of N(0, I)",
    "sliced_wasserstein": "sliced Wasserstein",
    "sliced_wasserstein_normal": "of N(0, I)",
}
# Measures of each prior that a table has columns for; the CSV has all.
TABLED = 2


def markdown(rows: Sequence[Mapping[str, Any]], kind: Kind, features: str) -> str:
    """The tables of a comparison: the figures that decide it, and how normal the codes are.

    Args:
        rows: What `compare` returns.
        kind: Of the data.
        features: The name of the features, which distances between them carry.
    """
    within = f" ({features})" if kind.features is not None else ""
    columns = {key: words for key, words in kind.errors.items() if key in rows[0]}
    for measure, said in list(kind.measures.items())[:TABLED]:
        name = "FID" if (measure, features) == ("frechet", "inception") else said.title + within
        # A row without a head has no samples without it.
        parts = dict.fromkeys(key for row in rows for key in row if key.endswith(f" {measure}"))
        columns |= {part: f"{name}, {part.removesuffix(f' {measure}')}" for part in parts}
    columns["seconds"] = "seconds"
    if any(DRAWN in row for row in rows):
        columns[DRAWN] = "samples are drawn from"
    codes = {f"code {key}": words for key, words in CODES.items() if f"code {key}" in rows[0]}
    tables = [_table(rows, columns)]
    if codes:
        tables.append("\nThe held-out codes:\n\n" + _table(rows, codes))
    return "".join(tables)


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    lines = [
        f"| recipe ({rows[0]['seeds']} seeds) | " + " | ".join(columns.values()) + " |",
        "|-|" + "-|" * len(columns),
    ]
    for row in rows:
        cells = [_cell(row, key) for key in columns]
        lines.append(f"| {escaped(row['recipe'])} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, Any], key: str) -> str:
    if key not in row:
        return "–"
    if isinstance(row[key], str):
        return row[key]
    deviation = row[f"{key} sd"]
    return f"{row[key]:.4g}" + ("" if math.isnan(deviation) else f" ± {deviation:.2g}")


def escaped(name: str) -> str:
    r"""A name as it is, in a cell of a Markdown table.

    Examples:
        >>> escaped("a|b <i>")
        'a\\|b \\<i\\>'
    """
    return re.sub(r"([\\`*\[\]<>|&!])", r"\\\1", printable(name))
