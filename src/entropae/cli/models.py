"""Commands that train models, and that use and measure trained ones."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace

from entropae.cli.dialect import dialect_options, given_dialect
from entropae.cli.parser import Commands, Parser, RecipeFile
from entropae.config import Recipe, read_settings, recipe_of

if TYPE_CHECKING:
    from entropae.model import Autoencoder
    from entropae.text import Tokenizer


def _fit_options(parser: Parser) -> None:
    parser.add_argument("--recipe", action=RecipeFile, help="A YAML file of the options below.")
    parser.add_argument("--out", type=str, help="The run folder; by default runs/DATA.")
    parser.add_argument("--resume", action="store_true", help="Go on with a run that was stopped.")
    parser.add_argument("--profile", action="store_true", help="Print where the time went.")
    parser.add_argument("--no-report", action="store_true", help="Do not write report.html.")
    parser.add_class_arguments(Recipe)
    dialect_options(parser)


def _run(parser: Parser) -> None:
    parser.add_argument("run", type=str, help="A run folder made by entropae fit.")


def _data_options(parser: Parser) -> None:
    parser.add_argument("--data", type=str, help="Samples; by default the run's held-out ones.")
    parser.add_argument("-n", "--number", type=int, default=16, help="How many.")


def _decoding_options(parser: Parser) -> None:
    parser.add_argument(
        "--decoding", type=str, default="greedy", help="Of text: greedy, sampling or beam."
    )


def _sample_options(parser: Parser) -> None:
    _run(parser)
    parser.add_argument("-n", "--number", type=int, default=64, help="How many.")
    parser.add_argument("--prior", type=str, help="normal, full or mixture.")
    parser.add_argument("--seed", type=int, default=0, help="For the same samples again.")
    _decoding_options(parser)
    parser.add_argument("--out", type=str, help=OUT)


def _reconstruct_options(parser: Parser) -> None:
    _run(parser)
    _data_options(parser)
    _decoding_options(parser)
    parser.add_argument("--out", type=str, help=OUT)


def _interpolate_options(parser: Parser) -> None:
    _run(parser)
    _data_options(parser)
    parser.add_argument("--steps", type=int, default=10, help="Images of each path.")
    parser.add_argument("--path", type=str, default="spherical", help="spherical or linear.")
    _decoding_options(parser)
    parser.add_argument("--out", type=str, help=OUT + " By default interpolations.png.")


def _encode_options(parser: Parser) -> None:
    _run(parser)
    parser.add_argument("--data", type=str, help="Samples; by default the run's data, all of them.")
    parser.add_argument("--out", type=str, default="codes.npy", help="An .npy or .parquet file.")


def _measure_options(parser: Parser) -> None:
    parser.add_argument("--data", type=str, help="Test samples; by default the held-out share.")
    parser.add_argument(
        "--features",
        type=str,
        default="pixels",
        help="Or efficientnet-lite0, inception:WEIGHTS, or package.module:name of your own.",
    )
    parser.add_argument(
        "--priors",
        type=str,
        nargs="*",
        default=[],
        help="Fit these too: flow, two-stage.",
    )
    parser.add_argument("-n", "--number", type=int, default=10_000, help="At most so many samples.")


def _evaluate_options(parser: Parser) -> None:
    _run(parser)
    _measure_options(parser)


def _compare_options(parser: Parser) -> None:
    parser.add_argument(
        "recipes", type=str, nargs="+", help="YAML files that differ in the latent."
    )
    parser.add_argument("--train", type=str, help="Train on this instead of the recipes' data.")
    parser.add_argument("--epochs", type=int, help="Instead of the recipes' number.")
    parser.add_argument("--seeds", type=int, default=3, help="Runs a recipe.")
    parser.add_argument(
        "--out", type=str, default="runs/comparison", help="A folder; goes on in it."
    )
    parser.add_argument("--processes", type=int, default=1, help="Runs at a time.")
    _measure_options(parser)


OUT = (
    "A picture file (.png, .jpg), an .npy file of values, or a folder of pictures (name/); of a "
    "table's model a .csv or .parquet file; of text a .txt file, or nothing to print it."
)


def _fit(options: Namespace) -> None:
    from entropae import ranks, report, run

    folder = Path(options.out or f"runs/{Path(options.data).stem}")
    run.make(_recipe(options), folder, resume=options.resume, profile=options.profile)
    if ranks.is_first() and not options.no_report:
        print(f"Wrote {report.write(folder)}: open it in a browser.")


def _recipe(options: Namespace) -> Recipe:
    recipe = Recipe(**{part.name: getattr(options, part.name) for part in fields(Recipe)})
    return replace(recipe, dialect={**recipe.dialect, **given_dialect(options)})


def _sample(options: Namespace) -> None:
    model, tokenizer = _load(options)
    made = model.sample(options.number, seed=options.seed, prior=options.prior)
    if tokenizer:
        _write_lines(tokenizer.decode(made.tolist()), options.out)
    elif _is_of_table(options.run):
        from entropae.tabular import Columns

        rows = Columns.load(options.run).draw(made.cpu().numpy(), seed=options.seed)
        _write_table(rows, options.out or "samples.csv")
    else:
        _write(made, options.out or "samples.png")


def _reconstruct(options: Namespace) -> None:
    import torch

    from entropae.run import save_reconstructions

    model, tokenizer = _load(options)
    x = _some(options, options.number)
    again = model.reconstruct(x).cpu()
    if tokenizer:
        both = zip(tokenizer.decode(x.tolist()), tokenizer.decode(again.tolist()), strict=True)
        _write_lines([line for true, made in both for line in (true, "→ " + made)], options.out)
        return
    if _is_of_table(options.run):
        from entropae.tabular import Columns

        rows = Columns.load(options.run).decode(again.numpy())
        _write_table(rows, options.out or "reconstructions.csv")
        return
    out = options.out or "reconstructions.png"
    if _is_picture(out):
        save_reconstructions(x, again, _new_file(out))
        print(f"Wrote {out}: each row of images has its reconstructions below it.")
    else:
        _write(again, out)
    print(f"Mean squared error per element: {torch.nn.functional.mse_loss(again, x):.6f}")


def _interpolate(options: Namespace) -> None:
    model, tokenizer = _load(options)
    x = _some(options, 2 * options.number)
    half = len(x) // 2
    between = model.interpolate(
        x[:half], x[half : 2 * half], steps=options.steps, path=options.path
    )
    if tokenizer:
        paths = [tokenizer.decode(path.tolist()) for path in between]
        _write_lines([line for path in paths for line in (*path, "")][:-1], options.out)
    elif _is_of_table(options.run):
        from entropae.tabular import Columns

        rows = Columns.load(options.run).decode(between.flatten(0, 1).cpu().numpy())
        _write_table(rows, options.out or "interpolations.csv")
    else:
        _write(between.flatten(0, 1), options.out or "interpolations.png", columns=options.steps)


def _encode(options: Namespace) -> None:
    from entropae.model import load
    from entropae.run import read_recipe, read_samples

    folder = Path(options.run)
    samples = read_samples(read_recipe(folder), options.data, folder=folder)
    code = load(options.run).encode(samples).numpy()
    path = _new_file(options.out)
    if path.suffix == ".npy":
        import numpy as np

        np.save(path, code)
    elif path.suffix == ".parquet":
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise ImportError('Parquet needs pyarrow: pip install "entropae[tables]".') from error
        columns = {f"z{i}": column for i, column in enumerate(code.T)}
        pq.write_table(pa.table(columns), path)
    else:
        raise ValueError(f"`--out` must end in .npy or .parquet: got {options.out}.")
    print(f"Wrote {len(code)} codes of {code.shape[1]} dimensions to {path}.")


def _evaluate(options: Namespace) -> None:
    from entropae.evaluation import evaluate_run, evaluate_table
    from entropae.run import evaluate_sentences, tokenizer_of

    if _is_of_table(options.run):
        for name, figures in evaluate_table(Path(options.run), options.data).items():
            shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
            print(f"{name}: {shown}")
        return

    if tokenizer_of(Path(options.run)):
        figures = evaluate_sentences(Path(options.run), options.data, n=options.number)
        print("\n".join(f"{name} {value:.4g}" for name, value in figures.items()))
        return
    found = evaluate_run(
        Path(options.run),
        options.data,
        options.features,
        n=options.number,
        priors=options.priors,
    )
    print(f"On {found['samples']} samples, mean squared error {found['mean_squared_error']:.6f}.")
    for name, figures in found.items():
        if isinstance(figures, dict) and "frechet" in figures:
            shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
            print(f"{name} ({found['features']}): {shown}")


def _compare(options: Namespace) -> None:
    from entropae.evaluation import compare, markdown
    from entropae.features import title

    recipes = {}
    for path in map(Path, options.recipes):
        recipe = read_recipe_file(path)
        if options.train is not None:
            recipe = replace(recipe, data=options.train)
        if options.epochs is not None:
            recipe = replace(recipe, epochs=options.epochs)
        recipes[path.stem] = recipe
    rows = compare(
        recipes,
        Path(options.out),
        seeds=options.seeds,
        test=options.data,
        features=options.features,
        n=options.number,
        priors=options.priors,
        processes=options.processes,
    )
    print(markdown(rows, title(options.features)))
    print(f"Wrote {options.out}/table.md, table.csv, results.json and samples.png.")


def read_recipe_file(path: Path) -> Recipe:
    """A recipe from a YAML file, with defaults for what it leaves out."""
    try:
        return recipe_of(read_settings(path))
    except ValueError as error:
        raise ValueError(f"{path} is no recipe: {error}") from error


def _some(options: Namespace, number: int) -> Any:
    """The first samples of what a command was given, or of the run's held-out ones."""
    from entropae.run import read_recipe, read_samples, split_samples

    if number < 1:
        raise ValueError(f"`-n` must be at least 1: got {options.number}.")
    folder = Path(options.run)
    recipe = read_recipe(folder)
    samples = read_samples(recipe, options.data, folder=folder)
    if not options.data:
        samples = split_samples(recipe, samples)[1]
    return samples.first(number)


def _is_of_table(run: str) -> bool:
    from entropae.tabular import TABLE

    return (Path(run) / TABLE).is_file()


def _write_table(rows: Any, out: str) -> None:
    from entropae.tabular import write_file

    write_file(rows, out)
    print(f"Wrote {len(rows)} rows to {out}.")


def _load(options: Namespace) -> tuple[Autoencoder, Tokenizer | None]:
    """The model of a run, set to decode as asked, and its tokenizer if it writes sentences."""
    import torch

    from entropae.config import unknown
    from entropae.model import load
    from entropae.run import tokenizer_of
    from entropae.text import DECODINGS

    if options.decoding not in DECODINGS:
        raise ValueError(unknown("decoding", options.decoding, DECODINGS))
    model, tokenizer = load(options.run), tokenizer_of(Path(options.run))
    if tokenizer:
        if len(tokenizer) != getattr(model.decoder, "vocabulary", None):
            raise ValueError(f"The tokenizer in {options.run} is not that of its model.")
        model.decoder.decoding = DECODINGS[options.decoding]  # type: ignore[assignment]
        torch.manual_seed(getattr(options, "seed", 0))
    return model, tokenizer


def _write_lines(lines: list[str], out: str | None) -> None:
    """Print lines, or write them into a file."""
    from entropae.files import printable, write_text

    if out is None:
        print("\n".join(map(printable, lines)))
        return
    if Path(out).suffix != ".txt":
        raise ValueError(f"`--out` must be a .txt file for text: got {out}.")
    write_text(_new_file(out), "".join(f"{line}\n" for line in lines))
    print(f"Wrote {len(lines)} lines to {out}.")


def _is_picture(out: str) -> bool:
    return Path(out).suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"}


def _new_file(out: str) -> Path:
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write(images: Any, out: str, columns: int | None = None) -> None:
    from entropae.pictures import save_images, save_sheet

    images = images.cpu()
    if _is_picture(out):
        save_sheet(images, _new_file(out), columns)
    elif Path(out).suffix == ".npy":
        import numpy as np

        np.save(_new_file(out), images.numpy())
    elif Path(out).suffix:
        raise ValueError(f"`--out` must be a picture, an .npy file or a folder: got {out}.")
    else:
        save_images(images, Path(out))
    print(f"Wrote {len(images)} images to {out}.")


COMMANDS: Commands = {
    "fit": (_fit_options, _fit, "Train, sample, measure: fill a run folder."),
    "sample": (_sample_options, _sample, "Draw new images or sentences from a run's model."),
    "reconstruct": (_reconstruct_options, _reconstruct, "Encode and decode images or sentences."),
    "interpolate": (
        _interpolate_options,
        _interpolate,
        "Walk between the codes of pairs of images or sentences.",
    ),
    "encode": (_encode_options, _encode, "Write the codes of samples to a file."),
    "evaluate": (
        _evaluate_options,
        _evaluate,
        "Measure reconstructions and samples on held-out data.",
    ),
    "compare": (
        _compare_options,
        _compare,
        "Train and measure several recipes with several seeds.",
    ),
}
