"""What the site has besides its pages: formulas, and the benchmarks' results.

`$…$` and `$$…$$` become MathML, which browsers set by themselves: no script, no font, no network.

`[The table](…) <!-- result: NAME -->` becomes the table NAME.md of `benchmarks/results`, whose
files are part of the site; where pages are read as they are, the link leads there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

# Code, which is left alone, or a formula, on lines of its own or within one.
FORMULA = re.compile(
    r"^```.*?^```|``.+?``|`[^`\n]+`|\$\$(?P<block>.+?)\$\$|"
    r"(?<![\w$\\])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?![\w$])",
    re.MULTILINE | re.DOTALL,
)
TABLE = re.compile(r"(?:\[[^\]\n]*\]\([^)\n]*\) )?<!-- result: ([\w.-]+) -->")
RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"


def on_files(files: Files, config: Any) -> Files:
    """Add the results."""
    for path in sorted(RESULTS.iterdir()):
        if path.suffix in (".json", ".png"):
            files.append(File.generated(config, f"results/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put in what the page asks for, and marks where formulas stand."""
    page.formulas = []
    markdown = FORMULA.sub(lambda found: _marked(found, page.formulas), markdown)
    markdown = markdown.replace("../benchmarks/results/", "results/")
    return TABLE.sub(lambda found: result(found[1]), markdown)


def _marked(found: re.Match[str], formulas: list[str]) -> str:
    """A mark that Markdown leaves as it is, for a formula that is kept; code as it was."""
    latex = found["block"] or found["inline"]
    if latex is None:
        return found[0]
    made = convert(latex, display="block" if found["block"] else "inline")
    formulas.append(re.sub(r"(<mi>log</mi>)", r'\1<mspace width="0.17em"/>', made))
    return f"\ue000{len(formulas) - 1}\ue001"


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put the formulas where their marks are."""
    return re.sub("\ue000(\\d+)\ue001", lambda found: page.formulas[int(found[1])], html)


def result(name: str) -> str:
    """A table, its headings below those of the page."""
    return re.sub(r"^#", "###", (RESULTS / f"{name}.md").read_text(), flags=re.MULTILINE)
