"""Tables of numbers: read whole, or row by row."""
