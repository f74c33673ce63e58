"""An autoencoder of sentences under examination."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.diagnosis.subject import CHUNK, Subject
from entropae.nn.sequences import SequenceDecoder, trimmed
from entropae.nn.tokens import PAD

WIDTH = 64  # numbers a token


@dataclass(frozen=True, kw_only=True)
class Sentences(Subject):
    """An encoder and a decoder of sentences.

    What the decoder returns of a code is its probabilities of each token of a sentence, given the
    true ones before it; the sentence itself has probability 1 at each of its tokens. So a squared
    error is Brier's score (1950), between 0 and 2 a token. The probabilities are projected on
    `WIDTH` random directions, which keeps distances on the average (Johnson and Lindenstrauss,
    1984).

    Attributes:
        given: Sentences in which to look at what codes from the prior decode to.
    """

    given: Int[Tensor, "n t"]

    @property
    def is_numeric(self) -> bool:
        """Not sentences."""
        return False

    def points(self, x: Int[Tensor, "n t"]) -> Float[Tensor, "n p"]:
        """The sentences themselves."""
        return self._each(lambda part: self._placed(self._directions[part[part != PAD]], part), x)

    def decode(
        self, code: Float[Tensor, "n d"], like: Tensor | None = None, size: int | None = None
    ) -> Float[Tensor, "n p"]:
        """Probabilities of the tokens of some sentences, or of those that are given."""
        if like is None:
            like = self.given[torch.arange(len(code)) % len(self.given)]
        code = code.to(self.device, next(self.prior.buffers()).dtype)
        size = size or CHUNK
        pairs = zip(code.split(size), like.to(self.device).split(size), strict=True)
        return torch.cat([self._told(self.lying(z), x).cpu() for z, x in pairs])

    def reconstruct(self, x: Int[Tensor, "n t"], size: int | None = None) -> Float[Tensor, "n p"]:
        """Probabilities of each sentence's tokens, given its code."""
        return self._each(lambda part: self._told(self._bare(part), part), x, size)

    def made(self, code: Float[Tensor, "n d"], decoded: Tensor) -> Float[Tensor, "n p"]:
        """Sentences of codes, token by token."""
        code = code.to(next(self.prior.buffers()).dtype)
        return self.points(self._each(lambda part: self.decoder(self.lying(part)), code))

    @property
    def _writer(self) -> SequenceDecoder:
        assert isinstance(self.decoder, SequenceDecoder)  # for the type checker
        return self.decoder

    @cached_property
    def _directions(self) -> Float[Tensor, "v w"]:
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randn(self._writer.vocabulary, WIDTH, generator=generator)
        return (drawn / WIDTH**0.5).to(self.device)

    def _told(self, z: Float[Tensor, "n d"], x: Int[Tensor, "n t"]) -> Float[Tensor, "n p"]:
        logits = self._writer.logits(z, trimmed(x)).float()
        return self._placed(logits.softmax(1) @ self._directions, x)

    def _placed(self, told: Float[Tensor, "m w"], x: Int[Tensor, "n t"]) -> Float[Tensor, "n p"]:
        found = told.new_zeros(len(x), self._writer.length, WIDTH)
        found[:, : x.shape[1]][x != PAD] = told
        return found.flatten(1)
