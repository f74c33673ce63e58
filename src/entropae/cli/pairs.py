"""Pairs of a table's columns, and columns ranked by what they say of one: printed and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsonargparse import Namespace

from entropae.cli.dialect import read
from entropae.cli.outputs import say_written, write
from entropae.cli.printed import bar, print_json, print_notes, print_table, value_of
from entropae.cli.variables import check_gaps, information_settings
from entropae.messages import printable

if TYPE_CHECKING:
    from entropae.information import InformationMatrix, Ranking

SQUARE = 10  # columns of a matrix that is printed whole
STRONGEST = 20  # pairs that are printed
# Of a ranking, so that each column has its p-value; of pairs only if asked for, as they are many.
PERMUTATIONS = 99


def of_all(options: Namespace) -> None:
    """Measure all pairs of columns, or all columns with `--target`."""
    from entropae.information import information_matrix, rank_features

    table = read(options.file, options)
    columns = options.columns or [name for name in table.names if name != options.target]
    frame = table.columns([*columns, *([options.target] if options.target else [])])
    check_gaps(options, frame)
    settings = information_settings(options) | {"method": options.method, "progress": True}
    permutations = options.permutations
    if options.target:
        permutations = PERMUTATIONS if permutations is None else permutations
        ranking = rank_features(frame, options.target, permutations=permutations, **settings)
        _say_ranking(options, ranking, len(table))
        return
    matrix = information_matrix(frame, permutations=permutations or 0, **settings)
    _say_matrix(options, matrix, len(table))


def _print_all(found: InformationMatrix | Ranking, n: int) -> None:
    print_json({"n": n} | {key: value for key, value in vars(found).items() if key != "like"})


def _say_matrix(options: Namespace, matrix: InformationMatrix, n: int) -> None:
    from entropae.information.drawn import matrix_figure

    columns = {"": matrix.names} | dict(zip(matrix.names, matrix.values.T, strict=True))
    write(options.out, columns, lambda: matrix_figure(matrix))
    if options.json:
        _print_all(matrix, n)
        return
    d = len(matrix.names)
    print(f"Mutual information of {d} columns, in {matrix.unit}, from {n} rows.")
    if d <= SQUARE:
        body = [
            [name, *("-" if v != v else f"{v:.3f}" for v in row)]
            for name, row in zip(matrix.names, matrix.values, strict=True)
        ]
        print_table([["", *matrix.names], *body])
    pairs = [(i, j) for i in range(d) for j in range(i + 1, d) if matrix.methods[i, j]]
    pairs.sort(key=lambda pair: -matrix.values[pair])
    if d > SQUARE:
        print(f"The {min(len(pairs), STRONGEST)} strongest of {len(pairs)} pairs:")
    largest = matrix.values[pairs[0]] if pairs else 0.0
    for pair in pairs[:STRONGEST]:
        a, b = (printable(matrix.names[i]) for i in pair)
        v, error, p = matrix.values[pair], matrix.standard_errors[pair], matrix.p_values[pair]
        print(f"  {a} and {b}: {value_of(v, error, p)}  {bar(v, largest)}".rstrip())
    print_notes(matrix.notes, matrix.warnings)
    say_written(options.out)


def _say_ranking(options: Namespace, ranking: Ranking, n: int) -> None:
    from entropae.information.drawn import ranking_figure

    write(options.out, ranking.frame(), lambda: ranking_figure(ranking))
    if options.json:
        _print_all(ranking, n)
        return
    target = printable(ranking.target)
    print(f"What columns say of {target}: mutual information in {ranking.unit}, from {n} rows.")
    width = max(len(printable(name)) for name in ranking.names)
    largest = float(ranking.values[0])
    rows = zip(
        *(ranking.names, ranking.values, ranking.standard_errors, ranking.p_values), strict=True
    )
    for name, value, error, p in rows:
        said = value_of(value, error, p)
        print(f"  {printable(name):<{width}}  {said:<28}  {bar(value, largest)}".rstrip())
    print_notes(ranking.notes, ranking.warnings)
    say_written(options.out)
