"""The encoding of a text file."""

from __future__ import annotations

MARKS = {  # byte order marks; UTF-32's begins as UTF-16's does
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def encoding_of(start: bytes) -> str:
    """The encoding that the first bytes of a file show; UTF-8 if nothing speaks against it."""
    for mark, name in MARKS.items():
        if start.startswith(mark):
            return name
    if len(start) >= 4 and 0 in start:
        evens, odds = start[0:1000:2].count(0), start[1:1000:2].count(0)
        if max(evens, odds) > max(4 * min(evens, odds), len(start[:1000]) // 8):
            return "utf-16-be" if evens > odds else "utf-16-le"
        raise ValueError("it is no text: it has zero bytes")
    try:
        start[: len(start) - 3].decode("utf-8")  # the last character may be cut
    except UnicodeDecodeError as error:
        if error.start < len(start) - 6:
            return single_byte(start)
    return "utf-8"


def single_byte(start: bytes) -> str:
    """Windows' encoding of Western Europe, or Latin-1, in which every byte is a character."""
    try:
        start.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
