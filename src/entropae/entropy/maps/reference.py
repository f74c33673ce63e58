"""What a map makes of a sample, and the density that it stands for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Sample = Float[np.ndarray, "n d"]
Line = Float[np.ndarray, " n"]
Centre = Float[np.ndarray, " d"]
Factor = Float[np.ndarray, "d d"]


class Unfolded(NamedTuple):
    """A sample `x = T⁻¹(z)` as a map `T` sees it: H(X) = H(Z) + mean of `terms`.

    Attributes:
        z: The mapped sample, near to N(0, I).
        terms: For each point what stands for `−log |det ∂T/∂x|`. Where `T` is made of ranks, the
            derivatives are those of densities, and their logarithms are found by nearest
            neighbours, on lines and in planes, where these have hardly a bias.
        searches: Number of nearest-neighbour searches whose noise is in `terms`.
    """

    z: Sample
    terms: Line
    searches: int


class Reference(ABC):
    """A density `q` fitted to a sample, under which the mapped sample would be N(0, I).

    Its cross-entropy `−E log q` on points that it was not fitted to exceeds the entropy by
    KL(P‖Q), which is 0 only for the sample's own distribution.
    """

    @classmethod
    @abstractmethod
    def fit(cls, x: Sample) -> Reference:
        """The reference nearest to a sample of more points than dimensions."""

    @abstractmethod
    def log_density(self, x: Sample) -> Line:
        """`log q` at some points, in nats."""

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> Sample:
        """A sample of `q`."""
