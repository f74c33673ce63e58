"""Whole numbers and flags in arrays come back as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import entropae as ea
from entropae.cli import main
from entropae.kinds import as_samples
from entropae.kinds.arrays import Arrays
from entropae.kinds.arrays.whole import to_whole

RANDOM = np.random.default_rng(0)
HIDDEN = RANDOM.standard_normal((300, 2)) @ RANDOM.standard_normal((2, 5))
COUNTS = RANDOM.poisson(np.exp(HIDDEN.clip(-2, 2)))
FLAGS = HIDDEN > 0


@pytest.mark.parametrize("drawn", [True, False])
def test_rounding(drawn):
    x = torch.tensor([[0.25, 2.0, 0.5], [0.75, -1.0, 0.5]]).repeat(5000, 1)
    made = to_whole(x, [(0, 0, 3), (1, 0, 1)], drawn=drawn, seed=0)
    assert torch.equal(made[:, 2], x[:, 2])
    assert torch.equal(made[:, 1], torch.tensor([1.0, 0.0]).repeat(5000))  # within their range
    means = made[:, 0].view(-1, 2).mean(0)
    if drawn:  # four standard errors
        assert (means - torch.tensor([0.25, 0.75])).abs().max() < 4 * (0.1875 / 5000) ** 0.5
        assert torch.equal(made, to_whole(x, [(0, 0, 3), (1, 0, 1)], drawn=True, seed=0))
    else:
        assert means.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (COUNTS, "All values are whole numbers, and are drawn as such."),
        (COUNTS.astype(np.uint8), "All values are whole numbers, and are drawn as such."),
        (COUNTS.astype(np.int16)[:, None].repeat(20, 1).cumsum(1).astype(np.int16), ""),
        (FLAGS, "All values are flags, and are drawn as such."),
        (FLAGS.astype(np.uint8), "All values are whole numbers, and are drawn as such."),
        (np.c_[HIDDEN, COUNTS], "5 of 10 values are whole numbers, and are drawn as such."),
    ],
    ids=["counts", "bytes", "signals", "flags", "flags as bytes", "beside others"],
)
def test_they_come_back(tmp_path: Path, monkeypatch, capsys, data, said):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", data)
    run = ["fit", "--data", "x.npy", "--out", "run", "--epochs", "20", "--no-report"]
    assert main([*run, "--logger", "none"]) == 0
    assert said in capsys.readouterr().out
    assert main(["sample", "run", "-n", "200", "--out", "drawn.npy"]) == 0
    assert main(["reconstruct", "run", "--data", "x.npy", "-n", "300", "--out", "again.npy"]) == 0
    whole = slice(5, 10) if said.startswith("5") else slice(None)
    for name in ("drawn.npy", "again.npy"):
        made = np.load(name)
        assert made.shape[1:] == data.shape[1:]
        assert made.dtype == (data.dtype if data.dtype.kind != "f" else np.float32)
        made, real = made[:, whole], data[:, whole]
        assert np.array_equal(made, np.rint(np.asarray(made, float)))
        assert real.min() <= made.min()
        assert made.max() <= real.max()
    near = np.load("again.npy")[:, whole].astype(float) - data[:, whole]
    assert np.abs(near).mean() < np.abs(data[:, whole] - data[:, whole].mean(0)).mean()
    drawn = ea.Run.open("run").model.sample(4, seed=0)
    assert drawn.dtype == (
        torch.from_numpy(data).dtype if data.dtype.kind != "f" else torch.float32
    )


def test_bytes_and_longer_numbers_are_the_same_samples():
    samples = as_samples(COUNTS.astype(np.uint8))
    given = as_samples(COUNTS, kind=samples.kind)
    assert torch.equal(given.first(300), samples.first(300))
    samples = as_samples(COUNTS)
    given = as_samples(COUNTS.astype(np.uint8), kind=samples.kind)
    assert torch.equal(given.first(300), samples.first(300))


def test_flags_and_numbers_are_the_same_samples():
    samples = as_samples(FLAGS)
    for dtype in (np.uint8, np.int64):
        given = as_samples(FLAGS.astype(dtype), kind=samples.kind)
        assert torch.equal(given.first(300), samples.first(300))


def test_what_is_measured_keeps_its_fractions():
    pixels = (HIDDEN > 0).astype(np.float32)[:, :, None].repeat(3, 2)  # may be shares
    for data in (HIDDEN, pixels):
        kind = as_samples(data).kind
        assert isinstance(kind, Arrays)
        assert not kind.whole
