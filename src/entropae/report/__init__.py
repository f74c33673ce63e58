"""One page that shows and tells a run: a file that needs nothing else and loads nothing.

A section is a function from a run to blocks: to add one, write it and name it in `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from tqdm.auto import tqdm

from entropae.files import printable, replacing
from entropae.report import drawn, latent, words
from entropae.report.blocks import Block
from entropae.report.trained import Trained, open_run

__all__ = ["REPORT", "SECTIONS", "Trained", "open_run", "page", "write"]

REPORT = "report.html"

SECTIONS: dict[str, tuple[str, Callable[[Trained], list[Block]]]] = {
    "summary": ("Summary", words.about),
    "diagnosis": ("Diagnosis", words.diagnosis),
    "samples": ("Samples", drawn.samples),
    "reconstructions": ("Reconstructions", drawn.reconstructions),
    "interpolations": ("Interpolations", drawn.interpolations),
    "nearest": ("Nearest training data", drawn.nearest),
    "curves": ("Training", latent.curves),
    "codes": ("The codes", latent.codes),
    "metrics": ("Metrics and rivals", words.rivals),
    "again": ("How to repeat it", words.again),
}


def write(folder: str | Path, out: str | Path | None = None, *, progress: bool = True) -> Path:
    """Write the report of a run. The same run gives the same page.

    Args:
        folder: A finished run.
        out: The file; by default `report.html` in the run's folder. It is replaced whole.
        progress: Show a bar.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If there is no run, it is not finished, or its data are gone.
        ValueError: If one of its files is damaged.
        OSError: If the page cannot be written.
    """
    folder = Path(folder)
    path = Path(out) if out is not None else folder / REPORT
    if path.is_dir():
        raise IsADirectoryError(f"`out` must be a file: {path} is a folder. Give {path / REPORT}.")
    run = open_run(folder)
    # A file's name may have bytes that are no letters.
    text = page(run, progress=progress).encode(errors="backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(text)
    return path


def page(run: Trained, *, progress: bool = False) -> str:
    """The report of a run as HTML."""
    sections = [
        (name, title, make(run))
        for name, (title, make) in tqdm(SECTIONS.items(), "Reporting", disable=not progress)
    ]
    loader = PackageLoader("entropae.report", "page")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(loader.get_source(environment, "style.css")[0])
    name = printable(run.folder.absolute().name)
    return environment.get_template("page.html").render(
        name=name, about=words.subtitle(run), sections=sections, style=style
    )
