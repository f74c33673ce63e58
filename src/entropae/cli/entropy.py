"""Commands that measure the distribution of a table's columns: entropies, divergence."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from entropae.cli.dialect import dialect_of, dialect_options, read
from entropae.cli.parser import Commands, Parser
from entropae.cli.printed import print_json, print_left_out, print_notes
from entropae.cli.variables import FILE, estimate_options, resolution_of
from entropae.messages import printable

# Bytes of a file from which on `entropy` reads it by blocks, and has no baseline.
LARGE = 1 << 28


def _columns(parser: Parser) -> None:
    parser.add_argument("--columns", type=str, nargs="*", help="By default all with numbers.")


def _entropy_options(parser: Parser) -> None:
    parser.add_argument(
        "file", type=str, help=f"{FILE} For kl, of the last two also one larger than memory."
    )
    _columns(parser)
    parser.add_argument(
        "--method",
        type=str,
        default="kl",
        help="kl, whitened, calibrated, weighted, kpn, auto, or one of the maps that it chooses "
        "from: copula, radial, student, ica, mixture, tree.",
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="Of the interval.")
    estimate_options(parser)
    dialect_options(parser)


def _entropy(options: Namespace) -> None:
    from entropae.entropy import entropy_estimate

    table, sample, n = _sample(options)
    found = entropy_estimate(
        sample,
        options.k,
        method=options.method,
        confidence=options.confidence,
        progress=True,
        **_settings(options),
    )
    unit, name = _unit(options)
    d = len(table.names)
    about = {"columns": table.names, "n": n, "d": d, "k": options.k, "method": options.method}
    about |= {"rows_dropped": table.dropped, "columns_left_out": table.left_out, "unit": name}
    if options.json:
        print_json(about | _in_unit(found, unit))
        return
    print_left_out(table.dropped, table.left_out)
    print(
        f"Entropy of {printable(', '.join(table.names))}: "
        f"{found.value * unit:.4f} ± {found.standard_error * unit:.4f} {name} "
        f"({options.confidence:.0%} interval {found.low * unit:.4f} to {found.high * unit:.4f})."
    )
    if math.isfinite(found.baseline):
        print(
            f"A normal distribution of this covariance has {found.exact_normal * unit:.4f}; of "
            f"n={n} points of it the estimator says {found.baseline * unit:.4f}."
        )
    print_notes(found.notes, found.warnings)


def _sample(options: Namespace) -> tuple[Any, Any, int]:
    """Names and what was left out; the rows, by blocks if they are many; and how many."""
    import numpy as np

    from entropae.reader import Numbers, suffix_of
    from entropae.reader.rows import OPENERS, open_table

    path = Path(options.file)
    large = path.is_file() and path.stat().st_size > LARGE and suffix_of(path) in OPENERS
    if large and options.method == "kl" and dialect_of(options) is None:
        rows = open_table(path, options.columns, missing=options.missing)
        n, dropped = rows.count()
        return Numbers(rows.names, np.empty(0), dropped, rows.left_out), rows, n
    table = read(options.file, options).numbers(options.columns, missing=options.missing)
    return table, _frame(table), len(table.values)


def _order_options(parser: Parser) -> None:
    parser.add_argument("file", type=str, help=FILE)
    parser.add_argument("--order", type=float, default=2.0, help="Above 0; 1 is Shannon's entropy.")
    _columns(parser)
    estimate_options(parser)
    dialect_options(parser)


def _of_order(kind: str) -> Callable[[Namespace], None]:
    """What estimates an entropy of some order, with its standard error by the jackknife."""

    def act(options: Namespace) -> None:
        from entropae import entropy
        from entropae.information import jackknife

        settings = _settings(options)
        estimator = {"Rényi": entropy.knn_renyi_entropy, "Tsallis": entropy.knn_tsallis_entropy}
        table = read(options.file, options).numbers(options.columns, missing=options.missing)

        def estimate(x: Any) -> float:
            frame: Any = dict(zip(table.names, x.T, strict=True))
            return float(estimator[kind](frame, options.order, k=options.k, **settings))

        value, error = estimate(table.values), jackknife(estimate, table.values)
        warnings = _doubts(_frame(table), options.k, settings) if math.isfinite(value) else []
        # Tsallis' entropy is no logarithm, and has no unit.
        unit, name = _unit(options) if kind == "Rényi" else (1.0, "")
        about = {"columns": table.names, "n": len(table.values), "k": options.k, "unit": name}
        about |= {"order": options.order, "rows_dropped": table.dropped}
        if options.json:
            found = {"value": value * unit, "standard_error": error * unit}
            print_json(about | found | {"warnings": warnings})
            return
        print_left_out(table.dropped, table.left_out)
        print(
            f"{kind} entropy of order {options.order:g} of {printable(', '.join(table.names))}: "
            f"{value * unit:.4f} ± {error * unit:.4f} {name}".rstrip()
            + "."
        )
        print_notes((), warnings)

    return act


def _doubts(sample: Any, k: int, settings: dict[str, Any]) -> list[str]:
    """What speaks against any entropy by neighbours, as Shannon's of the same rows shows it."""
    from entropae.entropy import entropy_estimate

    doubts = []
    for one in entropy_estimate(sample, k, repeats=0, **settings).warnings:
        if one.startswith("Rows of"):
            doubts.append(one)
        if one.startswith("Half of"):
            doubts.append(
                "Shannon's entropy of these rows is another of half of them, so that this one may "
                "be off, too, by more than its error. Use more rows; if one column is a function "
                "of others, leave it out, as there is no density."
            )
    return doubts


def _divergence_options(parser: Parser) -> None:
    parser.add_argument("a", type=str, help=f"Sample of P. {FILE}")
    parser.add_argument("b", type=str, help="Sample of Q: a file with the same columns.")
    parser.add_argument("--columns", type=str, nargs="*", help="By default all of A with numbers.")
    parser.add_argument(
        "--method", type=str, default="auto", help="auto, knn, calibrated, copula, ica or mixture."
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="Of the interval.")
    estimate_options(parser)
    dialect_options(parser)


def _divergence(options: Namespace) -> None:
    from entropae.information import divergence_estimate

    first, second = read(options.a, options), read(options.b, options)
    if not options.columns and set(first.names) != set(second.names):
        only = {
            path: sorted(set(one.names) - set(other.names))
            for path, one, other in ((options.a, first, second), (options.b, second, first))
        }
        each = "; ".join(f"only {path} has {', '.join(n)}" for path, n in only.items() if n)
        raise ValueError(f"Both files must have the same columns: {each}. Choose with --columns.")
    a = first.numbers(options.columns, missing=options.missing)
    b = second.numbers(a.names, missing=options.missing)

    found = divergence_estimate(
        _frame(a),
        _frame(b),
        options.k,
        method=options.method,
        confidence=options.confidence,
        **_settings(options),
    )
    unit, name = _unit(options)
    about = {"columns": a.names, "n": len(a.values), "m": len(b.values), "k": options.k}
    about |= {"rows_dropped": a.dropped + b.dropped, "columns_left_out": a.left_out, "unit": name}
    if options.json:
        print_json(about | _in_unit(found, unit))
        return
    print_left_out(a.dropped, a.left_out)
    print_left_out(b.dropped)
    paths = f"{printable(options.a)} from {printable(options.b)}"
    print(
        f"KL divergence of {paths}: {found.value * unit:.4f} ± {found.standard_error * unit:.4f} "
        f"{name} ({options.confidence:.0%} interval {found.low * unit:.4f} to "
        f"{found.high * unit:.4f}), method {found.method}."
    )
    print_notes(found.notes, found.warnings)


def _frame(table: Any) -> dict[str, Any]:
    return dict(zip(table.names, table.values.T, strict=True))


def _settings(options: Namespace) -> dict[str, Any]:
    return {"resolution": resolution_of(options), "seed": options.seed}


def _in_unit(found: Any, unit: float) -> dict[str, Any]:
    """The fields of an estimate in nats, its numbers in another unit."""
    return {k: v * unit if isinstance(v, float) else v for k, v in found._asdict().items()}


def _unit(options: Namespace) -> tuple[float, str]:
    """What nats are multiplied with, and what they are then."""
    return (1 / math.log(2), "bits") if options.bits else (1.0, "nats")


COMMANDS: Commands = {
    "entropy": (
        _entropy_options,
        _entropy,
        "Estimate the entropy of a table's columns.",
    ),
    "renyi": (
        _order_options,
        _of_order("Rényi"),
        "Estimate the Rényi entropy of a table's columns.",
    ),
    "tsallis": (
        _order_options,
        _of_order("Tsallis"),
        "Estimate the Tsallis entropy of a table's columns.",
    ),
    "divergence": (
        _divergence_options,
        _divergence,
        "Estimate how far a table is from another.",
    ),
}
