"""The contract of a distribution of codes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from entropae.messages import unknown, whole
from entropae.neighbors import as_points
from entropae.prior.progress import counted

# Codes drawn at a time. A multiple of 16, so that consecutive blocks are as one of both.
BLOCK = 256


class Asked(NamedTuple):
    """What drawn codes are to be like.

    Attributes:
        label: The class of each by number, `None` for classes as frequent as in the data.
        temperature: Factor of the normal numbers that codes are made of: below 1 they are more
            typical and less varied.
        truncation: Normal numbers beyond it, either way, are not drawn.
    """

    label: Int[Tensor, " n"] | None = None
    temperature: float = 1.0
    truncation: float | None = None


PLAIN = Asked()


def normal(
    n: int, d: int, generator: torch.Generator | None, asked: Asked = PLAIN
) -> Float[Tensor, "n d"]:
    """Draw from N(0, I), or from what is asked for in its place, with random numbers of the CPU."""
    # Whatever are torch's defaults, the same numbers.
    where: Any = {"generator": generator, "dtype": torch.float32, "device": "cpu"}
    if asked.truncation is None:
        drawn = torch.randn(n, d, **where)
    else:
        share = math.erf(asked.truncation / math.sqrt(2))
        uniform = 2 * torch.rand(n, d, **where) - 1
        # Where the share is 1 within rounding, the inverse of one in 10^7 numbers is infinite.
        most = asked.truncation
        drawn = (math.sqrt(2) * torch.erfinv(share * uniform)).clamp(-most, most)
    return drawn if asked.temperature == 1 else asked.temperature * drawn


class Prior(nn.Module, ABC):
    """A distribution of codes. Its fitted state is in buffers, which are saved with the model.

    Attributes:
        dim: Dimensions of the code.
        classes: The classes that it was fitted with, by name; none if it knows of none.
        conditional: Whether `fit` takes `labels`.
        held_out: The share of the codes that `fit` keeps to see when to stop, and which it takes
            as `held_out`, where they are known.
    """

    dim: int
    classes: tuple[str, ...] = ()
    conditional: ClassVar[bool] = False
    held_out: ClassVar[float] = 0.0

    def fit(self, code: Float[Tensor, "n d"], *, seed: int = 0) -> None:
        """Fit the distribution to the codes of the training set.

        Raises:
            ValueError: If the codes are not finite, of another dimension, or too few.
        """

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: str | None = None,
        balanced: bool = False,
        temperature: float = 1.0,
        truncation: float | None = None,
    ) -> Float[Tensor, "n d"]:
        """Draw `n` codes.

        They are drawn in blocks of a fixed size, so that the first ones of more are the same.

        Args:
            n: How many.
            generator: A CPU one whatever the device; by default torch's random state.
            label: The class that they are to be of, by name.
            balanced: Every class in turn, instead of as often as in the data.
            temperature: Factor of the normal numbers that codes are made of: below 1 they are more
                typical and less varied.
            truncation: Normal numbers beyond it, either way, are not drawn.

        Raises:
            ValueError: If there is no such class, or a number is out of its range.
        """
        n = whole("n", n, 1)
        beyond = 1.0 if truncation is None else truncation
        for name, value in (("temperature", temperature), ("truncation", beyond)):
            if not isinstance(value, Real) or not 0 < float(value) < math.inf:
                raise ValueError(f"`{name}` must be a positive number: got {name}={value!r}.")
        numbers = self.numbers(label, -(-n // BLOCK) * BLOCK, balanced=balanced)
        parts = []
        for start in range(0, n, BLOCK):
            block = None if numbers is None else numbers[start : start + BLOCK]
            asked = Asked(block, temperature, truncation)
            # A class of one's own may know of no such wishes.
            wishes = () if asked == PLAIN else (asked,)
            parts.append(self.draw_block(BLOCK, generator, *wishes))
        return torch.cat(parts)[:n]

    def numbers(
        self, label: str | None, n: int, *, balanced: bool = False
    ) -> Int[Tensor, " n"] | None:
        """The classes that `n` codes are to be of, by number; `None` if nothing is asked of them.

        Raises:
            ValueError: If there is no such class, or one label and all in turn are asked for.
        """
        if label is None and not balanced:
            return None
        if label is not None and balanced:
            raise ValueError("Ask for one `label`, or for `balanced` samples of all, not for both.")
        if not self.classes:
            raise ValueError(
                "This prior knows of no classes, nor does a head: it was fitted without labels, "
                "the data had too few samples of one, or it is of a kind without. Ask for another "
                "prior, or fit one with labels: entropae fit --labels, or model.fit_prior(data, "
                '"mixture", labels=labels) or model.fit_head(data, labels=labels) in Python. Rows '
                "of a table are chosen by --where too."
            )
        if balanced:
            return torch.arange(n) % len(self.classes)
        if label not in self.classes:
            raise ValueError(unknown("label", str(label), self.classes))
        return torch.full((n,), self.classes.index(str(label)))

    @abstractmethod
    def draw_block(
        self, n: int, generator: torch.Generator | None, asked: Asked = PLAIN
    ) -> Float[Tensor, "n d"]:
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


def class_numbers(labels: Sequence[str], n: int) -> tuple[tuple[str, ...], Int[Tensor, " n"]]:
    """The classes that labels name, in order, and the class of each by number.

    Raises:
        ValueError: If there is not one label for each of `n` codes.
    """
    if len(labels) != n:
        raise ValueError(f"There must be a label for each of {n} codes: got {len(labels)}.")
    classes = tuple(sorted(set(map(str, labels)), key=natural))
    place = {name: i for i, name in enumerate(classes)}
    return classes, torch.tensor([place[str(label)] for label in labels])


def natural(name: str) -> tuple[float, str]:
    """What sorts 2 before 10, and numbers before words."""
    try:
        return float(name), name
    except ValueError:
        return math.inf, name


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, networks get the weights of a seed; torch's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def held_out_rows(n: int, share: float, seed: int) -> Bool[Tensor, " n"]:
    """A random share of rows, at least one."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    chosen = torch.zeros(n, dtype=torch.bool)
    chosen[order[: max(1, round(n * share))]] = True
    return chosen


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
    optimizer = torch.optim.Adam(prior.parameters(), 2e-3, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.enable_grad():
        for _ in counted(steps, doing):
            some = torch.randint(len(code), (min(512, len(code)),), generator=generator)
            optimizer.zero_grad()
            loss(code[some.to(code.device)]).backward()
            optimizer.step()
            schedule.step()
