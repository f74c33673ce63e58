"""What a section of the page is made of. How each looks is in `page/blocks.html`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from markupsafe import Markup

from entropae.diagnosis import Diagnosis
from entropae.diagnosis.result import sentence


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """Of a part of a section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Facts:
    """Figures with what they are of."""

    facts: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Image:
    """A picture of pixels, as a data address."""

    source: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Picture:
    """A picture and what it shows: an image, or a chart as SVG that says so itself.

    Attributes:
        content: The picture.
        caption: What it shows.
        wide: Whether it takes the whole width.
        legend: What colours in it stand for: a colour as CSS by each name.
    """

    content: Image | Markup
    caption: str
    wide: bool = False
    legend: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_chart(self) -> bool:
        """Whether it is SVG."""
        return isinstance(self.content, Markup)


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side where there is room."""

    pictures: Sequence[Picture]
    kind: ClassVar[str] = "pictures"


@dataclass(frozen=True)
class Pair:
    """A drawn sample, and what of the training data is nearest to it."""

    sample: Image
    nearest: Image
    text: str


@dataclass(frozen=True)
class Pairs:
    """Samples, each with its nearest training image."""

    pairs: Sequence[Pair]
    kind: ClassVar[str] = "pairs"


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: int | None = None  # the row to set off
    words: bool = False  # whether its cells are words, not figures
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Code:
    """A text to copy."""

    label: str
    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Findings:
    """What is wrong with the model."""

    diagnosis: Diagnosis
    kind: ClassVar[str] = "findings"

    @staticmethod
    def sentence(figure: str) -> str:
        """What was measured, as a sentence."""
        return sentence(figure)


Block = Text | Heading | Facts | Pictures | Pairs | Table | Code | Findings
