"""The options of every command that reads a table: how a text file is written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jsonargparse import ActionYesNo, Namespace

from entropae.cli.parser import Parser

if TYPE_CHECKING:
    from entropae.reader import Dialect, Table

GROUP = "how a text file is written, where that is not found out rightly"
TEXTS = {
    "separator": "Of columns: one character, tab, or space for any number of spaces.",
    "quote": "Around texts that hold separators; '' for none.",
    "encoding": "Such as utf-8, utf-16 or cp1252.",
    "comment": "What lines begin with that are left out; '' for none.",
    "decimal": "Of numbers: . or ,",
    "thousands": "What separates the thousands of numbers; '' for nothing.",
}
SWITCHES = {
    "header": "The first row has the names of the columns, or not.",
    "units": "A line of units follows the names, or not.",
    "day-first": "03/04/2020 is in April, or in March.",
}
WORDS = {"tab": "\t", "\\t": "\t", "space": " ", "spaces": " "}


def dialect_options(parser: Parser) -> None:
    """Add the options."""
    group = parser.add_argument_group(GROUP)
    for name, text in TEXTS.items():
        group.add_argument(f"--{name}", type=str, help=text)
    group.add_argument("--skip", type=int, help="Lines before the names to leave out.")
    for name, text in SWITCHES.items():
        no = ActionYesNo(yes_prefix="", no_prefix="no-")
        group.add_argument(f"--{name}", action=no, default=None, help=text)


def given_dialect(options: Namespace) -> dict[str, Any]:
    """What the options say, without what they leave to be found out."""
    names = [*TEXTS, "skip", *(name.replace("-", "_") for name in SWITCHES)]
    found = {name: options[name] for name in names if options[name] is not None}
    if "separator" in found:
        found["separator"] = WORDS.get(found["separator"], found["separator"])
    return found


def dialect_of(options: Namespace) -> Dialect | None:
    """The dialect that the options give; `None` if they give nothing."""
    from entropae.reader import Dialect

    found = given_dialect(options)
    return Dialect(**found) if found else None


def read(path: str, options: Namespace, columns: Sequence[str] | None = None) -> Table:
    """A table to be measured, after a line on how it was read if that is not as one expects."""
    from entropae.reader import read_table

    table = read_table(path, columns, dialect=dialect_of(options)).with_numbers()
    if table.read_as:
        # JSON is for programs.
        print(table.read_as, file=sys.stderr if getattr(options, "json", False) else sys.stdout)
    return table
