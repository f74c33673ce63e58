"""The command line. Each command imports what it needs when it runs, so that help is instant."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from entropae.cli import (
    diagnosis,
    entropy,
    explorer,
    information,
    models,
    report,
    training,
)
from entropae.cli.parser import Parser
from entropae.cli.training import read_recipe_file
from entropae.messages import printable

__all__ = ["COMMANDS", "main", "make_parser", "read_recipe_file"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Errors that a user can mend are one line, without a traceback."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        _, act, _ = COMMANDS[options.command]
        with _plain_warnings():
            act(parser.instantiate(options)[options.command])
    except (ValueError, OSError, ArithmeticError, ImportError, MemoryError) as error:
        shown = "\n".join(map(printable, str(error).split("\n")))
        print(f"entropae {options.command}: {shown}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings in a line of their own, without the place in the source that they come from."""
    before = warnings.formatwarning

    def plain(message: Warning | str, category: type[Warning], *place: object) -> str:
        if category is UserWarning:
            return f"Warning: {printable(message)}\n"
        return before(message, category, *place)  # type: ignore[arg-type]

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = before


def make_parser() -> Parser:
    """The parser of all commands."""
    from entropae import __version__

    parser = Parser(
        prog="entropae",
        description="Turn any autoencoder into a generative model; measure entropy from samples.",
        version=__version__,
    )
    commands = parser.add_subcommands(dest="command")
    for name, (describe, _, text) in COMMANDS.items():
        command = Parser(description=text)
        describe(command)
        commands.add_subcommand(name, command, help=text)
    return parser


COMMANDS = (
    training.COMMANDS
    | models.COMMANDS
    | diagnosis.COMMANDS
    | report.COMMANDS
    | explorer.COMMANDS
    | entropy.COMMANDS
    | information.COMMANDS
)
