"""Which commands work, with their defaults, on which kinds of data.

Each command is run as a user would run it, in a folder of its own, on the data of
`tests/matrix_data.py`. A cell is "ok" if the command succeeds and every file that it announces is
there; "refused" if it is meant to say in one line that it cannot be done, and does; else "FAILED".

    PYTHONPATH=src python benchmarks/matrix.py [--out FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import html
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
import urllib.request
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from entropae.cli import main

from matrix_data import DATA, SHORT, of_another_shape

RECIPE = "data: {data}\nepochs: 1\nmodel: {{hidden: [32], latent: {{name: {latent}, dim: 16}}}}\n"
# Commands that are given other data than the run's: of images, in colour instead of grey or the
# other way round, which are converted; else of another shape or kind, which are refused.
OTHERS = ("reconstruct", "encode", "evaluate", "diagnose")
CONVERTED = ("grey", "colour")
UNSEEN = "text"  # is neither explored nor exported


class Cell(NamedTuple):
    """How a command ended."""

    verdict: str
    reason: str = ""


def entropae(*arguments: str) -> Cell:
    """Run a command in this process and judge how it ended."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        return Cell("FAILED", traceback.format_exc().splitlines()[-1])
    said = err.getvalue().strip().splitlines()
    if code:
        lines = [line for line in said if not line.lstrip().startswith(("\r", "Reading"))]
        refused = bool(lines) and lines[-1].startswith(f"entropae {arguments[0]}: ")
        return Cell("refused" if refused else "FAILED", lines[-1] if lines else f"exit {code}")
    missing = [name for name in announced(out.getvalue()) if not Path(name).exists()]
    return Cell("FAILED", f"announced, but not there: {missing[0]}") if missing else Cell("ok")


def announced(said: str) -> list[str]:
    """The files that a command says it has written."""
    found = re.findall(r"Wrote \d+ [^\n]*? to (\S+?)\.?$", said, re.MULTILINE)
    found += re.findall(r"Wrote (\S+?):", said) + re.findall(r"Wrote (\S+) \(", said)
    for names, folder in re.findall(r"Wrote ([^\n]*) into (\S+)\.$", said, re.MULTILINE):
        found += [f"{folder}/{name.strip()}" for name in names.replace(" and ", ",").split(",")]
    for folder, names in re.findall(r"Wrote (\S+)/([^/\n]+ and \S+)\.$", said, re.MULTILINE):
        found += [f"{folder}/{name.strip()}" for name in names.replace(" and ", ",").split(",")]
    for names, figures in re.findall(r"look at ([^;\n]*); the figures are in (\S+)\.$", said, re.M):
        found += [*names.split(" and "), figures]
    return found


def explore(run: str) -> Cell:
    """Start the explorer and ask it for its page and its space."""
    command = [sys.executable, "-m", "entropae.cli", "explore", run, "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout
        assert process.stderr
        told = process.stdout.readline()
        found = re.search(r"http://\S+/", told)
        if not found:
            lines = process.stderr.read().strip().splitlines()
            short = bool(lines) and lines[-1].startswith("entropae explore: ")
            return Cell("refused" if short else "FAILED", lines[-1] if lines else told)
        try:
            for name in ("", "api/space"):
                urllib.request.urlopen(found[0] + name, timeout=20).read()
        except OSError as error:
            return Cell("FAILED", str(error))
        finally:
            process.send_signal(signal.SIGINT)
    return Cell("ok")


def load_elsewhere(run: str, *, of_numbers: bool) -> Cell:
    """Load the model in another process and sample from it: tensors, else rows or sentences."""
    code = (
        f"import entropae as ea; made = ea.load({run!r}).sample(5)\n"
        f"assert len(made) == 5 and (type(made).__name__ == 'Tensor') is {of_numbers}, type(made)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return Cell("FAILED", done.stderr.splitlines()[-1]) if done.returncode else Cell("ok")


def compare(data: str) -> Cell:
    """Two recipes, one seed each."""
    for latent in ("entropic", "plain"):
        Path(f"{latent}.yaml").write_text(RECIPE.format(data=data, latent=latent))
    return entropae("compare", "entropic.yaml", "plain.yaml", "--seeds", "1")


def commands_of_the_report(run: str) -> Cell:
    """Every command that the report recommends, as it is printed there."""
    page = Path(run, "report.html")
    if not page.is_file():
        return Cell("FAILED", "there is no report.html")
    lines = re.findall(r"^(?:<pre><code>)?(entropae .*?)$", html.unescape(page.read_text()), re.M)
    for line in lines:
        cell = entropae(*shlex.split(re.sub("<.*", "", line))[1:])
        if cell.verdict != "ok":
            return Cell("FAILED", f"{line}: {cell.reason}")
    return Cell("ok") if lines else Cell("FAILED", "the report has no commands")


def cells_of(kind: str, data: str, other: str) -> dict[str, Cell]:
    """All commands on one kind of data, in the current folder."""
    run = f"runs/{Path(data).stem}"
    made = {"fit": entropae("fit", "--data", data, *SHORT)}
    made["resume"] = entropae("fit", "--data", data, *SHORT, "--resume")
    for command in ("sample", "reconstruct", "interpolate", "encode", "evaluate"):
        made[command] = entropae(command, run)
    made["compare"] = compare(data)
    for command in ("diagnose", "report", "export"):
        made[command] = entropae(command, run)
    made["explore"] = explore(run)
    made["report's commands"] = commands_of_the_report(run)
    made["load elsewhere"] = load_elsewhere(run, of_numbers=kind not in ("table", "text"))
    for command in OTHERS:
        made[f"{command}, other data"] = entropae(command, run, "--data", other)
    return {command: judged(kind, command, cell) for command, cell in made.items()}


def judged(kind: str, command: str, cell: Cell) -> Cell:
    """A refusal where none is meant is a failure, and so is what ought to be refused and is not."""
    refusal = "other data" in command and kind not in CONVERTED
    refusal |= command in ("export", "explore") and kind == UNSEEN
    if cell.verdict == ("ok" if refusal else "refused"):
        return Cell("FAILED", cell.reason or "not refused")
    return cell


def of_kind(kind: str) -> dict[str, Cell]:
    """All commands on one kind of data, in a folder that is removed."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data, other = DATA[kind](Path(scratch)), of_another_shape(Path(scratch))[kind]
        folder = Path(scratch) / "work"
        folder.mkdir()
        os.chdir(folder)
        try:
            return cells_of(kind, str(data), str(other))
        finally:
            os.chdir(home)


def matrix(processes: int) -> dict[str, dict[str, Cell]]:
    """Kinds × commands."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return dict(zip(DATA, pool.map(of_kind, DATA), strict=True))


def markdown(made: dict[str, dict[str, Cell]]) -> str:
    """The table, and why cells failed or refused."""
    commands = list(next(iter(made.values())))
    lines = ["| | " + " | ".join(made) + " |", "|-|" + "-|" * len(made)]
    for command in commands:
        cells = [made[kind][command].verdict for kind in made]
        lines.append(f"| {command} | " + " | ".join(cells) + " |")
    every = [(k, c, cell) for k, row in made.items() for c, cell in row.items()]
    failed = sum(cell.verdict == "FAILED" for *_, cell in every)
    lines += ["", f"{failed} of {len(every)} cells failed.", ""]
    for verdict in ("FAILED", "refused"):
        for kind, command, (found, reason) in every:
            if found == verdict:
                shown = reason.replace(f"{tempfile.gettempdir()}/", "")[:160]
                lines.append(f"- {verdict}, {command} on {kind}: `{shown}`")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Write the table here, too.")
    parser.add_argument("--processes", type=int, default=1, help="Kinds at a time.")
    options = parser.parse_args()
    text = markdown(matrix(options.processes))
    print(text)
    if options.out:
        options.out.write_text(text)
