"""Metrics and rivals against other people's code, on the same inputs.

    pip install --no-deps -r benchmarks/requirements.txt
    python benchmarks/references.py

Fréchet and kernel distance, precision, recall, density and coverage against torch-fidelity, prdc
and scipy's `sqrtm`; the FID Inception's features against torch-fidelity's network with the same
random weights, since the published file is not in the repository; the penalties of VAE, WAE and RAE
against pythae. Exits with 1 if a relative difference is above 1e-6 (features: 1e-5, in float32).
"""

from __future__ import annotations

import sys
import tempfile
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np
import scipy.linalg
import torch
from torch import nn

from entropae.features.inception import Inception, inception_input
from entropae.latent import Regularized, Variational
from entropae.latent.matching import mmd
from entropae.metrics.frechet import frechet_distance
from entropae.metrics.kernel import kernel_distance
from entropae.metrics.neighbourhoods import precision_recall_density_coverage
from entropae.model import Autoencoder

from _machine import save


def without_torchvision() -> None:
    """torch-fidelity imports torchvision for data sets and networks that are not used here."""
    for name in ("", ".datasets", ".transforms", ".transforms.functional"):
        module = ModuleType(f"torchvision{name}")
        module.__getattr__ = lambda _: MagicMock()  # type: ignore[method-assign]
        sys.modules[f"torchvision{name}"] = module


def samples(n: int, m: int, f: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two samples of correlated, skewed features, as networks give."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(f, f)) / f**0.5
    x = np.maximum(rng.normal(size=(n, f)) @ mix + 0.2, 0)
    y = np.maximum(rng.normal(size=(m, f)) @ mix * 1.1 + 0.3, 0)
    return torch.from_numpy(x), torch.from_numpy(y)


def by_sqrtm(x: torch.Tensor, y: torch.Tensor) -> float:
    """The Fréchet distance as first published, by scipy's matrix square root."""
    a, b = np.cov(x.numpy(), rowvar=False), np.cov(y.numpy(), rowvar=False)
    root = scipy.linalg.sqrtm(a @ b).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root))


def metrics(rows: list[tuple[str, str, float, float]]) -> None:
    """Each metric's own value beside its reference's."""
    from prdc import compute_prdc
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    for n, m, f in ((500, 400, 16), (3000, 3000, 256), (2500, 3000, 1280)):
        x, y = samples(n, m, f)
        size = f"n = {n}, m = {m}, f = {f}"
        own = frechet_distance(x, y)
        rows.append((f"Fréchet distance, {size}", "scipy sqrtm", own, by_sqrtm(x, y)))
        statistics = [fid_features_to_statistics(z) for z in (x, y)]
        theirs = fid_statistics_to_metric(*statistics, verbose=False)
        theirs = theirs["frechet_inception_distance"]
        rows.append((f"Fréchet distance, {size}", "torch-fidelity", own, theirs))
    # With subsets as large as the samples nothing is left to the choice of subsets.
    x, y = samples(600, 600, 64)
    theirs = kid_features_to_metric(x, y, kid_subsets=1, kid_subset_size=600, verbose=False)
    theirs = theirs["kernel_inception_distance_mean"]
    rows.append(
        ("kernel distance", "torch-fidelity", kernel_distance(x, y, subsets=1).mean, theirs)
    )
    x, y = samples(700, 900, 12)
    for k in (3, 5):
        theirs = compute_prdc(x.numpy(), y.numpy(), nearest_k=k)
        for name, value in precision_recall_density_coverage(x, y, k=k)._asdict().items():
            rows.append((f"{name}, k = {k}", "prdc", value, float(theirs[name])))


def inception(rows: list[tuple[str, str, float, float]]) -> None:
    """Features of random images in the FID Inception, and the FID of two sets of them."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.manual_seed(0)
    network = Inception()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)  # or features would hardly differ
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    network.eval()
    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        top = {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
        torch.save(network.state_dict() | top, file.name)
        theirs = FeatureExtractorInceptionV3(
            "x", ["2048"], feature_extractor_weights_path=file.name
        )
    found, expected = [], []
    for size in (32, 75):
        images = torch.randint(0, 256, (16, 3, size, size), dtype=torch.uint8)
        with torch.no_grad():
            found.append(network(inception_input(images / 255)))
            expected.append(theirs(images)[0])
        worst = float((found[-1] - expected[-1]).abs().max() / expected[-1].std(0).mean())
        rows.append((f"Inception features of {size}×{size}", "torch-fidelity", 1 + worst, 1.0))
    rows.append(("FID", "torch-fidelity", frechet_distance(*found), frechet_distance(*expected)))


def penalties(rows: list[tuple[str, str, float, float]]) -> None:
    """What the rivals add to the loss, in pythae's units: summed over the code's dimensions."""
    from pythae.models import RAE_GP, VAE, WAE_MMD, RAE_GP_Config, VAEConfig, WAE_MMD_Config

    d, n = 6, 50
    torch.manual_seed(0)
    x = torch.rand(n, 20)
    h = torch.randn(n, 2 * d)
    mean, log_variance = h.chunk(2, 1)
    vae = VAE(VAEConfig(input_dim=(20,), latent_dim=d))
    kl = vae.loss_function(x, x, mean, log_variance, mean)[2]
    own = Variational(d).train()(h).penalties["kl"].value
    rows.append(("VAE, KL", "pythae", float(d * own), float(kl)))
    wae = WAE_MMD(WAE_MMD_Config(input_dim=(20,), latent_dim=d, kernel_choice="imq"))
    torch.manual_seed(1)
    normal = torch.randn_like(mean)
    theirs = wae.loss_function(x, x, mean, normal)[2]
    torch.manual_seed(1)
    rows.append(("WAE, MMD", "pythae", float(mmd(mean)), float(theirs)))
    # pythae takes the gradient in the image, the paper in the code: with a code that is the image
    # they are the same.
    rae = RAE_GP(RAE_GP_Config(input_dim=(d,), latent_dim=d))
    decoder = nn.Sequential(nn.Linear(d, 30), nn.Tanh(), nn.Linear(30, d))
    model = Autoencoder(nn.Identity(), decoder, Regularized(d, decoder="gradient")).train()
    z = torch.randn(n, d, requires_grad=True)
    _, _, gradient, norm = rae.loss_function(decoder(z), z, z)
    own = model(z).penalties
    rows.append(
        ("RAE-GP, gradient", "pythae", float(d * own["decoder"].value.detach()), float(gradient))
    )
    rows.append(("RAE, norm", "pythae", float(d * own["norm"].value), float(norm)))


def main() -> None:
    without_torchvision()
    torch.set_default_dtype(torch.float64)
    rows: list[tuple[str, str, float, float]] = []
    metrics(rows)
    penalties(rows)
    torch.set_default_dtype(torch.float32)
    inception(rows)
    failed = False
    print("| quantity | reference | entropae | reference's | relative difference |\n|-|-|-|-|-|")
    for name, reference, own, theirs in rows:
        difference = abs(own / theirs - 1)
        failed |= difference > (1e-5 if "Inception" in name or name == "FID" else 1e-6)
        print(f"| {name} | {reference} | {own:.10g} | {theirs:.10g} | {difference:.1e} |")
    names = ("name", "reference", "own", "theirs")
    save("references", [dict(zip(names, row, strict=True)) for row in rows])
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
