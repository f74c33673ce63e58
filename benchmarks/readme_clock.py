"""At which second a reader of the README meets which command: its words at a speaker's pace.

    python benchmarks/readme_clock.py

Words of prose and headings count, cells of tables and words of captions too; addresses of links do
not, and a block of code takes as long as its words. Writes `results/readme_clock.md`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NamedTuple

from _machine import RESULTS

ROOT = Path(__file__).parents[1]
# Of a speaker in English (Tauroza and Allison, Applied Linguistics 11 (1990) 90).
WORDS_A_MINUTE = 150


class Met(NamedTuple):
    """A command, and when and where it is met."""

    second: float
    line: int
    heading: str
    command: str


def words(line: str) -> int:
    """The words of a line that are read aloud."""
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line)
    return len(re.findall(r"\w[\w'.,-]*", shown))


def read(text: str) -> list[Met]:
    """The first lines of the blocks of code, and every command in them."""
    met: list[Met] = []
    heading, said, language, first = "", 0, None, False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            language, first = (line[3:] or "shell") if language is None else None, True
            continue
        if line.startswith("#") and language is None:
            heading = line.lstrip("# ")
        if bold := re.match(r"\*\*(.+?)\*\*", line):
            heading = bold[1]
        command = line.partition("#")[0].strip()
        if command and (language == "shell" or (language == "python" and first)):
            met.append(Met(60 * said / WORDS_A_MINUTE, number, heading, command))
        first = first and not command
        said += words(line)
    return met


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [
        f"{len(text.splitlines())} lines, {sum(map(words, text.splitlines()))} words, "
        f"{len(text.encode()) / 1000:.1f} kB; {WORDS_A_MINUTE} words a minute.",
        "",
        "| second | line | under | command |",
        "|-:|-:|-|-|",
    ]
    lines += [f"| {m.second:.0f} | {m.line} | {m.heading} | `{m.command}` |" for m in read(text)]
    (RESULTS / "readme_clock.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
