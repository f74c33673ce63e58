"""The autoencoder under examination, whatever it is made of."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from entropae.diagnosis.history import History
from entropae.latent import Latent
from entropae.nn.normalization import Standardize, norms
from entropae.prior import Head, Normal, Prior

CHUNK = 512  # samples at a time
NUMBERS = 1 << 19  # in them, so that what layers return stays in the processor's cache
Part = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Subject:
    """An encoder and a decoder, in evaluation mode, and the prior that samples are drawn from.

    Attributes:
        encoder: Samples to the latent's input; to the code itself without a latent.
        decoder: Codes to samples.
        prior: What codes are drawn from.
        prior_name: Its name, `"normal"` for N(0, I).
        latent: What is asked of the code, if it is one of this package's.
        head: The map of codes to N(0, I), if there is one: codes then are what it makes of them.
        batch_size: Samples of a training step, if known.
        device: Where encoder and decoder are.
        dtype: The precision of their weights.
        history: How the training went, if its log is there.
        recipe: The settings that it was trained with, by their names with dots, if they are known.
    """

    encoder: Part
    decoder: Part
    prior: Prior
    prior_name: str = "normal"
    latent: Latent | None = None
    head: Head | None = None
    batch_size: int | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype | None = None
    history: History | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def code_dtype(self) -> torch.dtype:
        """The precision of codes, which the prior's numbers have."""
        return next(self.prior.buffers()).dtype

    def encode(self, x: Tensor, size: int | None = None) -> Tensor:
        """Codes at inference."""
        return self._each(self._code, x, size)

    def features(self, x: Tensor) -> Tensor:
        """What the encoder returns, which the latent has not seen."""
        return self._each(self.encoder, x)

    def points(self, x: Tensor) -> Tensor:
        """Samples as points, so that an error is a squared distance."""
        return x

    def decode(self, code: Tensor, like: Tensor | None = None, size: int | None = None) -> Tensor:
        """What codes decode to, as points; where it depends on more than the code, in `like`."""
        code = code.to(self.code_dtype)
        return self._each(lambda part: self._decoded(self.lying(part)), code, size)

    def made(self, code: Float[Tensor, "n d"], decoded: Tensor) -> Tensor:
        """New samples of codes, as points; `decoded` is what `decode` says of them."""
        return decoded

    def reconstruct(self, x: Tensor, size: int | None = None) -> Tensor:
        """Encoded and decoded again, as points."""
        return self._each(lambda part: self._decoded(self._bare(part)), x, size)

    def lying(self, code: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Codes as the decoder takes them: before the head, and where they lie."""
        if self.head is None:
            return code
        code = self.head.from_normal(code.to(self.code_dtype))
        return code if self.latent is None else self.latent.project(code)

    def trained_code(self, x: Tensor) -> Float[Tensor, "n d"]:
        """Codes whose distribution samples from the prior should resemble.

        Those that the decoder meets in training, of a variational latent with their noise; with a
        head those that it was fitted to, without.
        """
        if self.latent is None or self.head is not None:
            return self.encode(x)
        latent = copy.deepcopy(self.latent)  # which may keep recent codes
        latent.train()
        for part in norms(latent):
            part.eval()
        torch.manual_seed(0)
        return self._each(lambda part: self._through(latent(self.encoder(part)).code), x)

    def draw(self, n: int, *, seed: int, prior: Prior | None = None) -> Float[Tensor, "n d"]:
        """Codes from the prior, or from another distribution, brought to where codes lie."""
        generator = torch.Generator().manual_seed(seed)
        code = (prior or self.prior).sample(n, generator=generator).cpu()
        return self._at_home(code)

    def _at_home(self, code: Tensor) -> Tensor:
        """Drawn codes brought to where this latent's codes lie; those of a head lie everywhere."""
        if self.latent is None or self.head is not None:
            return code
        return self.latent.project(code)

    @property
    def fills_space(self) -> bool:
        """Whether nothing keeps codes from filling the space, as the sphere does."""
        some = torch.randn(8, self.prior.dim, generator=torch.Generator().manual_seed(0))
        return torch.equal(self._at_home(some), some)

    @property
    def is_numeric(self) -> bool:
        """Whether samples are points that principal components and dimensions mean much of."""
        return True

    @property
    def is_convolutional(self) -> bool:
        """Whether the encoder has convolutions."""
        encoder = self.encoder
        convolutions = nn.Conv1d | nn.Conv2d | nn.Conv3d
        return isinstance(encoder, nn.Module) and any(
            isinstance(part, convolutions) for part in encoder.modules()
        )

    @property
    def weight(self) -> float | None:
        """λ, the weight of what is asked of the code, if the latent has one."""
        return getattr(self.latent, "weight", None)

    @contextmanager
    def batch_statistics(self) -> Iterator[None]:
        """Let every batch normalisation use its batch, and leave its state as it was."""
        found = [norm for part in self._modules() for norm in norms(part)]
        kept = [(norm.momentum, copy.deepcopy(norm.state_dict())) for norm in found]
        try:
            for norm in found:
                norm.train()
                norm.momentum = 0.0
            yield
        finally:
            for norm, (momentum, state) in zip(found, kept, strict=True):
                norm.eval()
                norm.momentum = momentum  # type: ignore[assignment]
                norm.load_state_dict(state)

    @property
    def batch_norms(self) -> dict[str, BatchNorm | Standardize]:
        """Batch normalisations that keep running statistics, by where they are."""
        parts = {"encoder": self.encoder, "latent": self.latent, "decoder": self.decoder}
        return {
            f"{name}.{path}".rstrip("."): norm
            for name, part in parts.items()
            if isinstance(part, nn.Module)
            for path, norm in part.named_modules()
            if isinstance(norm, BatchNorm | Standardize) and norm.running_mean is not None
        }

    def _code(self, x: Tensor) -> Tensor:
        return self._through(self._bare(x))

    def _bare(self, x: Tensor) -> Tensor:
        """Codes before the head."""
        h = self.encoder(x)
        return h if self.latent is None else self.latent(h).code

    def _through(self, code: Tensor) -> Tensor:
        code = code.to(self.code_dtype)
        return code if self.head is None else self.head.to_normal(code)

    def _decoded(self, code: Tensor) -> Tensor:
        return self.decoder(code if self.dtype is None else code.to(self.dtype))

    def _modules(self) -> list[nn.Module]:
        parts = (self.encoder, self.latent, self.decoder)
        return [part for part in parts if isinstance(part, nn.Module)]

    def _each(self, function: Part, x: Tensor, size: int | None = None) -> Tensor:
        dtype = self.dtype if x.is_floating_point() else None
        numbers = max(1, math.prod(x.shape[1:]))
        size = size or max(16, min(CHUNK, NUMBERS // numbers))
        found = [function(part.to(self.device, dtype)).cpu() for part in x.split(size)]
        return torch.cat(found)


def of_functions(encode: Part, decode: Part, x: Float[Tensor, "n ..."]) -> Subject:
    """Two callables as a subject, with N(0, I) for its prior.

    Args:
        encode: A batch of samples to codes `(n, d)`, at inference.
        decode: Codes to a batch of samples.
        x: Some samples.

    Raises:
        ValueError: If the codes are no matrix.
    """
    code = encode(x[:2])
    if code.ndim != 2:
        raise ValueError(
            f"`encode` must return codes of shape (n, d): got {tuple(code.shape)} from samples of "
            f"shape {tuple(x[:2].shape)}. Flatten each code to one row."
        )
    return Subject(encode, decode, Normal(code.shape[1]), device=code.device)
