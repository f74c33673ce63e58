"""The encoding of a text file."""

from __future__ import annotations

from entropae.messages import printable

MARKS = {  # byte order marks; UTF-32's begins as UTF-16's does
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


# Share of bytes that are not ASCII from which a text is not in a Latin script.
FOREIGN = 0.3
# What shows a script: characters that most of a text in it are of, here with punctuation aside.
SCRIPTS = (
    ("cp1251", "а", "я", 0.6),
    ("koi8-r", "а", "я", 0.6),
    ("shift_jis", "ぁ", "ヿ", 0.3),
    ("euc_jp", "ぁ", "ヿ", 0.3),
    ("euc_kr", "가", "힣", 0.9),
    ("gb18030", "一", "鿿", 0.9),
    ("big5", "一", "鿿", 0.9),
)
SIGNS = "、。，．！？：；「」『』（）《》“”…—"


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
    """An encoding that text from before Unicode may be in, by the script that it would show.

    That of Western Europe, or Latin-1, in which every byte is a character, where it shows none.
    """
    if sum(byte > 127 for byte in start) > FOREIGN * len(start):
        for name, first, last, least in SCRIPTS:
            marks = [c for c in start.decode(name, "ignore") if ord(c) > 127 and c not in SIGNS]
            if sum(first <= c <= last for c in marks) > least * len(marks):
                return name
    try:
        start.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def doubt(path: object, encoding: str) -> str:
    """What is to be said of a file that may be read in a wrong encoding; empty if in UTF."""
    if encoding.startswith("utf"):
        return ""
    return (
        f"{printable(path)} is not in UTF-8: it was read as {encoding}. If that is wrong, save it "
        "as UTF-8."
    )
