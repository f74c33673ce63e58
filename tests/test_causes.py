"""Findings as a graph: causes lead, remedies fit the model, and are commands that run."""

from __future__ import annotations

import json
import math
import shlex
from types import SimpleNamespace

import pytest
import torch

import entropae as ea
from entropae.cli import main
from entropae.diagnosis import FINDINGS, Diagnosis, Finding, Severity, diagnose, of_functions
from entropae.diagnosis.advice import ADVICE, advice
from entropae.diagnosis.causes import ordered
from entropae.diagnosis.finding import Check, Verdict
from entropae.diagnosis.history import History
from entropae.diagnosis.radii import _valleys
from entropae.diagnosis.spanned import Spanned
from entropae.metrics.principal import principal_components
from entropae.prior import Full, Mixture
from entropae.runs import Run

import plants

NOTE, WARNING, SERIOUS = Severity


def check(name: str, *explains: str) -> Check:
    return Check(name, name.title(), "", "", "", "", lambda measured: None, explains)


def verdict(severity: Severity, explains: tuple[str, ...] | None = None) -> Verdict:
    return Verdict(severity, 1.0, 1.0, "a figure", explains)


# The order


def test_causes_lead_and_what_they_explain_follows():
    checks = {name: check(name) for name in "abc"} | {"d": check("d", "a", "b")}
    found = {"a": verdict(NOTE), "b": verdict(WARNING), "c": verdict(SERIOUS)}
    assert ordered(found | {"d": verdict(WARNING)}, checks) == {
        "c": "",
        "d": "",
        "b": "d",
        "a": "d",
    }


def test_what_is_worse_is_not_explained_unless_that_was_measured():
    checks = {"a": check("a", "b"), "b": check("b")}
    assert ordered({"a": verdict(WARNING), "b": verdict(SERIOUS)}, checks) == {"b": "", "a": ""}
    measured = {"a": verdict(WARNING, ("b",)), "b": verdict(SERIOUS)}
    assert ordered(measured, checks) == {"a": "", "b": "a"}
    assert measured["a"].severity is SERIOUS


def test_the_reason_of_a_reason_is_given_and_no_two_explain_each_other():
    checks = {"a": check("a", "b"), "b": check("b", "c", "a"), "c": check("c", "a")}
    found = ordered(dict.fromkeys("abc", verdict(SERIOUS)), checks)
    assert found == {"c": "", "b": "c", "a": "c"}  # c explains a, which explains b
    both = {"a": verdict(NOTE, ("b",)), "b": verdict(NOTE, ("a",))}
    assert list(ordered(both, checks).values()).count("") == 1


# Contradictions


@pytest.mark.long
def test_over_fitting_explains_what_it_makes_worse_than_a_linear_model():
    """40 samples known by heart: nobody is told to train longer, with larger networks."""
    found = plants.overfitting().diagnose()
    assert found.causes[0].name == "overfitting"
    assert found["undertrained"].follows_from == "overfitting"
    said = " ".join(one.remedy for one in found.causes)
    assert "epochs" not in said
    assert "learning" not in said


def test_a_model_that_has_not_learnt_is_not_told_to_use_more_dimensions():
    # Codes are the first of 20 equal directions, reconstructed at a tenth of their size.
    x = torch.randn(1000, 20, generator=torch.Generator().manual_seed(0))
    subject = of_functions(
        lambda x: x[:, :15], lambda z: torch.cat([z / 10, z.new_zeros(len(z), 5)], 1), x
    )
    found = diagnose(subject, x[:600], x[600:], progress=False)
    assert "undertrained" in found
    assert "latent_small" in found.sound


def test_over_fitting_is_seen_where_the_errors_differ_by_their_ratio():
    """Held-out errors so heavy-tailed that their mean tells nothing: 40 are 1e4 times as large."""
    x = torch.randn(1040, 4, generator=torch.Generator().manual_seed(0))
    rows = {row.numpy().tobytes() for row in x[1000:]}
    size = (torch.randn(40, generator=torch.Generator().manual_seed(1)) * 2).exp()
    order = iter(size.repeat(50).tolist())

    def decode(z: torch.Tensor) -> torch.Tensor:
        errors = [
            next(order) * 0.05 if row.numpy().tobytes() in rows else 1e-3
            for row in z.to(torch.float32)
        ]
        return z + torch.tensor(errors, dtype=z.dtype)[:, None]

    found = diagnose(
        of_functions(lambda x: x, decode, x[:1000]), x[:1000], x[1000:], progress=False
    )
    assert "overfitting" in found


# Steps


@pytest.mark.parametrize(
    ("errors", "fall"), [([4, 2, 2, 2], 0), ([8, 4, 3, 2], 1), ([4, 2, 3, 4], -0.5)]
)
def test_how_far_the_error_fell_in_the_second_half(errors, fall):
    log = [{"step": 10.0 * i + 10, "validation/reconstruction": e} for i, e in enumerate(errors)]
    history = History.of(log)
    assert history is not None
    assert history.steps == 40
    assert history.fall == pytest.approx(fall)


def test_a_log_of_few_rows_says_nothing_of_the_fall():
    history = History.of([{"step": 5.0, "train/reconstruction": 1.0}])
    assert history is not None
    assert math.isnan(history.fall)
    assert History.of([]) is None


def test_few_steps_of_a_model_that_is_good_already_are_a_note():
    patient = plants.linear(plants.waves(plants.normal(4)), 4)
    patient.log = [{"step": 20, "train/reconstruction": 0.1}]
    assert patient.diagnose()["steps"].severity is NOTE


# Rings


@pytest.mark.long
def test_valleys_are_told_from_chance():
    assert _valleys(torch.tensor([40, 2, 40, 1, 38]).numpy(), 1e-3) == 2
    assert _valleys(torch.tensor([1, 20, 40, 20, 1]).numpy(), 1e-3) == 0
    counts = torch.poisson(
        torch.full((500, 16), 30.0), generator=torch.Generator().manual_seed(0)
    ).numpy()
    assert sum(_valleys(row, 1e-3) > 0 for row in counts) <= 3


# Coordinates in the span


@pytest.mark.parametrize("size", [200, 30])
def test_distances_to_training_samples_and_errors_are_kept(size):
    generator = torch.Generator().manual_seed(0)
    x = 5 + torch.randn(60, size, generator=generator, dtype=torch.float64)
    y = 5 + torch.randn(20, size, generator=generator, dtype=torch.float64)
    x[7] = x[3]
    spanned = Spanned(x)
    torch.testing.assert_close(torch.cdist(spanned(y), spanned.train), torch.cdist(y, x))
    assert torch.equal(spanned.train[7], spanned.train[3])
    components = principal_components(x)
    for data, errors in ((y, spanned.errors(y)), (x, spanned.train_errors)):
        some = components.scores(data)[:, :5] @ components.axes[:5] + components.mean
        assert float(errors[5]) == pytest.approx(float((data - some).square().mean()))


# Remedies


LATENTS = {
    "entropic": ea.Entropic(4),
    "uncorrected": ea.Entropic(4, correction="none", bank=0),
    "λ = 0": ea.Entropic(4, weight=0.0),
    "plain": ea.Plain(4),
    "standardised": ea.Plain(4, standardize=True),
    "variational": ea.latent.Variational(4),
}


def advised(latent: ea.latent.Latent, name: str) -> str:
    weight = getattr(latent, "weight", None)
    subject = SimpleNamespace(
        latent=latent,
        weight=weight,
        recipe={"epochs": 3, "learning_rate": 1e-3, "model.hidden": [64], "model.width": 16},
        history=History(30, ()),
        batch_size=32,
        prior_name="normal",
        is_numeric=True,
        is_convolutional=False,
    )
    measured = SimpleNamespace(
        subject=subject,
        dim=4,
        error=1.0,
        linear_error=lambda d, train=False: 0.5,
        heard=0.0,
        variance=1.0,
        off=0.0,
        train_errors=torch.full((5,), 0.1),
        data_dimension=SimpleNamespace(value=2.5),
        active=torch.tensor([True, True, True, False]),
        white=torch.zeros(5, 3),
        code=4 * torch.ones(5, 4),
        full=Full(4),
        mixture=Mixture(4),
    )
    for prior in (measured.full, measured.mixture):
        prior.fit(4 * torch.randn(100, 4, generator=torch.Generator().manual_seed(0)))
    found = advice(name, measured)  # type: ignore[arg-type]
    return found.text if found else FINDINGS[name].remedy


@pytest.mark.parametrize("name", ["correlation", "tails"])
@pytest.mark.parametrize(("spread", "fits"), [(0.6, False), (1.5, True)])
def test_a_prior_is_named_only_where_held_out_codes_are_likelier_under_it(name, spread, fits):
    """Training codes narrower than the others, as of a head that knows them by heart."""
    rng = torch.Generator().manual_seed(0)
    known = spread * torch.randn(500, 3, generator=rng)
    full, mixture = Full(3), Mixture(3, components=1)
    for prior in (full, mixture):
        prior.fit(known)
    measured = SimpleNamespace(
        subject=SimpleNamespace(prior_name="normal"),
        dim=3,
        code=max(1.1, spread) * torch.randn(200, 3, generator=rng),
        full=full,
        mixture=mixture,
    )
    found = advice(name, measured)  # type: ignore[arg-type]
    assert found is not None
    assert bool(found.prior) == fits
    assert ("Keep to N(0, I)" in found.text) == (not fits)
    assert bool(found.cause) == (not fits)


@pytest.mark.parametrize(("numeric", "d"), [(True, 14), (False, 55)])
def test_duplicates_are_left_out_at_once_where_data_fill_few_dimensions(numeric, d):
    measured = SimpleNamespace(
        subject=SimpleNamespace(is_numeric=numeric, prior_name="full"),
        dim=64,
        white=torch.zeros(5, 55),
        data_dimension=SimpleNamespace(value=6.9),
    )
    found = advice("duplicates", measured)  # type: ignore[arg-type]
    assert found is not None
    assert found.settings == {"model.latent.dim": d}


@pytest.mark.parametrize(("spread", "fits"), [(0.6, False), (1.5, True)])
def test_for_duplicates_a_mixture_is_tried_before_training_again_where_it_fits(spread, fits):
    rng = torch.Generator().manual_seed(0)
    mixture = Mixture(3, components=1)
    mixture.fit(spread * torch.randn(500, 3, generator=rng))
    measured = SimpleNamespace(
        subject=SimpleNamespace(is_numeric=True, prior_name="normal"),
        dim=3,
        white=torch.zeros(5, 2),
        code=max(1.1, spread) * torch.randn(200, 3, generator=rng),
        mixture=mixture,
        data_dimension=SimpleNamespace(value=6.9),
    )
    found = advice("duplicates", measured)  # type: ignore[arg-type]
    assert found is not None
    assert (found.prior == "mixture") == fits
    assert found.settings == {"model.latent.dim": 2}


@pytest.mark.parametrize("name", FINDINGS)
@pytest.mark.parametrize("latent", LATENTS)
def test_no_remedy_recommends_what_the_model_has(name, latent):
    said = advised(LATENTS[latent], name)
    if latent in ("entropic", "uncorrected", "λ = 0"):
        assert "Entropic" not in said
    if latent == "entropic":
        assert "potential" not in said
        assert "bank" not in said
    if latent != "variational":
        assert "KL" not in said


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    options = ["--epochs", "1", "--model.hidden", "[16]", "--model.latent.dim", "3"]
    options += ["--no-report", "--validation", "0.3", "--model.start", "random"]
    assert main(["fit", "--data", "digits", "--out", str(folder), *options]) == 0
    return Run.open(folder)


def test_a_run_of_few_steps_is_told_so_first(run):
    found = run.diagnose(progress=False)
    assert found.causes[0].name == "steps"
    assert found["undertrained"].follows_from == "steps"


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "prior"),
    [
        ({"epochs": 2}, ""),
        ({"model.hidden": [8], "epochs": 1}, "full"),
        ({"model.latent.weight": 0.25, "learning_rate": 0.001}, "mixture"),
        ({"model.latent": {"name": "entropic", "dim": 2}}, ""),
    ],
)
def test_commands_run_as_they_are_printed(run, settings, prior, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finding = Finding("steps", "", WARNING, "", 1, 1, "", "", "", settings, prior)
    examined = run.diagnose(progress=False)
    commands = examined.commands(finding)
    out = shlex.split(commands[-1])[5]
    assert len(commands) == 1 + bool(prior)
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "entropae"
        assert main(arguments) == 0, command
    assert examined.commands(finding)[-1] != commands[-1]  # that folder is there now
    made = Run.open(out).recipe
    for setting, value in settings.items():
        found = made
        for part in setting.split("."):
            found = found[part] if isinstance(found, dict) else getattr(found, part)
        assert found == value or list(found) == value or value.items() <= found.items()


def test_a_finding_of_a_model_without_a_run_has_calls():
    finding = Finding("a", "", WARNING, "", 1, 1, "", "", "", {"epochs": 2}, "full")
    found = Diagnosis((finding,), {}, {}, {})
    assert found.commands(finding) == ['model.fit_prior(data, "full")']


# Kept


def test_the_diagnosis_is_kept_until_the_model_changes(run, monkeypatch):
    found = run.diagnose(progress=False)
    calls = []
    whole = Run.examine
    monkeypatch.setattr(Run, "examine", lambda *a, **o: calls.append(1) or whole(*a, **o))
    again = Run.open(run.folder)
    assert again.diagnose(progress=False) == found
    assert not calls
    again.diagnose(n=100, progress=False)
    assert len(calls) == 1
    path = run.folder / "log.csv"
    path.write_text(path.read_text() + "\n")
    Run.open(run.folder).diagnose(progress=False)
    assert len(calls) == 2


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"key": 1}'])
def test_a_damaged_diagnosis_is_made_anew(run, damage):
    found = run.diagnose(progress=False)
    (run.folder / "diagnosis.json").write_text(damage)
    assert Run.open(run.folder).diagnose(progress=False) == found


def test_words_of_a_strangers_diagnosis_are_not_taken_over(run):
    found = run.diagnose(progress=False)
    path = run.folder / "diagnosis.json"
    kept = json.loads(path.read_text())
    kept["findings"][0]["title"] = "Type this"
    kept["findings"][0]["figure"] = "\x1b[2J"
    path.write_text(json.dumps(kept))
    again = Run.open(run.folder).diagnose(progress=False)
    assert again.findings[0].title == found.findings[0].title
    assert "\x1b" not in again.text()
    kept["findings"][0]["settings"] = {"x; rm -rf": 1}
    path.write_text(json.dumps(kept))
    assert Run.open(run.folder).diagnose(progress=False) == found


# Networks of one's own


def own_networks(size: float = 1.0) -> tuple[ea.Autoencoder, torch.Tensor]:
    """Networks as they are made, with outputs far from the data's mean."""
    torch.manual_seed(0)
    decoder = torch.nn.Linear(4, 8)
    model = ea.Autoencoder(torch.nn.Linear(8, 4), decoder, ea.Plain(4))
    return model, size * (3 + torch.randn(500, 8))


def test_networks_that_are_hardly_trained_are_not_told_to_slow_down():
    model, x = own_networks()
    (cause, *_) = model.diagnose(x, progress=False).causes
    assert cause.name in ("collapse", "undertrained")
    assert "at ten times the learning rate" in cause.remedy
    assert "see that their weights are loaded" in cause.remedy
    torch.nn.init.zeros_(model.decoder.weight)  # type: ignore[arg-type]
    (dead, *_) = model.diagnose(x, progress=False).causes
    assert dead.name == "collapse"
    assert "smaller learning rate" in dead.remedy


def test_data_of_another_size_than_networks_begin_with_are_to_be_divided():
    model, x = own_networks(100.0)
    found = model.diagnose(x, progress=False)
    assert "Divide the data by their standard deviation, 99" in found["undertrained"].remedy


def test_rows_that_repeat_themselves_are_no_leak():
    x = torch.randint(2, (600, 3), generator=torch.Generator().manual_seed(0)).float()
    found = diagnose(of_functions(lambda x: x, lambda z: z, x), x[:300], x[300:], progress=False)
    assert "leak" in found.sound
    again = x + torch.randn(600, 3, generator=torch.Generator().manual_seed(1))
    subject = of_functions(lambda x: x, lambda z: z, again)
    found = diagnose(subject, again[:300], again[100:400], progress=False)
    assert found["leak"].value == pytest.approx(2 / 3, abs=1e-6)
    assert "copies" in found.unmeasured


@pytest.mark.parametrize(("weight", "better"), [(1e-4, 0.1), (0.1, 0.4), (100.0, 1.0), (2.0, 0.5)])
def test_weights_far_off_come_back_to_those_that_have_served(weight, better):
    subject = SimpleNamespace(weight=weight, latent=ea.Entropic(4, weight))
    advised = ADVICE["weight_small" if better > weight else "weight_large"](
        SimpleNamespace(subject=subject)  # type: ignore[arg-type]
    )
    assert advised is not None
    assert advised.settings == {"model.latent.weight": better}
