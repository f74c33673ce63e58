"""The footer of a Parquet file, as far as budgets need it.

Arrow's own view of a column's part ends the process if that is damaged: it throws where nothing
catches. So what a file promises is read here, from the bytes, before Arrow looks at any part.

References:
    Apache Parquet's `parquet.thrift`, and the compact protocol of Apache Thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LONGEST = 1 << 26  # bytes of a footer
MARK = b"PAR1"
DEEPEST = 16  # structures within structures; of the format's there are 5
# Types of the compact protocol.
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
# Encodings that write each value whole, or its number in a dictionary: PLAIN, PLAIN_DICTIONARY,
# RLE, BIT_PACKED and RLE_DICTIONARY.
PLAIN = {0, 2, 3, 4, 8}


class Part(NamedTuple):
    """A column's part of a group of rows.

    Attributes:
        column: The column's name, with those that it is in, by dots.
        plain: Whether each of its values is written whole, or by its number in a dictionary.
        values: How many it promises.
        unpacked: Bytes that it promises.
    """

    column: str
    plain: bool
    values: int
    unpacked: int


class Group(NamedTuple):
    """A group of rows."""

    rows: int
    parts: list[Part]


def groups_of(path: Path) -> list[Group]:
    """What a Parquet file says of its groups of rows.

    Raises:
        ValueError: If it is none, encrypted or damaged, or its footer is longer than 64 MiB.
    """
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - 8))
        tail = file.read()
        size = int.from_bytes(tail[:4], "little")
        if tail[4:] != MARK or size > end - 8:
            raise ValueError("it does not end as a Parquet file")
        if size > LONGEST:
            raise ValueError(f"its footer has {size} bytes, and {LONGEST} are the limit")
        file.seek(end - 8 - size)
        content = file.read(size)
    try:
        return _Compact(content).groups()
    except IndexError as error:
        raise ValueError("its footer is cut") from error
    except UnicodeDecodeError as error:
        raise ValueError("a name in its footer is no text") from error


class _Compact:
    """Reads Thrift's compact protocol, and skips what nobody asked for."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def groups(self) -> list[Group]:
        found: list[Group] = []
        for name, kind in self._fields():
            if name == 4:
                found = [self._group() for _ in range(self._length(kind, STRUCT))]
            else:
                self._skip(kind)
        return found

    def _group(self) -> Group:
        rows, parts = 0, []
        for name, kind in self._fields():
            if name == 1:
                parts = [self._chunk() for _ in range(self._length(kind, STRUCT))]
            elif name == 3:
                rows = self._integer(kind)
            else:
                self._skip(kind)
        return Group(rows, parts)

    def _chunk(self) -> Part:
        part = None
        for name, kind in self._fields():
            if name == 3 and kind == STRUCT:
                part = self._part()
            else:
                self._skip(kind)
        if part is None:
            raise ValueError("its footer does not describe all its parts")
        return part

    def _part(self) -> Part:
        names, plain, values, unpacked = [], True, 0, 0
        for name, kind in self._fields():
            if name == 2:
                found = [self._integer(I32) for _ in range(self._length(kind, I32))]
                plain = set(found) <= PLAIN
            elif name == 3:
                names = [self._binary().decode() for _ in range(self._length(kind, BINARY))]
            elif name == 5:
                values = self._integer(kind)
            elif name == 6:
                unpacked = self._integer(kind)
            else:
                self._skip(kind)
        return Part(".".join(names), plain, values, unpacked)

    def _fields(self) -> Iterator[tuple[int, int]]:
        """Number and type of each field of a structure."""
        name = 0
        while head := self._byte():
            name = name + (head >> 4) if head >> 4 else self._integer(I16)
            yield name, head & 15

    def _length(self, kind: int, wanted: int) -> int:
        """Of a list that holds what is wanted."""
        if kind != LIST:
            raise ValueError("its footer has something else where a list should be")
        length, inner = self._list()
        if length and inner != wanted:
            raise ValueError("a list in its footer has values of another type")
        return length

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        length = head >> 4
        length = self._varint() if length == 15 else length
        if length > len(self.content) - self.at:  # each takes a byte at least
            raise IndexError(length)
        return length, head & 15

    def _skip(self, kind: int, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise ValueError("its footer is too deep")
        if kind in (BYTE, DOUBLE, UUID):
            self.at += {BYTE: 1, DOUBLE: 8, UUID: 16}[kind]
        elif kind in (I16, I32, I64):
            self._varint()
        elif kind == BINARY:
            self._binary()
        elif kind in (LIST, SET):
            length, inner = self._list()
            for _ in range(length):
                self._skip_value(inner, depth + 1)
        elif kind == MAP:
            length = self._varint()
            kinds = self._byte() if length else 0
            for _ in range(length):
                self._skip_value(kinds >> 4, depth + 1)
                self._skip_value(kinds & 15, depth + 1)
        elif kind == STRUCT:
            for _, inner in self._fields():
                self._skip(inner, depth + 1)
        elif kind not in (TRUE, FALSE):
            raise ValueError("its footer has a value of no known type")

    def _skip_value(self, kind: int, depth: int) -> None:
        """A value in a list: truths, which are in a field's type, take a byte there."""
        self._skip(BYTE if kind in (TRUE, FALSE) else kind, depth)

    def _integer(self, kind: int) -> int:
        if kind not in (I16, I32, I64):
            raise ValueError("its footer has something else where a number should be")
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("its footer has a number of over 64 bits")

    def _binary(self) -> bytes:
        length = self._varint()
        if length > len(self.content) - self.at:
            raise IndexError(length)
        self.at += length
        return self.content[self.at - length : self.at]

    def _byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]
