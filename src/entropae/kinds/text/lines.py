"""Text files: a sentence a line."""

from __future__ import annotations

import gzip
import io
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from entropae.kinds.text.tokenizer import Tokenizer, normalize
from entropae.messages import printable
from entropae.nn.tokens import EOS, MOST_TOKENS, PAD, UNK
from entropae.reader.encoding import doubt, encoding_of
from entropae.reader.layout import columns_of_values
from entropae.storage.foreign import free, python

SUFFIXES = (".txt", ".txt.gz")
# Bytes of a packed file, or so many times its size: a line takes far more in memory than in it.
UNPACKED, RATIO = 1 << 24, 100
START = 1 << 20  # bytes by which the encoding is told
LONGEST = 1 << 20  # characters of a line
# Characters of a line that is looked at: normalizing and learning tokens can take time that grows
# with the square of them, and no sentence has so many.
LOOKED_AT = 1 << 14
NEARLY = 0.95  # of those that are too long
MANY = 0.2  # share of lines that are too long, from which they seem to be paragraphs


class Lines(NamedTuple):
    """Sentences of a file, how many of its lines are none, how many far too long, and which file.

    There is no file if they are a list, or packed. Of each sentence there is the number of its
    line, from 0, and of all how many begin with space.
    """

    sentences: list[str]
    empty: int
    overlong: int = 0
    path: Path | None = None
    encoding: str = "utf-8"
    numbers: Sequence[int] = ()
    indented: int = 0


@dataclass(frozen=True)
class Counts:
    """What was left out of a corpus, and what its tokenizer does not know.

    Attributes:
        sentences: Lines that were kept.
        empty: Lines of nothing but space.
        overlong: Lines of more tokens than are taken.
        tokens: Tokens that were kept, without the ends.
        unknown: Those of them that are not in the vocabulary.
        length: Tokens of a line, its end included, that are taken.
        most: Such a length with which nearly all sentences are kept.
        kept: Which lines were, of all that there were.
    """

    sentences: int
    empty: int
    overlong: int
    tokens: int
    unknown: int
    length: int
    most: int = field(default=0, compare=False)
    kept: Bool[np.ndarray, " m"] = field(default_factory=lambda: np.ones(0, bool), compare=False)

    def left_out(self) -> tuple[str, ...]:
        """A line for each reason why lines were left out."""
        reasons = {"empty lines": self.empty, "overlong lines": self.overlong}
        return tuple(f"{count} {reason}" for reason, count in reasons.items() if count)


def is_text(path: Path) -> bool:
    """Whether a file's name says that it holds sentences."""
    return path.name.lower().endswith(SUFFIXES)


def read_lines(path: str | Path) -> Lines:
    """Sentences of a text file, packed by gzip or not: a line each, its spaces made single.

    Lines of more than 16 384 characters are only counted. A file that is not in UTF-8 is read as it
    probably is, which is a warning.

    Args:
        path: A file `.txt` or `.txt.gz`.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no text, has a line of over a million characters, or unpacks to more
            than 16 MiB and more than 100 times its size.
    """
    path = Path(path)
    packed = path.suffix.lower() == ".gz"
    most = max(UNPACKED, RATIO * path.stat().st_size)
    sentences, numbers, empty, overlong, indented = [], [], 0, 0, 0
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            start = file.read(START)
            encoding = encoding_of(start)
            file.seek(0)
            for number, text in enumerate(_limited(file, encoding, most)):
                if len(text) > LOOKED_AT:
                    overlong += 1
                elif sentence := normalize(text):
                    sentences.append(sentence)
                    numbers.append(number)
                    indented += text[0].isspace()
                else:
                    empty += 1
    except UnicodeError as error:
        raise ValueError(
            f"{printable(path)} cannot be read: it is not all in one encoding ({error}). Save it "
            "as UTF-8."
        ) from error
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{printable(path)} cannot be read: {error}") from error
    if not sentences and not overlong:
        raise ValueError(f"{printable(path)} has no sentences: it is empty. Give a line for each.")
    if said := doubt(path, encoding):
        warnings.warn(said, stacklevel=2)
    beginning = "" if packed else start.decode(encoding, "ignore").rpartition("\n")[0]
    width = columns_of_values(beginning) if beginning else 0
    if width:
        copy = f"import shutil; shutil.copy({str(path)!r}, {str(free(path.with_suffix('.csv')))!r})"
        warnings.warn(
            f"{printable(path)} looks like a table of {width} columns, and is read as sentences. "
            f"For a table, it must be called .csv: {python(copy)}",
            stacklevel=2,
        )
    return Lines(sentences, empty, overlong, None if packed else path, encoding, numbers, indented)


def splitting(lines: Lines, counts: Counts) -> str:
    """How lines of several sentences become one each, or how longer ones are kept.

    Nothing if few are too long.
    """
    if counts.overlong < max(1, MANY * (counts.sentences + counts.overlong)):
        return ""
    if not lines.overlong and not any(re.search(r"[.?] ", line) for line in lines.sentences):
        return f" To keep more of them: --length {counts.most}" if counts.most else ""
    if lines.path is None:
        return ""
    out = str(free(lines.path))
    split = "x.replace('. ', '.' + chr(10)).replace('? ', '?' + chr(10))"
    code = f"x = Path({str(lines.path)!r}).read_text({lines.encoding!r}); x = {split}"
    code = f"from pathlib import Path; {code}; Path({out!r}).write_text(x, 'utf-8')"
    whole = f" Paragraphs are kept whole by --length {counts.most}." if counts.most else ""
    return f"{whole} Paragraphs become sentences by {python(code)}"


def _limited(file: Any, encoding: str, most: int) -> Iterator[str]:
    """The lines of a file, however they end."""
    seen = 0
    text = io.TextIOWrapper(file, encoding)
    try:
        while line := text.readline(LONGEST + 1):
            seen += len(line)
            if len(line) > LONGEST:
                raise ValueError(f"it has a line of more than {LONGEST} characters")
            if seen > most:
                raise ValueError(
                    f"it unpacks to more than {most} bytes; unpack it first if it is meant"
                )
            yield line
    finally:
        text.detach()


def encode_lines(
    lines: Lines | Sequence[str], tokenizer: Tokenizer, *, length: int = 64, least: int = 2
) -> tuple[Int[np.ndarray, "n length"], Counts]:
    """Rows of token numbers, each ended by `EOS` and filled up with `PAD`.

    Args:
        lines: What `read_lines` gave, or sentences.
        tokenizer: Of these or of other lines.
        length: Tokens of a row, the end included. Lines of more are left out, for half a sentence
            is none.
        least: Lines that must be left; of fewer than 2 a model is not trained.

    Returns:
        Rows of int32, and what was counted.

    Raises:
        ValueError: If `length` is less than 2 or too large, or too few lines are left.
    """
    if not 2 <= length <= MOST_TOKENS:
        wrong = "at least 2" if length < 2 else f"at most {MOST_TOKENS}"
        raise ValueError(f"`length` must be {wrong}: got length={length}.")
    if not isinstance(lines, Lines):
        lines = as_lines(lines)
    rows = tokenizer.encode(lines.sentences)
    fitting = [row for row in rows if len(row) < length]
    long = [len(row) + 1 for row in rows if len(row) >= length]
    numbers = np.array(lines.numbers or range(len(rows)), np.int64)
    kept = np.zeros(len(rows) + lines.empty + lines.overlong, bool)
    kept[numbers[[len(row) < length for row in rows]]] = True
    counts = Counts(
        sentences=len(fitting),
        empty=lines.empty,
        overlong=lines.overlong + len(rows) - len(fitting),
        tokens=sum(map(len, fitting)),
        unknown=sum(row.count(UNK) for row in fitting),
        length=length,
        most=_length_for(long) if long else 0,
        kept=kept,
    )
    if len(fitting) < least:
        left_out = ", ".join(counts.left_out()) or "none left out"
        needed = "1 sentence is" if least == 1 else f"{least} sentences are"
        remedy = splitting(lines, counts) if least > 1 else " Give shorter ones."
        raise ValueError(
            f"At least {needed} needed, of fewer than {length} tokens: got {len(fitting)} "
            f"({left_out}).{remedy if counts.overlong else ' Give a line for each.'}"
        )
    array = np.full((len(fitting), length), PAD, np.int32)
    for target, row in zip(array, fitting, strict=True):
        target[: len(row)] = row
        target[len(row)] = EOS
    return array, counts


def _length_for(long: Sequence[int]) -> int:
    """The length that takes all such lines, or nearly all if a few are far longer."""
    nearly = int(np.quantile(long, NEARLY, method="higher"))
    return min(MOST_TOKENS, max(long) if max(long) <= 2 * nearly else nearly)


def as_lines(sentences: Sequence[str]) -> Lines:
    """Sentences of a list, their spaces made single."""
    every = list(map(normalize, sentences))
    numbers = [i for i, one in enumerate(every) if one]
    kept = [every[i] for i in numbers]
    indented = sum(sentences[i][0].isspace() for i in numbers)
    return Lines(kept, len(every) - len(kept), numbers=numbers, indented=indented)


def buckets(
    lengths: Int[np.ndarray, " n"], batch_size: int, *, seed: int = 0
) -> list[Int[np.ndarray, " m"]]:
    """Batches of rows of like length, in random order: little padding.

    For models without statistics over the batch. An autoencoder whose code is standardised over the
    batch, or whose batch's entropy is taken, must not be trained on these: they differ in
    distribution.

    Args:
        lengths: Tokens of every row.
        batch_size: Rows of a batch; the last of the longest may have fewer.
        seed: Of the order of the batches, and of rows of equal length.

    Examples:
        >>> sorted(sorted(rows.tolist()) for rows in buckets(np.array([9, 1, 2, 8, 1]), 2))
        [[0], [1, 4], [2, 3]]
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1: got {batch_size}.")
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(lengths))
    ordered = shuffled[np.argsort(lengths[shuffled], kind="stable")]
    parts = [ordered[i : i + batch_size] for i in range(0, len(ordered), batch_size)]
    return [parts[i] for i in random.permutation(len(parts))]
