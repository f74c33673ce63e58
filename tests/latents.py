"""The package's latents, without those that tests define."""

from __future__ import annotations

from entropae.latent import Latent


def built_in() -> dict[str, type[Latent]]:
    """All that there are to build, by name."""
    known = Latent.known().items()
    return {name: made for name, made in known if made.__module__.startswith("entropae.")}
