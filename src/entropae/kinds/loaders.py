"""Data sets and loaders of torch: what they wrap, and the items in their batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
)

from entropae.kinds.samples import Samples, collate


def unwrapped(source: Any) -> Any:
    """What a loader only batches, and of what a subset only takes some rows.

    Returns:
        The data set of a loader that gives all of it and changes nothing; the tensors of a
        `TensorDataset`, as a pair if it has several; `Samples` as they are.
    """
    while isinstance(source, DataLoader) and _only_batches(source):
        source = source.dataset
    if isinstance(source, TensorDataset):
        first, *others = source.tensors
        return (first, _labels(others[0])) if others else first
    if isinstance(source, Subset):
        inner, rows = unwrapped(source.dataset), np.asarray(source.indices)
        if isinstance(inner, Samples):
            return inner.subset(rows)
        if isinstance(source.dataset, TensorDataset):
            return tuple(part[rows] for part in inner) if isinstance(inner, tuple) else inner[rows]
    return source


def _labels(y: Tensor) -> Tensor:
    """Labels that are a column, as a loss wants them, as a list."""
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _only_batches(loader: DataLoader[Any]) -> bool:
    """Whether a loader gives every item once, as its data set has it."""
    if loader.collate_fn not in (default_collate, default_convert, collate):
        return False
    if isinstance(loader.dataset, IterableDataset):
        return True
    sampler = loader.sampler
    whole = isinstance(sampler, SequentialSampler) or (
        isinstance(sampler, RandomSampler)
        and not sampler.replacement
        and sampler.num_samples == len(loader.dataset)  # type: ignore[arg-type]
    )
    return whole and type(loader.batch_sampler) in (BatchSampler, type(None))


def batch_size_of(source: Any) -> int | None:
    """The batch size of a `DataLoader`, which its user has chosen; `None` of anything else."""
    if not isinstance(source, DataLoader):
        return None
    return source.batch_size or getattr(source.batch_sampler, "batch_size", None)


def unbatched(loader: DataLoader[Any]) -> Iterator[Any]:
    """The items of a loader, out of its batches."""
    if loader.batch_sampler is None:
        yield from loader
        return
    of_items = None
    for batch in loader:
        if isinstance(batch, Mapping):
            yield from rows(batch)
        elif isinstance(batch, tuple | list):
            of_items = _is_of_items(batch, loader) if of_items is None else of_items
            yield from batch if of_items else zip(*batch, strict=True)
        else:
            yield from batch


def _is_of_items(batch: Sequence[Any], loader: DataLoader[Any]) -> bool:
    """Whether a batch is a list of items; else its parts are the samples, the labels and so on."""
    first = batch[0]
    if isinstance(first, str | Mapping) or not hasattr(first, "__len__") or _is_scalar(first):
        return True
    size = batch_size_of(loader)
    if size is None:
        return len(batch) > 2
    if hasattr(loader.dataset, "__len__"):
        size = min(size, len(loader.dataset))  # type: ignore[arg-type]
    return len(batch) == size != len(first)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray) and value.ndim == 0


def rows(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The items of a mapping from the names of fields to their values.

    Raises:
        ValueError: If there are not as many of each.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{n} of {name}" for name, n in lengths.items())
        raise ValueError(f"All fields must have as many values: got {said}.")
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))
