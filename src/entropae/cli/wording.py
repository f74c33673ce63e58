"""What estimators say of Python's arguments, in the words of commands."""

from __future__ import annotations

import re

# What is said in Python, and how with options; the first that fits is taken.
WORDS = (
    (r"`?resolution=\{'([^']+)': ([^}]+)\}`?", r"--resolution '\1=\2'"),
    (r"`?(method|resolution)=\"(\w+)\"`?", r"--\1 \2"),
    (r"`?exclude=(\d+)`?", r"--exclude \1"),
    (r"`discrete`", "--categorical"),
    (r"`(exclude|period|order|confidence)`", r"--\1"),
    (r"`k`", "-k"),
    (r"\bUse k=(\d+)", r"Use -k \1"),
    (r"; in `knn_\w+` also a `floor`(, below which distances do not count)?", ""),
    (r",? or a `floor`", ""),
    (r": drop_duplicates\(\) of a frame, np\.unique\(x, axis=0\) of an array", ""),
    (
        r"convert them with pandas\.to_numeric\(…, errors=\"coerce\"\)",
        "leave the other cells empty, with --missing drop",
    ),
    (r"transpose: `x\.T`", "write the file with a row for each"),
)


def as_options(text: str) -> str:
    """A message of an estimator that names options instead of arguments.

    Args:
        text: The message.

    Examples:
        >>> as_options('Use a smaller `k`, or method="map".')
        'Use a smaller -k, or --method map.'
    """
    for pattern, option in WORDS:
        text = re.sub(pattern, option, text)
    return text
