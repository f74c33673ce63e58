"""Stop or kill every other command at random moments, and see what is left of what it writes.

    python benchmarks/stops.py --moments 200

`kills.py` does so with training. Here a command of a finished run, of an array larger than its
blocks, and `compare` in two processes are started as processes of their own and sent SIGINT,
SIGTERM or SIGKILL. After SIGINT and SIGTERM, exit code and message must be the documented ones; in
all cases the files are those of before or those of the finished command, whole; no process of it
lives on; and the same command, given again, writes what it writes undisturbed. Writes
`results/stops.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from tqdm import tqdm

from entropae.storage.atomic import PARTIAL

from _machine import save

# Larger than memory is what is larger than nothing.
BEGIN = "import entropae.cli.entropy as e; e.LARGE = 0; from entropae.cli import main; "
ENTROPAE = [sys.executable, "-c", BEGIN + "import sys; sys.exit(main(sys.argv[1:]))"]
SMALL = ["--model.hidden", "[16]", "--model.latent.dim", "2", "--epochs", "1", "--no-report"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# The commands; {} is the folder that they work in.
COMMANDS = {
    "sample": ["sample", "{}/run", "--out", "{}/out/grid.png"],
    "encode": ["encode", "{}/run", "--out", "{}/out/codes.npy"],
    "evaluate": ["evaluate", "{}/run", "--number", "500"],
    "diagnose": ["diagnose", "{}/run"],
    "report": ["report", "{}/run"],
    "export": ["export", "{}/run", "--out", "{}/out/export"],
    "entropy, by blocks": ["entropy", "{}/large.npy"],
    "compare": [
        *["compare", "{}/a.yaml", "{}/b.yaml", "--out", "{}/out/compared", "--seeds", "2"],
        *["--epochs", "1", "--processes", "2", "--number", "300"],
    ],
}
# Files that tell of times too, not of results alone.
CLOCKS = ("log.csv", "metrics.json", "last.ckpt", "results.json", "table.csv", "table.md")


def setting(folder: Path) -> None:
    """What the commands need."""
    command = [*ENTROPAE, "fit", "--data", "digits", "--out", str(folder / "run"), *SMALL]
    subprocess.run(command, check=True, capture_output=True)
    rows = np.random.default_rng(0).standard_normal((300_000, 3))
    np.save(folder / "large.npy", rows)
    for name, latent in {"a": "entropic", "b": "plain"}.items():
        (folder / f"{name}.yaml").write_text(
            "data: digits\nmodel:\n  hidden: [16]\n  latent: {name: " + latent + ", dim: 2}\n"
        )


def files(folder: Path) -> dict[str, str]:
    """Everything in a folder but clocks, by a hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in CLOCKS
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
    command: list[str], after: float, number: signal.Signals, temporary: Path
) -> tuple[str, str]:
    """How a command ended that was sent a signal, and what it said."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    output = process.communicate()[0].decode()
    deadline = time.monotonic() + 5
    while alive(process.pid):
        if time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            raise RuntimeError(f"A process of it lived on:\n{output}")
        time.sleep(0.1)
    if process.returncode == 0:
        return "finished", output
    if process.returncode == 128 + number and "Stopped" in output:
        return "stopped", output
    if process.returncode == -number:
        # Before a command has begun to listen, a signal ends it as it ends any program.
        return "killed" if number == signal.SIGKILL else "ended before it listened", output
    raise RuntimeError(f"Exit code {process.returncode} of {number.name}:\n{output}")


def main(moments: int, seed: int) -> None:
    draw = random.Random(seed)
    counts: Counter[tuple[str, str, str]] = Counter()
    left = 0
    with tempfile.TemporaryDirectory() as name:
        base = Path(name, "base")
        base.mkdir()
        setting(base)
        work = Path(name, "work")
        wholes: dict[str, tuple[float, dict[str, str]]] = {}
        for command in COMMANDS:
            fresh(base, work)
            began = time.perf_counter()
            run(command, work)
            wholes[command] = time.perf_counter() - began, files(work)
        before = files(base)
        for _ in tqdm(range(moments)):
            command, number = draw.choice(list(COMMANDS)), draw.choice(SIGNALS)
            seconds, whole = wholes[command]
            fresh(base, work)
            temporary = work / "tmp"
            temporary.mkdir()
            after = draw.uniform(0, seconds)
            ended, output = interrupted(words(command, work), after, number, temporary)
            # torch's compiler makes an empty folder when it is imported.
            own = [path for path in temporary.iterdir() if "torchinductor" not in path.name]
            if "Traceback" in output:
                raise RuntimeError(f"{command}, {number.name}: a traceback.\n{output}")
            if number != signal.SIGKILL and own:
                raise RuntimeError(f"{command}, {number.name}: temporary files are left.\n{output}")
            shutil.rmtree(temporary)
            counts[command, number.name, ended] += 1
            found = files(work)
            partial = [path for path in found if PARTIAL in path]
            left += len(partial)
            if partial and number != signal.SIGKILL:
                raise RuntimeError(f"{command}, {number.name}: {partial} are left.\n{output}")
            for path, content in found.items():
                known = content in (before.get(path), whole.get(path)) or command == "compare"
                if path not in partial and not known:
                    raise RuntimeError(f"{command}, {number.name}: {path} is half written.")
            run(command, work)
            again = {k: v for k, v in files(work).items() if PARTIAL not in k}
            if again != whole:
                apart = sorted(k for k in again | whole if again.get(k) != whole.get(k))
                raise RuntimeError(f"{command} after {number.name}: {apart} differ.")
    table = [
        {"command": command, "signal": number, "ended": ended, "times": times}
        for (command, number, ended), times in sorted(counts.items())
    ]
    for row in table:
        print(f"| {' | '.join(map(str, row.values()))} |")
    result = {"moments": moments, "partial_files_left_by_SIGKILL": left, "table": table}
    save("stops", result, moments=moments, seed=seed)


def fresh(base: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    (work / "out").mkdir()


def words(command: str, work: Path) -> list[str]:
    return [*ENTROPAE, *(word.replace("{}", str(work)) for word in COMMANDS[command])]


def run(command: str, work: Path) -> None:
    """The command, undisturbed."""
    done = subprocess.run(words(command, work), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    main(options.moments, options.seed)
