"""The diagnosis names what was planted, and finds nothing serious in what is healthy."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.diagnosis import (
    FINDINGS,
    Diagnosis,
    diagnose,
    distributions,
    intrinsic_dimension,
    of_functions,
)
from entropae.diagnosis.finding import Severity
from entropae.diagnosis.page import page

import plants

DOCS = Path(__file__).parents[1] / "docs"


# Of the plant whose data are of another range encoding warns as well.
@pytest.mark.filterwarnings("ignore:The images have values from 0 to 255")
@pytest.mark.parametrize("name", plants.PLANTS)
def test_the_planted_fault_is_named_first(name):
    build, expected = plants.PLANTS[name]
    found = [finding.name for finding in build().diagnose().findings]
    assert found[:1] == [expected], found


@pytest.mark.long
@pytest.mark.parametrize("name", plants.HEALTHY)
def test_nothing_serious_in_healthy_models(name):
    found = plants.HEALTHY[name]().diagnose()
    assert not found.serious, str(found)


def test_every_finding_has_a_plant():
    assert {expected for _, expected in plants.PLANTS.values()} == FINDINGS.keys()


def test_findings_explain_findings():
    for kind in FINDINGS.values():
        assert set(kind.explains) <= {*FINDINGS, "*"}, kind.name
        assert kind.name not in kind.explains


# Flawless models


def exact(n: int, d: int, seed: int) -> Diagnosis:
    """Of a model without fault: codes are N(0, I), and reconstruction is perfect."""
    x = torch.randn(2 * n, d, generator=torch.Generator().manual_seed(seed))
    return diagnose(of_functions(lambda x: x, lambda z: z, x), x[:n], x[n:], progress=False)


def test_a_flawless_model_has_findings_no_more_often_than_promised():
    findings = [exact(200, 1 + seed % 6, seed).findings for seed in range(40)]
    # At a chance of 2 % each, which leaves room for the tests that are not exact.
    limit = stats.binom(40, 0.02).isf(1e-3)
    assert sum(map(bool, findings)) <= limit, findings
    assert all(one.severity < Severity.SERIOUS for some in findings for one in some)


@pytest.mark.parametrize(("n", "d"), [(50, 1), (100, 4), (300, 16)])
def test_limits_are_passed_as_often_as_they_say(n, d):
    level, repeats = 0.1, 400
    low, high = distributions.extreme_variances(n, d, level)
    below, above = distributions.shape_of_normal(n, d, level)
    passed = {"mean": 0, "variance": 0, "correlation": 0, "shell": 0, "spread": 0}
    generator = torch.Generator().manual_seed(1)
    for _ in range(repeats):
        z = torch.randn(n, d, generator=generator, dtype=torch.float64)
        passed["mean"] += z.mean(0).abs().max() > distributions.largest_mean(n, d, level)
        variance = z.var(0)
        passed["variance"] += bool(variance.min() < low or variance.max() > high)
        if d > 1:
            r = np.corrcoef(z.T.numpy())[np.triu_indices(d, 1)]
            passed["correlation"] += np.sqrt((r**2).mean()) > distributions.root_mean_correlation(
                n, d, level
            )
        white = ea.entropy.whitening.whiten(z)[0]
        passed["shell"] += distributions.shape(white).spread < below.spread
        passed["spread"] += distributions.shape(white).spread > above.spread
    least, most = stats.binom(repeats, level).ppf([1e-4, 1 - 1e-4])
    if d == 1:
        del passed["correlation"]
    for name, count in passed.items():
        # The limits of shape are simulated, from 100 samples: known to a tenth of a deviation.
        slack = 0.06 * repeats if name in ("shell", "spread") else 0
        assert least - slack <= count <= most + slack, (name, count)


def test_shares_above_a_sample_quantile():
    # With one draw, and the largest of n: P = 1/(n + 1), exactly.
    assert distributions.upper_share(99, 1, 0.99, 0.011) == 0
    assert distributions.upper_share(99, 1, 0.99, 0.009) == 1


def test_the_spread_of_norms_in_two_dimensions_is_rayleighs():
    assert distributions.spread_of_normal(2) == pytest.approx(math.sqrt(2 - math.pi / 2))


# Intrinsic dimension


def swiss_roll(n: int) -> torch.Tensor:
    t, height = 1.5 * math.pi * (1 + 2 * torch.rand(n)), 21 * torch.rand(n)
    return torch.stack([t * t.cos(), height, t * t.sin()], 1)


def sphere(n: int) -> torch.Tensor:
    return nn.functional.normalize(torch.randn(n, 3), dim=1)


def plane(n: int, d: int) -> torch.Tensor:
    return torch.rand(n, d) @ torch.randn(d, 20)


MANIFOLDS = {
    "segment": (lambda n: plane(n, 1), 1),
    "sphere": (sphere, 2),
    "swiss roll": (swiss_roll, 2),  # Levina and Bickel's table 1: 2.1 ± 0.03
    "plane": (lambda n: plane(n, 2), 2),
    "box of 4": (lambda n: plane(n, 4), 4),
}


@pytest.mark.parametrize("name", MANIFOLDS)
def test_dimension_of_manifolds(name):
    make, d = MANIFOLDS[name]
    found = intrinsic_dimension(make(2000), k=10)
    # Edges make it smaller, in proportion to the dimension.
    assert found.value == pytest.approx(d, rel=0.03 * d + 0.03, abs=4 * found.standard_error)


def test_dimension_of_two_neighbours_is_the_formula():
    x = torch.randn(50, 3, dtype=torch.float64)
    distance = torch.cdist(x, x).sort(1).values
    expected = 50 / (distance[:, 2] / distance[:, 1]).log().sum()
    assert intrinsic_dimension(x, k=2).value == pytest.approx(float(expected))


def test_dimension_is_of_the_shape_alone():
    x = torch.randn(200, 4, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    assert intrinsic_dimension(7 * x @ rotation - 3).value == pytest.approx(
        intrinsic_dimension(x).value
    )


def test_the_standard_error_of_the_dimension():
    found = [intrinsic_dimension(torch.rand(300, 2)) for _ in range(60)]
    spread = np.std([one.value for one in found])
    # Points share neighbours, so that the mean varies more than that of independent ones.
    assert 0.8 < spread / np.mean([one.standard_error for one in found]) < 2


def test_duplicates_do_not_break_the_dimension():
    x = torch.rand(500, 2)
    assert intrinsic_dimension(torch.cat([x, x])).value == pytest.approx(2, abs=0.6)
    assert intrinsic_dimension(torch.zeros(20, 2)) == (0, 0)


def test_dimension_says_what_it_needs():
    with pytest.raises(ValueError, match="at least 2: got k=1"):
        intrinsic_dimension(torch.rand(20, 2), k=1)
    with pytest.raises(ValueError, match=r"must be in \[1, 4\]: got k=10"):
        intrinsic_dimension(torch.rand(5, 2))


# What it leaves alone, and what it says


def test_nothing_is_changed_by_looking():
    patient = plants.inner_statistics()
    model = patient.model.train()
    model.encoder[2].momentum = None
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    modes = [part.training for part in model.modules()]
    patient.diagnose()
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert model.encoder[2].momentum is None
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_it_is_the_same_every_time():
    patient = plants.healthy()
    assert patient.diagnose() == patient.diagnose()


def test_without_held_out_samples_it_says_what_cannot_be_told():
    patient = plants.healthy()
    found = patient.model.diagnose(patient.train, progress=False)
    assert set(found.unmeasured) == {"leak", "overfitting", "copies", "steps"}
    assert not found.serious


def test_few_steps_are_enough_for_few_samples():
    """More would learn them by heart: 75 passes over 1000 images are 300 steps."""
    patient = plants.healthy()
    patient.log = [
        {"step": 4 * i, "epoch": i, "validation/reconstruction": 0.02} for i in range(1, 76)
    ]
    assert "steps" not in patient.diagnose()


def test_with_a_fitted_prior_the_code_need_not_be_normal():
    found = plants.HEALTHY["AE + BN with a mixture, digits"]().diagnose()
    assert "mixture prior" in found.unmeasured["scale"]
    assert "scale" not in found
    assert found["holes"].severity < Severity.SERIOUS


def test_two_functions_are_enough():
    x = torch.randn(400, 5)
    found = diagnose(of_functions(lambda x: 3 * x, lambda z: z / 3, x), x, progress=False)
    assert found.findings[0].name == "scale"
    assert found.findings[0].severity is Severity.SERIOUS


def test_arrays_and_samples_are_taken():
    x = np.random.default_rng(0).standard_normal((100, 6)).astype(np.float32)
    model = ea.Autoencoder(nn.Identity(), nn.Identity(), ea.Plain(6))
    assert model.diagnose(x, progress=False).figures["samples"] == 100
    assert model.diagnose(ea.kinds.read(x), n=50, progress=False).figures["samples"] == 50


def test_what_befalls_the_code_in_training_is_not_a_fault_of_a_variational_one():
    # Means alone are of variance 0.75 here; with their noise, N(0, I).
    torch.manual_seed(0)
    encoder = plants.Of(lambda x: torch.cat([0.75**0.5 * x, torch.full_like(x, math.log(0.25))], 1))
    model = ea.Autoencoder(encoder, nn.Linear(2, 2), ea.latent.Variational(2)).eval()
    with torch.no_grad():
        model.decoder.weight.copy_(torch.eye(2) * 0.75**0.5)
        model.decoder.bias.zero_()
    found = model.diagnose(torch.randn(1000, 2), torch.randn(500, 2), progress=False)
    assert "scale" in found.sound


def test_a_head_is_held_against_the_codes_that_it_was_fitted_to():
    # In training there is as much noise again, of which the head knows nothing.
    torch.manual_seed(0)
    encoder = plants.Of(lambda x: torch.cat([x, torch.zeros_like(x)], 1))
    model = ea.Autoencoder(encoder, nn.Identity(), ea.latent.Variational(2)).eval()
    x = torch.randn(2000, 2)
    found = model.fit_head(x, "full").diagnose(x, torch.randn(500, 2), progress=False)
    assert "scale" in found.sound


def test_the_text_is_plain_or_coloured_and_json_keeps_all():
    found = plants.scaled().diagnose()
    text = str(found)
    assert text.splitlines()[2].startswith("SERIOUS: The code is not centred or scaled")
    assert "\033" not in text
    assert "\033[1;31mSERIOUS" in found.text(colour=True)
    assert max(map(len, text.splitlines())) <= 88
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["findings"][0]["severity"] == "serious"
    assert plain["findings"][0]["name"] == "scale"
    told = plain["sound"].keys() | plain["unmeasured"].keys()
    assert told | {one["name"] for one in plain["findings"]} == FINDINGS.keys()


def test_few_held_out_samples_are_as_none():
    model = ea.Autoencoder(nn.Linear(4, 2), nn.Linear(2, 4), ea.Plain(2))
    x = torch.randn(100, 4)
    few = model.diagnose(x, x[:19] + 1, progress=False)
    assert few.findings == model.diagnose(x, progress=False).findings
    assert few.unmeasured["overfitting"] == "fewer than 20 held-out samples were given"


def test_errors_say_what_to_do():
    model = ea.Autoencoder(nn.Linear(4, 2), nn.Linear(2, 4), ea.Plain(2))
    x = torch.randn(100, 4)
    with pytest.raises(ValueError, match="at least 20 training samples: got 5"):
        model.diagnose(x[:5], x, progress=False)
    with pytest.raises(TypeError, match=r"got Autoencoder.*model\.diagnose\(train, held_out\)"):
        diagnose(model, x, progress=False)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shape \(4,\): got \(3,\)"):
        model.diagnose(x, x[:, :3], progress=False)
    with pytest.raises(ValueError, match="All samples are equal"):
        model.diagnose(torch.ones(100, 4), progress=False)
    with torch.no_grad():
        model.decoder.bias.fill_(math.nan)
    with pytest.raises(ValueError, match="100 of 100 reconstructions are not finite"):
        model.diagnose(x, progress=False)
    with pytest.raises(ValueError, match=r"codes of shape \(n, d\): got \(2, 4, 1\)"):
        of_functions(lambda x: x[..., None], lambda z: z[..., 0], x)
    wrong = of_functions(lambda x: x, lambda z: torch.cat([z, z], 1), x)
    with pytest.raises(ValueError, match=r"return the samples' shape \(4,\): got \(8,\)"):
        diagnose(wrong, x, progress=False)


def test_few_codes_in_many_dimensions():
    x = torch.randn(60, 80)
    found = diagnose(of_functions(lambda x: x, lambda z: z, x), x[:30], x[30:], progress=False)
    assert "too few in 80 dimensions" in found.unmeasured["scale"]


# The command, and the page


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    options = ["--epochs", "2", "--model.hidden", "[32]", "--model.latent.dim", "3", "--no-report"]
    assert main(["fit", "--data", "digits", "--out", str(folder), *options]) == 0
    return str(folder)


def test_the_command(run, capsys, tmp_path):
    assert main(["diagnose", run]) == 0
    out = capsys.readouterr().out
    assert "serious, " in out
    assert "\033" not in out
    assert main(["diagnose", run, "--json", "--prior", "mixture", "-n", "100"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["figures"]["samples"] == 100
    assert "mixture prior" in found["unmeasured"]["scale"]
    # The digits in wrong units: floats from 0 to 255.
    np.save(tmp_path / "bytes.npy", 255 * plants.digits()[1].numpy())
    with pytest.warns(UserWarning, match="x / 255"):
        assert main(["diagnose", run, "--data", str(tmp_path / "bytes.npy")]) == 0
    assert "SERIOUS: The data are not as the model knows them" in capsys.readouterr().out


def test_the_command_says_what_is_wrong_with_itself(run, capsys, tmp_path):
    assert main(["diagnose", run, "--prior", "mixtur"]) == 1
    assert "Did you mean 'mixture'?" in capsys.readouterr().err
    assert main(["diagnose", str(tmp_path)]) == 1
    assert "is no run folder" in capsys.readouterr().err


def test_the_page_is_of_the_code():
    made = "python -m entropae.diagnosis.page > docs/troubleshooting.md"
    assert (DOCS / "troubleshooting.md").read_text() == page(), f"Make it anew: {made}"
