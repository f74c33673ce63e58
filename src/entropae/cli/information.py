"""Commands that measure what columns of a table say of each other."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace

from entropae.cli.dialect import dialect_options, read
from entropae.cli.outputs import check_out, say_written, write
from entropae.cli.pairs import of_all
from entropae.cli.parser import Commands, Parser
from entropae.cli.printed import bar, print_json, print_left_out, print_notes, value_of
from entropae.cli.variables import (
    FILE,
    estimate_options,
    information_options,
    information_settings,
    parts_of,
    without_gaps,
)
from entropae.messages import printable

if TYPE_CHECKING:
    from entropae.information import InformationEstimate


def _information_options(parser: Parser) -> None:
    parser.add_argument("file", type=str, help=FILE)
    parser.add_argument("--x", type=str, nargs="+", help="First columns; by default all pairs.")
    parser.add_argument("--y", type=str, nargs="+", help="Second columns.")
    parser.add_argument("--given", type=str, nargs="+", help="Columns to condition on.")
    parser.add_argument("--target", type=str, help="Rank the columns by what they say of this one.")
    parser.add_argument(
        "--columns", type=str, nargs="+", help="Of pairs or ranking; by default all."
    )
    parser.add_argument(
        "--lag",
        type=str,
        nargs="+",
        help="Rows that --x is before --y: numbers, or 0:24; before it, --lag=-24:24.",
    )
    parser.add_argument(
        "--method", type=str, default="auto", help="auto, ksg1, ksg2, gao, ross or plugin."
    )
    estimate_options(parser)
    information_options(parser)
    parser.add_argument(
        "--out", type=str, nargs="+", default=[], help="Files to write: .csv, .png, .svg or .pdf."
    )
    dialect_options(parser)


def _information(options: Namespace) -> None:
    if bool(options.x) != bool(options.y):
        raise ValueError("Give both --x and --y, or neither, for all pairs of columns.")
    if options.x and options.target:
        raise ValueError("Give --target, or --x and --y: not both.")
    if not options.x and (options.lag or options.given):
        raise ValueError("`--lag` and `--given` need --x and --y.")
    if options.out and options.x and not options.lag:
        raise ValueError("`--out` is for --lag, --target and all pairs: of one pair give --json.")
    check_out(options.out, options.file)
    if not options.x:
        of_all(options)
    elif options.lag:
        _over_lags(options)
    else:
        _of_two(options)


def _of_two(options: Namespace) -> None:
    from entropae.information import (
        conditional_mutual_information_estimate,
        mutual_information_estimate,
    )

    parts, dropped = parts_of(options, options.x, options.y, options.given or [])
    settings = information_settings(options) | {"method": options.method, "progress": True}
    settings["permutations"] = options.permutations or 0
    if options.given:
        found = conditional_mutual_information_estimate(*parts, **settings)
    else:
        found = mutual_information_estimate(*parts[:2], **settings)
    given = f", given {', '.join(options.given)}" if options.given else ""
    what = f"Mutual information of {', '.join(options.x)} and {', '.join(options.y)}{given}"
    about = {"x": options.x, "y": options.y, "given": options.given or []}
    _say(options, found, what, about, dropped)


def _over_lags(options: Namespace) -> None:
    from entropae.information import mutual_information_estimate
    from entropae.information.drawn import lags_figure

    if options.given:
        raise ValueError("`--lag` is not for --given: see entropae transfer-entropy.")
    lags = _lags(options.lag)
    parts, _ = parts_of(options, options.x, options.y, series=True)
    settings = information_settings(options) | {"method": options.method}
    settings["permutations"] = options.permutations or 0
    found = [mutual_information_estimate(*parts, lag=lag, **settings) for lag in lags]
    columns = {
        "lag": lags,
        found[0].unit: [one.value for one in found],
        "standard_error": [one.standard_error for one in found],
        "p_value": [one.p_value for one in found],
    }
    x, y = (", ".join(map(printable, names)) for names in (options.x, options.y))
    write(options.out, columns, lambda: lags_figure(lags, found, f"{x}, rows before {y}"))
    if options.json:
        print_json({"x": options.x, "y": options.y} | columns)
        return
    print(f"Mutual information of {x} and {y} so many rows later, in {found[0].unit}:")
    largest = max(one.value for one in found)
    for lag, one in zip(lags, found, strict=True):
        said = value_of(one.value, one.standard_error, one.p_value)
        print(f"  {lag:>4}  {said:<28}  {bar(one.value, largest)}".rstrip())
    print_notes(
        dict.fromkeys(note for one in found for note in one.notes),
        dict.fromkeys(warning for one in found for warning in one.warnings),
    )
    say_written(options.out)


def _total_options(parser: Parser) -> None:
    parser.add_argument("file", type=str, help=FILE)
    parser.add_argument("--columns", type=str, nargs="+", help="By default all.")
    parser.add_argument("--method", type=str, default="auto", help="auto, ksg1, gao or plugin.")
    estimate_options(parser)
    information_options(parser)
    dialect_options(parser)


def _total_correlation(options: Namespace) -> None:
    from entropae.information import total_correlation_estimate

    table = read(options.file, options)
    names = options.columns or list(table.names)
    (frame,), dropped = without_gaps(options, table.columns(names), names)
    settings = information_settings(options) | {"method": options.method, "progress": True}
    found = total_correlation_estimate(frame, permutations=options.permutations or 0, **settings)
    _say(options, found, f"Total correlation of {', '.join(names)}", {"columns": names}, dropped)


def _transfer_options(parser: Parser) -> None:
    parser.add_argument("file", type=str, help=f"{FILE} Its rows are in the order of time.")
    parser.add_argument("--x", type=str, nargs="+", required=True, help="Source.")
    parser.add_argument("--y", type=str, nargs="+", required=True, help="Target.")
    parser.add_argument("--lag", type=int, default=1, help="Rows from source to target.")
    parser.add_argument("--history", type=int, default=1, help="Past rows of the target given.")
    parser.add_argument("--source-history", type=int, default=1, help="Past rows of the source.")
    parser.add_argument("--method", type=str, default="auto", help="auto, ksg1, gao or plugin.")
    estimate_options(parser)
    information_options(parser)
    dialect_options(parser)


def _transfer_entropy(options: Namespace) -> None:
    from entropae.information import transfer_entropy_estimate

    parts, dropped = parts_of(options, options.x, options.y, series=True)
    settings = information_settings(options) | {"method": options.method, "progress": True}
    found = transfer_entropy_estimate(
        parts[0],
        parts[1],
        options.lag,
        options.history,
        source_history=options.source_history,
        permutations=options.permutations or 0,
        **settings,
    )
    what = f"Transfer entropy from {', '.join(options.x)} to {', '.join(options.y)}"
    about = {"x": options.x, "y": options.y, "lag": options.lag, "history": options.history}
    _say(options, found, what, about, dropped)


def _say(
    options: Namespace, found: InformationEstimate, what: str, about: dict[str, Any], dropped: int
) -> None:
    if options.json:
        print_json(about | {"k": options.k, "rows_dropped": dropped} | asdict(found))
        return
    print_left_out(dropped)
    value = value_of(found.value, found.standard_error)
    p = "" if found.p_value != found.p_value else f", p = {found.p_value:.2g}"
    print(f"{printable(what)}: {value} {found.unit} ({found.method}{p}).")
    print_notes(found.notes, found.warnings)


def _lags(words: list[str]) -> list[int]:
    """Whole numbers, `a:b` for all from a to b."""
    try:
        ends = [[int(end) for end in word.split(":")] for word in words]
        found = [lag for pair in ends for lag in range(pair[0], pair[-1] + 1)]
    except ValueError:
        found = []
    if not found:
        raise ValueError(
            f"`--lag` takes whole numbers, or 0:24 for a range: got {' '.join(words)}."
        )
    return found


COMMANDS: Commands = {
    "information": (
        _information_options,
        _information,
        "Estimate the mutual information of columns: of two, of all pairs, or with a target.",
    ),
    "total-correlation": (
        _total_options,
        _total_correlation,
        "Estimate what all columns of a table say of each other.",
    ),
    "transfer-entropy": (
        _transfer_options,
        _transfer_entropy,
        "Estimate what the past of a time series says of another beyond its own past.",
    ),
}
