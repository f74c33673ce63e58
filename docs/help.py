"""Write what `entropae COMMAND --help` prints into the page of commands.

    python docs/help.py

A test holds the page to it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from entropae.cli import COMMANDS
from entropae.cli.parser import Parser

PAGE = Path(__file__).with_name("commands.md")
PLACE = re.compile(
    r"(<!-- help: ([\w-]+) -->\n)(?:\n```text\n.*?^```\n)?", re.DOTALL | re.MULTILINE
)


def help_of(command: str) -> str:
    """What `entropae COMMAND --help` prints, at 88 columns."""
    describe, _, text = COMMANDS[command]
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"
    try:
        parser = Parser(prog=f"entropae {command}", description=text)
        describe(parser)
        return parser.format_help()
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)


def filled(page: str) -> str:
    """The page with each command's help after its comment."""
    return PLACE.sub(lambda found: f"{found[1]}\n```text\n{help_of(found[2])}```\n", page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
