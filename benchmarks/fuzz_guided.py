"""Read damaged files with every loader, guided by which of the package's code they reach.

    pip install atheris
    python benchmarks/fuzz_guided.py --inputs 50000 --out runs/fuzz

Beside `fuzz.py`, whose damage is blind: libFuzzer, by way of atheris, changes the valid files of
`tests/loaders.py` and goes on from whatever reaches a branch of entropae that none reached before.
Every loader has a process of its own. An input that takes more than SECONDS or MEMORY more than the
imports, ends the process, or raises what is not documented is a failure; it is kept in the folder
of `--out`, and its loader begins again, from another seed. Writes `results/fuzz_guided.json`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent / "tests"
# Whose branches guide: the package's own, and those of what reads for it in Python.
PACKAGES = ["entropae", "numpy.lib", "PIL", "yaml", "json", "csv", "zipfile", "gzip"]
SECONDS, MEMORY = 10, 2048  # MiB
SIZE = 1 << 14  # bytes of an input, at most
# Failures of one loader after which it is left.
ENOUGH = 5


def read_one(name: str, corpus: Path, work: Path, options: list[str]) -> None:
    """Fuzz one loader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=PACKAGES):
        sys.path.insert(0, str(TESTS))
        from loaders import DOCUMENTED, LOADERS

    loader = LOADERS[name]
    valid = work / "valid"
    valid.mkdir(parents=True, exist_ok=True)
    loader.make(valid)
    loader.read(valid)
    files = sorted(valid.iterdir())
    corpus.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(files):
        # The first byte says which of the files is damaged.
        (corpus / f"valid-{number}").write_bytes(bytes([number]) + path.read_bytes())
    originals = [path.read_bytes() for path in files]

    def one(data: bytes) -> None:
        if not data:
            return
        number = data[0] % len(files)
        files[number].write_bytes(data[1:])
        try:
            loader.read(valid)
        except DOCUMENTED as error:
            if str(valid) not in str(error):
                raise RuntimeError(f"{error!r} does not name the file") from error
        finally:
            files[number].write_bytes(originals[number])

    warnings.simplefilter("ignore")
    atheris.Setup([sys.argv[0], str(corpus), *options], one)
    atheris.Fuzz()


def fuzz(name: str, inputs: int, out: Path) -> dict[str, Any]:
    """What became of so many inputs of one loader."""
    folder = out / re.sub(r"\W+", "-", name)
    done, failures, features, seed = 0, [], 0, 1
    while done < inputs and len(failures) < ENOUGH:
        with tempfile.TemporaryDirectory() as work:
            options = [
                f"-runs={inputs - done}",
                f"-seed={seed}",
                f"-timeout={SECONDS}",
                f"-rss_limit_mb={MEMORY}",
                f"-max_len={SIZE}",
                f"-artifact_prefix={folder}/failure-{seed}-",
                "-print_final_stats=1",
            ]
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, __file__, "--child", name, str(folder / "corpus"), work]
            ended = subprocess.run([*command, *options], capture_output=True, text=True)
        log = ended.stderr + ended.stdout
        (folder / f"log-{seed}.txt").write_text(log)
        counted = re.findall(r"number_of_executed_units: (\d+)", log) or re.findall(
            r"^#(\d+)", log, re.MULTILINE
        )
        if not counted:
            raise RuntimeError(f"{name} did not begin:\n{log[-2000:]}")
        done += int(counted[-1])
        features = max([features, *map(int, re.findall(r" ft: (\d+)", log))])
        if ended.returncode:
            failures.append(_why(log))
            print(f"{name}: {failures[-1]}", file=sys.stderr)
        seed += 1
    corpus = len(list((folder / "corpus").iterdir()))
    return {"inputs": done, "failures": failures, "features": features, "corpus": corpus}


def _why(log: str) -> str:
    """The last line of an exception, or what libFuzzer says."""
    found = re.findall(r"^(?:\w+\.)*\w+(?:Error|Exception|Warning)\b.*", log, re.MULTILINE)
    found += re.findall(r"ERROR: libFuzzer: .*", log)
    return found[-1][:300] if found else log[-300:]


def main(inputs: int, out: Path, only: list[str]) -> None:
    """All loaders in turn."""
    sys.path.insert(0, str(TESTS))
    from _machine import save
    from loaders import LOADERS

    results = {}
    for name in only or LOADERS:
        results[name] = fuzz(name, inputs, out.absolute())
        print(name, results[name], flush=True)
    if not only:
        total = sum(one["inputs"] for one in results.values())
        failed = sum(len(one["failures"]) for one in results.values())
        result = {"inputs": total, "failures": failed, "loaders": results}
        save("fuzz_guided", result, inputs_each=inputs, megabytes=MEMORY, seconds_per_input=SECONDS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        read_one(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000, help="Of each loader.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of corpora and failures.")
    parser.add_argument("--only", nargs="*", default=[], help="Names of loaders.")
    options = parser.parse_args()
    main(options.inputs, options.out, options.only)
