"""What a column is, and where columns come from."""

from entropae.variables.frames import columns_of, like_frame
from entropae.variables.kind import Kind, Resolution, Variable, missing, recognise
from entropae.variables.lattice import Cells, step_of
from entropae.variables.repeats import repeated_rows, say_repeated, without_gaps
from entropae.variables.samples import (
    Data,
    Discrete,
    Period,
    Resolutions,
    check_names,
    named_columns,
    variables_of,
)
from entropae.variables.scale import scale_of, scales_of, standardized
from entropae.variables.spread import copies_of, spread

__all__ = [
    "Cells",
    "Data",
    "Discrete",
    "Kind",
    "Period",
    "Resolution",
    "Resolutions",
    "Variable",
    "check_names",
    "columns_of",
    "copies_of",
    "like_frame",
    "missing",
    "named_columns",
    "recognise",
    "repeated_rows",
    "say_repeated",
    "scale_of",
    "scales_of",
    "spread",
    "standardized",
    "step_of",
    "variables_of",
    "without_gaps",
]
