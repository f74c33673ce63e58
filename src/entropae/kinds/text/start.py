"""Where training on sentences starts from: how often tokens come, and after which others.

What principal components are to numbers, counts are to sentences: what can be had without a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from entropae.nn.lstm import LSTMDecoder, LSTMEncoder
from entropae.nn.tokens import BOS, PAD

if TYPE_CHECKING:
    from entropae.kinds.samples import Samples
    from entropae.model import Autoencoder

Model = TypeVar("Model", bound="Autoencoder")

# Sentences that are counted, at most: of more, some.
MOST = 20_000
# How many tokens' worth of plain frequencies are added to what came after each token.
PRIOR = 80.0
# Added to frequencies where it is divided by them: what is said of rare tokens stays moderate, and
# they do not outweigh the others in the principal components.
SHRINK, LIGHT = 1e-2, 1e-2
NONE = 1e-3  # of the largest deviation: below, there is no component


def start_from_counts(model: Model, samples: Samples, *, seed: int = 0) -> Model:
    """Let a model of sentences begin as counts of its training samples say, before its first step.

    The code is the whitened principal components of the tokens' shares of a sentence. The decoder
    gives a token x after y, with code z, the score

        log p(x) + log(1 + C(y, x) / (80 p(x))) + δ(x | z) / (p(x) + 0.01)

    where C counts pairs and δ is what the code says of the share of x. Without a code that is the
    probability (C(y, x) + 80 p(x)) / (C(y) + 80), as far as the embedding has numbers enough. The
    code's part is right to first order. Networks learn what counts lack.

    Args:
        model: With an `LSTMEncoder` and an `LSTMDecoder` made with `linear=True`; it is changed in
            place.
        samples: The training samples; of over 20 000, some.
        seed: Of the search for components.

    Returns:
        The model itself.

    Raises:
        ValueError: If a network has no linear path.

    References:
        MacKay and Peto, "A hierarchical Dirichlet language model", 1995, for the smoothed pairs.

    Examples:
        >>> import entropae as ea
        >>> from entropae.kinds import read
        >>> from entropae.nn import text_pair
        >>> samples = read(["the cat sleeps", "the dog sleeps"] * 50, tokenizer="word", length=8)
        >>> networks = text_pair("lstm", len(samples.kind.tokenizer), 8, 2, 2, linear=True)
        >>> model = ea.Autoencoder(*networks, ea.Entropic(2))
        >>> start_from_counts(model, samples).eval().reconstruct(samples.first(1)).shape
        torch.Size([1, 8])
    """
    encoder, decoder = model.encoder, model.decoder
    for network, kind in ((encoder, LSTMEncoder), (decoder, LSTMDecoder)):
        if not isinstance(network, kind) or not network.linear:
            raise ValueError(
                f"{type(network).__name__} has no linear path to start from counts: make both "
                "networks by text_pair('lstm', …, linear=True)."
            )
    some = samples.some(MOST)
    rows = some.first(len(some))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        start(encoder, decoder, rows)  # pyright: ignore[reportArgumentType]
    return model


def start(encoder: LSTMEncoder, decoder: LSTMDecoder, rows: Int[Tensor, "n t"]) -> None:
    """Set the linear paths; what stands beside them begins at nothing."""
    assert encoder.direct is not None  # for the type checker
    assert decoder.mix is not None
    counts, pairs = _counts(rows, decoder.vocabulary)
    mean = counts.sum(0).to_dense() / len(rows)
    weights = (mean + LIGHT).rsqrt()
    r = min(decoder.in_features, len(rows) - 1, decoder.vocabulary)
    axes, deviations = _components(counts * weights, mean * weights, r)
    r = len(axes)  # coordinates beyond the components keep their random start
    whitening = axes * weights / deviations[:, None]
    encoder.direct.weight[:r] = whitening
    encoder.direct.bias[:r] = -(whitening @ mean)
    encoder.direct.weight[r:], encoder.direct.bias[r:] = 0, 0
    encoder.last.weight[:r], encoder.last.bias[:r] = 0, 0
    p = torch.bincount(rows[rows != PAD], minlength=decoder.vocabulary) + 0.5
    p = p / p.sum()
    left, right = _factors(pairs, p, decoder.hidden)
    decoder.embedding.weight.zero_()[:, : left.shape[1]] = left
    decoder.embedding.weight[PAD] = 0
    last = decoder.last
    last.weight.zero_()[:, : right.shape[1]] = right
    told = axes / weights * deviations[:, None] / (mean + SHRINK)
    last.weight[:, decoder.hidden : decoder.hidden + r] = told.T
    last.bias.copy_(p.log())
    nn.init.zeros_(decoder.mix.weight)
    nn.init.zeros_(decoder.mix.bias)


def _counts(rows: Int[Tensor, "n t"], vocabulary: int) -> tuple[Tensor, Tensor]:
    """Sparse: each token's share of each sentence, and how often each token follows each."""
    real = rows != PAD
    before = nn.functional.pad(rows[:, :-1], (1, 0), value=BOS)
    share = (1 / real.sum(1, keepdim=True).clamp(min=1)).expand(rows.shape)[real]
    places = torch.stack([real.nonzero()[:, 0], rows[real]])
    both = torch.stack([before[real], rows[real]])
    counts = _sparse(places, share, (len(rows), vocabulary))
    return counts, _sparse(both, torch.ones(both.shape[1]), (vocabulary, vocabulary))


def _sparse(places: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=True).coalesce()


def _components(
    x: Tensor, mean: Float[Tensor, " v"], r: int
) -> tuple[Float[Tensor, "r v"], Float[Tensor, " r"]]:
    """Principal components of a sparse matrix, `r` or as many as it has, and their deviations."""
    _, values, axes = torch.svd_lowrank(x, q=r, niter=4, M=mean[None])
    there = values > NONE * values[0]
    return axes.T[there], values[there] / len(x) ** 0.5


def _factors(
    pairs: Tensor, p: Float[Tensor, " v"], hidden: int
) -> tuple[Float[Tensor, "v r"], Float[Tensor, "v r"]]:
    """Two matrices whose product is log(1 + C(y, x) / (80 p(x))), best of frequent tokens."""
    y, x = pairs.indices()
    rows = (torch.bincount(y, pairs.values(), len(p)) + 1).sqrt()
    columns = p.sqrt()
    value = (pairs.values() / (PRIOR * p[x])).log1p() * rows[y] * columns[x]
    matrix = _sparse(pairs.indices(), value, (len(p), len(p)))
    left, values, right = torch.svd_lowrank(matrix, q=min(hidden, len(p)), niter=3)
    roots = values.sqrt()
    left, right = left * roots / rows[:, None], right * roots / columns[:, None]
    # Both of one size, so that steps of one size move both.
    even = (right.square().mean() / left.square().mean().clamp_min(1e-12)) ** 0.25
    return left * even, right / even
