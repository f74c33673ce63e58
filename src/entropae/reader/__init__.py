"""Tables read from files of every kind: text in any dialect, Parquet, arrays."""
