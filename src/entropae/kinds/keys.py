"""Keys of samples, which stay theirs when others are added; and the split that goes by them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Int, UInt64

Rule = Literal["keys", "order"]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
CHUNK = 1 << 16  # rows at a time


class Halves(NamedTuple):
    """Rows to learn from and rows held out, sorted; and the rule that tells them for new ones."""

    train: Int[np.ndarray, " train"]
    held_out: Int[np.ndarray, " validation"]
    below: int | None = None


def mixed(x: UInt64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    """Numbers scrambled one to one (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def halved(
    n: int,
    validation: float = 0.1,
    *,
    seed: int = 0,
    keys: UInt64[np.ndarray, " n"] | None = None,
    below: int | None = None,
    rule: Rule = "keys",
) -> Halves:
    """Disjoint random rows for training and validation, sorted.

    Held out are the samples whose keys, scrambled with the seed, are the smallest. Where that
    boundary lay is returned; a later split that is given it leaves every sample on its side,
    whatever samples have been added or removed.

    Args:
        n: Number of samples.
        validation: Share that is held out; at least one sample unless it is 0.
        seed: For the same split again.
        keys: Of the samples; by default their row numbers.
        below: The boundary of an earlier split.
        rule: `"order"` for the split of runs that kept no keys: a permutation of all rows.

    Raises:
        ValueError: If the share is not in [0, 1), or leaves fewer than 2 samples to train on.

    Examples:
        >>> train, held_out, boundary = halved(10, 0.2)
        >>> len(train), len(held_out), len(set(train) & set(held_out))
        (8, 2, 0)
        >>> more = halved(1000, 0.2, below=boundary)
        >>> set(held_out) <= set(more.held_out), set(train) <= set(more.train)
        (True, True)
    """
    if not 0 <= validation < 1:
        raise ValueError(f"`validation` must be in [0, 1): got validation={validation}.")
    held_out = max(1, round(n * validation)) if validation else 0
    if below is None and n - held_out < 2:
        raise ValueError(
            f"At least 2 samples must be left to train on: got n={n} with {held_out} held out."
        )
    if not validation:
        return Halves(np.arange(n), np.arange(0))
    if rule == "order":
        order = np.random.default_rng(seed).permutation(n)
        return Halves(np.sort(order[held_out:]), np.sort(order[:held_out]))
    keys = np.arange(n, dtype=np.uint64) if keys is None else keys
    salt = mixed(np.array([seed], np.uint64) + GOLDEN)
    places = mixed(keys ^ salt)
    if below is None:
        # The boundary lies at a sample; in a split by keys that are all different, at one only.
        below = int(np.partition(places, held_out - 1)[held_out - 1])
    out = places <= np.uint64(below)
    return Halves(np.flatnonzero(~out), np.flatnonzero(out), below)


def keys_of_names(names: Iterable[str]) -> UInt64[np.ndarray, " n"]:
    """Keys of samples that have names."""
    return np.array([_digest(name.encode(errors="surrogateescape")) for name in names], np.uint64)


def keys_of_rows(rows: Int[np.ndarray, "n t"], *, but: int) -> UInt64[np.ndarray, " n"]:
    """Keys of rows of whole numbers, by what is in them; equal rows are counted.

    Args:
        rows: One for each sample.
        but: The number that rows are filled up with, which does not count.
    """
    found = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), CHUNK):
        part = np.asarray(rows[start : start + CHUNK])
        key = np.zeros(len(part), np.uint64)
        for column in part.T:
            further = mixed((key + GOLDEN) ^ column.astype(np.int64).view(np.uint64))
            key = np.where(column == but, key, further)
        found[start : start + CHUNK] = key
    return _counted(found)


def keys_of_table(table: Any) -> UInt64[np.ndarray, " n"]:
    """Keys of the rows of a `pyarrow.Table`, by what is in them; equal rows are counted.

    Numbers count by their value, not by their type, which depends on what else is in the column.
    """
    key = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        key = mixed((key + GOLDEN) ^ _of_column(column))
    return _counted(key)


def _of_column(column: Any) -> UInt64[np.ndarray, " n"]:
    import pyarrow as pa
    from pyarrow import compute

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_temporal(kind):
        # Of any unit: what a clock of its finest would show.
        column, kind = column.cast(pa.string()), pa.string()
    missing = column.is_null().to_numpy()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        if pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        filled = compute.fill_null(column, 0).to_numpy().astype(np.float64)
        keys = (filled + 0.0).view(np.uint64)  # one zero
    else:
        named = column.combine_chunks().dictionary_encode()
        named = named.combine_chunks() if isinstance(named, pa.ChunkedArray) else named
        known = keys_of_names(map(str, named.dictionary.to_pylist()))
        index = compute.fill_null(named.indices, 0).to_numpy(zero_copy_only=False)
        keys = known[index] if len(known) else np.zeros(len(index), np.uint64)
    return np.where(missing, GOLDEN, mixed(keys))


def _counted(keys: UInt64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    """Keys of which no two are equal: the second of two equal ones is another, and so on."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]]
    starts = np.flatnonzero(first)
    times = np.empty(len(keys), np.uint64)
    times[order] = np.arange(len(keys)) - starts[np.cumsum(first) - 1]
    return mixed(keys + times * GOLDEN)


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
