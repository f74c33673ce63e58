"""Several processes come to what one comes to."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from entropae import distributed
from entropae.latent import Plain
from entropae.model import Autoencoder
from entropae.nn.normalization import BatchNorm, synchronize
from entropae.training import Training
from latents import built_in

import parallel
from parallel import CASES, difference

# The default suite has all latents, but not all with all networks and precisions.
SOME = [
    case
    for case in CASES
    if (case.network, case.dtype) == ("mlp", "float64")
    or (case.name.split(" ")[0] in ("Entropic", "Regularized") and case.network == "conv")
]
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


@pytest.fixture(
    scope="module",
    params=[pytest.param(2, marks=pytest.mark.long), pytest.param(4, marks=pytest.mark.slow)],
)
def many(request) -> list[dict[str, Any]]:
    cases = SOME if request.param == 2 else CASES
    return parallel.run(parallel.compare, request.param, cases)


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> dict[str, Any]:
    steps = {case.name: parallel.steps(case) for case in CASES}
    return {"steps": steps, "fit": parallel.fit(tmp_path_factory.mktemp("one"))}


def test_every_latent_is_compared():
    assert {type(latent) for latent in parallel.LATENTS} == set(built_in().values())


def test_losses_gradients_and_statistics_are_those_of_one_process(one, many):
    for case, found in zip(SOME if len(many) == 2 else CASES, many[0]["steps"], strict=True):
        expected = one["steps"][case.name]
        tolerance = TOLERANCE[case.dtype]
        assert found["losses"] == pytest.approx(expected["losses"], rel=tolerance), case.name
        for a, b in zip(found["gradients"], expected["gradients"], strict=True):
            assert difference(a, b) < tolerance, case.name
        for part in ("statistics", "codes"):
            assert difference(found[part], expected[part]) < tolerance, (case.name, part)


def test_all_processes_have_the_same(many):
    first, *others = many
    for other in others:
        for a, b in zip(first["steps"], other["steps"], strict=True):
            assert all(torch.equal(a[part], b[part]) for part in ("weights", "statistics", "codes"))
        for run in ("whole", "resumed"):
            assert first["fits"][run]["rows"] == other["fits"][run]["rows"]
            assert torch.equal(first["fits"][run]["weights"], other["fits"][run]["weights"])


def test_fit_ends_with_the_weights_of_one_process(one, many):
    found, expected = many[0]["fits"]["whole"], one["fit"]
    assert len(found["rows"]) == 7
    assert found["rows"][-1]["step"] == 28
    assert difference(found["weights"], expected["weights"]) < 1e-7
    for a, b in zip(found["rows"], expected["rows"], strict=True):
        assert a == pytest.approx(b, rel=1e-5)
    assert found["measured"] == pytest.approx(expected["measured"], rel=1e-5)


def test_resuming_goes_on_exactly(many):
    whole, resumed = (many[0]["fits"][run] for run in ("whole", "resumed"))
    if len(many) == 2:
        assert torch.equal(whole["weights"], resumed["weights"])
        assert whole["rows"] == resumed["rows"]
    else:  # DDP adds up in another order at the first step than later
        assert difference(resumed["weights"], whole["weights"]) < 1e-7


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_resuming_with_another_number_of_processes(one, many, tmp_path):
    for name, content in many[0]["fits"]["record"].items():
        (tmp_path / name).write_bytes(content)
    resumed = parallel.fit(tmp_path)
    assert len(resumed["rows"]) == 7
    assert difference(resumed["weights"], one["fit"]["weights"]) < 1e-7


def test_networks_draw_other_numbers_in_each_process():
    class Second(Training):
        global_rank = property(lambda self: 1)

    drawn = []
    for kind in (Training, Training, Second):
        kind(Autoencoder(nn.Linear(3, 2), nn.Linear(2, 3), Plain(2))).on_train_batch_start(None, 5)
        drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.slow
def test_the_command_line_trains_in_two_processes(tmp_path):
    command = [sys.executable, "-m", "entropae.cli", "fit", "--data", "digits", "--epochs", "1"]
    options = ["--model.hidden", "[16]", "--trainer.accelerator", "cpu", "--trainer.devices", "2"]
    done = subprocess.run(
        [*command, *options, "--out", tmp_path / "run"], check=True, capture_output=True, text=True
    )
    assert done.stdout.count("Done:") == 1
    assert done.stderr.count("Training: 100%") == 1
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_torchrun_with_one_device_is_refused(monkeypatch):
    from entropae.training.trainers import check_processes

    check_processes(1)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"started 2 processes, the trainer expects 1\. Set `dev"):
        check_processes(1)


@pytest.mark.parametrize("n", [0, 1, 7, 12])
@pytest.mark.parametrize("processes", [1, 2, 5])
def test_shares_are_a_partition(n, processes):
    shares = [list(range(n))[distributed.share(n, rank, processes)] for rank in range(processes)]
    assert [row for rows in shares for row in rows] == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "4", "LOCAL_RANK": "0"}, False),
        ({"RANK": "0", "SLURM_PROCID": "3"}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"SLURM_PROCID": "0"}, True),
        ({"SLURM_PROCID": "2"}, False),
    ],
)
def test_one_process_writes(monkeypatch, environment, first):
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert distributed.is_first() == first


def test_with_one_process_nothing_is_done():
    x = torch.randn(5, 3)
    with distributed.together():
        assert distributed.count() == 1
        for same in (distributed.gather(x), distributed.total(x), distributed.average(x, 0)):
            assert same is x
        assert distributed.place(x) == (slice(0, 5), 5)
        assert distributed.mean(x) == x.mean()
        torch.manual_seed(1)
        drawn = distributed.randn(4, 2, like=x), distributed.randn_like(x)
    torch.manual_seed(1)
    assert torch.equal(drawn[0], torch.randn(4, 2))
    assert torch.equal(drawn[1], torch.randn(5, 3))


def test_synchronised_layers_stay_what_they_were():
    network = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4, momentum=None)))
    x = torch.randn(8, 3)
    names = list(network.state_dict())
    before = network[1][0].weight
    synchronize(network)
    assert list(network.state_dict()) == names
    assert network[1][0].weight is before
    assert isinstance(network[1][0], BatchNorm)
    expected = nn.functional.batch_norm(network[0](x), None, None, training=True)
    torch.testing.assert_close(network(x), expected)
