"""Options that name a run and its data, and the run opened by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsonargparse import Namespace

from entropae.cli.parser import Parser
from entropae.recipe import RECIPE

if TYPE_CHECKING:
    from entropae.runs import Run


def add_run(parser: Parser) -> None:
    """The run that a command is about."""
    parser.add_argument("run", type=str, help="A run folder made by entropae fit.")


def add_run_and_data(parser: Parser) -> None:
    """The run that a command is about, and the data that it was trained on."""
    add_run(parser)
    parser.add_argument(
        "--trained-on",
        type=str,
        help="The run's own data, if they are not where its recipe says; or if they have changed "
        "so much, or are so little known, that it must be you who says that they may be read.",
    )


def opened(options: Namespace) -> Run:
    """The run, with its data where they are said to be."""
    from entropae.runs import Run

    return Run.open(options.run, data=options.get("trained_on"))


def read_by(options: Namespace, run: Run) -> list[str | None]:
    """Names of what a command reads: the data it is given, and those of a run with a recipe."""
    own = run.source if (run.folder / RECIPE).is_file() else None
    return [options.get("data"), own]
