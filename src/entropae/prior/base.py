"""The contract of a distribution of codes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm.auto import tqdm

from entropae.neighbors import as_points

# Codes drawn at a time. A multiple of 16, so that consecutive blocks are as one of both.
BLOCK = 256


class Prior(nn.Module, ABC):
    """A distribution of codes. Its fitted state is in buffers, which are saved with the model."""

    dim: int

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Fit the distribution to the codes of the training set.

        Raises:
            ValueError: If the codes are not finite, of another dimension, or too few.
        """

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "n d"]:
        """Draw `n` codes.

        They are drawn in blocks of a fixed size, so that the first ones of more are the same.

        Args:
            n: How many.
            generator: A CPU one whatever the device; by default torch's random state.
        """
        parts = [self.draw_block(BLOCK, generator) for _ in range(-(-n // BLOCK))]
        return torch.cat(parts)[:n]

    @abstractmethod
    def draw_block(self, n: int, generator: torch.Generator | None) -> Float[Tensor, "n d"]:
        """Draw a block of codes, with random numbers of the CPU."""

    @abstractmethod
    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats."""

    def _training_codes(self, code: Tensor, least: int) -> Tensor:
        code = as_points(code, "code").detach().cpu().double()
        if code.shape[1] != self.dim:
            raise ValueError(f"The codes must have {self.dim} dimensions: got {code.shape[1]}.")
        if len(code) < least:
            raise ValueError(
                f"{type(self).__name__} in {self.dim} dimensions needs at least {least} codes: got "
                f"{len(code)}. Use a simpler prior or more data."
            )
        return code


def learn(
    prior: Prior,
    code: Float[Tensor, "n d"],
    loss: Callable[[Tensor], Tensor],
    *,
    steps: int,
    generator: torch.Generator,
    doing: str,
) -> None:
    """Minimise a loss of batches of 512 codes by Adam, with a learning rate that falls to 0."""
    optimizer = torch.optim.Adam(prior.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.enable_grad():
        for _ in tqdm(range(steps), doing, unit="step"):
            some = torch.randint(len(code), (min(512, len(code)),), generator=generator)
            optimizer.zero_grad()
            loss(code[some.to(code.device)]).backward()
            optimizer.step()
            schedule.step()
