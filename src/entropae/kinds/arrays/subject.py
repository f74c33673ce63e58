"""Models of values in mixed units, as their diagnosis sees them."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from entropae.diagnosis import Subject
from entropae.nn import points_of


class Mixed(Subject):
    """Samples are points of values in units of their own, so that errors of each count alike."""

    def points(self, x: Tensor) -> Float[Tensor, "n m"]:
        """Samples, each value in its own unit."""
        return points_of(self.decoder, x)

    def decode(
        self, code: Tensor, like: Tensor | None = None, size: int | None = None
    ) -> Float[Tensor, "n m"]:
        """What codes decode to, as points."""
        return self.points(super().decode(code, like, size))

    def reconstruct(self, x: Tensor, size: int | None = None) -> Float[Tensor, "n m"]:
        """Encoded and decoded again, as points."""
        return self.points(super().reconstruct(x, size))
