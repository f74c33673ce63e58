"""The columns that commands measure: the options on them, and the rows that have them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace

from entropae.cli.dialect import read
from entropae.cli.parser import Parser, Seed

if TYPE_CHECKING:
    import numpy as np

FILE = "A .csv, .tsv, .txt, .parquet or .npy file."


def estimate_options(parser: Parser) -> None:
    """Add what every estimate takes."""
    parser.add_argument("-k", type=int, default=3, help="Which neighbour.")
    parser.add_argument(
        "--resolution",
        type=str,
        nargs="+",
        default=["auto"],
        help="The step that values are rounded to: auto, none, a number, or NAME=STEP ….",
    )
    parser.add_argument("--bits", action="store_true", help="In bits, not in nats.")
    parser.add_argument("--seed", type=Seed, default=0, help="Of spreads and permutations.")
    parser.add_argument(
        "--missing", type=str, default="refuse", help="Rows with missing values: refuse or drop."
    )
    parser.add_argument("--json", action="store_true", help="Print the result as JSON.")


def information_options(parser: Parser) -> None:
    """Add what every estimate of information takes besides."""
    parser.add_argument(
        "--categorical",
        type=str,
        nargs="+",
        default=[],
        help="Columns of numbers that are classes.",
    )
    parser.add_argument(
        "--period", type=str, nargs="+", default=[], help="Of circular columns: NAME=24 …."
    )
    parser.add_argument(
        "--scale", type=str, default="standard", help="standard, or none to keep the units."
    )
    parser.add_argument(
        "--exclude", type=int, default=0, help="Rows so near in time are no neighbours (Theiler)."
    )
    parser.add_argument("--permutations", type=int, default=None, help="For p-values; 0 for none.")


def resolution_of(options: Namespace) -> Any:
    """A step, `"auto"`, `None`, or these by name."""
    words = list(options.resolution)
    if len(words) == 1 and "=" not in words[0]:
        return _step(words[0])
    return {name: _step(value) for name, value in _named("--resolution", words)}


def information_settings(options: Namespace) -> dict[str, Any]:
    """What the options say, as arguments of the estimators."""
    if options.scale not in ("standard", "none"):
        raise ValueError(f"`--scale` must be standard or none: got {options.scale}.")
    period = {
        name: _number("--period", value) for name, value in _named("--period", options.period)
    }
    return {
        "k": options.k,
        "resolution": resolution_of(options),
        "scale": None if options.scale == "none" else "standard",
        "discrete": tuple(options.categorical),
        "period": period or None,
        "exclude": options.exclude,
        "bits": options.bits,
        "seed": options.seed,
    }


def _named(option: str, words: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [word.rpartition("=") for word in words]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise ValueError(
                f"`{option}` takes NAME=NUMBER for each column: got {' '.join(words)}."
            )
    return [(name, value) for name, _, value in pairs]


def _step(word: str) -> Any:
    known = {"auto": "auto", "none": None}
    return known[word.lower()] if word.lower() in known else _number("--resolution", word)


def _number(option: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"`{option}` must be a number: got {word}.") from None


def parts_of(options: Namespace, *parts: list[str], series: bool = False) -> tuple[list[Any], int]:
    """Columns by name for each part, of the rows that have them all; and how many have not.

    Raises:
        ValueError: If values are missing and that was not allowed, or of a time series.
    """
    names = list(dict.fromkeys(name for part in parts for name in part))
    frame = read(options.file, options).columns(names)
    if series:
        check_series(frame)
    return without_gaps(options, frame, *parts)


def without_gaps(
    options: Namespace, frame: dict[str, Any], *parts: list[str]
) -> tuple[list[Any], int]:
    """Likewise, of columns that were read."""
    lacking = check_gaps(options, frame)
    return [{name: frame[name][~lacking] for name in part} for part in parts], int(lacking.sum())


def check_gaps(options: Namespace, frame: dict[str, Any]) -> np.ndarray:
    """The rows in which a value is missing.

    Raises:
        ValueError: If there are any, and that was not allowed.
    """
    import numpy as np

    from entropae.reader.table import check_missing, gaps_message

    check_missing(options.missing)
    gaps = _gaps(frame)
    lacking = np.logical_or.reduce(gaps)
    if options.missing == "refuse" and lacking.any():
        counts = gaps.sum(1).tolist()
        raise ValueError(
            gaps_message(options.file, len(lacking), int(lacking.sum()), frame, counts)
        )
    return lacking


def _gaps(frame: dict[str, Any]) -> np.ndarray:
    """Where values are missing, a row for each column."""
    import numpy as np

    from entropae.variables import missing

    return np.stack([missing(values) for values in frame.values()])


def check_series(frame: dict[str, Any]) -> None:
    """Raise if a time series has missing values.

    Raises:
        ValueError: If it has.
    """
    lacking = int(_gaps(frame).any(0).sum())
    if lacking:
        raise ValueError(
            f"{lacking} rows have missing values, and a time series cannot do without them: fill "
            "them in."
        )
