"""A parser whose errors help."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, Namespace
from jsonargparse._actions import ActionConfigFile
from jsonargparse.typing import restricted_number_type

from entropae.messages import printable
from entropae.recipe import read_settings, recipe_of

# What NumPy, torch and scikit-learn all take.
Seed = restricted_number_type("Seed", int, [(">=", 0), ("<", 1 << 32)])


class Parser(ArgumentParser):
    """A parser whose errors are short and name the option that was probably meant."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the message, the nearest known options, and where to read more; exit with 2."""
        known = [option for action in self._actions for option in action.option_strings]
        for word in (word.rstrip(":") for word in message.split()):
            near = difflib.get_close_matches(word, known, n=3)
            if word.startswith("--") and near and word not in known:
                message += f"\nDid you mean {' or '.join(near)}?"
        shown = "\n".join(map(printable, message.split("\n")))
        command = self.prog.replace(" [options]", "")  # as argparse calls those of a command
        print(f"{command}: {shown}\nSee {command} --help.", file=sys.stderr)
        sys.exit(2)


class RecipeFile(ActionConfigFile):
    """Reads a recipe only after a look at what is in it: it may be anybody's."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: Any = None) -> None:
        """Take the recipe's settings as options."""
        try:
            recipe_of(read_settings(Path(values)))
        except (ValueError, OSError) as error:
            parser.error(f"{values} is no recipe: {error}")
        super().__call__(parser, cfg, values, option_string)


# Of each command: what adds its options, what runs it, what it does in a line.
Commands = dict[str, tuple[Callable[[Parser], None], Callable[[Namespace], None], str]]
