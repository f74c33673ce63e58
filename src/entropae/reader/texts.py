"""Tables in text files, every cell as a text."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from entropae.reader.cells import MISSING
from entropae.reader.dialect import Dialect
from entropae.reader.encoding import encoding_of, single_byte
from entropae.reader.layout import Layout, layout_of, uncommented
from entropae.reader.limits import most_bytes
from entropae.reader.separators import tokens

START = 1 << 18  # bytes of which the layout is found
LINE = 1 << 24  # of a first line, at most
CHUNK = 1 << 20
UTF8 = ("utf-8", "utf-8-sig", "ascii")


def read_text(path: Path, dialect: Dialect) -> tuple[Any, Layout]:
    """A `pyarrow.Table` of texts, its columns called 0, 1, …; and how they were written.

    Raises:
        ValueError: If there is nothing in it, its rows differ in length, or it is no text.
        OSError: If it cannot be read.
    """
    with unpacked(path) as file:
        start = file.read(START)
        while len(start) < LINE and not {b"\n"[0], b"\r"[0]} & set(start):
            more = file.read(CHUNK)
            if not more:
                break
            start += more
        whole = not file.read(1)
        encoding = dialect.encoding or encoding_of(start)
        try:
            return _read(file, start, whole, replace(dialect, encoding=encoding))
        except UnicodeDecodeError as error:
            if dialect.encoding is not None or encoding != "utf-8":
                raise ValueError(f"it is not written in {encoding}: {error.reason}") from error
        # What is no UTF-8 came after the beginning.
        encoding = single_byte(start)
        return _read(file, start, whole, replace(dialect, encoding=encoding))


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """A file from its beginning; a packed one is unpacked into a temporary file, up to a limit."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield file
            return
        most = most_bytes(path.stat().st_size)
        with closing(gzip.open(file)) as inner, tempfile.TemporaryFile() as scratch:
            for chunk in iter(lambda: inner.read(CHUNK), b""):
                scratch.write(chunk)
                if scratch.tell() > most:
                    raise ValueError(f"it unpacks to more than {most} bytes; unpack it first")
            scratch.seek(0)
            yield scratch


def _read(file: IO[bytes], start: bytes, whole: bool, dialect: Dialect) -> tuple[Any, Layout]:
    encoding = dialect.encoding or "utf-8"
    text = start.decode(encoding, "strict" if whole else "ignore").removeprefix("\ufeff")
    if "\0" in text:
        raise ValueError("it is no text: it has zero bytes")
    layout = layout_of(text, dialect, whole=whole)
    file.seek(0)
    if encoding in UTF8 and not layout.dialect.comment and layout.dialect.separator != " ":
        return _parsed(file, layout, encoding), layout
    with tempfile.TemporaryFile() as scratch:
        _rewrite(file, scratch, layout)
        scratch.seek(0)
        written = layout.dialect.separator
        told = replace(layout.dialect, separator="\t" if written == " " else written)
        return _parsed(scratch, replace(layout, dialect=told), "utf-8"), layout


def _rewrite(file: IO[bytes], scratch: IO[bytes], layout: Layout) -> None:
    """Write a file in UTF-8, without comments, with one character between columns."""
    comment, encoding = layout.dialect.comment, layout.dialect.encoding or "utf-8"
    lines = io.TextIOWrapper(file, encoding, newline="")
    out = io.TextIOWrapper(scratch, "utf-8", newline="")
    try:
        if not comment and layout.dialect.separator != " ":
            shutil.copyfileobj(lines, out, CHUNK)
            return
        kept = uncommented(lines, comment) if comment else lines
        if layout.dialect.separator == " ":
            quote = layout.dialect.quote or ""
            csv.writer(out, delimiter="\t", quotechar=quote or '"', lineterminator="\n").writerows(
                tokens(line, quote) for line in kept
            )
        else:
            out.writelines(kept)
    finally:
        lines.detach()
        out.detach()  # which flushes


def _parsed(file: IO[bytes], layout: Layout, encoding: str) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow

    columns = [str(i) for i in range(len(layout.names))]
    quote = layout.dialect.quote or False
    try:
        return arrow.read_csv(
            file,
            arrow.ReadOptions(
                column_names=columns, skip_rows_after_names=layout.before, block_size=LINE
            ),
            arrow.ParseOptions(
                delimiter=layout.dialect.separator or ",",
                quote_char=quote,
                escape_char="\\" if layout.escaped else False,
                newlines_in_values=bool(quote),
            ),
            # An empty text is a value as any other in quotes, and missing without.
            arrow.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=list(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=layout.all_quoted,
            ),
        )
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            raise UnicodeDecodeError(encoding, b"", 0, 1, "a byte is not of it") from error
        if "Expected" in str(error):
            file.seek(0)
            raise ValueError(_uneven(file, layout)) from error
        raise


def _uneven(file: IO[bytes], layout: Layout) -> str:
    """Which row has not as many cells as there are columns."""
    lines = io.TextIOWrapper(file, "utf-8", "replace", newline="")
    quote, width = layout.dialect.quote, len(layout.names)
    reader = csv.reader(
        lines,
        delimiter=layout.dialect.separator or ",",
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    try:
        for i, row in enumerate(reader):
            if i >= layout.before and row and len(row) != width:
                return (
                    f"line {reader.line_num} has {len(row)} cells, and there are {width} columns. "
                    "Mend it, or say what separates the columns with --separator"
                )
    except csv.Error:
        pass
    finally:
        lines.detach()
    return f"its rows do not all have {width} cells"
