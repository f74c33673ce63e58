"""Commands that measure tables of numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from entropae.cli.parser import Commands, Parser
from entropae.files import printable

# Bytes of a file from which on `entropy` reads it by blocks, and has no baseline.
LARGE = 1 << 28


def _estimate_options(parser: Parser) -> None:
    parser.add_argument("-k", type=int, default=3, help="Which neighbour.")
    parser.add_argument(
        "--missing", type=str, default="refuse", help="Rows with missing values: refuse or drop."
    )
    parser.add_argument("--json", action="store_true", help="Print the result as JSON.")


def _entropy_options(parser: Parser) -> None:
    parser.add_argument(
        "file",
        type=str,
        help="A .csv, .parquet or .npy file; for kl, of the last two also one larger than memory.",
    )
    parser.add_argument("--columns", type=str, nargs="*", help="By default all with numbers.")
    parser.add_argument(
        "--method",
        type=str,
        default="kl",
        help="kl, whitened, calibrated, weighted, kpn, a map (copula, ica, radial, student, "
        "mixture, tree), or auto for the best map.",
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="Of the interval.")
    _estimate_options(parser)


def _entropy(options: Namespace) -> None:
    import numpy as np

    from entropae.data.rows import OPENERS, open_table
    from entropae.data.tables import Table, read_table
    from entropae.entropy import entropy_estimate

    path = Path(options.file)
    large = path.is_file() and path.stat().st_size > LARGE and path.suffix.lower() in OPENERS
    if large and options.method == "kl":
        sample = open_table(path, options.columns, missing=options.missing)
        n, dropped = sample.count()
        table = Table(sample.names, np.empty((0, len(sample.names))), dropped, sample.left_out)
    else:
        table = read_table(path, options.columns, missing=options.missing)
        sample, n = table.values, len(table.values)
    found = entropy_estimate(
        sample,
        options.k,
        method=options.method,
        confidence=options.confidence,
        progress=True,
    )
    d = len(table.names)
    about = {"columns": table.names, "n": n, "d": d, "k": options.k}
    about |= {"rows_dropped": table.dropped, "columns_left_out": table.left_out}
    if options.json:
        _print_json(about | found._asdict())
        return
    _print_rows(table)
    print(
        f"Entropy of {printable(', '.join(table.names))}: "
        f"{found.value:.4f} ± {found.standard_error:.4f} nats "
        f"({options.confidence:.0%} interval {found.low:.4f} to {found.high:.4f})."
    )
    if options.method == "auto":
        print(f'The map was "{found.method}", whose reference fits points held out best.')
    if math.isfinite(found.upper_bound):
        print(
            f"An upper bound is {found.upper_bound:.4f}, the cross-entropy of the reference of "
            f'"{found.reference}" on points held out.'
        )
    if math.isfinite(found.baseline):
        print(
            f"A normal law of this covariance has {found.exact_normal:.4f}; of n={n} points of it "
            f"the estimator says {found.baseline:.4f}."
        )
    for warning in found.warnings:
        print(f"Warning: {warning}")


def _divergence_options(parser: Parser) -> None:
    parser.add_argument("a", type=str, help="Sample of P: a .csv, .parquet or .npy file.")
    parser.add_argument("b", type=str, help="Sample of Q: a file with the same columns.")
    parser.add_argument("--columns", type=str, nargs="*", help="By default all of A with numbers.")
    _estimate_options(parser)


def _divergence(options: Namespace) -> None:
    from entropae.data.tables import read_table
    from entropae.information import jackknife, knn_divergence

    a = read_table(options.a, options.columns, missing=options.missing)
    b = read_table(options.b, a.names, missing=options.missing)

    def estimate(x: Any, y: Any) -> float:
        return float(knn_divergence(x, y, options.k))

    value = estimate(a.values, b.values)
    error = jackknife(estimate, a.values, b.values, paired=False)
    about = {"columns": a.names, "n": len(a.values), "m": len(b.values), "k": options.k}
    about |= {"rows_dropped": a.dropped + b.dropped, "columns_left_out": a.left_out}
    if options.json:
        _print_json(about | {"value": value, "standard_error": error})
        return
    _print_rows(a)
    _print_rows(b)
    print(f"KL divergence of {options.a} from {options.b}: {value:.4f} ± {error:.4f} nats.")


def _information_options(parser: Parser) -> None:
    parser.add_argument("file", type=str, help="A .csv, .parquet or .npy file.")
    for name, what in (("--x", "First"), ("--y", "Second")):
        parser.add_argument(name, type=str, nargs="+", required=True, help=f"{what} columns.")
    parser.add_argument("--given", type=str, nargs="*", help="Columns to condition on.")
    parser.add_argument(
        "--method",
        type=str,
        default="ksg1",
        help="ksg1, ksg2, gao (discrete or mixed), a map (copula, ica, radial, student, mixture, "
        "tree), or auto for the best map.",
    )
    _estimate_options(parser)


def _information(options: Namespace) -> None:
    import numpy as np

    from entropae.data.tables import read_table
    from entropae.information import (
        jackknife,
        knn_conditional_mutual_information,
        knn_mutual_information,
    )

    parts = [options.x, options.y, *([options.given] if options.given else [])]
    if options.given and options.method in ("ksg2", "gao"):
        raise ValueError(
            f"`--method` must be ksg1 or a map with --given: got {options.method}. Omit it."
        )
    names = [name for part in parts for name in part]
    table = read_table(options.file, names, missing=options.missing)
    columns = np.split(table.values, np.cumsum([len(part) for part in parts])[:-1], axis=1)

    def estimate(x: Any, y: Any, z: Any = None) -> float:
        if z is not None:
            return float(
                knn_conditional_mutual_information(x, y, z, options.k, method=options.method)
            )
        return float(knn_mutual_information(x, y, options.k, method=options.method))

    value, error = estimate(*columns), jackknife(estimate, *columns)
    about = {"x": options.x, "y": options.y, "given": options.given or [], "k": options.k}
    about |= {"n": len(table.values), "method": options.method, "rows_dropped": table.dropped}
    if options.json:
        _print_json(about | {"value": value, "standard_error": error})
        return
    _print_rows(table)
    given = f", given {', '.join(options.given)}" if options.given else ""
    print(
        f"Mutual information of {', '.join(options.x)} and {', '.join(options.y)}{given}: "
        f"{value:.4f} ± {error:.4f} nats."
    )


def _print_rows(table: Any) -> None:
    if table.dropped:
        print(f"{table.dropped} rows with missing values were left out.")
    if table.left_out:
        left_out = printable(", ".join(table.left_out))
        print(f"Columns that are not numbers were left out: {left_out}.")


def _print_json(found: dict[str, Any]) -> None:
    import json

    # JSON has no infinities and no NaN.
    safe = {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in found.items()
    }
    print(json.dumps(safe, indent=2))


COMMANDS: Commands = {
    "entropy": (
        _entropy_options,
        _entropy,
        "Estimate the entropy of a table's columns.",
    ),
    "divergence": (
        _divergence_options,
        _divergence,
        "Estimate how far a table is from another.",
    ),
    "information": (
        _information_options,
        _information,
        "Estimate the mutual information of columns.",
    ),
}
