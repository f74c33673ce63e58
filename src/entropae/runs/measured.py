"""What runs are measured by, and where the figures are kept."""

from __future__ import annotations

from pathlib import Path

from entropae.features import title
from entropae.kinds import Kind


def features_of(kind: Kind, features: str | None) -> str:
    """What samples of a kind are measured by: what is asked for, or the kind's own.

    Raises:
        ValueError: If samples of this kind have no features.
    """
    if kind.features is None and features is not None:
        raise ValueError(no_features(kind.things))
    return features or kind.default_features or kind.name


def no_features(things: str) -> str:
    """Why features are refused, of samples that have none."""
    return f"`features` are for images and arrays: leave them out for {things}."


def evaluation_path(folder: Path, features: str) -> Path:
    """Where a run keeps an evaluation, by the name of its features."""
    return folder / f"evaluation-{title(features).replace(' ', '-')}.json"
