"""Tables read from files of every kind: text in any dialect, Parquet, arrays.

`read_table` reads a whole table; `rows.open_table` reads rows by blocks, of more than memory holds.
"""

from entropae.reader.dialect import Dialect, dialect_of
from entropae.reader.reading import need_pyarrow, read_table, suffix_of
from entropae.reader.table import Numbers, Table

__all__ = ["Dialect", "Numbers", "Table", "dialect_of", "need_pyarrow", "read_table", "suffix_of"]
