"""Ways to choose a sentence from a decoder: greedily, by drawing, and by a beam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.nn.tokens import BOS, EOS, PAD, UNK

State = tuple[Tensor, ...]
# Tokens that are never part of a sentence that is made.
NEVER = (PAD, BOS, UNK)


@runtime_checkable
class Steps(Protocol):
    """A decoder, step by step: see `SequenceDecoder`."""

    length: int
    vocabulary: int

    def start(self, z: Any) -> State: ...  # noqa: D102
    def step(self, token: Any, state: State) -> tuple[Tensor, State]: ...  # noqa: D102


Decoding = Callable[[Any, Tensor], Tensor]


def greedy(decoder: Steps, z: Float[Tensor, "n d"]) -> Int[Tensor, "n length"]:
    """The most likely token at each step."""
    return _walk(decoder, z, lambda scores: scores.argmax(1))


def sampling(
    decoder: Steps, z: Float[Tensor, "n d"], *, temperature: float = 1.0
) -> Int[Tensor, "n length"]:
    """Tokens drawn from their probabilities, by torch's random state.

    Args:
        decoder: What is asked.
        z: Codes.
        temperature: Scores are divided by it: less than 1 is nearer to `greedy`.

    Raises:
        ValueError: If the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"`temperature` must be positive: got {temperature}.")

    def draw(scores: Tensor) -> Tensor:
        return torch.multinomial((scores / temperature).softmax(1), 1)[:, 0]

    return _walk(decoder, z, draw)


# Sentences are then more likely, to a language model of others, than those are: they can be read.
TEMPERATURE, SHARE = 0.8, 0.95


def nucleus(
    decoder: Steps,
    z: Float[Tensor, "n d"],
    *,
    temperature: float = TEMPERATURE,
    share: float = SHARE,
) -> Int[Tensor, "n length"]:
    """Tokens drawn from the fewest that have most of the probability, by torch's random state.

    It leaves out the many tokens that are each improbable: among thousands one of them would come
    in every sentence, and spoil it.

    Args:
        decoder: What is asked.
        z: Codes.
        temperature: Scores are divided by it: less than 1 is nearer to `greedy`.
        share: Of the probability, that of the tokens which can come.

    Returns:
        Sentences, of which the first do not depend on how many there are.

    Raises:
        ValueError: If the temperature is not positive, or the share not in (0, 1].

    References:
        Holtzman et al., "The curious case of neural text degeneration", ICLR 2020, section 3.1.
    """
    if not temperature > 0:
        raise ValueError(f"`temperature` must be positive: got {temperature}.")
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be in (0, 1]: got {share}.")
    numbers = iter(torch.rand(len(z), decoder.length).T.to(z.device))

    def draw(scores: Tensor) -> Tensor:
        p, tokens = (scores.float() / temperature).softmax(1).sort(1, descending=True)
        up_to = p.cumsum(1)
        most = torch.where(up_to - p < share, up_to, 0).amax(1)
        # The first token up to which there is more probability than a uniform number times all.
        place = (up_to <= (next(numbers) * most)[:, None]).sum(1)
        return tokens.gather(1, place.clamp(max=tokens.shape[1] - 1)[:, None])[:, 0]

    return _walk(decoder, z, draw)


def _walk(decoder: Steps, z: Tensor, choose: Callable[[Tensor], Tensor]) -> Tensor:
    found = z.new_full((len(z), decoder.length), PAD, dtype=torch.long)
    token = found.new_full((len(z),), BOS)
    state = decoder.start(z)
    done = torch.zeros_like(token, dtype=torch.bool)
    for i in range(decoder.length):
        scores, state = decoder.step(token, state)
        token = choose(_allowed(scores, last=i + 1 == decoder.length))
        found[:, i] = torch.where(done, PAD, token)
        done |= token == EOS
        if done.all():
            break
    return found


def beam(decoder: Steps, z: Float[Tensor, "n d"], *, width: int = 5) -> Int[Tensor, "n length"]:
    """The most likely sentence of those that a beam meets; never less likely than `greedy`'s.

    Sentences compete by their log probability, which favours short ones as likelihood does.

    Args:
        decoder: What is asked.
        z: Codes.
        width: Sentences kept at each step.

    Raises:
        ValueError: If the width is less than 1.
    """
    if width < 1:
        raise ValueError(f"`width` must be at least 1: got {width}.")
    n = len(z)
    found = z.new_full((n, width, decoder.length), PAD, dtype=torch.long)
    # At first all of a beam are the same: only one of them may go on.
    total = z.new_full((n, width), -torch.inf).float()
    total[:, 0] = 0
    token = found.new_full((n * width,), BOS)
    state = decoder.start(z.repeat_interleave(width, 0))
    done = torch.zeros((n, width), dtype=torch.bool, device=z.device)
    first = torch.arange(n, device=z.device)[:, None] * width
    for i in range(decoder.length):
        scores, state = decoder.step(token, state)
        gain = _allowed(scores, last=i + 1 == decoder.length).float().log_softmax(1)
        gain = gain.unflatten(0, (n, width))
        # A finished sentence has one way on, which costs nothing.
        ended = torch.full_like(gain, -torch.inf)
        ended[..., PAD] = 0
        gain = torch.where(done[..., None], ended, gain)
        total, choice = (total[..., None] + gain).flatten(1).topk(width, 1)
        parent, chosen = choice // decoder.vocabulary, choice % decoder.vocabulary
        found = found.gather(1, parent[..., None].expand_as(found))
        found[..., i] = chosen
        done = done.gather(1, parent) | (chosen == EOS)
        rows = (first + parent).flatten()
        state = tuple(part[rows] for part in state)
        token = chosen.flatten()
        if done.all():
            break
    best = found[:, 0]
    plain = greedy(decoder, z)
    better = log_probability(decoder, z, plain) > total[:, 0]
    return torch.where(better[:, None], plain, best)


def log_probability(
    decoder: Steps, z: Float[Tensor, "n d"], x: Int[Tensor, "n length"]
) -> Float[Tensor, " n"]:
    """Log probability of sentences under the rules of decoding (no unknown tokens, an end)."""
    total = z.new_zeros(len(z)).float()
    token, state = x.new_full((len(x),), BOS), decoder.start(z)
    for i in range(x.shape[1]):
        scores, state = decoder.step(token, state)
        logs = _allowed(scores, last=i + 1 == decoder.length).float().log_softmax(1)
        token = x[:, i]
        total = total + logs.gather(1, token[:, None])[:, 0].where(token != PAD, 0)
    return total


def _allowed(scores: Tensor, *, last: bool) -> Tensor:
    """Scores of tokens that may come: no special ones, and nothing but the end at the last."""
    scores = scores.clone()
    if last:
        end = scores[:, EOS].clone()
        scores[:] = -torch.inf
        scores[:, EOS] = end
    scores[:, NEVER] = -torch.inf
    return scores


DECODINGS: dict[str, Callable[..., Tensor]] = {
    "greedy": greedy,
    "nucleus": nucleus,
    "sampling": sampling,
    "beam": beam,
}
