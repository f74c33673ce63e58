"""Parquet files, without more memory than they are worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from entropae.reader.compute import compute
from entropae.reader.footer import Group, groups_of
from entropae.reader.limits import check_columns, most_bytes

BATCH = 1 << 16  # rows
SHARED = 64  # rows of a batch if texts can share their beginnings, and unpack to much at once


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """A `pyarrow.parquet.ParquetFile` whose footer does not promise too much, and its schema.

    Texts are read as dictionaries: a text that stands in every row is held once.

    Raises:
        ValueError: If it cannot be read, is too wide, or promises more cells than are taken.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        groups = groups_of(path)
        with parquet.ParquetFile(path) as file:
            check_columns(file.metadata.num_columns)
            schema, shared = file.schema_arrow, _shared(groups)
            texts = [f.name for f in schema if is_text(f.type) and f.name not in shared]
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            _check_cells(file, groups, path.stat().st_size)
            yield file, schema
    # Arrow says the same in several ways; a damaged file can also make it ask for too much.
    except (pa.ArrowException, ValueError, OSError, MemoryError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> tuple[Any, tuple[str, ...]]:
    """A Parquet file as a `pyarrow.Table`, and the names of columns of which no cell is one value.

    Raises:
        ValueError: If it cannot be read, or unpacks to far more than its size.
    """
    import pyarrow as pa

    with opened(path) as (file, schema):
        usable = [field.name for field in schema if not _is_nested(field.type)]
        left_out = tuple(name for name in schema.names if name not in usable)
        wanted = [name for name in usable if columns is None or name in columns]
        kinds = pa.schema([(name, _held(schema.field(name).type)) for name in wanted])
        return pa.Table.from_batches(list(_batches(file, kinds, path)), kinds), left_out


def read_columns(path: Path, names: Sequence[str]) -> Any:
    """Columns of a Parquet file as a `pyarrow.Table`, lists and bytes in them as they are.

    Raises:
        ValueError: If it cannot be read, or unpacks to far more than its size.
    """
    import pyarrow as pa

    with opened(path) as (file, schema):
        kinds = pa.schema([schema.field(name) for name in names])
        batches, size, unpacked = [], path.stat().st_size, 0
        for batch in file.iter_batches(SHARED, columns=list(names)):
            columns = [_cast(batch.column(field.name), field.type) for field in kinds]
            batches.append(pa.record_batch(columns, kinds))
            unpacked += batches[-1].nbytes
            if unpacked > most_bytes(size):
                raise ValueError(too_much(size, unpacked))
        return pa.Table.from_batches(batches, kinds)


def is_text(kind: Any) -> bool:
    """Whether a type is of texts or bytes, each of any length."""
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return str(inner) in ("string", "large_string", "string_view", "binary", "large_binary")


def _is_nested(kind: Any) -> bool:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    bytes_only = pa.types.is_binary(inner) or pa.types.is_fixed_size_binary(inner)
    return pa.types.is_nested(inner) or (bytes_only and not pa.types.is_decimal(inner))


def _held(kind: Any) -> Any:
    """The type in which a column is held."""
    import pyarrow as pa

    return {"halffloat": pa.float32(), "string_view": pa.string()}.get(str(kind), kind)


def _check_cells(file: Any, groups: Sequence[Group], size: int) -> None:
    """Raise if the footer promises more than is taken: a run of one value is a few bytes."""
    schema, most = file.metadata.schema, most_bytes(size)
    widths = [max(8, schema.column(i).length) for i in range(file.metadata.num_columns)]
    promised = 0
    for rows, parts in groups:
        if len(parts) != len(widths):
            raise ValueError(f"a group of its rows has {len(parts)} of {len(widths)} columns")
        for part, width in zip(parts, widths, strict=True):
            promised += max(max(part.values, rows) * width, part.unpacked)
    promised = max(promised, 8 * file.metadata.num_rows * file.metadata.num_columns)
    if promised > most:
        raise ValueError(too_much(size, promised))


def too_much(size: int, promised: int) -> str:
    """That a file unpacks to more than is taken."""
    most = most_bytes(size)
    return f"its {size} bytes unpack to {promised} or more, and {most} are the limit"


def _batches(file: Any, kinds: Any, path: Path) -> Iterator[Any]:
    """Batches of rows, as many as the footer says, no text unpacked before it is known how long."""
    import pyarrow as pa

    size, rows, found, unpacked = path.stat().st_size, file.metadata.num_rows, 0, 0
    groups = groups_of(path)
    shared = any(is_text(kinds.field(name).type) for name in _shared(groups) & set(kinds.names))
    for batch in file.iter_batches(SHARED if shared else BATCH, columns=kinds.names):
        found += len(batch)
        if found > rows:
            raise ValueError(f"it has more rows than the {rows} that it promises")
        unpacked += sum(_length(column) for column in batch.columns)
        if unpacked > most_bytes(size):
            raise ValueError(too_much(size, unpacked))
        columns = [_cast(batch.column(field.name), field.type) for field in kinds]
        yield pa.record_batch(columns, kinds)
    if found < rows and kinds.names:
        raise ValueError(f"it has {found} rows and promises {rows}")


def _shared(groups: Sequence[Group]) -> set[str]:
    """Columns whose texts are written as what follows their common beginnings, or likewise.

    These cannot be read as dictionaries.
    """
    return {part.column for group in groups for part in group.parts if not part.plain}


def _length(column: Any) -> int:
    """Bytes of the texts of a column, each counted as often as it is there."""
    import pyarrow as pa

    pc = compute()

    if not is_text(column.type):
        return 0
    if not pa.types.is_dictionary(column.type):
        return column.nbytes
    each = pc.binary_length(column.dictionary).cast(pa.int64()).take(column.indices)
    return pc.sum(each).as_py() or 0


def _cast(column: Any, kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type) and not pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    return column if column.type == kind else column.cast(kind)
