"""Words for what is missing among numbers and dates that are written as texts, as `?` and `N/A`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from entropae.kinds.tables import forms
from entropae.kinds.tables.plain import is_text
from entropae.kinds.tables.style import Style
from entropae.reader.cells import is_missing
from entropae.reader.compute import compute
from entropae.variables import quantities

TEXTS = ("category", "text", "identifier")  # meanings of columns in which a word is one
LONGEST = 40  # characters of a word
FEWEST = 3  # different numbers or dates beside the word


def words_of(table: Any, other: Collection[str] = ()) -> dict[str, str]:
    """The word of each column of texts that are numbers or dates but for one word.

    Args:
        table: A `pyarrow.Table`.
        other: Columns that are said to be something else.

    Examples:
        >>> import pyarrow as pa
        >>> words_of(pa.table({"power": ["130", "?", "95", "8"], "town": ["?", "A", "B", "C"]}))
        {'power': '?'}
    """
    found = {name: _word(table.column(name)) for name in _texts(table) if name not in other}
    return {name: word for name, word in found.items() if word is not None}


def _texts(table: Any) -> list[str]:
    """The columns of plain texts."""
    import pyarrow as pa

    coded = pa.types.is_dictionary
    return [field.name for field in table.schema if is_text(field.type) and not coded(field.type)]


def _word(column: Any) -> str | None:
    if column.null_count:
        return None
    texts = column.unique().to_pylist()
    words = [text for text in texts if is_missing(text.strip())]
    rest = sorted(text for text in texts if not is_missing(text.strip()))
    if len(words) != 1 or len(rest) < FEWEST or len(words[0]) > LONGEST:
        return None
    return words[0] if quantities.form_of(rest) or forms.zoned_form_of(rest)[0] else None


def checked_words(said: Any) -> dict[str, str]:
    """The words of columns as a stranger's file has them.

    Raises:
        ValueError: If one does not say that a value is missing.
    """
    found = {str(name): str(word) for name, word in dict(said).items()}
    for name, word in found.items():
        if len(word) > LONGEST or not is_missing(word.strip()):
            raise ValueError(
                f"the word for what is missing in {name!r} is none: {word[:LONGEST]!r}"
            )
    return found


def emptied(table: Any, words: Mapping[str, str]) -> Any:
    """A table without the words: nothing stands where one was."""
    import pyarrow as pa

    pc = compute()

    for name in _texts(table):
        if name in words:
            column = table.column(name)
            there = pc.not_equal(column, words[name])
            made = pc.if_else(there, column, pa.scalar(None, column.type))
            table = table.set_column(table.column_names.index(name), name, made)
    return table


def refilled(table: Any, words: Mapping[str, str], before: Any = None) -> Any:
    """A table with the words where values are missing.

    Args:
        table: The rows.
        words: Of the columns.
        before: The same rows as they came: then only what was a word there becomes one.
    """
    pc = compute()

    for name in _texts(table):
        if name in words:
            column = table.column(name)
            made = pc.fill_null(column, words[name])
            if before is not None:
                made = pc.if_else(pc.equal(before.column(name), words[name]), made, column)
            table = table.set_column(table.column_names.index(name), name, made)
    return table


def marks(words: Mapping[str, str], style: Style | None) -> dict[str, str]:
    """What stands for missing values in columns, also in a file that is written in a style."""
    cells = {} if style is None else style.cells
    return {name: cell.missing for name, cell in cells.items() if cell.missing} | dict(words)
