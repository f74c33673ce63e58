"""Kinds of data (images, arrays, tables, text), which know how samples are read and shown.

Every source becomes one array, mapped from disk where it is large, so none has to fit in memory. To
add a kind, write a subclass of `Kind` and `register` it.
"""

from entropae.kinds import identity
from entropae.kinds.base import Kind
from entropae.kinds.batches import batches, is_array
from entropae.kinds.downloads import DOWNLOADS, NAMES
from entropae.kinds.measures import Evaluating, Measure, directions
from entropae.kinds.reading import Reading
from entropae.kinds.registered import (
    KINDS,
    as_samples,
    kind_from,
    kind_of_earlier,
    read,
    register,
    settings_of,
)
from entropae.kinds.samples import Samples, collate, split
from entropae.kinds.sources import tensor_of

__all__ = [
    "DOWNLOADS",
    "KINDS",
    "NAMES",
    "Evaluating",
    "Kind",
    "Measure",
    "Reading",
    "Samples",
    "as_samples",
    "batches",
    "collate",
    "directions",
    "identity",
    "is_array",
    "kind_from",
    "kind_of_earlier",
    "read",
    "register",
    "settings_of",
    "split",
    "tensor_of",
]
