"""One page that shows and tells a trained model: a file that needs nothing else.

A section is a function from a trained model to blocks, none if it has nothing to say: to add one,
write it and name it in `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from tqdm.auto import tqdm

from entropae.drawing.blocks import Block
from entropae.messages import printable
from entropae.model import Autoencoder
from entropae.report import latent, priors, words
from entropae.report.trained import Origin, Trained, of_model
from entropae.storage.atomic import replacing

__all__ = [
    "REPORT",
    "SECTIONS",
    "Origin",
    "Trained",
    "of_model",
    "page",
    "write",
    "write_model",
]

REPORT = "report.html"
# Characters that turn the order of those around them, so that a name reads as another.
TURNING = {
    code: f"\\u{code:04x}"
    for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def _section(i: int, run: Trained) -> list[Block]:
    """A section that the kind of data has."""
    return run.train.kind.sections[i](run)


SECTIONS: dict[str, tuple[str, Callable[[Trained], list[Block]]]] = {
    "summary": ("Summary", words.about),
    "diagnosis": ("Diagnosis", words.diagnosis),
    "samples": ("Samples", partial(_section, 0)),
    "reconstructions": ("Reconstructions", partial(_section, 1)),
    "interpolations": ("Interpolations", partial(_section, 2)),
    "nearest": ("Nearest training data", partial(_section, 3)),
    "curves": ("Training", latent.curves),
    "codes": ("The codes", latent.codes),
    "priors": ("What samples are drawn from", priors.compared),
    "metrics": ("Metrics and rivals", words.rivals),
    "again": ("How to repeat it", words.again),
}


def write(trained: Trained, out: str | Path, *, progress: bool = True) -> Path:
    """Write the report of a trained model. The same model gives the same page.

    `Run.report` is the short way.

    Args:
        trained: The model and its data.
        out: The file. It is replaced whole.
        progress: Show a bar.

    Returns:
        The file.

    Raises:
        ValueError: If one of the run's files is damaged.
        OSError: If the page cannot be written.
    """
    path = Path(out)
    if path.is_dir():
        raise IsADirectoryError(f"`out` must be a file: {path} is a folder. Give {path / REPORT}.")
    # A file's name may have bytes that are no letters.
    text = page(trained, progress=progress).translate(TURNING).encode(errors="backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(text)
    return path


def write_model(
    model: Autoencoder,
    data: Any,
    held_out: Any = None,
    out: str | Path = REPORT,
    *,
    log: Sequence[Mapping[str, float]] = (),
    batch_size: int | None = None,
    seed: int = 0,
    progress: bool = True,
    real_rows: bool = False,
) -> Path:
    """Write the report of a model with any networks: all that a run's has but how to repeat it.

    Args:
        model: A trained model. Samples are shown of each prior that has been fitted to it.
        data: What it was trained on, as `fit` takes it.
        held_out: Samples that it was not trained on; without them the training ones are shown.
        out: The file. It is replaced whole.
        log: What `fit` returned, for curves.
        batch_size: Samples of a training step, if known.
        seed: Of samples.
        progress: Show a bar.
        real_rows: Show rows of a table's data too.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If data are given by a path that is not there.
        ValueError: If the data are unusable, or not what the model takes.
        OSError: If the page cannot be written.
    """
    trained = of_model(
        model, data, held_out, log=log, batch_size=batch_size, seed=seed, real_rows=real_rows
    )
    return write(trained, out, progress=progress)


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
