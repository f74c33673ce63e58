"""A normalising flow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.prior.base import PLAIN, Asked, Prior, learn, normal, seeded


class Flow(Prior):
    """A neural spline flow (zuko's), for codes of a distribution that no mixture fits.

    Args:
        dim: Dimensions of the code.
        transforms: Number of autoregressive spline transforms.
        hidden: Sizes of the hidden layers of each.
        steps: Training steps, of 512 codes each.

    Raises:
        ImportError: If zuko is not installed: `pip install "entropae[flow]"`.

    References:
        Durkan et al., "Neural spline flows", NeurIPS 2019.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        dim: int,
        *,
        transforms: int = 3,
        hidden: Sequence[int] = (128, 128),
        steps: int = 2000,
    ) -> None:
        super().__init__()
        self.dim, self.transforms, self.hidden = dim, transforms, tuple(hidden)
        self.steps = steps
        self._begin(0)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def _begin(self, seed: int) -> None:
        """A flow that nothing has been learnt with."""
        try:
            from zuko.flows import NSF
        except ImportError as error:
            raise ImportError('A flow needs zuko: pip install "entropae[flow]".') from error
        with seeded(seed):
            self.flow = NSF(self.dim, transforms=self.transforms, hidden_features=self.hidden)

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Maximum likelihood by Adam, on standardised codes, with a falling learning rate."""
        code = self._training_codes(code, 2).to(self.mean)
        self.mean.copy_(code.mean(0))
        self.scale.copy_(code.std(0).clamp(min=torch.finfo(code.dtype).tiny))
        code = (code - self.mean) / self.scale
        generator = torch.Generator().manual_seed(seed)
        self._begin(seed)
        self.to(code)

        def loss(z: Tensor) -> Tensor:
            return -self.flow().log_prob(z).mean()

        learn(self, code, loss, steps=self.steps, generator=generator, doing="Fitting the flow")

    @torch.no_grad()
    def draw_block(
        self, n: int, generator: torch.Generator | None, asked: Asked = PLAIN
    ) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        drawn = normal(n, self.dim, generator, asked).to(self.mean)
        return self.mean + self.scale * self.flow().transform.inv(drawn)

    @torch.no_grad()
    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""
        standard = (code - self.mean) / self.scale
        return self.flow().log_prob(standard) - self.scale.log().sum()
