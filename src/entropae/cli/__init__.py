"""The command line. Each command imports what it needs when it runs, so that help is instant."""

from __future__ import annotations

import os
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
    related,
    report,
    training,
)
from entropae.cli.parser import Parser
from entropae.cli.streams import never_fail
from entropae.cli.training import read_recipe_file
from entropae.cli.wording import as_options
from entropae.imports import load
from entropae.messages import printable
from entropae.signals import Stopped, in_command

__all__ = ["COMMANDS", "main", "make_parser", "read_recipe_file"]

# What commands import first, with most of what else they need; the others the model.
LARGE = {
    **dict.fromkeys((*training.COMMANDS, "fit-related"), "entropae.training"),
    **dict.fromkeys(entropy.COMMANDS, "entropae.entropy"),
    **dict.fromkeys(information.COMMANDS, "entropae.information"),
}
# Commands that are told which of their options were given, and under which name.
ASKED = {"fit": "asked"}
EXITS = (
    "Exit codes: 0 done; 1 an error, said in a line; 2 options that are wrong; 130, 143 or 129 "
    "stopped by Ctrl-C, SIGTERM or SIGHUP: the first one finishes the training step and keeps a "
    "checkpoint, the second one ends it at once."
)
PIPE = 13  # the number of SIGPIPE, which ends other programs whose reader has gone


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Errors that a user can mend are one line, without a traceback."""
    never_fail()
    with in_command():
        try:
            return _run(arguments)
        except KeyboardInterrupt as error:
            stop = error if isinstance(error, Stopped) else Stopped()
            if str(stop):
                print(f"\n{stop}", file=sys.stderr)
            return stop.code


def _run(arguments: list[str] | None) -> int:
    first = (sys.argv[1:] if arguments is None else arguments)[:1]
    parser = make_parser(*first)
    options = parser.parse_args(arguments)
    try:
        _, act, _ = COMMANDS[options.command]
        with _plain_warnings():
            # Not in a process of somebody else's, whose objects are not to be kept for good.
            if arguments is None:
                load(LARGE.get(options.command, "entropae.model"))
            chosen = parser.instantiate(options)[options.command]
            if options.command in ASKED:
                chosen[ASKED[options.command]] = _asked(parser, arguments, options.command)
            act(chosen)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads the output has seen enough. Python's own flush at the end must not meet it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + PIPE
    except (ValueError, OSError, ArithmeticError, ImportError, MemoryError) as error:
        measures = options.command in (*entropy.COMMANDS, *information.COMMANDS)
        said = as_options(str(error)) if measures else str(error)
        shown = "\n".join(map(printable, said.split("\n")))
        print(f"entropae {options.command}: {shown}", file=sys.stderr)
        return 1
    return 0


def _asked(parser: Parser, arguments: list[str] | None, command: str) -> dict[str, object]:
    """The options that were given, without defaults, by their names with dots."""
    given = parser.parse_args(arguments, defaults=False)[command]
    return dict(given.items())


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Each warning once, in one line, without the place in the source that it comes from."""
    before, told = warnings.formatwarning, set[str]()

    def plain(message: Warning | str, *_: object) -> str:
        line = f"entropae: {printable(' '.join(str(message).split()))}\n"
        if line in told:
            return ""
        told.add(line)
        return line

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = before


def make_parser(only: str = "") -> Parser:
    """The parser of all commands.

    Args:
        only: The command that is asked for, if it is known: the others are then left out, which
            take most of the time.
    """
    from entropae import __version__

    parser = Parser(
        prog="entropae",
        description="Turn any autoencoder into a generative model; measure entropy from samples.",
        version=__version__,
        epilog=EXITS,
    )
    commands = parser.add_subcommands(dest="command")
    asked = {only: COMMANDS[only]} if only in COMMANDS else COMMANDS
    for name, (describe, _, text) in asked.items():
        command = Parser(description=text)
        describe(command)
        commands.add_subcommand(name, command, help=text)
        command.prog = f"{parser.prog} {name}"  # as it is typed
    return parser


COMMANDS = (
    training.COMMANDS
    | models.COMMANDS
    | related.COMMANDS
    | diagnosis.COMMANDS
    | report.COMMANDS
    | explorer.COMMANDS
    | entropy.COMMANDS
    | information.COMMANDS
)
