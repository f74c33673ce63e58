"""Tables of numbers and categories: to vectors and back, the loss between them, and their metrics.

Needs pyarrow, which keeps a column's type: pip install "entropae[tables]".
"""

from entropae.tabular.column import Column
from entropae.tabular.columns import Columns
from entropae.tabular.files import TABLE, is_table, read_file, write_file
from entropae.tabular.loss import TableLoss
from entropae.tabular.metrics import compare_tables
from entropae.tabular.samples import TableSamples, encoded

__all__ = [
    "TABLE",
    "Column",
    "Columns",
    "TableLoss",
    "TableSamples",
    "compare_tables",
    "encoded",
    "is_table",
    "read_file",
    "write_file",
]
