"""Tables read from files of every kind: text in any dialect, Parquet, arrays.

`read` reads a whole table; `open_table` rows by blocks, of files that may be larger than memory.
"""

from entropae.reader.dialect import Dialect
from entropae.reader.reading import need_pyarrow, read, suffix_of
from entropae.reader.table import Numbers, Table

__all__ = ["Dialect", "Numbers", "Table", "need_pyarrow", "read", "suffix_of"]
