"""How well sentences come back."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.information import knn_mutual_information
from entropae.metrics.principal import principal_components
from entropae.nn.sequences import SequenceDecoder, trimmed
from entropae.nn.tokens import PAD, UNK

# A unit is active if its mean varies over the data by more than this.
ACTIVE = 0.01


class Score(NamedTuple):
    """What a model makes of sentences.

    Attributes:
        nll: Nats per sentence.
        perplexity: exp of the nats per token, ends included.
        accuracy: Share of the tokens that were the most likely one after those before them.
    """

    nll: float
    perplexity: float
    accuracy: float


@torch.no_grad()
def score(decoder: SequenceDecoder, code: Float[Tensor, "n d"], rows: Int[Tensor, "n t"]) -> Score:
    """How a decoder predicts sentences from their codes, each token from the true ones before it.

    Unknown tokens are given but not asked for: no model can be compared by what it does not name.

    Args:
        decoder: A decoder in evaluation mode.
        code: A code a sentence.
        rows: Sentences, as rows of tokens.

    Raises:
        ValueError: If there is nothing to predict.

    Examples:
        >>> from entropae.nn import LSTMDecoder
        >>> decoder = LSTMDecoder(50, 1, hidden=4).eval()
        >>> _ = decoder.last.weight.data.zero_(), decoder.last.bias.data.zero_()
        >>> round(score(decoder, torch.zeros(2, 1), torch.tensor([[5, 6, 2], [7, 2, 0]]))[1], 3)
        50.0
    """
    nats, right, tokens = 0.0, 0, 0
    for z, x in zip(code.split(256), rows.to(code.device).split(256), strict=True):
        x = trimmed(x)
        logits = decoder.logits(z, x).float()
        target = x[x != PAD]
        asked = target != UNK
        logits, target = logits[asked], target[asked]
        nats += float(torch.nn.functional.cross_entropy(logits, target, reduction="sum"))
        right += int((logits.argmax(1) == target).sum())
        tokens += len(target)
    if not tokens:
        raise ValueError("There must be known tokens to predict: got none.")
    return Score(nats / len(rows), math.exp(nats / tokens), right / tokens)


@torch.no_grad()
def active_units(mean: Float[Tensor, "n d"], *, threshold: float = ACTIVE) -> int:
    """Dimensions of the code whose mean varies over the data.

    That a unit varies does not say that the decoder minds: see `used_units`.

    Args:
        mean: Codes of samples; the means, of a VAE.
        threshold: The least variance.

    References:
        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, section 5.2.
    """
    return int((mean.double().var(0) > threshold).sum())


@torch.no_grad()
def used_units(
    decoder: SequenceDecoder,
    code: Float[Tensor, "n d"],
    rows: Int[Tensor, "n t"],
    *,
    threshold: float = 0.01,
    seed: int = 0,
) -> int:
    """Dimensions of the code that the decoder minds.

    Those whose exchange between sentences makes the sentences less likely by more than `threshold`
    nats on average.

    Args:
        decoder: A decoder in evaluation mode.
        code: A code a sentence.
        rows: Sentences, as rows of tokens.
        threshold: In nats per sentence.
        seed: Of the exchange.
    """
    generator = torch.Generator().manual_seed(seed)
    own = decoder.nll(code, rows).double().mean()
    used = 0
    for j in range(code.shape[1]):
        other = code.clone()
        other[:, j] = code[torch.randperm(len(code), generator=generator), j]
        used += int(decoder.nll(other, rows).double().mean() - own > threshold)
    return used


def round_trip_information(
    code: Float[Tensor, "n d"], again: Float[Tensor, "n d"], *, k: int = 3
) -> float:
    """Nats of the code that survive decoding: Σ_j I(z_j; z'_j), by neighbours.

    z' is the code of the decoded sentence, and j runs over the principal axes of z, so that what
    several coordinates repeat counts once. Defined for every method, also where I(x; z) is infinite
    as of deterministic codes. One axis at a time, where the estimate is accurate.

    Args:
        code: Codes of samples.
        again: Codes of their reconstructions.
        k: Which neighbour.
    """
    components = principal_components(code)
    along = (components.scores(part).T for part in (code, again))
    total = 0.0
    for a, b in zip(*along, strict=True):
        if a.std() > 1e-6 and b.std() > 1e-6:  # else there is nothing to tell
            with warnings.catch_warnings():
                # What comes back nearly as it was has more of it than any sample shows.
                warnings.filterwarnings("ignore", "Half of the rows say")
                found = knn_mutual_information(a, b, k, method="gao", resolution=None, scale=None)
            total += max(0.0, float(found))
    return total
