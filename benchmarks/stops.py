"""Stop or kill every command at random moments, and see what is left of what it writes.

    python benchmarks/stops.py --moments 200

Every command, an array larger than its blocks, the same array with Dask, and `compare` in two
processes are processes of their own, which get SIGINT, SIGTERM or SIGKILL: half of them after a
random time, half at a moment of the command's work that is drawn. Three in four are forked from a
process that has imported everything, so that signals meet work rather than imports. After SIGINT
and SIGTERM, exit code and message must be the documented ones; in all cases the files are those of
before or those of the finished command, whole; no process of it lives on; and the same command,
given again (`fit` with `--resume`), ends with what it writes undisturbed. Where the folder is as it
was before, that is the command as it was first. Writes `results/stops.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import _moments
from entropae.storage.atomic import PARTIAL
from kills import look

from _machine import save

START = [sys.executable, _moments.__file__]
SMALL = ["--model.hidden", "[16]", "--model.latent.dim", "2"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# The commands; {} is the folder that they work in.
COMMANDS = {
    "fit": ["fit", "--data", "digits", "--out", "{}/out/run", "--epochs", "4", "--resume", *SMALL],
    "sample": ["sample", "{}/run", "--out", "{}/out/grid.png"],
    "encode": ["encode", "{}/run", "--out", "{}/out/codes.npy"],
    "evaluate": ["evaluate", "{}/run", "--number", "500"],
    "diagnose": ["diagnose", "{}/run"],
    "report": ["report", "{}/run"],
    "export": ["export", "{}/run", "--out", "{}/out/export"],
    "entropy, by blocks": ["entropy", "{}/large.npy"],
    "entropy, with Dask": ["{}/large.npy"],
    "compare": [
        *["compare", "{}/a.yaml", "{}/b.yaml", "--out", "{}/out/compared", "--seeds", "2"],
        *["--epochs", "1", "--processes", "2", "--number", "300"],
    ],
}
# Those that are no command but a script, which a signal ends as it ends any script.
SCRIPTS = ("entropy, with Dask",)
# Those that take long get fewer signals.
WEIGHTS = {"compare": 0.5, "entropy, with Dask": 0.25}
# Those that write runs, of which what was done stays.
TRAINING = ("fit", "compare")
DONE = "ended after its work was done"
# Files that tell of times too, not of results alone.
CLOCKS = ("log.csv", "metrics.json", "last.ckpt", "previous.ckpt", "results.json", "table.csv")
CLOCKS += ("table.md",)
REPORTED = ("report.html", "diagnosis.json")  # of a log with times in it
PATIENCE = 300  # seconds until a moment has come
# Seconds that a worker may go on after its parent: it looks when it has been imported.
LINGER = 60


class Whole(NamedTuple):
    """A command undisturbed: what it takes, leaves and says, and the moments of its work."""

    seconds: float
    left: dict[str, str]
    said: str
    moments: dict[str, float]


class End(NamedTuple):
    """How a command ended that was sent a signal, in which moment, and what it said.

    Attributes:
        lingered: Seconds that its last process ended after it.
    """

    moment: str
    how: str
    output: str
    lingered: float


def setting(folder: Path) -> None:
    """What the commands need."""
    fit = ["fit", "--data", "digits", "--out", str(folder / "run"), "--epochs", "1", "--no-report"]
    subprocess.run([sys.executable, "-m", "entropae.cli", *fit, *SMALL], check=True)
    rows = np.random.default_rng(0).standard_normal((300_000, 3))
    np.save(folder / "large.npy", rows)
    for name, latent in {"a": "entropic", "b": "plain"}.items():
        (folder / f"{name}.yaml").write_text(
            "data: digits\nmodel:\n  hidden: [16]\n  latent: {name: " + latent + ", dim: 2}\n"
        )


def files(folder: Path, command: str = "") -> dict[str, str]:
    """Everything in a folder but clocks, by a hash of its content."""
    clocks = CLOCKS + (REPORTED if command == "fit" else ())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in clocks and "tfevents" not in path.name
    }


def alive(group: int) -> bool:
    """Whether a process of the group is there, but for zombies."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, own = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(own) == group and state != "Z":
            return True
    return False


def interrupted(
    command: str,
    work: Path,
    number: signal.Signals,
    after: float,
    moment: str | None,
    *,
    forked: bool,
    said: str,
) -> End:
    """Start a command, and send it a signal so many seconds after it began, or came to a moment."""
    told, temporary = work.with_name("moments"), work.with_name("temporary")
    process = begin(command, work, forked=forked)
    deadline = time.monotonic() + PATIENCE
    while moment and ended(process, 0) is None and now(told) != moment:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{command} never came to {moment}.")
        time.sleep(0.002)
    caught = "after its end"
    if ended(process, after) is None:
        caught = now(told)
        os.kill(process.pid, number)
    code = ended(process, None)
    output = work.with_name("output").read_text()
    gone = time.monotonic()
    while alive(process.pid):
        if time.monotonic() > gone + LINGER:
            os.killpg(process.pid, signal.SIGKILL)
            raise RuntimeError(f"{command}, {number.name}: a process of it lives on.\n{output}")
        time.sleep(0.1)
    lingered = time.monotonic() - gone
    # torch's compiler makes an empty folder when it is imported.
    own = [path.name for path in temporary.iterdir() if "torchinductor" not in path.name]
    if number != signal.SIGKILL and own and command not in SCRIPTS:
        raise RuntimeError(f"{command}, {number.name}: {own} are left in TMPDIR.\n{output}")
    how = _how(command, number, caught, code or 0, output, said=said)
    return End(caught, how, output, lingered)


def _how(command: str, number: int, moment: str, code: int, output: str, *, said: str) -> str:
    """How it ended, if that is one of the ways that are documented."""
    if code == -number and number == signal.SIGKILL:
        return "killed"
    if command in SCRIPTS:  # what Dask says of it, and how, is its own
        return "finished" if code == 0 else f"ended by Dask and Python: {code}"
    traceback = "Traceback" in output
    if code == 0 and not traceback:
        return "finished"
    if code == 128 + number and "Stopped" in output and not traceback:
        return "stopped"
    unborn = "Fatal Python error: init" in output  # Ctrl-C while Python itself is being loaded
    if moment == "starting" and (code == -number or (number == signal.SIGINT and unborn)):
        # Before a command has begun to listen, a signal ends it as it ends any program.
        return "ended before it listened"
    if code == -number and said in output and not traceback:
        # Nor does it listen when it has said what it did, and Python is being shut down.
        return DONE
    name = signal.Signals(number).name
    raise RuntimeError(f"{command}, {moment}, {name}: exit code {code}.\n{output}")


def now(told: Path) -> str:
    """The moment that a command is in."""
    lines = told.read_text().splitlines() if told.exists() else []
    return lines[-1].partition(" ")[2] if lines else "starting"


def message(output: str, work: Path) -> str:
    """What was said of a stop, without what differs from one to the next."""
    said = [line for line in output.splitlines() if line.startswith("Stopped")]
    line = said[-1].replace(str(work), "…") if said else ""
    return re.sub(r"epoch \d+", "epoch N", line)


def check_left(command: str, end: End, work: Path, before: dict[str, str], whole: Whole) -> str:
    """Raise for a file that is half written; else what was left: nothing, a part, or all."""
    found = files(work, command)
    partial = [path for path in found if PARTIAL in path]
    if partial and end.how != "killed":
        raise RuntimeError(f"{command}, {end}: {partial} are left.")
    for path, content in found.items():
        known = content in (before.get(path), whole.left.get(path)) or command in TRAINING
        if path not in partial and not known:
            raise RuntimeError(f"{command}, {end}: {path} is half written.")
    for run in {path.parent for path in (work / "out").rglob("recipe.yaml")}:
        look(run)
    if found == before and not any((work / "out").iterdir()):
        return "nothing"
    if partial:
        return "a partial file"
    whole_is_left = {**found, **whole.left} == found
    return "all" if whole_is_left else "a run to go on with" if command in TRAINING else "a part"


def check_again(command: str, end: End, left: str, work: Path, whole: Whole) -> None:
    """Raise unless the command, given again, ends with what it writes undisturbed."""
    if command in SCRIPTS and end.how == "finished" and whole.said not in end.output:
        raise RuntimeError(f"{command}: {end}, where it should be {whole.said}.")
    if left == "nothing":
        return
    again = run(command, work)
    kept = {path: content for path, content in again.left.items() if PARTIAL not in path}
    apart = [path for path in sorted(kept | whole.left) if kept.get(path) != whole.left.get(path)]
    if apart:
        raise RuntimeError(f"{command} after {end}: {apart} differ.")


def main(moments: int, minutes: float, seed: int, only: list[str]) -> None:
    draw = random.Random(seed)
    # In the background of a shell it is ignored, by whatever is begun here too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A lock of its own for each fork: one that is killed would leave a shared one taken for ever.
    tqdm.set_lock(threading.RLock())
    counts: Counter[tuple[str, ...]] = Counter()
    failures: list[str] = []
    lingered = 0.0
    with tempfile.TemporaryDirectory() as name:
        base, work = Path(name, "base"), Path(name, "work")
        base.mkdir()
        setting(base)
        before = files(base)
        wholes = {}
        for command in only or COMMANDS:
            fresh(base, work)
            wholes[command] = run(command, work)
            print(command, wholes[command].moments, flush=True)
        until = time.monotonic() + 60 * minutes
        for _ in tqdm(range(moments)):
            if time.monotonic() > until:
                break
            weights = [WEIGHTS.get(command, 1.0) for command in wholes]
            command, number = draw.choices(list(wholes), weights)[0], draw.choice(SIGNALS)
            whole = wholes[command]
            moment, seconds = draw.choice([(None, whole.seconds), *whole.moments.items()])
            if draw.random() < 0.5:
                moment, seconds = None, whole.seconds
            forked, after = draw.random() < 0.75, draw.uniform(0, seconds)
            fresh(base, work)
            try:
                end = interrupted(
                    command, work, number, after, moment, forked=forked, said=whole.said
                )
                left = check_left(command, end, work, before, whole)
                if end.how == DONE and whole.left != files(work, command):
                    raise RuntimeError(f"{command}, {end}: it said what it did not do.")
                check_again(command, end, left, work, whole)
            except RuntimeError as error:
                failures.append(f"{command}, {number.name}: {error}")
                print(failures[-1], flush=True)
                continue
            lingered = max(lingered, end.lingered)
            said = message(end.output, work)
            counts[command, end.moment, number.name, end.how, said, left] += 1
    names = ("command", "moment", "signal", "ended", "message", "left", "times")
    table = [dict(zip(names, (*row, n), strict=True)) for row, n in sorted(counts.items())]
    for row in table:
        print(f"| {' | '.join(map(str, row.values()))} |")
    if not only:
        ends = Counter[str]()
        for row in table:
            ends[str(row["ended"])] += int(row["times"])
        result = {"moments": ends.total(), "failures": failures, "ends": ends, "table": table}
        result["longest_seconds_of_a_worker_after_its_parent"] = round(lingered, 1)
        save("stops", result, moments=moments, minutes=minutes, seed=seed)
    if failures:
        raise RuntimeError(f"{len(failures)} failures.")


def fresh(base: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    (work / "out").mkdir()


def begin(command: str, work: Path, *, forked: bool) -> Any:
    """Start a command as a process group of its own, whose output goes to a file."""
    told, temporary = work.with_name("moments"), work.with_name("temporary")
    output = work.with_name("output")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    told.unlink(missing_ok=True)
    words = [word.replace("{}", str(work)) for word in COMMANDS[command]]
    words.insert(0, "dask" if command in SCRIPTS else "entropae")
    own = {"TMPDIR": str(temporary), "MOMENTS": str(told)}
    if forked and command not in SCRIPTS:
        fork = multiprocessing.get_context("fork")
        process = fork.Process(target=child, args=(words, own, output))
        process.start()
        while ended(process, 0) is None and os.getpgid(process.pid or 0) != process.pid:
            time.sleep(0.001)
        return process
    with output.open("wb") as file:
        return subprocess.Popen(
            [*START, *words],
            stdout=file,
            stderr=file,
            start_new_session=True,
            env=os.environ | own,
        )


def child(words: list[str], own: dict[str, str], output: Path) -> None:
    """What a forked process does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.update(own)
    tempfile.tempdir = None
    _moments.main(words)


def ended(process: Any, seconds: float | None) -> int | None:
    """The exit code of a process that ends in that time."""
    if not isinstance(process, subprocess.Popen):
        process.join(seconds)
        return process.exitcode
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def run(command: str, work: Path) -> Whole:
    """The command, undisturbed."""
    began = time.perf_counter()
    code = ended(begin(command, work, forked=True), None)
    seconds = time.perf_counter() - began
    output = work.with_name("output").read_text()
    if code:
        raise RuntimeError(f"{command}: {output}")
    lines = [line.split(" ", 1) for line in work.with_name("moments").read_text().splitlines()]
    starts = [float(at) for at, _ in lines]
    lengths: dict[str, float] = {}
    for (_, moment), at, then in zip(lines, starts, [*starts[1:], seconds], strict=True):
        lengths[moment] = max(lengths.get(moment, 0.0), then - at)
    return Whole(seconds, files(work, command), output.splitlines()[0], lengths)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=1e9, help="At most.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="Names of commands.")
    options = parser.parse_args()
    main(options.moments, options.minutes, options.seed, options.only)
