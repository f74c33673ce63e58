"""The latent space in a browser: served from here, or in one file that can be mailed."""

from entropae.explorer.space import Axes, Space, pack, principal_axes

__all__ = ["Axes", "Space", "pack", "principal_axes"]
