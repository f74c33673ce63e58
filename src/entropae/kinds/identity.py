"""Which data a run was trained on: kept with it, and compared when data are read again."""

from __future__ import annotations

import hashlib
import json
import shlex
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from entropae.kinds.keys import Halves, Rule, mixed
from entropae.kinds.labels import digest_of
from entropae.kinds.samples import Samples
from entropae.messages import printable
from entropae.storage.atomic import write_text

DATA = "data.json"
LARGEST = 1 << 20
# Samples whose content is compared, those of the smallest keys: most of them stay, whatever is
# added. Bytes of files, and of arrays in memory, of which all is looked at; and of a part of a file
# that has more.
FEW, WHOLE, PART = 64, 1 << 26, 1 << 16
# The share of a run's data that must be there unchanged for them to be its data, with changes.
LEAST = 0.5


def identity(samples: Samples) -> dict[str, Any]:
    """What tells these samples from others, as plain values.

    Their number, shape and kind; names and types of columns; names and sizes of files, when they
    were last changed, and what is in some of them; the keys and contents of some samples.
    """
    found: dict[str, Any] = {
        "kind": samples.kind.name,
        "samples": len(samples),
        "shape": list(samples.shape),
        "columns": dict(samples.kind.types),
    }
    if samples.labels is not None:
        found["labels"] = digest_of(samples.labels)
    found |= _of_files(samples) if samples.files else {"content": _of_array(samples)}
    keys = samples.all_keys()
    rows = np.argsort(mixed(keys), kind="stable")[:FEW].tolist()
    found["some"] = {f"{int(keys[row]):016x}": _of_sample(samples, row) for row in rows}
    return found


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In what two data sets differ, in words; nothing if they are the same.

    When files were changed does not count where all else is the same: they may have been copied.
    That is what `tell_unseen` is for.
    """
    said = []
    for name, words in (("kind", "kind"), ("shape", "shape of a sample"), ("samples", "samples")):
        if then.get(name) != now.get(name):
            said.append(f"{words}: {then.get(name)} then, {now.get(name)} now")
    before, after = then.get("columns") or {}, now.get("columns") or {}
    said += [
        f"column {name!r}: {before.get(name)} then, {after.get(name)} now"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if now.get("labels") not in (None, then.get("labels")):
        said.append("labels")
    if then.get("names") != now.get("names"):
        said.append("names or sizes of files")
    # Runs of before looked at all of a single file only.
    whole = then.get("content") not in (None, now.get("content"))
    same = then.get("samples") == now.get("samples")
    if whole or (same and then.get("some") != now.get("some")):
        said.append("content")
    return said


def tell_unseen(then: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Warn if files that are too large for all of them to be looked at were changed since."""
    if then.get("bytes", 0) > WHOLE and then.get("changed") != now.get("changed"):
        warnings.warn(
            f"Files of the data were changed since the run in {folder} began. What was looked at "
            "of them is the same, but they are too large for all of it.",
            stacklevel=5,
        )


def still_there(then: Mapping[str, Any], samples: Samples) -> float:
    """The share of the samples that were looked at that are among these, unchanged."""
    some = then.get("some") or {}
    if not isinstance(some, Mapping) or not some:
        return 0.0
    rows = {f"{int(key):016x}": row for row, key in enumerate(samples.all_keys().tolist())}
    same = [
        key in rows and _of_sample(samples, rows[key]) == digest for key, digest in some.items()
    ]
    return sum(same) / len(same)


def compare(
    then: Mapping[str, Any], samples: Samples, source: str, folder: Path, *, given: bool
) -> None:
    """Say so if these are not the data that a run was trained on; refuse those of another kind.

    Args:
        then: The identity of those.
        samples: These.
        source: Where they are.
        folder: Of the run.
        given: Whether it was said that they are meant.

    Raises:
        ValueError: If it was not, and hardly any of those are among these.
    """
    now = identity(samples)
    changed = differences(then, now)
    if not changed:
        tell_unseen(then, now, folder)
        return
    said = f"not those that the run in {folder} was trained on ({'; '.join(changed)})"
    share = still_there(then, samples)
    if share < LEAST and not given:
        raise ValueError(
            f"The data at {printable(source)} are {said}: {share:.0%} of those are among them. If "
            f"they are meant, give --trained-on {shlex.quote(source)}."
        )
    warnings.warn(
        f"The data at {printable(source)} are {said}. Of those that were looked at {share:.0%} are "
        "still there. What was held out still is; of what is new or renamed, some counts as "
        "training data, some as held out.",
        stacklevel=4,
    )


def write(folder: Path, samples: Samples, halves: Halves) -> None:
    """Keep the identity of a run's data, and how they were split."""
    parted = {"rule": "keys", "below": halves.below}
    kept = {"format": 1, **identity(samples), "split": parted}
    write_text(folder / DATA, json.dumps(kept, indent=1) + "\n")


def read(folder: Path) -> dict[str, Any] | None:
    """What `write` wrote, or `None` if a run is of before there was such a file.

    Raises:
        ValueError: If it is damaged.
    """
    path = folder / DATA
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        found = json.loads(path.read_text("utf-8"))
        below, rule = found["split"]["below"], found["split"]["rule"]
        if rule != "keys" or not (below is None or (type(below) is int and 0 <= below < 1 << 64)):
            raise ValueError("its split is none that is known")
        for name, kind in (("columns", dict), ("some", dict), ("bytes", int)):
            if not isinstance(found.get(name, kind()), kind):
                raise ValueError(f"`{name}` is none")
        return found
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}.") from error


def resumed(
    folder: Path, samples: Samples, validation: float, *, seed: int, rule: Rule = "keys"
) -> Halves:
    """The halves that a run in a folder goes on with.

    Raises:
        ValueError: If these are not the data that it began with, saying in what they differ.
    """
    then = read(folder)
    if then is None:
        return samples.halves(validation, seed=seed, rule=rule)
    now = identity(samples)
    changed = differences(then, now)
    if not changed:
        tell_unseen(then, now, folder)
    if changed:
        raise ValueError(
            f"The data are not those that the run in {folder} began with ({'; '.join(changed)}). "
            "Put them back, or train in another folder (--out)."
        )
    return samples.halves(validation, seed=seed, below=then["split"]["below"])


def rule_of(folder: Path, *, begun: bool) -> Rule:
    """By which rule the samples of a run are split: runs of before there was a file kept no keys.

    Args:
        folder: Of the run.
        begun: Whether training has left something in it.
    """
    return "order" if begun and read(folder) is None else "keys"


def _of_sample(samples: Samples, row: int) -> str:
    """A digest of what one sample is made of."""
    if samples.files and len(samples.files) == len(samples):
        return _of_file(samples.files[int(row)])
    rows = samples.array[row if samples.index is None else samples.index[row]]
    return _digest(np.ascontiguousarray(rows).tobytes()) if samples.keys is None else ""


def _of_files(samples: Samples) -> dict[str, Any]:
    """Names, sizes and times of files, and the content of the only one or of all that are small."""
    sizes = [path.stat().st_size for path in samples.files]
    times = [path.stat().st_mtime_ns for path in samples.files]
    alone = len(samples.files) == 1
    names = [""] if alone else samples.names
    content = _of_file(samples.files[0]) if alone else None
    if not alone and sum(sizes) <= WHOLE:
        content = _digest("".join(map(_of_file, samples.files)).encode())
    listed = "\n".join(f"{size} {name}" for name, size in zip(names, sizes, strict=True))
    return {
        "files": len(sizes),
        "bytes": sum(sizes),
        "changed": sum(times),  # which is another if one of them is
        "names": _digest(listed.encode(errors="surrogateescape")),
        "content": content,
    }


def _of_file(path: Path) -> str:
    """A digest of a file: of all of it, or of parts at even distances if it is large."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        found = hashlib.blake2b(str(size).encode(), digest_size=16)
        for place in np.linspace(0, size - PART, FEW).astype(int).tolist():
            file.seek(place)
            found.update(file.read(PART))
        return found.hexdigest()


def _of_array(samples: Samples) -> str:
    rows: Sequence[int] | Any = np.arange(len(samples))
    if samples.array[:1].nbytes * len(samples) > WHOLE:
        rows = np.linspace(0, len(samples) - 1, FEW * FEW).astype(int)
    found = hashlib.blake2b(str(samples.array.dtype).encode(), digest_size=16)
    for start in range(0, len(rows), FEW):
        part = rows[start : start + FEW]
        values = samples.array[part if samples.index is None else samples.index[part]]
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
