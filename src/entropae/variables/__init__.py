"""What a column is, and where columns come from."""
