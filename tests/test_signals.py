"""Signals: real ones, to real processes. What they leave, what they say, and how it goes on."""

from __future__ import annotations

import csv
import importlib
import os
import pickle
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch

import entropae as ea
from entropae.cli import main
from entropae.latent import Entropic
from entropae.nn import pair
from entropae.signals import AtOnce, Stopped, Wish, deferred, in_command
from entropae.training.checkpoints import CHECKPOINT, read

CLI = [sys.executable, "-m", "entropae.cli"]
SMALL = ["--model.hidden", "[8]", "--model.latent.dim", "2"]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
PATIENCE = 120


def begin(*command: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CLI, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def wait_for(true: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def epochs(run: Path) -> int:
    with (run / "log.csv").open() as file:
        return int(list(csv.DictReader(file))[-1]["epoch"])


def model() -> ea.Autoencoder:
    torch.manual_seed(0)
    return ea.Autoencoder(*pair("mlp", (6,), 2, 2, hidden=(8,)), Entropic(2, bank=64))


def samples() -> torch.Tensor:
    return torch.randn(500, 6, generator=torch.Generator().manual_seed(1))


def fit(one: ea.Autoencoder, **options: Any) -> list[Any]:
    rows = ea.fit(one, samples(), epochs=6, batch_size=50, progress=False, **options)
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def same(one: ea.Autoencoder, other: ea.Autoencoder) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class Signal(lightning.Callback):
    """Sends this process a signal at a step."""

    def __init__(self, step: int, number: int = signal.SIGINT, times: int = 1) -> None:
        self.step, self.number, self.times = step, number, times

    def on_train_batch_start(self, trainer: Any, *_: Any, **__: Any) -> None:
        if trainer.global_step == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


class Skipping(Signal):
    """Makes some batches bad besides."""

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
        if trainer.global_step in (20, 24):
            batch[:] = torch.nan
        super().on_train_batch_start(trainer, module, batch, index)


# In Python


@pytest.fixture(scope="module")
def uninterrupted():
    """A model that was trained without a stop, and its log."""
    whole = model()
    return whole, fit(whole)


@pytest.mark.parametrize("step", [0, 13, 17, 44, 53], ids="step {}".format)
def test_a_stopped_training_goes_on_as_if_it_had_not_been(step, uninterrupted, tmp_path):
    """In the middle of an epoch, at its last batch, at the very end: to the last bit."""
    whole, rows = uninterrupted
    stopped, resumed = model(), model()
    with pytest.raises(KeyboardInterrupt, match=rf"Stopped at epoch {step // 9 + 1} of 6"):
        fit(stopped, folder=tmp_path, callbacks=[Signal(step)])
    assert read(tmp_path / CHECKPOINT)["global_step"] == step + 1
    assert fit(resumed, folder=tmp_path, resume=True) == rows
    assert same(whole, resumed)


def test_steps_that_were_left_out_are_counted_over_a_stop(tmp_path):
    rows = fit(model(), on_nonfinite="skip", callbacks=[Skipping(-1)])
    with pytest.raises(KeyboardInterrupt):
        fit(model(), on_nonfinite="skip", callbacks=[Skipping(22)], folder=tmp_path)
    resumed = fit(
        model(), on_nonfinite="skip", callbacks=[Skipping(-1)], folder=tmp_path, resume=True
    )
    assert [row["train/skipped"] for row in resumed] == [row["train/skipped"] for row in rows]
    assert sum(row["train/skipped"] for row in rows) >= 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 2])
def test_python_gets_a_keyboard_interrupt_and_a_model_to_use(number, times):
    one, before = model(), {n: signal.getsignal(n) for n in CODES}
    said = "after a whole step" if times == 1 else "Stopped at once"
    with pytest.raises(KeyboardInterrupt, match=said) as caught:
        fit(one, callbacks=[Signal(5, number, times)])
    assert caught.value.number == number
    assert "not" in str(caught.value) or "lag" in str(caught.value)
    assert not any(part.training for part in one.modules())
    assert one.sample(3, seed=0).isfinite().all()
    assert {n: signal.getsignal(n) for n in CODES} == before


SCRIPT = """
from entropae.imports import load
load("entropae.training")  # sooner
import atexit, lightning, torch
import entropae as ea
from entropae.latent import Plain
atexit.register(print, "at exit")
class Tell(lightning.Callback):
    def on_train_batch_start(self, *_):
        print("training", flush=True)
model = ea.Autoencoder(torch.nn.Linear(4, 2), torch.nn.Linear(2, 4), Plain(2))
ea.fit(model, torch.randn(500, 4), epochs=10**6, progress=False, callbacks=[Tell()])
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(n, marks=pytest.mark.slow) for n in CODES if n != 15)],
    ids=lambda n: signal.Signals(n).name,
)
@pytest.mark.parametrize("prompt", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_script_that_catches_nothing_exits_as_a_command_does(number, prompt):
    """And a prompt goes on."""
    process = subprocess.Popen(
        [sys.executable, *(["-i"] if prompt else []), "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "training\n"
    process.send_signal(number)
    out, err = process.communicate("print(1 + len(model.sample(2)))\n", timeout=PATIENCE)
    assert "Stopped: Stopped at epoch 1 of 1000000, after a whole step." in err
    assert out.endswith("at exit\n"), "what is to be done at the end is done"
    assert process.returncode == (0 if prompt else CODES[number])
    assert ("3\n" in out) == prompt


def test_ones_own_interrupt_is_not_made_an_exit():
    class Stop(lightning.Callback):
        def on_train_epoch_end(self, *_: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model(), callbacks=[Stop()])


def test_a_handler_of_ones_own_is_there_again_afterwards():
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(model(), callbacks=[Signal(3, signal.SIGTERM)])
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]


# Commands


@pytest.mark.long
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, id=n.name, marks=[] if n == signal.SIGTERM else pytest.mark.slow)
        for n in CODES
    ],
)
def test_fit_stops_says_so_and_goes_on(number, tmp_path):
    run = tmp_path / "a run"
    process = begin("fit", "--data", "digits", "--epochs", "3000", "--out", str(run), *SMALL)
    wait_for((run / "log.csv").exists, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == CODES[number]
    told = err.strip().splitlines()[-1]
    assert told.startswith("Stopped at epoch ")
    assert "Traceback" not in err + out
    state = read(run / CHECKPOINT)
    assert told.split()[3] == f"{state['epoch'] + 1};"
    assert not list(run.glob(".*")), "nothing half written, and no lock"
    # What it tells to do, as it is printed; of that run only some epochs are left to do.
    command = told.partition("go on with: ")[2]
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(text.replace("epochs: 3000", f"epochs: {epochs(run) + 2}"))
    assert shlex.split(command)[0] == "entropae"
    assert main([*shlex.split(command)[1:], "--no-report"]) == 0
    assert (run / "model.json").is_file()


def test_a_second_signal_ends_it_at_once():
    """While the first one waits for a step that does not end; and where none is waited for."""
    for inside in ("deferred(Wish())", "nullcontext()"):
        code = "import time\nfrom contextlib import nullcontext, suppress\n"
        code += "from entropae.signals import Wish, deferred, in_command\n"
        code += f"with in_command(), {inside}:\n"
        code += "    while True:\n        with suppress(KeyboardInterrupt):\n"
        code += "            print('stepping', flush=True)\n            time.sleep(60)\n"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "stepping\n"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143
        process.communicate()


# Moments of commands: where they are, and what they say when a signal finds them there.
MOMENTS = {
    "reading": ("entropae.runs.making", "read", "fit", "Stopped before training began"),
    "calibrating": ("entropae.training.module", "Training.on_fit_end", "fit", "go on with"),
    "fitting a prior": ("entropae.runs.making", "fit_priors", "fit", "go on with"),
    "writing results": ("entropae.runs.making", "_finish", "fit", "go on with"),
    "reporting": ("entropae.report", "write", "fit", "the run is finished. Its report"),
    "sampling": ("entropae.model.autoencoder", "Autoencoder.draw", "sample", "Stopped."),
    "encoding": ("entropae.model.autoencoder", "Autoencoder.encode", "encode", "Stopped."),
    "evaluating": ("entropae.kinds.values.evaluation", "evaluate", "evaluate", "Stopped."),
    "diagnosing": ("entropae.model.examination", "diagnose", "diagnose", "Stopped."),
    "writing a report": ("entropae.report", "write", "report", "Stopped."),
    "exporting": ("entropae.explorer.export", "to_onnx", "export", "Stopped."),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "run"
    options = ["--data", "digits", "--epochs", "1", "--out", str(run), "--no-report"]
    assert main(["fit", *options, *SMALL]) == 0
    return run


@pytest.mark.parametrize("moment", MOMENTS)
def test_any_moment_of_any_command(moment, finished, tmp_path, monkeypatch, capsys):
    module, name, command, told = MOMENTS[moment]
    number = signal.SIGTERM if len(moment) % 2 else signal.SIGINT

    def caught(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), number)
        time.sleep(60)

    place: Any = importlib.import_module(module)
    for part in name.split(".")[:-1]:
        place = getattr(place, part)
    run = tmp_path / "run" if command == "fit" else finished
    before = sorted(finished.rglob("*"))
    arguments = {
        "fit": ["fit", "--data", "digits", "--epochs", "1", "--out", str(run), *SMALL],
        "sample": ["sample", str(run), "--out", str(tmp_path / "x.png")],
        "encode": ["encode", str(run), "--out", str(tmp_path / "x.npy")],
    }.get(command, [command, str(run)])
    with monkeypatch.context() as patch:
        patch.setattr(place, name.rpartition(".")[2], caught)
        assert main(arguments) == CODES[number]
    err = capsys.readouterr().err
    assert told in err
    if command == "fit":
        assert run.exists() == (moment != "reading"), "an empty folder is not left behind"
        resume = ["--resume"] if run.exists() else []
        assert main([*arguments, *resume, "--no-report"]) == 0
        assert (run / "model.json").is_file()
        assert not list(run.glob(".*"))
    else:
        assert sorted(finished.rglob("*")) == before
        assert not list(tmp_path.iterdir())


# Several processes


def recipes(folder: Path) -> list[str]:
    names = []
    for name in ("entropic", "plain"):
        path = folder / f"{name}.yaml"
        path.write_text(
            "data: digits\nepochs: 100000\nmodel:\n  hidden: [8]\n"
            f"  latent: {{name: {name}, dim: 2}}\n"
        )
        names.append(str(path))
    return names


def children(pid: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.add(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    "how", ["Ctrl-C", *(pytest.param(s, marks=pytest.mark.slow) for s in ("SIGTERM", "SIGKILL"))]
)
def test_comparing_in_processes_ends_with_all_of_them(how, tmp_path):
    out = tmp_path / "table"
    command = ["compare", *recipes(tmp_path), "--out", str(out), "--seeds", "3"]
    process = begin(*command, "--processes", "2", start_new_session=True)
    wait_for(lambda: len(list(out.rglob("log.csv"))) == 2, process)
    workers = children(process.pid)
    if how == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)  # all processes get it, as from a terminal
    else:
        process.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == {"Ctrl-C": 130, "SIGTERM": 143, "SIGKILL": -9}[how], err
    deadline = time.monotonic() + 5
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))
    begun = [path.parent for path in out.rglob("recipe.yaml")]
    assert len(begun) == 2, "nothing new was begun"
    for run in begun:
        if how != "SIGKILL":
            assert read(run / CHECKPOINT)["global_step"] > 0
    if how != "SIGKILL":
        assert "Traceback" not in err
        assert "the same command goes on" in err


@pytest.mark.slow
@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "torchrun", "torchrun, Ctrl-C"])
def test_training_in_processes_stops_at_one_step(how, tmp_path):
    run = tmp_path / "run"
    fitting = ["fit", "--data", "digits", "--epochs", "100000", "--out", str(run), *SMALL]
    fitting += ["--trainer.devices", "2", "--trainer.accelerator", "cpu"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    start = [*launch, "-m", "entropae.cli"] if "torchrun" in how else CLI
    process = subprocess.Popen(
        [*start, *fitting],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for((run / "log.csv").exists, process)
    others = children(process.pid)
    if "Ctrl-C" in how:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == {"Ctrl-C": 130, "SIGTERM": 143}.get(how, 1), err
    assert "go on with: entropae fit --resume --out" in err
    state = read(run / CHECKPOINT)
    assert f"Stopped at epoch {state['epoch'] + 1};" in err
    deadline = time.monotonic() + 5
    while any(map(alive, others)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, others))


def test_a_signal_amid_an_import_waits_for_its_end(tmp_path):
    """Where an exception would leave half of a module, or be lost in a callback."""
    (tmp_path / "slow_to_come.py").write_text(
        "import time\nprint('importing', flush=True)\n"
        "for _ in range(40):\n    time.sleep(0.01)\nwhole = True\n"
    )
    code = "import sys\nfrom entropae.signals import Stopped, in_command\n"
    code += "with in_command():\n    try:\n        import slow_to_come\n"
    code += "        while True: pass\n    except Stopped as stop:\n"
    code += "        print(slow_to_come.whole)\n        sys.exit(stop.code)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (143, "True\n")


class Dying:
    """A signal comes while Python lets go of it, where exceptions are ignored."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)


@pytest.mark.parametrize("training", [False, True])
def test_a_signal_where_exceptions_are_ignored_is_not_lost(training):
    wish = Wish()
    wish.patient = False
    error = AtOnce if training else Stopped
    inside = deferred(wish) if training else nullcontext()
    with in_command(), inside, pytest.raises(error) as caught:  # noqa: PT012
        Dying()
        for _ in range(500):
            time.sleep(0.01)
    assert caught.value.number == signal.SIGTERM


def test_what_workers_send_arrives_whole():
    sent = pickle.loads(pickle.dumps(Stopped(signal.SIGTERM, "At epoch 3.", epoch=3)))
    assert (sent.number, str(sent), sent.epoch) == (signal.SIGTERM, "At epoch 3.", 3)


def test_ignored_signals_stay_ignored():
    """As under `nohup`, or in the background of a script."""
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    code += "from entropae.signals import in_command, deferred, Wish\n"
    code += "with in_command(), deferred(Wish()): signal.raise_signal(signal.SIGHUP)\nprint('on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "on\n")


def test_a_reader_that_has_gone_is_no_error(tmp_path):
    np.savetxt(
        tmp_path / "x.csv",
        np.random.default_rng(0).normal(size=(50, 2)),
        delimiter=",",
        header="a,b",
        comments="",
    )
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [*CLI, "entropy", str(tmp_path / "x.csv")],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write_end)
    assert (done.returncode, "Broken" in done.stderr) == (141, False), done.stderr
