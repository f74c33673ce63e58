"""One page that shows and tells a trained model: a file that needs nothing else.

A section is a function from a trained model to blocks, none if it has nothing to say: to add one,
write it and name it in `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from tqdm.auto import tqdm

from entropae.files import printable, replacing
from entropae.model import Autoencoder, Data
from entropae.report import drawn, latent, words
from entropae.report.blocks import Block
from entropae.report.trained import Trained, of_model, open_run

__all__ = ["REPORT", "SECTIONS", "Trained", "of_model", "open_run", "page", "write", "write_model"]

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
    path = _file(out if out is not None else folder / REPORT)
    return _write(open_run(folder), path, progress)


def write_model(
    model: Autoencoder,
    data: Data | str | Path,
    held_out: Data | str | Path | None = None,
    out: str | Path = REPORT,
    *,
    log: Sequence[Mapping[str, float]] = (),
    batch_size: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Write the report of a model with any networks: all of a run's but how to repeat it.

    Args:
        model: A trained model. Samples are shown of each prior that has been fitted to it.
        data: What it was trained on: a tensor, an array, `Samples`, or what `data.load` takes.
        held_out: Samples that it was not trained on; without them the training ones are shown.
        out: The file. It is replaced whole.
        log: What `fit` returned, for curves.
        batch_size: Samples of a training step, if known.
        seed: Of samples.
        progress: Show a bar.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If data are given by a path that is not there.
        ValueError: If the data are unusable, or not what the model takes.
        OSError: If the page cannot be written.
    """
    path = _file(out)
    trained = of_model(model, data, held_out, log=log, batch_size=batch_size, seed=seed)
    return _write(trained, path, progress)


def _file(out: str | Path) -> Path:
    path = Path(out)
    if path.is_dir():
        raise IsADirectoryError(f"`out` must be a file: {path} is a folder. Give {path / REPORT}.")
    return path


def _write(trained: Trained, path: Path, progress: bool) -> Path:
    # A file's name may have bytes that are no letters.
    text = page(trained, progress=progress).encode(errors="backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(text)
    return path


def page(trained: Trained, *, progress: bool = False) -> str:
    """The report as HTML."""
    sections = [
        (name, title, blocks)
        for name, (title, make) in tqdm(SECTIONS.items(), "Reporting", disable=not progress)
        if (blocks := make(trained))
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
    run = trained.origin
    name = printable(run.folder.absolute().name) if run else "Autoencoder"
    return environment.get_template("page.html").render(
        name=name, about=words.subtitle(trained), sections=sections, style=style
    )
