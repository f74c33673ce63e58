"""Read damaged files with every loader, guided by which of the package's code they reach.

    pip install atheris
    python benchmarks/fuzz_guided.py --seconds 120 --inputs 100000 --out runs/fuzz

Beside `fuzz.py`, whose damage is blind: libFuzzer, by way of atheris, changes the valid files of
`tests/loaders.py` and goes on from whatever reaches a branch of entropae that none reached before.
Of JSON, and of the header of safetensors, half of the changes are to the values in it, so that
more than its parser is reached. Every loader has a process of its own, forked after the imports,
and so many seconds of the processor or so many inputs, whichever end first. An input that takes
more than SECONDS, or than MEMORY over the imports, ends the process, or raises what is not
documented is a failure; it is kept in the folder of `--out`, and its loader begins again, from
another seed. Given the same folder again, it goes on from what was found, and adds to the numbers.
Writes `results/fuzz_guided.json`.
"""

from __future__ import annotations

import argparse
import copy
import json
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import atheris

# Whose branches guide: the package's own, and those of what reads for it in Python.
PACKAGES = ["entropae", "numpy.lib", "PIL", "yaml", "json", "csv", "zipfile", "gzip"]
TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))
with atheris.instrument_imports(include=PACKAGES):
    from loaders import DOCUMENTED, LOADERS

SECONDS, MEMORY = 10, 2048  # of an input; MiB over the imports
SIZE = 1 << 14  # bytes of an input, at most
# Failures of one loader after which it is left.
ENOUGH = 5
# Inputs that a process tries before the time is looked at.
AT_ONCE = 500
# What takes the place of a value in JSON.
VALUES = (0, -1, 1, 7, 255, 1 << 31, 1 << 63, 1 << 70, 0.5, -0.0, 1e308, float("nan"), None, True)
VALUES += (
    "",
    "x",
    "\0",
    "\u202e",
    "a" * 300,
    [],
    {},
    [[]],
    [0, 8],
    [1 << 40, 1 << 41],
    "F64",
    "I8",
)


def read_many(name: str, corpus: Path, log: Path, options: list[str]) -> None:
    """Fuzz one loader in this process, which ends with it."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        valid = Path(folder, "valid")
        valid.mkdir()
        loader = LOADERS[name]
        loader.make(valid)
        loader.read(valid)
        files = sorted(valid.iterdir())
        originals = [path.read_bytes() for path in files]
        for number, content in enumerate(originals):
            # The first byte says which of the files is damaged.
            (corpus / f"valid-{number}").write_bytes(bytes([number]) + content)
        damaged = 0

        def one(data: bytes) -> None:
            nonlocal damaged
            if not data:
                return
            number = data[0] % len(files)
            if number != damaged:
                files[damaged].write_bytes(originals[damaged])
            damaged = number
            files[number].write_bytes(data[1:])
            try:
                loader.read(valid)
            except DOCUMENTED as error:
                if str(valid) not in str(error):
                    raise RuntimeError(f"{error!r} does not name the file") from error

        arguments = [sys.argv[0], str(corpus), *options]
        atheris.Setup(arguments, one, custom_mutator=mutated)
        atheris.Fuzz()


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Another input made from one: by libFuzzer, or by another value in its JSON."""
    draw = random.Random(seed)
    found = _json_in(data[1:]) if draw.random() < 0.5 else None
    if found is None:
        return atheris.Mutate(data, most)
    before, tree, after = found
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        tree = _edited(tree, draw)
    try:
        text = json.dumps(tree).encode()
    except (ValueError, RecursionError):  # it has come to be in itself
        return atheris.Mutate(data, most)
    if before:
        before = len(text).to_bytes(8, "little")
    return (data[:1] + before + text + after)[:most]


def _json_in(content: bytes) -> tuple[bytes, Any, bytes] | None:
    """What is before some JSON, the JSON, and what is after it; or `None`."""
    size = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + size] if content[8:9] == b"{" else content
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return None
    whole = text is content
    return (b"", tree, b"") if whole else (content[:8], tree, content[8 + size :])


def _edited(tree: Any, draw: random.Random) -> Any:
    """A tree with one value changed, removed, doubled, or put in another's place."""
    tree = copy.deepcopy(tree)
    places: list[tuple[Any, Any]] = [(None, None)]
    reached = [tree]
    for parent in reached:
        if isinstance(parent, dict | list):
            keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
            places += [(parent, key) for key in keys]
            reached += [parent[key] for key in keys]
    parent, key = draw.choice(places)
    if parent is None:
        return draw.choice(VALUES) if draw.random() < 0.1 else tree
    kind = draw.randrange(4)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        other, name = draw.choice(places[1:])
        parent[key] = copy.deepcopy(other[name])
    elif kind == 2 and isinstance(parent, list):
        parent[key:key] = [parent[key]] * draw.choice([1, 3, 100])
    elif kind == 2:
        parent[draw.choice(["", "x", "__metadata__", f"{key}x"])] = parent[key]
    else:
        parent[key] = draw.choice(VALUES)
    return tree


def fuzz(name: str, inputs: int, seconds: float, out: Path) -> dict[str, Any]:
    """What became of the inputs of one loader."""
    folder = out / re.sub(r"\W+", "-", name)
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    done, failures, features, seed = 0, [], 0, 1
    began, rate = _used(), float(AT_ONCE)
    while done < inputs and (left := seconds - _used() + began) > 0 and len(failures) < ENOUGH:
        log = folder / f"log-{seed}.txt"
        options = [
            f"-runs={min(inputs - done, max(AT_ONCE, int(rate * left)))}",
            f"-seed={seed + int(time.time())}",
            f"-timeout={SECONDS}",
            f"-rss_limit_mb={MEMORY + _resident()}",
            f"-max_len={SIZE}",
            f"-artifact_prefix={folder}/failure-{seed}-",
            "-print_final_stats=1",
        ]
        started = _used()
        context = multiprocessing.get_context("fork")
        process = context.Process(target=read_many, args=(name, folder / "corpus", log, options))
        process.start()
        process.join()
        said = log.read_text(errors="replace")
        counted = re.findall(r"number_of_executed_units: (\d+)", said) or re.findall(
            r"^#(\d+)", said, re.MULTILINE
        )
        if not counted:
            raise RuntimeError(f"{name} did not begin:\n{said[-2000:]}")
        done += int(counted[-1])
        rate = int(counted[-1]) / (_used() - started + 0.01)
        features = max([features, *map(int, re.findall(r" ft: (\d+)", said))])
        if process.exitcode:
            failures.append(_why(said))
            print(f"{name}: {failures[-1]}", file=sys.stderr)
        seed += 1
    corpus = len(list((folder / "corpus").iterdir()))
    return {"inputs": done, "failures": failures, "features": features, "corpus": corpus}


def _used() -> float:
    """Seconds of the processor that processes of this one have used, those that have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def _resident() -> int:
    """MiB that this process has, which are mostly the imports'."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


def _why(log: str) -> str:
    """The last line of an exception, or what libFuzzer says."""
    found = re.findall(r"^(?:\w+\.)*\w+(?:Error|Exception|Warning)\b.*", log, re.MULTILINE)
    found += re.findall(r"ERROR: libFuzzer: .*", log)
    return found[-1][:300] if found else log[-300:]


def main(inputs: int, seconds: float, out: Path, only: list[str]) -> None:
    """All loaders in turn; results of other calls with the same folder are added to."""
    kept = out / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    for name in only or LOADERS:
        found = fuzz(name, inputs, seconds, out.absolute())
        before = results.get(name, {"inputs": 0, "failures": []})
        found["inputs"] += before["inputs"]
        found["failures"] += before["failures"]
        results[name] = found
        kept.write_text(json.dumps(results, indent=1))
        print(name, found, flush=True)
    total = sum(one["inputs"] for one in results.values())
    failed = sum(len(one["failures"]) for one in results.values())
    print(f"{total} inputs, {failed} failures.")
    if results.keys() == LOADERS.keys():
        from _machine import save

        result = {"inputs": total, "failures": failed, "loaders": results}
        save("fuzz_guided", result, megabytes=MEMORY, seconds_per_input=SECONDS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000, help="Of each loader, at most.")
    parser.add_argument("--seconds", type=float, default=1e9, help="Of each loader, at most.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of corpora and failures.")
    parser.add_argument("--only", nargs="*", default=[], help="Names of loaders.")
    options = parser.parse_args()
    main(options.inputs, options.seconds, options.out, options.only)
