"""Latents by the names of the methods that people look for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entropae.latent.base import Latent
from entropae.messages import unknown
from entropae.registry import build

# What a method is called, and which latent with which options it is.
METHODS: dict[str, dict[str, Any]] = {
    "eae": {"name": "entropic"},
    "ae": {"name": "plain"},
    "ae-bn": {"name": "plain", "standardize": True},
    "vae": {"name": "variational"},
    "beta-vae": {"name": "variational"},
    "bn-vae": {"name": "variational", "batch_norm": 0.8},
    "wae": {"name": "matching", "distance": "mmd"},
    "wae-mmd": {"name": "matching", "distance": "mmd"},
    "cwae": {"name": "matching", "distance": "cramer_wold"},
    "sigreg": {"name": "matching", "distance": "sigreg"},
    "rae": {"name": "regularized"},
    "rae-l2": {"name": "regularized", "decoder": "l2"},
    "rae-gp": {"name": "regularized", "decoder": "gradient"},
    "rae-sn": {"name": "regularized", "decoder": "spectral"},
    "sphere": {"name": "spherical"},
}


def named(config: Mapping[str, Any] | str, **options: Any) -> Latent:
    """A latent by the name of its class or of its method.

    Args:
        config: A name, in capitals or not, or `{"name": …, option: value, …}`.
        options: More options.

    Raises:
        ValueError: If the name or an option is unknown, or an option is missing.

    Examples:
        >>> latent = named("wae", dim=16)
        >>> type(latent).__name__, latent.distance
        ('Matching', 'mmd')
    """
    settings = {"name": config} if isinstance(config, str) else dict(config)
    asked = str(settings.pop("name", None))
    name, known = asked.lower().replace("_", "-"), Latent.known()
    if name not in METHODS and name not in known:
        raise ValueError(unknown("latent", asked, {*METHODS, *known}))
    return build(known, METHODS.get(name, {"name": name}) | settings | options, "latent")
