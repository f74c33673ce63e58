"""The options of a training that say what the columns of a table are, and what its rows keep."""

from __future__ import annotations

from argparse import Action, ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ActionYesNo, Namespace

from entropae.cli.parser import Parser
from entropae.recipe import settings_of

SAID: set[str | int] = {
    "drop",
    "columns",
    "rules",
    "find_rules",
}  # settings of a recipe that are options here


class Listed(Action):
    """Adds to a list: `--drop a b`, `--drop a --drop b` and `--drop [a, b]` are the same."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options, nargs="*")

    def __call__(
        self, parser: Any, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        """Add what was given, or take what a recipe has."""
        known = getattr(namespace, self.dest, None) or []
        found = [name for value in values for name in _names(value)]
        setattr(namespace, self.dest, [*known, *(n for n in found if n not in known)])


def _names(value: str) -> list[str]:
    """One name, or those of a list in brackets."""
    if value.startswith("[") and value.endswith("]"):
        try:
            found = yaml.load(value, yaml.BaseLoader)  # texts, whatever they are
        except yaml.YAMLError:
            found = None
        if isinstance(found, list):
            return list(map(str, found))
    return [value]


def add_columns(parser: Parser) -> None:
    """Add the options."""
    group = parser.add_argument_group("what the columns of a table are")
    group.add_argument("--drop", action=Listed, default=[], help="Columns to leave out.")
    group.add_argument(
        "--category",
        action=Listed,
        default=[],
        help="Columns whose numbers or texts are categories, such as zip codes.",
    )
    group.add_argument(
        "--columns",
        type=_Columns(),
        default={},
        help="A YAML file of what columns are: 'zip: category', 'price: number step 0.5', "
        "'size: [S, M, L]', 'day: date %d/%m/%Y', 'id: identifier', 'Name: drop'.",
    )
    group.add_argument(
        "--rules",
        action=Listed,
        default=[],
        help="What all rows keep: 'start <= end', 'zip -> town', 'a + b = c', 'a * b = c', "
        "'unique day, shop'.",
    )
    group.add_argument(
        "--find-rules",
        action=ActionYesNo(yes_prefix="", no_prefix="no-"),
        default=True,
        help="Look for such rules, or do not.",
    )


class _Columns:
    """Reads a file of columns: what it says, and its rules; settings of a recipe as they are."""

    def __repr__(self) -> str:  # what help calls this type
        return "path"

    def __call__(self, given: Any) -> Any:
        """What the columns are, by name."""
        if isinstance(given, Mapping):
            return dict(given)
        from entropae.kinds.tables.declared import columns_file

        try:
            if isinstance(given, str) and given.lstrip().startswith("{"):
                return _written_out(given)
            columns, rules = columns_file(Path(given))
        except (OSError, ValueError) as error:
            raise ArgumentTypeError(str(error)) from error  # whose words are shown
        return {**columns, **({RULES: list(rules)} if rules else {})}


def _written_out(given: str) -> dict[str, Any]:
    """What is said on the command line itself."""
    try:
        return settings_of(given, of_columns=True)
    except ValueError as error:
        raise ValueError(
            f"{given} cannot be read: {error}. Put values with % or commas in quotes, as "
            "--columns '{day: \"date %b %d, %Y\"}'"
        ) from error


RULES = "\0rules"  # no column's name


def said_of_columns(options: Namespace) -> dict[str, Any]:
    """These options as settings of a recipe."""
    columns = {
        name: tuple(words) if isinstance(words, list) else words
        for name, words in dict(options.columns).items()
    }
    rules = (*columns.pop(RULES, ()), *options.rules)
    columns |= dict.fromkeys(options.category, "category")
    return {
        "drop": tuple(options.drop),
        "columns": columns,
        "rules": tuple(rules),
        "find_rules": options.find_rules,
    }


def asked_of_columns(options: Namespace, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, these as settings of a recipe."""
    given = dict(asked)
    said = said_of_columns(options)
    if given.pop("category", None) or "columns" in given:
        given["columns"] = said["columns"]
        if said["rules"]:
            given["rules"] = said["rules"]
    for name in ("drop", "rules"):
        if name in given:
            given[name] = list(said[name])
    return given
