"""Tables in which a column is of sentences: a model of the table only repeats those seen."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entropae.kinds.tables.style import Style
from entropae.reader import suffix_of
from entropae.storage.foreign import free, python

LOOKED = 1000  # values by which sentences are told
WORDS = 4  # of a sentence, on average at least


def as_sentences(source: Any, table: Any, texts: Sequence[str], style: Style | None) -> str:
    """A command that makes a text of a column of sentences, if there is one.

    Args:
        source: Where the table was read from: only a file is one.
        table: A `pyarrow.Table`.
        texts: Names of its columns of texts that hardly repeat.
        style: How it is written, if it is a text file.
    """
    if not isinstance(source, str | Path) or not str(source).isprintable():
        return ""
    name = next((name for name in texts if _is_of_sentences(table.column(name))), "")
    if not name or (style is not None and not style.header):
        return ""
    path = Path(source)
    out = str(free(path.with_suffix(".txt")))
    options = ""
    if style is not None and (style.separator, style.encoding) != (",", "utf-8"):
        options = f", sep={style.separator!r}, encoding={style.encoding!r}"
    form = "parquet" if suffix_of(path) == ".parquet" else "csv"
    lines = f"pandas.read_{form}({str(path)!r}{options})[{name!r}].dropna()"
    text = f"chr(10).join(' '.join(x.split()) for x in {lines})"
    code = f"import pandas, pathlib; pathlib.Path({out!r}).write_text({text}, 'utf-8')"
    fit = shlex.join(["entropae", "fit", "--data", out])
    return (
        f"The column {name} is of sentences, and drawn rows repeat those seen. To train on them, "
        f"so that new ones are written: {python(code)} and then {fit}"
    )


def _is_of_sentences(column: Any) -> bool:
    some = [text for text in column.slice(0, LOOKED).to_pylist() if text]
    return len(some) > 1 and sum(len(text.split()) for text in some) >= WORDS * len(some)
