"""Run the examples of Markdown files as their reader would: blocks of `python` and of `bash`.

Each page has a folder of its own, and each block a new process there, so that only what the page
says is at hand. A Python block is saved under the name in its first line (`# name.py`). Comments
after a last line `# Prints:` are what it must print, numbers to a twentieth.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def agree(said: str, printed: str) -> bool:
    """Whether the texts are the same but for spaces and small differences of numbers."""
    a, b = ([float(number) for number in NUMBER.findall(text)] for text in (said, printed))
    return (
        NUMBER.sub("", said).split() == NUMBER.sub("", printed).split()
        and len(a) == len(b)
        and all(abs(x - y) <= 0.05 * x + 0.02 for x, y in zip(a, b, strict=True))
    )


def run(page: str) -> int:
    """Run the examples of one page, and say how many there are.

    Raises:
        SystemExit: If one fails or prints something else.
    """
    blocks = re.findall(r"^```(python|bash)\n(.*?)^```", Path(page).read_text(), re.M | re.S)
    # The commands are those of the environment that this runs in.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        for number, (language, block) in enumerate(blocks):
            suffix, command = {"python": ("py", [sys.executable]), "bash": ("sh", ["bash", "-eu"])}[
                language
            ]
            named = re.match(r"# (\S+\.py)\n", block)
            name = named[1] if named else f"example_{number}.{suffix}"
            (Path(folder) / name).write_text(block)
            print(f"--- {page}: {name}", flush=True)
            done = subprocess.run(
                [*command, name],
                cwd=folder,
                env=os.environ | {"PATH": path},
                check=False,
                stdout=subprocess.PIPE,
                text=True,
            )
            print(done.stdout, end="", flush=True)
            if done.returncode:
                sys.exit(f"{page}: {name} failed.")
            said = re.sub(r"^# ?", "", block.partition("\n# Prints:\n")[2], flags=re.MULTILINE)
            if said and not agree(said, done.stdout):
                sys.exit(f"{page}: {name} should have printed\n{said}")
    return len(blocks)


def main(pages: list[str]) -> None:
    count = sum(map(run, pages))
    if not count:
        sys.exit(f"{', '.join(pages)}: no example, nothing was checked.")
    print(f"{count} examples ran.")


if __name__ == "__main__":
    main(sys.argv[1:])
