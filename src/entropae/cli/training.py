"""Commands that train: one run, or several side by side."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from jsonargparse import Namespace

from entropae.cli.columns import SAID, add_columns, asked_of_columns, said_of_columns
from entropae.cli.dialect import dialect_options, given_dialect
from entropae.cli.models import add_measuring
from entropae.cli.parser import Commands, Parser, RecipeFile
from entropae.recipe import RECIPE, Recipe, read_settings, recipe_of, recipe_path
from entropae.storage.atomic import check_out

# That `fit` trains for at most, unless it is told otherwise.
MINUTES = 10.0


def _fit_options(parser: Parser) -> None:
    parser.add_argument(
        "--recipe", action=RecipeFile, help="A YAML file of the options below, or a run folder."
    )
    parser.add_argument("--out", type=str, help="The run folder; by default runs/DATA.")
    parser.add_argument("--resume", action="store_true", help="Go on with a run that was stopped.")
    parser.add_argument("--profile", action="store_true", help="Print where the time went.")
    parser.add_argument("--no-report", action="store_true", help="Do not write report.html.")
    parser.add_class_arguments(Recipe, skip=SAID)
    add_columns(parser)
    dialect_options(parser)


def _fit(options: Namespace) -> None:
    from entropae import distributed
    from entropae.runs import Run, make
    from entropae.runs.making import resumable
    from entropae.runs.resuming import leaves
    from entropae.signals import follow_parent

    folder = Path(options.out or f"runs/{Path(options.data).stem}")
    if not distributed.is_first():
        follow_parent()
    settings = {field.name for field in fields(Recipe)}
    given = asked_of_columns(options, options.asked)
    asked = {name: value for name, value in leaves(given) if name.partition(".")[0] in settings}
    resume, profile = options.resume, options.profile
    make(_recipe(options), folder, resume=resume, asked=asked, profile=profile)
    if distributed.is_first() and not options.no_report:
        with resumable(folder):
            print(f"Wrote {Run.open(folder).report()}: open it in a browser.")


def _recipe(options: Namespace) -> Recipe:
    given = {part.name: getattr(options, part.name) for part in fields(Recipe)}
    recipe = Recipe(**given | said_of_columns(options))
    recipe = replace(recipe, dialect={**recipe.dialect, **given_dialect(options)})
    # Several processes would each time their own steps.
    alone = recipe.trainer.devices == recipe.trainer.num_nodes == 1 and "RANK" not in os.environ
    if alone and recipe.epochs is None and recipe.minutes is None:
        return replace(recipe, minutes=MINUTES)
    return recipe


def _compare_options(parser: Parser) -> None:
    parser.add_argument(
        "recipes",
        type=str,
        nargs="+",
        help="YAML files, or run folders, that differ in the latent.",
    )
    parser.add_argument("--train", type=str, help="Train on this instead of the recipes' data.")
    parser.add_argument("--epochs", type=int, help="Instead of the recipes' number.")
    parser.add_argument("--seeds", type=int, default=3, help="Runs a recipe.")
    parser.add_argument(
        "--out", type=str, default="runs/comparison", help="A folder; goes on in it."
    )
    parser.add_argument("--processes", type=int, default=1, help="Runs at a time.")
    add_measuring(parser)


def _compare(options: Namespace) -> None:
    from entropae.runs import compare

    recipes = {}
    for name, path in _named([Path(path) for path in options.recipes]).items():
        recipe = read_recipe_file(path)
        if options.train is not None:
            recipe = replace(recipe, data=options.train)
        if options.epochs is not None:
            recipe = replace(recipe, epochs=options.epochs)
        recipes[name] = recipe
    out = Path(options.out)
    check_out(out, folder=True)
    compare(
        recipes,
        out,
        seeds=options.seeds,
        test=options.data,
        features=options.features,
        n=options.number,
        priors=options.priors,
        processes=options.processes,
    )
    print((out / "table.md").read_text())
    names = ("table.md", "table.csv", "results.json", "samples.png")
    written = [name for name in names if (out / name).exists()]
    print(f"Wrote {', '.join(written)} into {out}.")


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Files of recipes by the names of their rows: their own, a run's recipe by its folder's."""
    files = [recipe_path(path) for path in paths]
    names = [path.absolute().parent.name if path.name == RECIPE else path.stem for path in files]
    many = Counter(names)
    for i, path in enumerate(files):
        if many[names[i]] > 1:
            folders = path.absolute().parts[:-1]
            names[i] = "-".join([*folders[-2:], *([] if path.name == RECIPE else [path.stem])])
    named = dict(zip(names, files, strict=True))
    if len(named) < len(files):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise ValueError(
            f"Two of the recipes would be called {twice}: give each once, or another file name."
        )
    return named


def read_recipe_file(path: Path) -> Recipe:
    """A recipe from a YAML file, with defaults for what it leaves out."""
    try:
        return recipe_of(read_settings(path))
    except ValueError as error:
        raise ValueError(f"{path} is no recipe: {error}") from error


COMMANDS: Commands = {
    "fit": (_fit_options, _fit, "Train, sample, measure: fill a run folder."),
    "compare": (
        _compare_options,
        _compare,
        "Train and measure several recipes with several seeds.",
    ),
}
