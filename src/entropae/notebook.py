"""Results as a notebook shows them: HTML in which all that comes from data is escaped."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from entropae.messages import printable

SERIOUS, WARNING, NOTE = "#c62828", "#b26a00", "#757575"
CELL = "padding: 0.2em 0.7em; text-align: left; vertical-align: top"


def number(value: float) -> str:
    """To three decimals; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def shown(text: str) -> str:
    """A text as it stands: it is no markup, and does not turn the direction of reading."""
    return escape(printable(text))


def table(rows: Iterable[Sequence[str]], *, head: Sequence[str] = ()) -> str:
    """Cells of text."""
    lines = [_row(head, "th")] if head else []
    return "<table>" + "".join([*lines, *(_row(row, "td") for row in rows)]) + "</table>"


def _row(cells: Sequence[str], tag: str) -> str:
    inner = "".join(f'<{tag} style="{CELL}">{shown(cell)}</{tag}>' for cell in cells)
    return f"<tr>{inner}</tr>"


def remarks(notes: Sequence[str] = (), warnings: Sequence[str] = ()) -> str:
    """What was done, and what speaks against it."""
    lines = [f"<li>{shown(note)}</li>" for note in notes]
    lines += [f'<li style="color: {WARNING}"><b>Warning:</b> {shown(one)}</li>' for one in warnings]
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def matrix(names: Sequence[str], values: Sequence[Sequence[float]]) -> str:
    """Values of pairs, the darker the larger."""
    finite = [v for row in values for v in row if math.isfinite(v)]
    largest = max([*finite, 1e-12])
    lines = [_row(["", *names], "th")]
    for name, row in zip(names, values, strict=True):
        shades = [min(max(v / largest, 0), 1) * 0.6 if math.isfinite(v) else 0 for v in row]
        cells = "".join(
            f'<td style="{CELL}; background: rgba(63, 81, 181, {shade:.2f})">{number(v)}</td>'
            for v, shade in zip(row, shades, strict=True)
        )
        lines.append(f'<tr><th style="{CELL}">{shown(name)}</th>{cells}</tr>')
    return f"<table>{''.join(lines)}</table>"


def findings(text: str, blocks: Iterable[tuple[str, str, Mapping[str, str]]]) -> str:
    """A summary, and blocks that open: a severity, a title, and labelled sentences."""
    colours = {"serious": SERIOUS, "warning": WARNING}
    lines = [f"<p>{shown(text)}</p>"]
    for severity, title, sentences in blocks:
        state = " open" if severity == "serious" else ""
        body = "".join(
            f"<p style='margin-left: 1.2em'>{f'<b>{shown(label)}</b> ' if label else ''}"
            f"{shown(said)}</p>"
            for label, said in sentences.items()
        )
        mark = f'<b style="color: {colours.get(severity, NOTE)}">{shown(severity.upper())}</b>'
        lines.append(f"<details{state}><summary>{mark} {shown(title)}</summary>{body}</details>")
    return "<div>" + "".join(lines) + "</div>"


def picture(path: Path) -> str:
    """A PNG file, within the page."""
    return image(path.read_bytes(), path.name)


def image(png: bytes, alt: str) -> str:
    """A PNG, within the page."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{shown(alt)}" style="max-width: 100%" src="{source}">'


@dataclass(frozen=True)
class Shown:
    """What a notebook shows as a picture or a table, and all else as a line."""

    html: str
    line: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.line
