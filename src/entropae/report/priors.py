"""What samples are drawn from, by the likelihoods of held-out codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entropae.drawing.blocks import Block, Table, Text
from entropae.prior import TITLES
from entropae.report.trained import Trained

NOTE = (
    "Nats a code, larger is likelier. Chosen is the simplest prior within a standard error of the "
    "best."
)
STAGES = {
    "codes": "Codes as the latent gives them",
    "head": "The same codes, with the head: N(0, I) and its rivals are of what the head makes of "
    "them",
}


def compared(run: Trained) -> list[Block]:
    """The priors that were compared when the run was made, and which one is used."""
    found = run.metrics.get("priors")
    drawn = Text(f"Samples are drawn from {run.model.drawn_from()}.")
    if not isinstance(found, Mapping):
        return [drawn]
    tables = [_table(title, found[stage]) for stage, title in STAGES.items() if stage in found]
    return [drawn, *(table for table in tables if table is not None)]


def _table(title: str, found: Any) -> Table | None:
    try:
        rows = [
            [
                f"{TITLES.get(name, name)}{' (chosen)' if name == found['chosen'] else ''}",
                f"{one['nats']:.2f} ± {one['standard_error']:.2f}",
                f"{one['behind']:.2f} ± {one['behind_error']:.2f}",
            ]
            for name, one in found["log_likelihood"].items()
        ]
        caption = f"{title}, {found['codes']} held out. {NOTE}"
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # a file that somebody changed
    return Table(caption, ["prior", "log-likelihood", "behind the best"], rows)
