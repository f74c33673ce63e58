"""How sources are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt64

from entropae.kinds.keys import Rule

# Options that are for some kinds alone.
OWN = {
    "images": ("size", "channels"),
    "tables": ("drop", "columns", "rules", "find_rules", "dialect"),
    "text": ("tokenizer", "vocabulary", "length"),
}


@dataclass(frozen=True)
class Reading:
    """How a source is to be read; each kind takes what concerns it.

    Attributes:
        size: Crop images to their central square and resize them to so many pixels a side; `auto`
            does what suits networks that are trained in minutes, see `images.sizes`.
        channels: 1 for grey images, 3 for colour.
        drop: Columns of a table to leave out.
        columns: What columns of a table are, where that is not found out rightly: by name, in a
            word or a few (`category`, `number step 0.5`, `date %d/%m/%Y`), or a list of categories
            in their order.
        rules: That rows of a table keep: `start <= end`, `zip -> town`, `a + b = c`, `a * b = c`,
            `unique store, day`.
        find_rules: Look for such rules, too.
        given: Columns of a table that are not drawn with it: no rules are sought among them.
        dialect: How a table's text is written, see `entropae.reader.Dialect`.
        tokenizer: Kind of the tokenizer that is trained on a text; `auto` is byte pairs, or
            characters where there are hardly any spaces.
        vocabulary: Its tokens at most.
        length: Tokens of a sentence at most, its end included.
        key: Field of a data set whose items are dicts, or column of a frame or Parquet file whose
            cells are the samples.
        labels: A file with the class of each sample, or the column of a table, or the field or
            column beside `key`, that is its class.
        strict: Stop at the first bad file instead of leaving it out.
        progress: Show bars.
        validation: Share of the samples that will be held out, of which nothing may be learnt.
        seed: Of that split.
        rule: Of that split, see `keys.halved`.
        keys: Of the rows of a table, by which they are split; by default by what is in them.
        below: The boundary of that split, see `keys.halved`.
        download: Fetch published data sets that are not on this machine yet.
    """

    size: int | Literal["auto"] | None = None
    channels: int | None = None
    drop: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    find_rules: bool = True
    given: frozenset[str] = frozenset()
    dialect: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: Literal["auto", "bpe", "word", "character"] = "auto"
    vocabulary: int = 4000
    length: int = 64
    key: str | None = None
    labels: str | None = None
    strict: bool = False
    progress: bool = False
    validation: float = 0.1
    seed: int = 0
    rule: Rule = "keys"
    keys: UInt64[np.ndarray, " n"] | None = field(default=None, compare=False)
    below: int | None = None
    download: bool = True

    def check(self, kind: str, things: str, *, of_cells: bool) -> None:
        """Refuse an option that is for another kind than the source turned out to be.

        Args:
            kind: The source's.
            things: What its samples are called.
            of_cells: Whether they come from the cells of a table, columns of which may be left out.

        Raises:
            ValueError: Naming the option.
        """
        if kind not in {*OWN, "arrays"}:
            return  # somebody's own, which may make use of any
        usual = vars(Reading())
        for other, names in OWN.items():
            for name in names:
                value = getattr(self, name)
                if other == kind or value in (usual[name], "auto") or (of_cells and name == "drop"):
                    continue
                shown = value if isinstance(value, str | int) else list(value)
                raise ValueError(
                    f"`{name}` is for {other}: got {name}={shown!r} with {things}. Leave it out."
                )
