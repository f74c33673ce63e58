"""Commands for two tables that a key joins."""

from __future__ import annotations

import shlex
from pathlib import Path

from jsonargparse import Namespace

from entropae.cli.columns import add_columns, said_of_columns
from entropae.cli.parser import Commands, Parser, Seed
from entropae.storage.atomic import check_out
from entropae.storage.lock import is_empty


def _fit_options(parser: Parser) -> None:
    parser.add_argument("parent", type=str, help="A table with a key, such as customers.csv.")
    parser.add_argument("child", type=str, help="One that refers to it, such as orders.csv.")
    parser.add_argument(
        "--key", type=str, required=True, help="The parent's column of keys: unique, none missing."
    )
    parser.add_argument(
        "--foreign-key",
        type=str,
        help="The child's column that refers to them; by default it has the same name.",
    )
    parser.add_argument("--out", type=str, required=True, help="A new folder, for both models.")
    parser.add_argument("--epochs", type=int, help="Passes over the rows of each.")
    parser.add_argument(
        "--validation", type=float, default=0.1, help="Share of the parents kept from training."
    )
    parser.add_argument("--seed", type=Seed, default=0, help="Of all that is random.")
    add_columns(parser)


def _fit(options: Namespace) -> None:
    out = Path(options.out)
    check_out(out, folder=True)
    if not is_empty(out):
        raise ValueError(f"{out} is not empty. Give another --out.")
    from entropae.runs.related import synthesize_related

    for path in (options.parent, options.child):
        _check_table(path)
    model = synthesize_related(
        options.parent,
        options.child,
        key=options.key,
        foreign_key=options.foreign_key,
        epochs=options.epochs,
        validation=options.validation,
        seed=options.seed,
        **said_of_columns(options),
    )
    model.save(out)
    folder = shlex.quote(str(out))
    tables = " ".join(map(shlex.quote, (options.parent, options.child)))
    print(
        f"Done. To measure both: entropae evaluate-related {folder} {tables}\n"
        f"To draw both: entropae sample-related {folder} -n 100 --out drawn"
    )


def _check_table(path: str) -> None:
    """Raise unless a path is that of a table."""
    from entropae.kinds.tables.files import READ, is_table

    if not is_table(path):
        raise ValueError(f"Tables are files that end in {', '.join(READ)}: got {path}.")


def _sample_options(parser: Parser) -> None:
    parser.add_argument("folder", type=str, help="Made by entropae fit-related.")
    parser.add_argument("-n", "--number", type=int, default=64, help="Rows of the parent.")
    parser.add_argument("--seed", type=Seed, default=0, help="For the same rows again.")
    parser.add_argument(
        "--where", type=str, help="What all parents meet: 'town=Oslo, income>50000'."
    )
    parser.add_argument("--shares", type=str, help="Of parents: town=equal, or town=a:0.7,b:0.3.")
    parser.add_argument(
        "--out", type=str, required=True, help="A folder, for a file of each table, of its name."
    )
    parser.add_argument("--parquet", action="store_true", help="Write Parquet instead of CSV.")


def _sample(options: Namespace) -> None:
    check_out(Path(options.out), folder=True)
    from entropae.runs.related import load_related

    model = load_related(options.folder)
    suffix = ".parquet" if options.parquet else ".csv"
    asked = {"seed": options.seed, "where": options.where, "shares": options.shares}
    print(model.write_samples(options.number, options.out, suffix=suffix, **asked))


def _evaluate_options(parser: Parser) -> None:
    parser.add_argument("folder", type=str, help="Made by entropae fit-related.")
    parser.add_argument("parent", type=str, help="The parent's table that it was made from.")
    parser.add_argument("child", type=str, help="The child's.")
    parser.add_argument(
        "-n",
        "--number",
        type=int,
        help="Parents to draw; by default as many as were learnt from, but at least three times as "
        "many as were held out.",
    )
    parser.add_argument("--seed", type=Seed, default=0, help="For the same figures again.")


def _evaluate(options: Namespace) -> None:
    from entropae.cli.printed import figure_of, print_measures, print_table
    from entropae.kinds.tables.measures import MEASURES, RELATED
    from entropae.runs.related import load_related
    from entropae.runs.related_measured import PAIR

    model, tables = load_related(options.folder), (options.parent, options.child)
    for path in tables:
        _check_table(path)
    found = model.evaluate(*tables, n=options.number, seed=options.seed)
    print(
        f"Measured {found['drawn parents']} drawn parents with {found['drawn children']} children "
        f"beside {found['parents']} held-out ones with {found['children']}."
    )
    print_measures(RELATED, found[PAIR])
    rows = [
        (name, *(figure_of(one[which]) for which in ("drawn", "held out")))
        for name, one in found["siblings"].items()
    ]
    print()
    print("How alike children of one parent are, from 0 to 1 (intraclass correlation):")
    print_table([("", "drawn", "held out"), *rows])
    print()
    own = {name: found[name] for name in model.names if name in found}
    print_measures(
        MEASURES,
        {
            name if which == "drawn" else f"{name}, {which}": figures
            for name, both in own.items()
            for which, figures in both.items()
        },
    )


COMMANDS: Commands = {
    "fit-related": (_fit_options, _fit, "Learn two tables that a key joins."),
    "sample-related": (_sample_options, _sample, "Draw rows of two tables that a key joins."),
    "evaluate-related": (
        _evaluate_options,
        _evaluate,
        "Measure drawn rows of two tables that a key joins beside held-out ones.",
    ),
}
