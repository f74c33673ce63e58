"""Rows of TabularARGN at its defaults, for `tables.py`.

python tabular_argn.py TRAIN OUT SEED
"""

import sys

import pandas as pd
from mostlyai.engine import TabularARGN


def main(source: str, out: str, seed: int) -> None:
    train = pd.read_parquet(source)
    model = TabularARGN(random_state=seed).fit(X=train)
    model.sample(n_samples=len(train)).to_parquet(out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
