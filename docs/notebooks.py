"""Run the example notebooks, and write each with what it shows as a page of `docs/examples`.

    python docs/notebooks.py                  # all of examples/*.py
    python docs/notebooks.py own_images       # one
    python docs/notebooks.py --check          # run all, write nothing

A notebook is kept as text, cells between `# %%` lines: Jupyter opens it with jupytext, editors as
it is. One that prints a warning or an error fails.
"""

from __future__ import annotations

import base64
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jupytext
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "examples"
PAGES = ROOT / "docs" / "examples"
INLINE = re.compile(r"data:image/png;base64,([\w+/=]+)")
# A bar, or tqdm's advice on a prettier one.
BAR = re.compile(r"\d+%\||/s[,\]]|s/(it|step)|TqdmWarning|tqdm as notebook_tqdm")
SECONDS = 1200  # of a cell, at most


def read(name: str) -> Any:
    """A notebook's cells, without outputs."""
    return jupytext.read(SOURCES / f"{name}.py", fmt="py:percent")


def executed(name: str) -> Any:
    """A notebook with its outputs, run in a folder of its own."""
    notebook = read(name)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(
            notebook, timeout=SECONDS, kernel_name="python3", resources=resources
        ).execute()
    return notebook


def source(cell: Any) -> str:
    """What the page has of a cell, besides its outputs."""
    return f"```python\n{cell.source}\n```" if cell.cell_type == "code" else cell.source


def page(name: str, notebook: Any) -> tuple[str, dict[str, bytes]]:
    """The page of a notebook, and its pictures by their files' names."""
    pictures: dict[str, bytes] = {}

    def kept(data: str) -> str:
        file = f"{name}-{len(pictures) + 1}.png"
        pictures[file] = base64.b64decode(data)
        return file

    note = f"<!-- Written by docs/notebooks.py from examples/{name}.py: change it there. -->"
    parts = [note]
    for cell in notebook.cells:
        parts.append(source(cell))
        shown = "\n\n".join(filter(None, (_shown(one, kept) for one in cell.get("outputs", ()))))
        parts += [shown.replace("\n```\n\n```text\n", "\n")] if shown else []
        if len(parts) == 2:  # below the title
            parts.append(f"*The [notebook](../notebooks.md) `examples/{name}.py`, as it runs.*")
    return "\n\n".join(parts) + "\n", pictures


def _shown(output: Any, kept: Any) -> str:
    if output.output_type == "stream":
        if output.name == "stderr":
            _check_quiet(output.text)
            return ""
        return f"```text\n{output.text.rstrip()}\n```"
    data = output.data
    if "image/png" in data:
        return f"![]({kept(data['image/png'].strip())})"
    if "text/html" in data:
        html = INLINE.sub(lambda found: kept(found[1]), data["text/html"])
        html = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
        html = re.sub(r"\s*\n\s*", "\n", html)
        return f'<div class="output">{html}</div>'
    return f"```text\n{data['text/plain']}\n```"


def _check_quiet(text: str) -> None:
    """Raise unless nothing was said on the side but progress, in a bar of letters."""
    lines = [line for line in re.split(r"[\r\n]", text) if line.strip()]
    said = [line for line in lines if not BAR.search(line)]
    if said:
        raise SystemExit("It should say nothing on the side, but did:\n" + "\n".join(said))


def main(arguments: list[str]) -> None:
    check = "--check" in arguments
    names = [one for one in arguments if one != "--check"]
    for name in names or sorted(path.stem for path in SOURCES.glob("*.py")):
        start = time.perf_counter()
        text, pictures = page(name, executed(name))
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        if check:
            continue
        PAGES.mkdir(exist_ok=True)
        for old in PAGES.glob(f"{name}-*.png"):
            old.unlink()
        (PAGES / f"{name}.md").write_text(text, encoding="utf-8")
        for file, data in pictures.items():
            (PAGES / file).write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
