"""Which of the tables in `tests/written.py` each reader reads right, told nothing but the path.

Every reader is asked for what it can recognise by itself: DuckDB's sniffer, Polars and pyarrow with
dates, CleverCSV's dialect with pandas' types, pandas with `sep=None`. Right means the same names
and values: 1 and 1.0, a date and its midnight, are the same, and so are all ways to say missing;
where a file has no names, those that a reader makes up do not count. A file that must be refused is
right when an error says so. "said" is right, with the uncertainty put into words.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _machine import RESULTS, save

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from written import DIALECTS, Columns, Written


def entropae(path: Path) -> tuple[Columns, str]:
    from entropae.reader.reading import read_table as read

    table = read(path)
    return table.arrow.to_pydict(), " ".join(table.notes)


def duckdb(path: Path) -> tuple[Columns, str]:
    import duckdb

    with duckdb.connect() as connection:
        return connection.read_csv(str(path)).to_arrow_table().to_pydict(), ""


def polars(path: Path) -> tuple[Columns, str]:
    import polars

    frame = polars.read_csv(path, try_parse_dates=True, infer_schema_length=None)
    return frame.to_dict(as_series=False), ""


def pyarrow(path: Path) -> tuple[Columns, str]:
    from pyarrow import csv

    table = csv.read_csv(path, convert_options=csv.ConvertOptions(strings_can_be_null=True))
    if len(set(table.column_names)) < table.num_columns:
        raise ValueError("names are there twice")
    return table.to_pydict(), ""


def pandas(path: Path) -> tuple[Columns, str]:
    import pandas

    return pandas.read_csv(path, sep=None, engine="python").to_dict("list"), ""


def clevercsv(path: Path) -> tuple[Columns, str]:
    import clevercsv

    return clevercsv.read_dataframe(str(path)).to_dict("list"), ""


READERS: dict[str, Callable[[Path], tuple[Columns, str]]] = {
    "entropae": entropae,
    "duckdb": duckdb,
    "polars": polars,
    "pyarrow": pyarrow,
    "pandas": pandas,
    "clevercsv": clevercsv,
}


def plain(value: Any) -> Any:
    """A value as it is compared."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if isinstance(value, float) and math.isnan(value):
        return None
    if type(value) is dt.date:
        return dt.datetime.combine(value, dt.time.min)
    if isinstance(value, dt.datetime) and value.tzinfo:
        return value.astimezone(dt.UTC)
    return value.item() if hasattr(value, "item") else value


def same(found: Columns, expected: Columns) -> bool:
    """Whether two tables are the same; logical values are no numbers."""
    made_up = all(name.isdigit() for name in expected)
    if len(found) != len(expected):
        return False
    if not made_up and [str(name) for name in found] != list(expected):
        return False
    for values, wanted in zip(found.values(), expected.values(), strict=True):
        pairs = [(plain(a), plain(b)) for a, b in zip(values, wanted, strict=False)]
        if len(values) != len(wanted):
            return False
        if any(a != b or isinstance(a, bool) != isinstance(b, bool) for a, b in pairs):
            return False
    return True


def judge(reader: str, case: Written, path: Path) -> str:
    """Right, wrong, refused; of what must be refused: refused is right; asked: right and said."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, notes = READERS[reader](path)
    except Exception:  # whatever a reader raises is its refusal
        return "right" if case.columns is None else "refused"
    if case.columns is None or not same(found, case.columns):
        return "wrong"
    return "said" if any(word.lower() in notes.lower() for word in case.said) else "right"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", nargs="*", default=list(READERS))
    readers = parser.parse_args().readers
    outcomes: dict[str, dict[str, str]] = {}
    seconds = dict.fromkeys(readers, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, case) in enumerate(DIALECTS.items()):
            path = Path(folder, f"{i}{case.suffix}")
            path.write_bytes(case.content)
            outcomes[name] = {}
            for reader in readers:
                begin = time.perf_counter()
                outcomes[name][reader] = judge(reader, case, path)
                seconds[reader] += time.perf_counter() - begin
    right = {
        reader: sum(row[reader] in ("right", "said") for row in outcomes.values())
        for reader in readers
    }
    rows = ["| file | " + " | ".join(readers) + " |", "|-" * (len(readers) + 1) + "|"]
    for name, row in outcomes.items():
        rows.append(f"| {name} | " + " | ".join(row[reader] for reader in readers) + " |")
    totals = " | ".join(f"**{right[reader]} of {len(DIALECTS)}**" for reader in readers)
    rows.append(f"| **read right** | {totals} |")
    text = "\n".join(rows) + "\n"
    (RESULTS / "dialects.md").write_text(text)
    print(text)
    versions = {name: version(name) for name in readers if name != "entropae"}
    save(
        "dialects",
        {"outcomes": outcomes, "right": right, "seconds": seconds},
        readers=versions,
        files=len(DIALECTS),
    )


if __name__ == "__main__":
    main()
