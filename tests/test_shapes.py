"""The annotated shapes and types hold: everything is run once with jaxtyping's checks on."""

from __future__ import annotations

import subprocess
import sys

import pytest

EVERYTHING = """
from jaxtyping import TypeCheckError, install_import_hook

with install_import_hook("entropae", "beartype.beartype"):
    import entropae as ea
    from entropae import diagnosis, entropy, information, kinds, metrics, model, neighbors, nn
    from entropae import latent as latents, prior, recipe, training
    from entropae.drawing import pictures
    from entropae.kinds.text import evaluation

import tempfile
from pathlib import Path

import numpy as np
import torch

x = np.random.default_rng(0).standard_normal((60, 3))
ea.knn_entropy(x, 2, norm="maximum")
ea.knn_entropy(torch.from_numpy(x).float().requires_grad_(), floor=0.1).backward()
ea.gaussian_baseline(30, 2, 1)
for method in entropy.METHODS:
    ea.entropy_estimate(x, 3, method=method, repeats=2)
ea.knn_entropy(torch.from_numpy(x).float(), [1, 2], method="calibrated", norm="maximum")
with tempfile.TemporaryDirectory() as folder:
    np.save(Path(folder, "x.npy"), x)
    for columns in (["0"], ["0", "1", "2"]):
        ea.entropy_estimate(ea.open_table(Path(folder, "x.npy"), columns))
ea.knn_renyi_entropy(x, 2.0)
ea.knn_tsallis_entropy(x, 0.5, k=1)
for samples in ((x, x[:40] + 1), (torch.from_numpy(x).requires_grad_(), x + 1)):
    ea.knn_divergence(*samples)
    ea.knn_cross_entropy(*samples)
for parts in (np.hsplit(x, 3), torch.from_numpy(x).float().split(1, 1)):
    for method in ("auto", "ksg1", "ksg2", "gao"):
        ea.knn_mutual_information(*parts[:2], method=method)
    ea.knn_conditional_mutual_information(*parts)
ea.knn_total_correlation(x)
one, two, three = x.T
columns = {"a": one, "b": one.round(1), "c": two > 0, "d": np.where(three < 0, 0, three), "e": two}
for permutations in (0, 3):
    ea.information_matrix(columns, period={"e": 7}, permutations=permutations, exclude=2).frame()
ea.rank_features(columns, "c", resolution={"a": 0.5}).frame()
ea.conditional_mutual_information_estimate(one, columns["c"], columns["d"], permutations=3)
ea.conditional_mutual_information_estimate(one, two, three, exclude=3, permutations=3)
ea.total_correlation_estimate(columns, permutations=3)
ea.transfer_entropy_estimate(one, columns["b"], permutations=3)
ea.knn_mutual_information(one, two.round(1), lag=range(3))
ea.knn_divergence(x.round(1), (x + 1).round(1))
ea.entropy_estimate(x.round(1), scale="standard", repeats=2)
ea.normality(x)
ea.frechet_distance(x, x[:20])
neighbors.kth_distance(torch.zeros(4, 2), torch.ones(5, 2), k=2, method="differences")
for latent, network in (
    (ea.Plain(3), "mlp"),
    (ea.Plain(3, standardize=True), "conv"),
    (ea.Entropic(3), "conv"),
):
    encoder, decoder = nn.pair(network, (1, 9, 9), 3, 3, width=2)
    made = ea.Autoencoder(encoder, decoder, latent)
    samples = kinds.read(np.random.default_rng(0).integers(0, 256, (50, 9, 9), dtype=np.uint8))
    rows = ea.fit(made, samples, epochs=2, batch_size=16, progress=False)
    made.diagnose(samples, batch_size=16, progress=False)
    for law in ("normal", "full", "mixture"):
        made.fit_prior(samples, law).priors[law].log_prob(made.encode(samples))
    with tempfile.TemporaryDirectory() as folder:
        made.save(folder)
        again = ea.load(folder)
        samples.kind.illustrate(again, samples, Path(folder), seed=0)
        pictures.save_curves(rows, Path(folder) / "curves.png")
        pictures.save_images(again.sample(2), Path(folder))
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "x.txt").write_text("\\n".join(f"line {i} of all" for i in range(40)))
    samples = kinds.read(Path(folder, "x.txt"), tokenizer="character", length=20)
for network in ("lstm", "transformer"):
    latent = latents.Variational(2)
    pair = nn.text_pair(network, len(samples.kind.tokenizer), 20, 4, 2, hidden=8)
    made = ea.Autoencoder(*pair, latent)
    ea.fit(made, samples, epochs=1, batch_size=16, progress=False)
    for made.decoder.decoding in nn.DECODINGS.values():
        made.interpolate(made.draw(2), made.reconstruct(samples.first(2)), steps=2)
        assert len(made.sample(2)) == 2
    sizes = {"hidden": 4, "steps": 2}
    evaluation.evaluate_text(made, samples, samples, n=20, made=9, language=sizes)

columns = {"a": x[:, 0], "b": x[:, 1].round(), "c": ["u", "v", None] * 20}
for data, options in ((columns, {}), (x, {}), (torch.from_numpy(x), {})):
    samples = kinds.read(data, **options)
    latent = latents.Entropic(2)
    config = recipe.ModelConfig(hidden=(8,))
    made = ea.Autoencoder(*samples.kind.networks(config, latent, samples), latent)
    with tempfile.TemporaryDirectory() as folder:
        ea.fit(made, data, epochs=2, batch_size=16, progress=False)
        samples.kind.learn(made, samples)
        samples.kind.figures(made, samples)
        samples.kind.evaluate(made, samples, samples, kinds.Evaluating(n=30, progress=False))
        made.save(folder)
        again = ea.load(folder)
        assert len(again.sample(3, seed=0)) == len(again.reconstruct(data)[:3]) == 3

try:
    neighbors.kth_distance(torch.zeros(3))
except TypeCheckError:
    print("checked")
gc.freeze()
"""


@pytest.mark.long
def test_shapes_and_types_hold():
    # All functions with their checks are a million objects, none of them garbage.
    code = "import gc, warnings; gc.disable(); warnings.simplefilter('ignore')\n" + EVERYTHING
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "checked", "the checks were not on"
