"""Which random changes of the training samples help: those whose components fit held-out ones."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from entropae.kinds import Kind, Samples
from entropae.messages import unknown
from entropae.metrics.principal import PrincipalComponents
from entropae.model.start import components_of, pca_errors

# Training samples that this is decided on, and held-out ones that it takes.
MOST, LEAST = 2000, 20
# Standard errors by which the held-out error must fall.
SURE = 2.0


def augmentation(kind: Kind, asked: str) -> Callable[[Tensor], Tensor] | None:
    """How a batch is changed at random in training.

    Args:
        kind: Of the samples.
        asked: The name of a change; `"none"`; or `"auto"`, which is none where nobody has decided.

    Raises:
        ValueError: If such samples have no such change.
    """
    if asked in ("none", "auto"):
        return None
    if not kind.augmentations:
        raise ValueError(f"`augment` is for images: got {asked!r} with {kind.things}.")
    if asked not in kind.augmentations:
        raise ValueError(unknown("augmentation", asked, ["auto", "none", *kind.augmentations]))
    return kind.augmentations[asked]


def choose_augmentation(train: Samples, held_out: Samples, dim: int, *, seed: int = 0) -> str:
    """The random change of training samples that makes principal components fit others better.

    Principal components of changed samples are a model of what their kind has in common. Where they
    reconstruct held-out samples better than those of the samples as they are, the change makes
    samples that might have been among the data: mirrored photographs, but no mirrored digits.

    Args:
        train: The training samples.
        held_out: Others. Of fewer than 20 nothing can be told.
        dim: How many components.
        seed: Of the changes.

    Returns:
        A name among the kind's `augmentations`; with a hyphen, such as `flip-shift`, of changes
        that help each by itself; `"none"` if none helps by two standard errors of the difference.
    """
    single = [name for name in train.kind.augmentations if "-" not in name]
    if len(held_out) < LEAST or not single:
        return "none"
    some = train.some(MOST)
    without = components_of(some, dim, seed=seed)
    found = []
    for name in single:
        changed = components_of(some, dim, seed=seed, augment=augmentation(train.kind, name))
        if _helps(held_out, changed, without, dim):
            found.append(name)
    return "-".join(found) or "none"


def _helps(
    held_out: Samples, changed: PrincipalComponents, without: PrincipalComponents, dim: int
) -> bool:
    """Whether held-out errors fall, sample by sample, by more than chance."""
    less = pca_errors(held_out, without, dim) - pca_errors(held_out, changed, dim)
    return float(less.mean()) > SURE * float(less.std()) / math.sqrt(len(less))
