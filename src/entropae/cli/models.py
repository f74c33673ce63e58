"""Commands that use and measure trained models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace

from entropae.cli.opened import add_run, add_run_and_data, opened, read_by
from entropae.cli.parser import Commands, Parser, Seed
from entropae.cli.printed import print_measures
from entropae.recipe import RECIPE
from entropae.storage.atomic import check_out

if TYPE_CHECKING:
    from entropae.runs.run import Run

OUT = (
    "Images: a picture (.png, .jpg, .webp), an array (.npy) or a folder. Arrays: .npy, .csv, or a "
    "picture of lines (.png, .svg, .pdf). Rows: .csv or .parquet. Text: .txt, or - to print it."
)


def _data_options(parser: Parser) -> None:
    parser.add_argument("--data", type=str, help="Samples; by default the run's held-out ones.")
    parser.add_argument("-n", "--number", type=int, default=16, help="How many.")


def _writing_options(parser: Parser) -> None:
    parser.add_argument(
        "--decoding",
        type=str,
        help="For text: beam, greedy, nucleus or sampling; by default nucleus for new sentences, "
        "greedy for others.",
    )
    parser.add_argument("--out", type=str, help=OUT)


def _sample_options(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("-n", "--number", type=int, default=64, help="How many.")
    parser.add_argument(
        "--prior",
        type=str,
        help="normal, full (or gaussian), mixture, flow-matching, flow or two-stage, fitted if the "
        "run has it not; by default the run's.",
    )
    parser.add_argument("--seed", type=Seed, default=0, help="For the same samples again.")
    parser.add_argument(
        "--where",
        type=str,
        help="For tables, what all rows meet: 'species=Gentoo, mass>5000', 'age is missing', "
        "'town in (Oslo, Rome)'.",
    )
    parser.add_argument(
        "--shares", type=str, help="For tables: species=equal, or species=a:0.7,b:0.3."
    )
    parser.add_argument("--label", type=str, help="Only of this class, if the data had classes.")
    parser.add_argument("--balanced", action="store_true", help="As many of each class.")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="Below 1: more typical, less varied samples."
    )
    parser.add_argument(
        "--truncation", type=float, help="Leave out normal numbers beyond it, e.g. 2."
    )
    _writing_options(parser)


def _reconstruct_options(parser: Parser) -> None:
    add_run_and_data(parser)
    _data_options(parser)
    _writing_options(parser)


def _impute_options(parser: Parser) -> None:
    add_run_and_data(parser)
    parser.add_argument(
        "--data", type=str, help="A table with the run's columns; by default the run's own data."
    )
    parser.add_argument(
        "--only", type=str, nargs="*", default=[], help="Columns to fill in; by default all."
    )
    parser.add_argument(
        "--seed", type=Seed, default=0, help="For the same values again; others: other imputations."
    )
    parser.add_argument("--out", type=str, default="imputed.csv", help="A .csv or .parquet file.")


def _interpolate_options(parser: Parser) -> None:
    add_run_and_data(parser)
    _data_options(parser)
    parser.add_argument("--steps", type=int, default=10, help="Samples of each path.")
    parser.add_argument("--path", type=str, default="spherical", help="spherical or linear.")
    _writing_options(parser)


def _encode_options(parser: Parser) -> None:
    add_run_and_data(parser)
    parser.add_argument("--data", type=str, help="Samples; by default the run's data, all of them.")
    parser.add_argument(
        "--out",
        type=str,
        default="codes.npy",
        help="An .npy, .csv or .parquet file, the last two with the sample's file, or its row "
        "counted from 0.",
    )


def add_measuring(parser: Parser) -> None:
    """Options of commands that measure models."""
    parser.add_argument("--data", type=str, help="Test samples; by default the held-out share.")
    parser.add_argument(
        "--features",
        type=str,
        help="For images: pixels, efficientnet-lite0, inception:WEIGHTS, or package.module:name of "
        "your own.",
    )
    parser.add_argument(
        "--priors",
        type=str,
        nargs="*",
        default=[],
        help="Fit these too: flow-matching, flow, two-stage.",
    )
    parser.add_argument("-n", "--number", type=int, default=10_000, help="At most so many samples.")


def _evaluate_options(parser: Parser) -> None:
    add_run_and_data(parser)
    add_measuring(parser)
    parser.add_argument(
        "--target",
        type=str,
        help="For tables: a column to predict from the others, by trees that learn from drawn rows "
        "and are tested on held-out ones.",
    )
    parser.add_argument(
        "--out",
        type=str,
        help="For tables: a folder for pictures of the columns and of how they go together, drawn "
        "beside real.",
    )


def _sample(options: Namespace) -> None:
    run, out = _opened(options, "samples", seed=options.seed)
    drawing = {
        "prior": options.prior,
        "label": options.label,
        "balanced": options.balanced,
        "temperature": options.temperature,
        "truncation": options.truncation,
    }
    asked = {"where": options.where, "shares": options.shares, "near": lambda: run.train}
    if (run.folder / RECIPE).is_file():  # which a model that was saved from Python has not
        asked["labels"] = run.recipe.labels
        run.fit_missing([options.prior])
    model, n, seed = run.model, options.number, options.seed
    print(run.kind.write_samples(model, n, out, seed=seed, **drawing, **asked))
    classes = options.label is not None or options.balanced
    drawn_from = run.model.drawn_from(options.prior, classes=classes)
    print(f"Drawn from {drawn_from}.", file=sys.stderr)  # samples may go on in a pipe


def _reconstruct(options: Namespace) -> None:
    _check_number(options.number)
    run, out = _opened(options, "reconstructions")
    given = run.given(options.data)
    some = given.some(options.number)
    x = some.first(len(some))
    again = run.model.reconstruct(x).cpu()
    print(run.kind.write_pairs(x, again, out))
    figures_to = sys.stderr if out == "-" else sys.stdout  # of samples that go on in a pipe
    for name, value in run.kind.figures(run.model, some).items():
        print(f"{run.kind.errors[name]}: {value:.6g}", file=figures_to)
    if len(some) < len(given):
        said = f"{len(some)} of {len(given)} {run.kind.things}; all of them with -n {len(given)}."
        print(said, file=figures_to)


def _impute(options: Namespace) -> None:
    from entropae.kinds.base import Kind

    run, out = opened(options), options.out
    if type(run.kind).impute is Kind.impute:
        run.impute(options.data)  # which says that it is for tables
    run.kind.check_out(out)
    check_out(Path(out), read=read_by(options, run))
    print(run.impute(options.data, only=options.only, seed=options.seed, out=out))


def _interpolate(options: Namespace) -> None:
    _check_number(options.number)
    run, out = _opened(options, "interpolations")
    x = run.given(options.data).first(2 * options.number)
    half = len(x) // 2
    if not half:
        raise ValueError(f"A path needs 2 {run.kind.things}: got {len(x)}. Give more.")
    between = run.model.interpolate(
        x[:half], x[half : 2 * half], steps=options.steps, path=options.path
    )
    print(run.kind.write_paths(between.cpu(), out))


def _encode(options: Namespace) -> None:
    from entropae.kinds.values.codes import check_codes_out, write_codes

    check_codes_out(options.out)
    run = opened(options)
    check_out(Path(options.out), read=read_by(options, run))
    samples = run.samples if options.data is None else run.read(options.data)
    code = run.model.encode(samples).cpu().numpy()
    write_codes(code, Path(options.out), samples)
    print(f"Wrote {len(code)} codes of {code.shape[1]} dimensions to {options.out}.")


def _evaluate(options: Namespace) -> None:
    run = opened(options)
    if options.out is not None:
        check_out(Path(options.out), folder=True)
    found = run.evaluate(
        options.data,
        features=options.features,
        n=options.number,
        priors=options.priors,
        target=options.target,
        out=options.out,
    )
    from entropae.kinds.measures import BLUR, better

    kind, features = run.kind, found.get("features")
    by = f" by features of {features}" if features is not None else ""
    print(f"Measured{by} on {found['samples']} held-out {kind.things}.")
    for name, value in found.items():
        if isinstance(value, int | float) and name != "samples":
            said = kind.errors.get(name, name.replace("_", " "))
            usual = "lower" if name in kind.errors else ""
            print(f"{said}: {value:.4g}{better(kind.better_errors.get(name, usual))}")
    made = {
        name: figures
        for name, figures in found.items()
        if isinstance(figures, dict) and figures.keys() & kind.measures.keys()
    }
    if any(measure.said for measure in kind.measures.values()):
        print_measures(kind.measures, made)
    else:
        _print_figures(kind.measures, made, features)
    if "per_class" in found:
        _print_classes(kind.measures, found["per_class"], features)
    if features == "pixels":
        print(BLUR)
    if options.out is not None:
        print(f"Wrote pictures of the columns to {options.out}.")


def _print_figures(measures: Any, made: Any, features: str | None) -> None:
    from entropae.kinds.measures import titled
    from entropae.prior.names import drawn_from

    for key, measure in measures.items():
        print(titled(measure, features))
        for name, figures in made.items():
            if key in figures:
                print(f"    {figures[key]:<10.4g} {drawn_from(name)}")


def _print_classes(measures: Any, classes: Any, features: str | None) -> None:
    from entropae.kinds.measures import titled
    from entropae.messages import printable

    for key, measure in measures.items():
        rows = [one for one in classes if key in one]
        if rows:
            print(f"Samples of each class: {titled(measure, features)}")
        for one in rows:
            label = printable(one["label"])
            print(f"    {one[key]:<10.4g} {label} ({one['samples']} held out)")


def _opened(options: Namespace, role: str, *, seed: int = 0) -> tuple[Run, str]:
    """The run, set to decode as asked, and where to write, which is checked before any work."""
    run = opened(options)
    out = options.out or run.kind.default_out(role)
    run.kind.check_out(out)
    if out != "-":
        check_out(Path(out), folder=not Path(out).suffix, read=read_by(options, run))
    run.kind.set_decoding(run.model, options.decoding, seed=seed)
    return run, out


def _check_number(number: Any) -> None:
    if number < 1:
        raise ValueError(f"`-n` must be at least 1: got {number}.")


COMMANDS: Commands = {
    "sample": (_sample_options, _sample, "Draw new samples from a run's model."),
    "reconstruct": (_reconstruct_options, _reconstruct, "Encode samples and decode them again."),
    "interpolate": (
        _interpolate_options,
        _interpolate,
        "Walk between the codes of pairs of samples.",
    ),
    "impute": (_impute_options, _impute, "Fill in the missing cells of a table."),
    "encode": (_encode_options, _encode, "Write the codes of samples to a file."),
    "evaluate": (
        _evaluate_options,
        _evaluate,
        "Measure reconstructions and samples on held-out data.",
    ),
}
