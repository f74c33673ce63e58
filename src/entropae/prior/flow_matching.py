"""Flow matching: N(0, I) carried to the codes along a learnt velocity field."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from entropae.prior.arcs import Arcs
from entropae.prior.base import PLAIN, Asked, Prior, class_numbers, held_out_rows, normal, seeded
from entropae.prior.gaussian import cholesky, identity, invert
from entropae.prior.progress import counted
from entropae.prior.velocity import Velocity

BATCH = 512
RATE = 4e-3
# Training codes that each velocity is a mean over, so that it is known with less noise.
REFERENCE = 2048
# Share of the steps in which the learning rate rises, and over which weights are averaged.
SHORT = 0.05
# Codes from which a wider network pays, and steps that a flow is given; from the most on, what more
# of them learn takes a wider one still. Widths of the two.
MANY, LEAST, FEW_MOST, MOST = 4000, 500, 1500, 4000
NARROW, WIDE = 128, 256
# Looks at the held-out codes in a training, and draws of time and noise for each look.
LOOKS, DRAWS = 20, 4096
# Steps of the midpoint rule that are tried, until as many codes come back as near as that.
PARTS, CHECKED, RETURN = (8, 12, 16, 24, 32, 48, 64), 1000, 2e-4
# Dimensions up to which the density is exact, and the probes of its divergence beyond.
EXACT, PROBES = 64, 8
CHUNK = 1 << 16  # numbers of a Jacobian's columns at a time


class FlowMatching(Prior):
    """A flow learnt by conditional flow matching, which is also a map: codes to N(0, I) and back.

    Codes x₁, whitened, and noise x₀ ~ N(0, I) are joined by arcs, which keep the variance,

        x_t = cos(πt/2) x₀ + sin(πt/2) x₁,

    and a network learns the mean velocity of those that pass a point, by least squares: not from
    one of them, but from the mean over all those that lead to one of 2048 codes, each as likely as
    it is to pass there. Following it from t = 0 to 1 carries N(0, I) to the distribution of the
    codes. If that is normal the velocity is 0, and so it is before anything is learnt: the flow
    then is the fitted Gaussian.
    Some codes are held out, and of all averaged weights on the way those are kept that do best on
    them: few codes, which could only be memorised, leave the flow near the Gaussian.

    Args:
        dim: Dimensions of the code.
        hidden: Width of the network's layers. `None`: 256 for 4000 codes and more, else 128; set
            when fitted.
        blocks: Number of its residual blocks.
        steps: Training steps, of 512 codes each, at most. `None`: 4000 for 4000 codes and more,
            else 1500; set when fitted.
        parts: Steps of the midpoint rule from noise to code, two evaluations each. `None`: the
            first of 8, 12, 16, … 64 by which codes come back from N(0, I) to 5e-4; set to the
            chosen number when fitted.
        seconds: Time for training, at most, also if that is less than the steps take. Then the
            result depends on the machine.
        classes: Set when fitted with labels, to their names.

    References:
        Lipman et al., "Flow matching for generative modeling", ICLR 2023, theorem 2. Albergo and
        Vanden-Eijnden, "Building normalizing flows with stochastic interpolants", ICLR 2023 (the
        arcs). Esser et al., "Scaling rectified flow transformers", ICML 2024, section 3.1 (times
        drawn logit-normal). Xu et al., "Stable target field for reduced variance score estimation
        in diffusion models", ICLR 2023, equation (7). Xiao et al., "Generative latent flow", 2019
        (flows of finished codes).

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> side = torch.randint(2, (2000, 1)) * 6.0 - 3
        >>> prior = FlowMatching(1, hidden=32, blocks=1, steps=300)
        >>> prior.fit(side + 0.5 * torch.randn(2000, 1))
        >>> drawn = prior.sample(1000, generator=torch.Generator().manual_seed(0))
        >>> round(float((drawn.abs() > 1.5).float().mean()), 1)
        1.0
    """

    conditional = True
    held_out = 0.1
    mean: Tensor
    factor: Tensor  # lower triangular, factor @ factor.T = covariance
    inverse: Tensor

    def __init__(
        self,
        dim: int,
        *,
        hidden: int | None = None,
        blocks: int = 3,
        steps: int | None = None,
        parts: int | None = None,
        seconds: float | None = None,
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        sizes = {"dim": dim, "hidden": hidden, "blocks": blocks, "steps": steps, "parts": parts}
        for name, value in sizes.items():
            if value is None and name in {"hidden", "steps", "parts"}:
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive integer: got {name}={value!r}.")
        self.dim, self.hidden, self.blocks = dim, hidden, blocks
        self.steps, self.parts, self.seconds = steps, parts, seconds
        self.classes = tuple(classes)
        self.velocity = self._new_velocity(0).requires_grad_(False)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", identity(dim))
        self.register_buffer("inverse", identity(dim), persistent=False)
        self.register_load_state_dict_post_hook(invert)

    @classmethod
    def sized(cls, dim: int, n: int, steps: int, asked: int | None = None) -> FlowMatching:
        """One that `n` codes are enough for, in at most about twice their autoencoder's time.

        Args:
            dim: Dimensions of the code.
            n: How many codes there are.
            steps: Training steps of the autoencoder.
            asked: Training steps of the flow, if somebody says; then it takes its time.
        """
        if asked is not None and asked >= MOST and n >= MANY:
            return cls(dim, hidden=384, blocks=4, steps=asked)
        hidden, most = _usual(n)
        # A step of the wide network takes a third longer than one of a small autoencoder.
        most = min(most, 3 * steps // 2 if n >= MANY else 2 * steps)
        return cls(dim, hidden=hidden, steps=asked or max(LEAST, most))

    def fit(
        self,
        code: Float[Tensor, "n d"],
        *,
        seed: int = 0,
        labels: Sequence[str] | None = None,
        held_out: Bool[Tensor, " n"] | None = None,
    ) -> None:
        """Learn the velocity field, with AdamW and a learning rate that rises and falls once.

        Args:
            code: The codes of the training set.
            seed: Of the weights, the order and the noise.
            labels: The class of each, for a flow that each class can also be drawn from.
            held_out: Which of the codes only tell when to stop; by default a random tenth.
        """
        code = self._training_codes(code, self.dim + 2)
        classes, number = (), torch.zeros(len(code), dtype=torch.long)
        if labels is not None:
            classes, number = class_numbers(labels, len(code))
        self.classes = classes
        aside = held_out_rows(len(code), 0.1, seed) if held_out is None else held_out.cpu()
        self.mean.copy_(code[~aside].mean(0))
        self.factor.copy_(cholesky(torch.atleast_2d(torch.cov(code[~aside].T))))
        invert(self)
        points = self._whiten(code.to(self.mean))
        hidden, steps = _usual(len(code))
        self.hidden, self.steps = self.hidden or hidden, self.steps or steps
        self.velocity = self._new_velocity(seed).to(self.mean)
        generator = torch.Generator().manual_seed(seed)
        known, others = (
            Arcs(points[rows], number[rows], len(self.classes), generator)
            for rows in (~aside, aside)
        )
        self._learn(known, others, self.steps)
        self.velocity.requires_grad_(False)
        if self.parts is None:
            self._choose_parts(code[aside][:CHECKED].to(self.mean))

    def _new_velocity(self, seed: int) -> Velocity:
        """One that nothing has been learnt with; torch's random state stays as it was."""
        with seeded(seed):
            return Velocity(self.dim, self.hidden or NARROW, self.blocks, len(self.classes))

    @torch.no_grad()
    def _choose_parts(self, code: Float[Tensor, "n d"]) -> None:
        """As many steps as it takes for the way back to lead where the way came from."""
        for self.parts in PARTS:
            error = self.from_normal(self.to_normal(code)) - code
            if torch.linalg.vector_norm(error, dim=1).max() <= RETURN:
                break

    def _learn(self, known: Arcs, others: Arcs, steps: int) -> None:
        decay = max(0.0, 1 - 1 / max(1.0, SHORT * steps))
        averaged = AveragedModel(self.velocity, multi_avg_fn=get_ema_multi_avg_fn(decay))
        optimizer = torch.optim.AdamW(
            self.velocity.parameters(), RATE, weight_decay=1e-4, fused=True
        )
        look = others.draw(DRAWS)
        best, kept, worse = _loss(self.velocity, *look, gradient=False), None, 0
        began, done = time.monotonic(), 0.0
        every = max(1, steps // LOOKS)
        bar = counted(steps, "Fitting the flow")
        for step in range(1, steps + 1):
            bar.update()
            done = step / steps
            if self.seconds is not None:
                done = max(done, (time.monotonic() - began) / self.seconds)
            for group in optimizer.param_groups:
                group["lr"] = RATE * _once(done)
            optimizer.zero_grad()
            with torch.enable_grad():
                _loss(self.velocity, *known.draw(BATCH, REFERENCE)).backward()
            optimizer.step()
            if done > SHORT:
                averaged.update_parameters(self.velocity)
            if (step % every and done < 1) or done <= SHORT:
                continue
            now = _loss(averaged.module, *look, gradient=False)
            worse = 0 if now < best else worse + 1
            if now < best:
                best, kept = now, copy.deepcopy(averaged.module.state_dict())
            if done >= 1 or worse > LOOKS // 3:
                break
        bar.close()
        if kept is None:
            self.velocity.rest()
        else:
            self.velocity.load_state_dict(kept)

    def from_normal(
        self, u: Float[Tensor, "n d"], label: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n d"]:
        """Codes of N(0, I) points: T⁻¹, by the midpoint rule."""
        return self._follow(u, self._label(u, label)) @ self.factor.T + self.mean

    def to_normal(
        self, code: Float[Tensor, "n d"], label: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n d"]:
        """N(0, I) points of codes: T, what `from_normal` undoes.

        A step of the midpoint rule backwards undoes one forwards up to its own error; after each, a
        correction of Newton's kind, with that step for the inverse's slope, squares the error.
        """
        return self._back(self._whiten(code), self._label(code, label))

    @torch.no_grad()
    def draw_block(
        self, n: int, generator: torch.Generator | None, asked: Asked = PLAIN
    ) -> Float[Tensor, "n d"]:
        """Draw a block of codes."""
        drawn = normal(n, self.dim, generator, asked).to(self.mean)
        return self.from_normal(drawn, asked.label)

    @torch.no_grad()
    def log_prob(self, code: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log-density of each code, in nats: of N(0, I) at T(z), and log |det ∂T/∂z|.

        Up to 64 dimensions by the determinant of the very steps that draw codes; beyond, by the
        field's divergence along them, estimated with eight probes.

        References:
            Chen et al., "Neural ordinary differential equations", NeurIPS 2018, theorem 1.
            Hutchinson, Communications in Statistics 18 (1989) 1059.
        """
        found = []
        for part in code.split(max(1, CHUNK // self.dim**2)):
            u = self._back(self._whiten(part), self._label(part, None))
            volume = self._log_volume(u) if self.dim <= EXACT else self._divergence(u)
            found.append(-0.5 * (u.square().sum(1) + self.dim * math.log(2 * math.pi)) - volume)
        return torch.cat(found) - self.factor.diagonal().log().sum()

    def _whiten(self, code: Tensor) -> Tensor:
        return (code - self.mean) @ self.inverse.T

    def _label(self, x: Tensor, label: Tensor | None) -> Tensor | None:
        """Classes by number on the points' device; without any, the number that stands for none."""
        if not self.classes:
            return None
        if label is None:
            return torch.full((1,), len(self.classes), device=x.device)
        return label.to(x.device)

    def _follow(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Along the velocity from t = 0 to 1."""
        parts = self.parts or 1  # before it is fitted nothing moves
        for k in range(parts):
            x = self._step(x, k / parts, 1 / parts, label)
        return x

    def _back(self, x: Tensor, label: Tensor | None) -> Tensor:
        parts = self.parts or 1
        h = 1 / parts
        for k in range(parts, 0, -1):
            x = self._step(x, k * h, -h, label)
            again = self._step(self._step(x, (k - 1) * h, h, label), k * h, -h, label)
            x = x + x - again
        return x

    def _step(self, x: Tensor, t: float, h: float, label: Tensor | None) -> Tensor:
        """A step of the midpoint rule."""
        middle = x + h / 2 * self.velocity(x, x.new_full((1, 1), t), label)
        return x + h * self.velocity(middle, x.new_full((1, 1), t + h / 2), label)

    def _log_volume(self, u: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log |det| of the whole way's Jacobian."""
        label = self._label(u, None)

        def column(e: Tensor) -> Tensor:
            moved = torch.func.jvp(lambda x: self._follow(x, label), (u,), (e.expand_as(u),))
            return moved[1]

        with _quietly():
            columns = torch.func.vmap(column)(torch.diag(torch.ones_like(self.mean)))
        return torch.linalg.slogdet(columns.transpose(0, 1)).logabsdet

    def _divergence(self, u: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """∫ ∇·v dt along the way of each point."""
        parts = self.parts or 1
        label, h = self._label(u, None), 1 / parts
        generator = torch.Generator().manual_seed(0)
        probes = torch.randint(2, (PROBES, *u.shape), generator=generator).to(u) * 2 - 1
        x, found = u, u.new_zeros(len(u))
        for k in range(parts):
            middle = x + h / 2 * self.velocity(x, x.new_full((1, 1), k * h), label)
            t = x.new_full((1, 1), (k + 0.5) * h)

            def velocity(y: Tensor, t: Tensor = t) -> Tensor:
                return self.velocity(y, t, label)

            for e in probes:
                with _quietly():
                    moved = torch.func.jvp(velocity, (middle,), (e,))
                found = found + h * (e * moved[1]).sum(1) / PROBES
            x = x + h * velocity(middle)
        return found


def _usual(n: int) -> tuple[int, int]:
    """Width and steps of a flow of `n` codes."""
    return (WIDE, MOST) if n >= MANY else (NARROW, FEW_MOST)


@contextmanager
def _quietly() -> Iterator[None]:
    """Forward derivatives load parts of torch that warn of themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.*", DeprecationWarning)
        yield


def _loss(
    velocity: torch.nn.Module,
    x: Tensor,
    t: Tensor,
    moved: Tensor,
    label: Tensor | None,
    *,
    gradient: bool = True,
) -> Tensor:
    with torch.set_grad_enabled(gradient):
        return (velocity(x, t, label) - moved).square().mean()


def _once(done: float) -> float:
    """The learning rate, of its highest, when a share of the training is done: up, then down.

    References:
        Smith and Topin, "Super-convergence", 2019.
    """
    if done < SHORT:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * done / SHORT)) / 2
    return (1 + math.cos(math.pi * min(1.0, (done - SHORT) / (1 - SHORT)))) / 2
