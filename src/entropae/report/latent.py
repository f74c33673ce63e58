"""Sections of numbers drawn: the training's curves, and the distribution of the codes."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats

from entropae.drawing import charts, pictures
from entropae.drawing.blocks import Block, Picture, Pictures, Text
from entropae.drawing.palette import shades
from entropae.kinds.labels import classes_of
from entropae.kinds.samples import evenly
from entropae.latent import Latent
from entropae.messages import number_of
from entropae.metrics.principal import principal_components
from entropae.report.trained import Trained, series

PARTS = 24  # that have a curve
MAPPED = 400
NEIGHBOURS = 30  # that t-SNE keeps near, about
WIDEST = 128  # coordinates that the matrix and the densities have room for


def curves(run: Trained) -> list[Block]:
    """The parts of the loss over the training."""
    rows = run.log
    if isinstance(rows, str):
        return [Text(rows)]
    if not rows and run.origin is None:
        return []
    parts = list(
        dict.fromkeys(name.split("/", 1)[1] for row in rows for name in row if "/" in name)
    )
    drawn = []
    for i, part in enumerate(parts[:PARTS]):
        found = {
            title: series(rows, f"{stage}/{part}")
            for stage, title in (("train", "training"), ("validation", "held-out"))
        }
        found = {title: points for title, points in found.items() if points[0]}
        title = (pictures.TITLES | pictures.titles_of(run.train.kind.errors)).get(part, part)
        alt = f"{title} over {len(rows)} epochs: " + "; ".join(
            f"{name} from {ys[0]:.3g} to {ys[-1]:.3g}" for name, (_, ys) in found.items()
        )
        log = part == "reconstruction"
        drawn.append(Picture(charts.lines(f"curve-{i}", found, alt=alt, x="step", log=log), title))
    rate = series(rows, "learning_rate")
    if rate[0]:
        alt = f"Learning rate: at most {max(rate[1]):.3g}, at the end {rate[1][-1]:.3g}"
        chart = charts.lines("curve-rate", {"learning rate": rate}, alt=alt, x="step")
        drawn.append(Picture(chart, "learning rate"))
    if not drawn:
        return [Text("The training's log has no curves.")]
    return [Pictures(drawn)]


def codes(run: Trained) -> list[Block]:
    """The distribution of the codes beside N(0, I), and a map of them."""
    code = run.code
    text = Text(
        f"Codes of {len(code):,} {run.others} {run.things}, in "
        f"{number_of(code.shape[1], 'dimension')}, beside what N(0, I) has."
    )
    if len(code) < 3:
        return [text, Text("They are too few for a picture.")]
    blocks: list[Block] = [text, Pictures([_norms(code), _marginals(code), _correlations(code)])]
    if type(run.model.latent).project is not Latent.project:
        blocks.append(
            Text(
                "The codes of this latent do not fill the space: drawn ones are brought to where "
                "they lie, so that their norms need not follow the chi distribution."
            )
        )
    return [*blocks, Pictures([_map(run)])]


def _norms(code: Float[np.ndarray, "n d"]) -> Picture:
    norms, d = np.linalg.norm(code, axis=1), code.shape[1]
    chi = stats.chi(d)
    x = np.linspace(min(norms.min(), chi.ppf(1e-4)), max(norms.max(), chi.ppf(1 - 1e-4)), 200)
    alt = (
        f"Histogram of ‖z‖: mean {norms.mean():.3g}, spread {norms.std(ddof=1):.3g}; the chi "
        f"distribution of {d} {'degree' if d == 1 else 'degrees'} of freedom has {chi.mean():.3g} "
        f"and {chi.std():.3g}"
    )
    chart = charts.histogram(
        "norms", norms, (x, stats.chi.pdf(x, d)), alt=alt, x="‖z‖", labels=("codes", "chi density")
    )
    return Picture(chart, f"{alt}. A narrower one is a shell.")


def _marginals(code: Float[np.ndarray, "n d"]) -> Picture:
    edges = np.linspace(-4, 4, int(np.clip(math.sqrt(len(code)), 8, 32)) + 1)
    some = code[:, :WIDEST]
    heights = [np.histogram(z, edges)[0] / (len(z) * np.diff(edges)) for z in some.T]
    x = np.linspace(-4, 4, 200)
    kurtosis = stats.kurtosis(code, axis=0) if (code.std(0) > 0).all() else np.zeros(1)
    alt = (
        f"Densities of {number_of(len(heights), 'coordinate')} over each other: means from "
        f"{code.mean(0).min():.2g} to {code.mean(0).max():.2g}, standard deviations from "
        f"{code.std(0).min():.2g} to {code.std(0).max():.2g}, mean excess kurtosis "
        f"{kurtosis.mean():.2g} (N(0, 1): 0)"
    )
    chart = charts.densities(
        "marginals",
        edges,
        heights,
        (x, stats.norm.pdf(x)),
        alt=alt,
        labels=("coordinates", "N(0, 1)"),
    )
    return Picture(chart, f"{alt}.")


def _correlations(code: Float[np.ndarray, "n d"]) -> Picture:
    """The covariance less the identity, which is all that is to be seen in it."""
    some = code[:, :WIDEST]
    difference = np.atleast_2d(np.cov(some.T)) - np.eye(some.shape[1])
    most = float(np.abs(difference).max())
    noise = 1 / math.sqrt(len(code))
    i, j = np.unravel_index(np.abs(difference).argmax(), difference.shape)
    alt = (
        f"Covariance matrix less the identity: entries from {difference.min():.2g} to "
        f"{difference.max():.2g}, the largest of coordinates {i} and {j}; chance gives "
        f"about ±{noise:.2g}"
    )
    chart = charts.matrix("covariance", difference, most=max(most, 3 * noise), alt=alt)
    return Picture(chart, f"{alt}. Blue is above 0, orange below; full colour is {most:.2g}.")


def _map(run: Trained) -> Picture:
    """Neighbours of the code space as neighbours in the plane."""
    x = run.held_out.spread(MAPPED)
    places, how = plane(run.model.encode(x).cpu().double().numpy())
    caption = f"Map of the codes of {len(x)} {run.others} {run.things}, {how}."
    classes = classes_of(run.held_out) or []
    labels = [classes[i] for i in evenly(len(classes), len(x))] if classes else []
    if not shades(labels):
        return run.train.kind.on_map(x, places, caption)
    return run.train.kind.on_map(x, places, f"{caption} Colours are classes.", labels)


def plane(code: Float[np.ndarray, "n d"]) -> tuple[Float[np.ndarray, "n 2"], str]:
    """Places in the plane for three codes or more, and how they were found.

    By t-SNE, which takes a second for so few; by principal axes if the codes are too few for its
    neighbours, or differ in two dimensions at most.
    """
    n = len(code)
    points = torch.from_numpy(np.asarray(code, np.float64))
    components = principal_components(points)
    if n <= NEIGHBOURS or len(components.variances) <= 2:
        scores = components.scores(points)[:, :2].numpy()
        return np.pad(scores, ((0, 0), (0, 2 - scores.shape[1]))), "on the principal axes"
    from sklearn.manifold import TSNE

    places = TSNE(init="pca", perplexity=NEIGHBOURS, random_state=0).fit_transform(code)
    return np.asarray(places, np.float64), "by t-SNE: near is near, far means little"
