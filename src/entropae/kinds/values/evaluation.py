"""Samples measured by their features: distances to held-out ones, and whether they are copies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from torch import Tensor
from tqdm.auto import tqdm

from entropae.features import Remembering, extract, find, title
from entropae.kinds.labels import classes_of
from entropae.kinds.measures import Evaluating
from entropae.kinds.samples import Samples
from entropae.kinds.values.errors import squared_errors
from entropae.metrics import (
    frechet_distance,
    kernel_distance,
    normality,
    precision_recall_density_coverage,
)
from entropae.neighbors import kth_distance
from entropae.nn import ScaledDecoder, points_of
from entropae.prior import BARE

# Neighbour metrics cost the square of the sample; more points hardly change them.
NEIGHBOURS = 2000
# Which neighbour precision and recall are measured by; each point needs so many others.
K = 5
TRAINING = "training samples"


def evaluate(model: Any, train: Samples, test: Samples, options: Evaluating) -> dict[str, Any]:
    """Measure a model on samples that it has not been trained on.

    Returns:
        `features`, `samples`; `mean_squared_error` per value; `code`, the normality of the held-out
        codes; `per_class`, if classes can be drawn from; and for `training samples`,
        `reconstructions` and each prior `frechet`, `kernel`, `precision`, `recall`, `density` and
        `coverage`. Of what is drawn also `nearest`: the median distance to the nearest training
        sample in the features, over that of a held-out sample. Well below 1 means copies.

    Raises:
        ValueError: If there are too few held-out samples.
    """
    n = min(options.n, len(test))
    if min(n, len(train)) <= K:
        raise ValueError(
            f"An evaluation needs at least {K + 1} {train.kind.things}: got {n} held out and "
            f"{len(train)} to train on. Give a larger -n, or more data."
        )
    features = remembering(options.features)
    x, seen = (samples.some(n).first(n) for samples in (test, train))
    unit = shown_by(model, train.kind)
    reference, known = features(unit(x)), features(unit(seen))
    usual = kth_distance(reference[:NEIGHBOURS], known).median()
    again = model.reconstruct(x).cpu()
    result: dict[str, Any] = {
        "features": title(options.features),
        "samples": n,
        "mean_squared_error": float(squared_errors(x, again, model.decoder).mean()),
        "code": normality(model.encode(x))._asdict(),
    }
    made: dict[str, dict[str, Any]] = {name: {"prior": name} for name in model.priors}
    made |= {} if model.head is None else {BARE: {"prior": "normal", "head": False}}
    # What samples would come to that are as good as the data: of training samples themselves.
    ways: dict[str, dict[str, Any]] = {TRAINING: {}, "reconstructions": {}} | made
    bar = tqdm(ways.items(), "Measuring", disable=not options.progress)
    for name, how in bar:
        bar.set_postfix_str(name)
        if name == TRAINING:
            found = known
        else:
            drawn = model.draw(n, seed=options.seed, **how).cpu() if how else again
            found = extract(features.features, unit(drawn))
        kernel = kernel_distance(found, reference)
        near = math.nan if name == TRAINING else kth_distance(found[:NEIGHBOURS], known).median()
        result[name] = {
            "frechet": frechet_distance(found, reference),
            "kernel": kernel.mean,
            "kernel_std": kernel.std,
            **precision_recall_density_coverage(
                reference[:NEIGHBOURS], found[:NEIGHBOURS], k=K
            )._asdict(),
            **({} if name == TRAINING else {"nearest": float(near / usual)}),
        }
    labels = classes_of(test.some(n))
    if labels is not None and model.classes:
        result["per_class"] = per_class(model, labels, reference, known, options)
    return result


def per_class(
    model: Any, labels: Sequence[str], reference: Tensor, known: Tensor, options: Evaluating
) -> list[dict[str, Any]]:
    """Samples of each class, as `sample(label=…)` draws them, against held-out ones of it.

    Args:
        model: One that classes can be drawn from.
        labels: The classes of the held-out samples.
        reference: Their features.
        known: Features of training samples.
        options: How to measure.

    Returns:
        For each class that enough are held out of its `label`, their number, `samples`, and of as
        many drawn ones `kernel`, `frechet` where there are more than features, and `nearest`.
    """
    found, features = [], remembering(options.features).features
    for label in model.classes:
        real = reference[[i for i, name in enumerate(labels) if name == label]]
        if len(real) <= K:
            continue
        made = model.draw(len(real), seed=options.seed, label=label).cpu()
        drawn = extract(features, shown_by(model, model.kind)(made))
        usual = kth_distance(real[:NEIGHBOURS], known).median()
        one = {"label": label, "samples": len(real), "kernel": kernel_distance(drawn, real).mean}
        if len(real) > real.shape[1]:
            one["frechet"] = frechet_distance(drawn, real)
        one["nearest"] = float(kth_distance(drawn[:NEIGHBOURS], known).median() / usual)
        found.append(one)
    return found


def shown_by(model: Any, kind: Any) -> Callable[[Tensor], Tensor]:
    """Samples as features take them: images from black 0 to white 1, points for distances."""
    decoder = model.decoder
    return partial(points_of, decoder) if isinstance(decoder, ScaledDecoder) else kind.unit


@cache
def remembering(features: str) -> Remembering:
    """Features by name, which remember the held-out samples' from one model to the next."""
    return Remembering(find(features))
