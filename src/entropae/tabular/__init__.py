"""Tables of numbers and categories: to vectors and back, the loss between them, and their metrics.

Needs pyarrow, which keeps a column's type: pip install "entropae[parquet]".
"""

from entropae.kinds.tables.column import Column
from entropae.kinds.tables.columns import Columns
from entropae.kinds.tables.comparison import compare_tables
from entropae.kinds.tables.files import TABLE, is_table, read_file, write_file
from entropae.kinds.tables.loss import TableLoss
from entropae.kinds.tables.samples import TableSamples, encoded

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
