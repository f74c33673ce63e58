"""A parser whose errors help."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import NoReturn

from jsonargparse import ArgumentParser, Namespace


class Parser(ArgumentParser):
    """A parser whose errors are short and name the option that was probably meant."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the message, the nearest known options, and where to read more; exit with 2."""
        known = [option for action in self._actions for option in action.option_strings]
        for word in message.split():
            near = difflib.get_close_matches(word, known, n=3)
            if word.startswith("--") and near and word not in known:
                message += f"\nDid you mean {' or '.join(near)}?"
        print(f"{self.prog}: {message}\nSee {self.prog} --help.", file=sys.stderr)
        sys.exit(2)


# Of each command: what adds its options, what runs it, what it does in a line.
Commands = dict[str, tuple[Callable[[Parser], None], Callable[[Namespace], None], str]]
