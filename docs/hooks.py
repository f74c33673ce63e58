"""What the site has besides its pages: help of the commands, and the benchmarks' results.

`<!-- help: COMMAND -->` becomes that command's help, `<!-- result: NAME -->` the table NAME.md of
`benchmarks/results`, whose files are part of the site.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"


def on_files(files: Files, config: Any) -> Files:
    """Add the results."""
    for path in sorted(RESULTS.iterdir()):
        if path.suffix in (".json", ".png"):
            files.append(File.generated(config, f"results/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put in what the page asks for."""
    markdown = markdown.replace("../benchmarks/results/", "results/")
    markdown = re.sub(r"<!-- result: ([\w-]+) -->", lambda found: result(found[1]), markdown)
    return re.sub(r"<!-- help: ([\w-]+) -->", lambda found: help_of(found[1]), markdown)


def result(name: str) -> str:
    """A table, its headings below those of the page."""
    return re.sub(r"^#", "###", (RESULTS / f"{name}.md").read_text(), flags=re.MULTILINE)


def help_of(command: str) -> str:
    """What `entropae COMMAND --help` prints, at 88 columns."""
    from entropae.cli import COMMANDS
    from entropae.cli.parser import Parser

    describe, _, text = COMMANDS[command]
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"
    try:
        parser = Parser(prog=f"entropae {command}", description=text)
        describe(parser)
        return f"```text\n{parser.format_help()}```"
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
