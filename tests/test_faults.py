"""Bad days of a training: full disks, damaged checkpoints, values that are not finite."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.kinds import read as load
from entropae.kinds.samples import Samples
from entropae.latent import Entropic, Latent, Plain
from entropae.latent.base import LatentOutput, Penalty
from entropae.nn import pair
from entropae.storage.atomic import PARTIAL, replacing
from entropae.training import CHECKPOINT, NonFiniteError
from entropae.training.checkpoints import PREVIOUS, last_good, read, write
from entropae.training.faults import MOST


def model(latent: Latent | None = None, network: str = "mlp") -> ea.Autoencoder:
    torch.manual_seed(0)
    latent = latent or Entropic(4)
    return ea.Autoencoder(
        *pair(network, (1, 8, 8), latent.in_features, latent.dim, width=4, hidden=(32,)), latent
    )


def digits(n: int = 200) -> Samples:
    return load("digits").subset(np.arange(n))


def train(trained: ea.Autoencoder, folder: Path, **options) -> list:
    options = {"epochs": 4, "batch_size": 50, "progress": False} | options
    return ea.fit(trained, digits(), folder=folder, logger="none", **options)


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# Checkpoints


def test_a_checkpoint_holds_what_it_was_given(tmp_path):
    given = {
        "weights": {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(True)},
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "empty": torch.zeros(0, 3),
        "adam": {0: {"step": 3, "betas": (0.9, 0.999)}, 1: None},
        "rows": [{"x": 0.1, "y": math.inf}, "text"],
    }
    write(given, tmp_path / "a.ckpt")
    found = read(tmp_path / "a.ckpt")
    assert found["adam"] == given["adam"]
    assert found["rows"] == given["rows"]
    assert same(found["weights"], given["weights"])
    assert torch.equal(found["half"], given["half"])
    assert found["empty"].shape == (0, 3)


def test_a_checkpoint_holds_nothing_that_would_need_a_pickle(tmp_path):
    with pytest.raises(TypeError, match="cannot hold a PosixPath"):
        write({"x": Path()}, tmp_path / "a.ckpt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "pickle"])
def test_the_last_good_checkpoint_is_used_when_the_last_is_damaged(tmp_path, damage):
    whole, resumed = model(), model()
    train(whole, tmp_path)
    path = tmp_path / CHECKPOINT
    content = bytearray(path.read_bytes())
    if damage == "pickle":
        torch.save({"state_dict": {}}, path)
    else:
        content[-5] ^= damage == "flipped"
        path.write_bytes(content[: {"cut": len(content) // 2, "empty": 0}.get(damage)])
    with pytest.warns(UserWarning, match=r"last.ckpt is no whole checkpoint.*previous.ckpt"):
        rows = train(resumed, tmp_path, resume=True)
    assert len(rows) == 4
    assert same(state(whole), state(resumed))
    read(path)  # whole again


def test_nothing_left_to_resume_from(tmp_path):
    train(model(), tmp_path)
    for name in (CHECKPOINT, PREVIOUS):
        (tmp_path / name).write_bytes(b"junk")
    with pytest.raises(ValueError, match="Nothing is left to resume from: train in another"):
        train(model(), tmp_path, resume=True)


def test_a_missing_last_checkpoint_is_replaced_by_the_one_before(tmp_path):
    """Killed between the two renamings."""
    train(model(), tmp_path)
    (tmp_path / CHECKPOINT).unlink()
    assert last_good(tmp_path) == tmp_path / PREVIOUS


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    train(model(), tmp_path)
    with pytest.raises(ValueError, match=r"last.ckpt does not fit this run: .*size mismatch"):
        train(model(Entropic(3)), tmp_path, resume=True)
    found = read(tmp_path / CHECKPOINT)
    found["optimizer_states"][0]["state"][0]["exp_avg"] = torch.zeros(2)
    write(found, tmp_path / CHECKPOINT)
    with pytest.raises(ValueError, match=r"does not fit this run: .*exp_avg has shape \(2,\)"):
        train(model(), tmp_path, resume=True, epochs=5)
    write({"epoch": 3}, tmp_path / CHECKPOINT)
    with pytest.raises(ValueError, match="does not fit this run"):
        train(model(), tmp_path, resume=True)


class Killed(BaseException):
    """No handler of errors catches it."""


def die_after(monkeypatch: pytest.MonkeyPatch, folder: Path, operations: int) -> None:
    """From then on no file in the folder changes, not even on the way out: as when killed."""
    left = [operations]

    def mortal(real):
        def method(path, *args, **kwargs):
            if folder in path.parents:
                if left[0] <= 0:
                    raise Killed
                left[0] -= 1
            return real(path, *args, **kwargs)

        return method

    for name in ("open", "replace", "unlink"):
        monkeypatch.setattr(Path, name, mortal(getattr(Path, name)))


@pytest.fixture(scope="module")
def uninterrupted():
    whole = model()
    ea.fit(whole, digits(), epochs=3, batch_size=50, progress=False)
    return state(whole)


@pytest.mark.parametrize("operations", range(4, 27))
def test_killed_between_any_two_operations_on_files(
    uninterrupted, tmp_path, monkeypatch, operations
):
    """`data.json` takes 5, the first epoch 10, the others 11, for then there is one to keep."""
    resumed = model()
    die_after(monkeypatch, tmp_path, operations)
    with pytest.raises(Killed):
        train(model(), tmp_path, epochs=3)
    monkeypatch.undo()
    kept = [tmp_path / name for name in (CHECKPOINT, PREVIOUS) if (tmp_path / name).exists()]
    assert len(kept) == (operations >= 14) + (operations >= 24) - (operations == 24)
    for path in kept:
        read(path)
    train(resumed, tmp_path, epochs=3, resume=True)
    assert same(uninterrupted, state(resumed))


# Disks and folders


def full_after(bytes_left: int):
    """Every write of a checkpoint fails once so many bytes have been written."""
    real = Path.write_bytes
    left = [bytes_left]

    def write_bytes(path, content):
        left[0] -= len(content)
        if left[0] < 0:
            real(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, content)

    return write_bytes


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    whole, resumed = model(), model()
    train(whole, tmp_path / "a")
    size = (tmp_path / "a" / CHECKPOINT).stat().st_size
    monkeypatch.setattr(Path, "write_bytes", full_after(int(2.5 * size)))
    with pytest.raises(OSError, match=r"last.ckpt could not be written: No space left") as error:
        train(model(), tmp_path / "b")
    assert error.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert read(tmp_path / "b" / CHECKPOINT)["epoch"] == 1
    assert not list((tmp_path / "b").glob(f".*{PARTIAL}"))
    train(resumed, tmp_path / "b", resume=True)
    assert same(state(whole), state(resumed))


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
from entropae.cli import main
sys.exit(main())
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="limits of POSIX")
def test_a_real_limit_on_files_is_one_message(tmp_path):
    options = ["--data", "digits", "--epochs", "2", "--logger", "none", "--out", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-c", FULL, "fit", *options], capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("entropae fit: ")
    assert "last.ckpt could not be written: File too large" in last
    assert "Traceback" not in done.stderr
    left = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert left == ["data.json", "log.csv", "recipe.yaml"]


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["fit", "--data", "/no/such", "--out", str(tmp_path / "file" / "run")]) == 1
    shown = capsys.readouterr().err
    assert "Nothing can be written to" in shown
    assert "/no/such" not in shown


def test_a_read_only_folder_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    assert main(["fit", "--data", "digits", "--out", str(tmp_path / "run")]) == 1
    assert "may write to" in capsys.readouterr().err


def test_data_that_are_gone_at_resuming(tmp_path, capsys):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).random((60, 6), np.float32))
    run = ["fit", "--data", str(path), "--out", str(tmp_path / "run"), "--epochs", "1"]
    run += ["--model.latent.dim", "2"]
    assert main(run) == 0
    (tmp_path / "run" / "model.json").unlink()
    path.unlink()
    assert main([*run, "--resume"]) == 1
    assert f"No file or folder '{path}'" in capsys.readouterr().err
    read(tmp_path / "run" / CHECKPOINT)


def test_a_mapped_file_that_is_cut_is_an_error_and_no_signal(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((5000, 64), np.float32))
    samples = load(path)
    os.truncate(path, 4096)
    with pytest.raises(OSError, match=r"x.npy has been cut to 4096 bytes"):
        samples.first(5000)


def test_a_mapped_file_that_is_removed_stays_readable(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((50, 4), np.float32))
    samples = load(path)
    path.unlink()
    assert samples.first(50).sum() == 200


def test_replacing_does_not_write_through_a_link(tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (tmp_path / f".x.{os.getpid()}{PARTIAL}").symlink_to(mine)
    with replacing(tmp_path / "x") as path:
        path.write_text("new")
    assert mine.read_text() == "mine"
    assert (tmp_path / "x").read_text() == "new"


@pytest.mark.long
def test_what_killed_writers_left_is_removed_at_resuming(tmp_path):
    left = tmp_path / "run" / f".recipe.yaml.1{PARTIAL}"
    left.parent.mkdir()
    left.write_text("half")
    run = ["fit", "--data", "digits", "--epochs", "1", "--model.hidden", "[8]"]
    assert main([*run, "--out", str(tmp_path / "run"), "--resume"]) == 0
    assert not left.exists()


# Memory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
        MemoryError("Unable to allocate 9 GiB for an array"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_memory_that_does_not_suffice(tmp_path, error):
    trained = model()
    steps = []

    def short(module, inputs):
        steps.append(0)
        if module.training and len(steps) > 9:
            raise error

    trained.encoder.register_forward_pre_hook(short)
    with pytest.raises(MemoryError, match=r"batches of 50 samples of shape \(1, 8, 8\).*=25"):
        train(trained, tmp_path)
    assert read(tmp_path / CHECKPOINT)["epoch"] == 1


def test_memory_is_a_message_of_the_command(tmp_path, capsys, monkeypatch):
    training = import_module("entropae.runs.training")  # whose function has its name
    monkeypatch.setattr(training, "fit", lambda *_, **__: (_ for _ in ()).throw(MemoryError("m")))
    assert main(["fit", "--data", "digits", "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err == "entropae fit: m\n"


def test_a_model_too_large_for_the_machine_is_refused(tmp_path, capsys):
    size = ["--model.hidden", "[10000000, 10000000]", "--model.network", "mlp"]
    assert main(["fit", "--data", "digits", "--out", str(tmp_path / "run"), *size]) == 1
    assert "Training this model takes" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


# Values that are not finite


class Bad(nn.Linear):
    """Returns NaN, or a gradient that is, on the given calls in training."""

    def __init__(self, when: set[int], *, gradient: bool = False) -> None:
        super().__init__(6, 6)
        self.norm = nn.BatchNorm1d(6)
        self.when, self.gradient, self.calls = when, gradient, -1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        y = self.norm(super().forward(x))
        if not (self.training and self.calls in self.when):
            return y
        if self.gradient:
            return y + (y * 0).square().sum().sqrt()
        return self.norm(y * torch.nan)  # its running statistics get it too


X = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))


def fit_bad(folder: Path | None, when: set[int], *, epochs: int = 3, **options):
    gradient = options.pop("gradient", False)
    torch.manual_seed(0)
    broken = ea.Autoencoder(
        nn.Sequential(nn.Linear(6, 6), Bad(when, gradient=gradient), nn.Linear(6, 3)),
        nn.Linear(3, 6),
        Entropic(3, bank=40),
    )
    options = {"batch_size": 16, "validation": 0, "progress": False, "folder": folder} | options
    return broken, lambda: ea.fit(broken, X, epochs=epochs, **options)


@pytest.mark.parametrize("gradient", [False, True])
def test_stopping_keeps_the_model_as_it_was_and_names_the_samples(tmp_path, gradient):
    good, go = fit_bad(None, set(), epochs=1)
    kept = []
    good.register_forward_hook(lambda *_: kept.append(state(good)))
    go()
    broken, go = fit_bad(tmp_path, {3}, epochs=1, gradient=gradient)
    with pytest.raises(NonFiniteError, match=r"nonfinite.json"):
        go()
    # The third step's statistics and weights are in the good model's state at its fourth.
    before = {k: v for k, v in kept[3].items() if "norm" not in k}
    assert same(before, {k: v for k, v in state(broken).items() if "norm" not in k})
    assert all(v.isfinite().all() for v in state(broken).values())
    (event,) = json.loads((tmp_path / "nonfinite.json").read_text())
    assert (event["epoch"], event["step"]) == (0, 3)
    expected = r"the gradient of model.encoder" if gradient else "the code"
    assert event["part"].startswith(expected)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0)).tolist()
    assert event["rows"] == order[48:]


def test_rows_are_those_of_the_data_and_not_of_the_training_share(tmp_path):
    _, go = fit_bad(tmp_path, {0}, epochs=1, validation=0.25)
    with pytest.raises(NonFiniteError):
        go()
    (event,) = json.loads((tmp_path / "nonfinite.json").read_text())
    kept = ea.kinds.split(64, 0.25)[0]
    assert len(set(event["rows"])) == 16
    assert set(event["rows"]) <= set(kept.tolist())


@pytest.mark.parametrize("gradient", [False, True])
def test_skipping_goes_on_and_counts(tmp_path, gradient):
    broken, go = fit_bad(tmp_path, {2, 5, 6}, gradient=gradient, on_nonfinite="skip")
    rows = go()
    assert [row["train/skipped"] for row in rows] == [1, 2, 0]
    assert all(math.isfinite(row["train/reconstruction"]) for row in rows)
    assert all(value.isfinite().all() for value in state(broken).values())
    events = json.loads((tmp_path / "nonfinite.json").read_text())
    assert [event["step"] for event in events] == [2, 5, 6]


def test_a_skipped_step_changes_no_weight():
    """All steps left out but the first: the weights are those after one step."""
    broken, go = fit_bad(None, {1, 2, 3}, epochs=1, on_nonfinite="skip")
    seen = []
    broken.register_forward_hook(lambda *_: seen.append(state(broken)) if broken.training else None)
    go()
    after_one = {k: v for k, v in seen[1].items() if "norm" not in k}
    assert same(after_one, {k: v for k, v in state(broken).items() if "norm" not in k})


def test_skipping_stops_when_nothing_is_learnt_any_more():
    _, go = fit_bad(None, set(range(5, 100)), epochs=20, on_nonfinite="skip")
    with pytest.raises(NonFiniteError, match=rf"the {MOST}th step in a row"):
        go()


def test_the_count_survives_resuming(tmp_path):
    broken, go = fit_bad(tmp_path, {2, 9}, on_nonfinite="skip")
    go()
    whole = json.loads((tmp_path / "nonfinite.json").read_text())
    (tmp_path / CHECKPOINT).unlink()
    torch.manual_seed(0)
    again, go = fit_bad(tmp_path, {1}, on_nonfinite="skip", resume=True)  # of the last epoch
    rows = go()
    assert json.loads((tmp_path / "nonfinite.json").read_text()) == whole
    assert sum(row["train/skipped"] for row in rows) == 2
    assert same(state(broken), state(again))


def test_a_penalty_is_named():
    class Bursting(Latent):
        def forward(self, h):
            return LatentOutput(h, {"burst": Penalty(h.mean() / 0, 1.0)})

    broken = ea.Autoencoder(nn.Linear(6, 3), nn.Linear(3, 6), Bursting(3))
    with pytest.raises(NonFiniteError, match="the penalty 'burst'"):
        ea.fit(broken, X, epochs=1, progress=False)


@pytest.mark.long
def test_the_command_counts_skipped_steps(tmp_path, capsys, monkeypatch):
    arguments = ["fit", "--data", "digits", "--epochs", "1", "--model.hidden", "[8]"]
    arguments += ["--on_nonfinite", "skip", "--out", str(tmp_path / "run")]
    real, calls = Plain.forward, []

    def forward(self, h):
        calls.append(0)
        return real(self, h * torch.nan if self.training and len(calls) == 2 else h)

    monkeypatch.setattr(Plain, "forward", forward)
    assert main([*arguments, "--model.latent.name", "plain"]) == 0
    assert "1 steps that were not finite were left out" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["skipped_steps"] == 1


def test_the_choice_is_checked():
    with pytest.raises(ValueError, match="stop, skip: got 'go'"):
        ea.fit(model(), digits(), epochs=1, progress=False, on_nonfinite="go")
