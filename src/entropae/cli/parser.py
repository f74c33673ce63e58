"""A parser whose errors help."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import ArgumentParser, Namespace
from jsonargparse._actions import ActionConfigFile
from jsonargparse.typing import restricted_number_type

from entropae.messages import printable
from entropae.recipe import read_settings, recipe_of, recipe_path
from entropae.storage.foreign import IMAGES

# What NumPy, torch and scikit-learn all take.
Seed = restricted_number_type("Seed", int, [(">=", 0), ("<", 1 << 32)])

# Of the library's messages, in words.
TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list, as [64]",
    "NoneType": "null",
}


class Parser(ArgumentParser):
    """A parser whose errors are short and name the option that was probably meant."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the message, the nearest known options, and where to read more; exit with 2."""
        known = [option for action in self._actions for option in action.option_strings]
        for word in (word.rstrip(":") for word in message.split()):
            near = difflib.get_close_matches(word, known, n=3)
            if word.startswith("--") and near and word not in known:
                message += f"\nDid you mean {' or '.join(near)}?"
        if lacks := re.match(r"argument (?:\S+/)?(--\S+): expected at least one argument", message):
            message += f"\nA value that begins with - is joined by =, as {lacks[1]}=-VALUE."
        message, prog = self._plain(message)
        given = message.partition("unrecognized arguments: ")[2]
        if given and "--data" in known and (data := _path(given)):
            message += f"\nDid you mean --data {shlex.quote(str(data))}?"
        shown = "\n".join(map(printable, message.split("\n")))
        print(f"{prog}: {shown}\nSee {prog} --help.", file=sys.stderr)
        sys.exit(2)

    def _plain(self, message: str) -> tuple[str, str]:
        """A message in one line, without what is the library's own, and the command it is about."""
        if missing := re.fullmatch(
            r"the following arguments are required: (([\w-]+)\..*)", message
        ):
            names = [name.partition(".")[2] for name in missing[1].split(", ")]
            parsers = next(one.choices for one in self._actions if isinstance(one.choices, dict))
            needed = [parsers[missing[2]].option_of(name) for name in names]
            return f"Also needed: {', '.join(needed)}.", f"{self.prog} {missing[2]}"
        if wrong := re.match(r'Parser key "([\w.-]+)":\s*(.*)', message, re.DOTALL):
            types = re.findall(
                r"Expected (?:an? )?(?:<class '(\w+)'>|typing\.Literal\[(.*?)\])", wrong[2]
            )
            got = re.search(r"(?:Given|Got) value: (.*)$", wrong[2])
            option = self.option_of(wrong[1])
            by_name = f"options by name, as {option}.name VALUE"
            said = [
                {**TYPES, "dict": by_name}.get(name, name)
                or values.replace("'", "").replace(", ", " or ")
                for name, values in types
            ]
            if said and got:
                message = f"{option} must be {' or '.join(dict.fromkeys(said))}: got {got[1]}."
        return message, self.prog

    def option_of(self, name: str) -> str:
        """An argument as it is written on the command line, by its name in the namespace."""
        found = (one.option_strings for one in self._actions if one.dest == name)
        return next((options[0] for options in found if options), name.upper())


def _path(given: str) -> Path | None:
    """A file or folder at the beginning of arguments; of one image among several, its folder."""
    parts = given.split(" ")  # which may stand in names
    paths = (Path(" ".join(parts[:i])) for i in range(1, len(parts) + 1))
    found = next((path for path in paths if path.exists()), None)
    return found.parent if found is not None and found.suffix.lower() in IMAGES else found


class RecipeFile(ActionConfigFile):
    """Reads a recipe, or a run's, only after a look at what is in it: it may be anybody's."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: Any = None) -> None:
        """Take the recipe's settings as options."""
        path = recipe_path(Path(values))
        settings: dict[str, Any] = {}
        try:
            settings = read_settings(path)
            recipe_of(settings)
        except (ValueError, OSError) as error:
            parser.error(f"{values} is no recipe: {error}")
        # As text: of the file the parser would take a column called `on` for one called True.
        super().__call__(parser, cfg, yaml.safe_dump(settings), option_string)


# Of each command: what adds its options, what runs it, what it does in a line.
Commands = dict[str, tuple[Callable[[Parser], None], Callable[[Namespace], None], str]]
