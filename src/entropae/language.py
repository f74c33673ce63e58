"""Numbers that say how well sentences come back, and how good those are that are made up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from entropae.data import Samples
from entropae.information import knn_mutual_information
from entropae.latent import Variational
from entropae.model import Autoencoder
from entropae.text import PAD, UNK, LSTMDecoder, SequenceDecoder, Tokenizer, buckets, trimmed

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


def language_model(
    rows: Int[np.ndarray, "n length"],
    vocabulary: int,
    *,
    hidden: int = 128,
    steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    dropout: float = 0.2,
    seed: int = 0,
) -> LSTMDecoder:
    """An LSTM trained to predict sentences without a code: `score` it on `no_code` of others.

    Args:
        rows: Sentences, as rows of tokens.
        vocabulary: Number of tokens.
        hidden: Size of the state.
        steps: Of Adam, on batches of sentences of like length.
        batch_size: Sentences a step.
        learning_rate: Adam's at first; it falls linearly to 0.
        dropout: In training.
        seed: Of weights, order and dropout.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LSTMDecoder(
            vocabulary, 1, length=max(2, rows.shape[1]), hidden=hidden, dropout=dropout
        )
        optimizer = torch.optim.Adam(model.parameters(), learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        lengths = (rows != PAD).sum(1)
        order: list[np.ndarray] = []
        for step in range(steps):
            if not order:
                order = buckets(lengths, batch_size, seed=seed + step)
            chosen = order.pop()
            x = torch.from_numpy(rows[chosen][:, : max(1, lengths[chosen].max())]).long()
            optimizer.zero_grad()
            loss = model.nll(no_code(len(x)), x).sum() / (x != PAD).sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
    return model.eval()


def no_code(n: int) -> Float[Tensor, "n 1"]:
    """What a language model is given in the place of codes."""
    return torch.zeros(n, 1)


def bleu(made: Sequence[str], true: Sequence[str], *, tokenizer: str = "13a") -> float:
    """Corpus BLEU, 0 to 100, by `sacrebleu`.

    Args:
        made: Sentences.
        true: What each should be.
        tokenizer: Of `sacrebleu`: `"13a"` for languages with spaces, `"char"` for others.

    Raises:
        ImportError: If `sacrebleu` is not installed.

    References:
        Post, "A call for clarity in reporting BLEU scores", WMT 2018.
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise ImportError('BLEU needs sacrebleu: pip install "entropae[text]".') from error
    metric = BLEU(tokenize=tokenizer, force=True)
    return float(metric.corpus_score(list(made), [list(true)]).score)


def repeated(made: Sequence[str]) -> float:
    """Share of sentences that were already among those before them.

    Examples:
        >>> repeated(["a", "b", "a", "a"])
        0.5
    """
    return 1 - len(set(made)) / len(made)


def copied(made: Sequence[str], training: Sequence[str]) -> float:
    """Share of sentences that are in the training set, word for word.

    Examples:
        >>> copied(["a", "b", "a", "c"], ["a", "x"])
        0.5
    """
    known = set(training)
    return sum(sentence in known for sentence in made) / len(made)


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
    centre = code.double().mean(0)
    axes = torch.linalg.svd(code.double() - centre, full_matrices=False)[2]
    along = (((part.double() - centre) @ axes.T).T for part in (code, again))
    total = 0.0
    for a, b in zip(*along, strict=True):
        if a.std() > 1e-6 and b.std() > 1e-6:  # else there is nothing to tell
            found = knn_mutual_information(a, b, k, method="gao", resolution=None, scale=None)
            total += max(0.0, float(found))
    return total


class Posterior(NamedTuple):
    """What a VAE's posterior tells of sentences, in nats per sentence.

    Attributes:
        kl: Mean KL(q(z | x) ‖ N(0, I)).
        mutual_information: I(x; z) under q: `kl` − KL(q(z) ‖ N(0, I)), q(z) being the average of
            the posteriors of the same sentences; so at most log n.
        nll: −log p(x) by importance weights.
    """

    kl: float
    mutual_information: float
    nll: float


@torch.no_grad()
def posterior(
    model: Autoencoder, rows: Int[Tensor, "n t"], *, draws: int = 32, seed: int = 0
) -> Posterior:
    """KL, mutual information and importance-weighted NLL of a VAE.

    −log p(x) ≤ −log (1/K) Σ p(x | zᵢ) p(zᵢ) / q(zᵢ | x), zᵢ ~ q(z | x).

    Args:
        model: An autoencoder with a `Variational` latent and a decoder with `nll`.
        rows: Sentences, as rows of tokens.
        draws: K.
        seed: Of the draws.

    Raises:
        ValueError: If the latent has no posterior.

    References:
        Burda, Grosse and Salakhutdinov, ICLR 2016, eq. (8). Hoffman and Johnson, "ELBO surgery",
        2016, for the mutual information.
    """
    latent = model.latent
    if not isinstance(latent, Variational):
        raise ValueError(f"Only a Variational latent has a posterior: got {type(latent).__name__}.")
    generator = torch.Generator().manual_seed(seed)
    nll = _of_sentences(model)
    mean, log_variance = (part.double() for part in latent.posterior(model.encoder(rows)))
    kl = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
    weights, information = [], torch.zeros(len(rows), dtype=torch.float64)
    for draw in range(draws):
        noise = torch.randn(mean.shape, generator=generator, dtype=torch.float64)
        z = mean + (0.5 * log_variance).exp() * noise
        inside = _log_normal(z, mean, log_variance)
        prior = _log_normal(z, torch.zeros_like(z), torch.zeros_like(z))
        weights.append(prior - inside - nll(z.float(), rows).double())
        if draw < 4:
            every = _log_normal(z[:, None], mean, log_variance)
            information += (inside - every.logsumexp(1) + math.log(len(rows))) / min(4, draws)
    bound = torch.stack(weights).logsumexp(0) - math.log(draws)
    return Posterior(float(kl.mean()), float(information.mean()), float(-bound.mean()))


def _log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    squared = (z - mean).square() / log_variance.exp()
    return -0.5 * (squared + log_variance + math.log(2 * math.pi)).sum(-1)


def _of_sentences(model: Autoencoder) -> Callable[[Tensor, Tensor], Tensor]:
    if not isinstance(model.decoder, SequenceDecoder):
        raise ValueError(
            f"The decoder must be one of sentences: got {type(model.decoder).__name__}."
        )
    return model.decoder.nll


def evaluate_text(
    model: Autoencoder,
    train: Samples,
    held_out: Samples,
    *,
    real: LSTMDecoder | None = None,
    n: int = 1000,
    made: int = 2000,
    language: Mapping[str, int] | None = None,
    characters: bool = False,
    seed: int = 0,
) -> dict[str, float]:
    """All figures of a model of sentences.

    Args:
        model: A trained model, in evaluation mode, as `fit` leaves it.
        train: What it was trained on.
        held_out: Other sentences.
        real: A `language_model` of the training sentences; by default one is trained.
        n: At most so many held-out sentences.
        made: Sentences drawn, which the second language model is trained on.
        language: Options of `language_model`, if not its own: hidden, steps, batch_size.
        characters: BLEU of characters, for languages without spaces.
        seed: Of all that is random.

    Returns:
        By name: `nll`, `perplexity`, `accuracy` and `bleu` of reconstructions of held-out
        sentences; `kl`, `mutual_information` and `importance_weighted_nll` of VAEs;
        `round_trip_information`, `active_units`, `used_units`; and of sentences drawn from the
        model's prior token by token, `forward_perplexity`, `reverse_perplexity`, `repeated` and
        `copied`.

    Raises:
        ValueError: If the decoder is none of sentences.
    """
    _of_sentences(model)
    decoder, tokenizer = model.decoder, train.tokenizer
    assert isinstance(decoder, SequenceDecoder)  # for the type checker
    if tokenizer is None:
        raise ValueError("The samples must be sentences with a tokenizer.")
    some = held_out.first(n)
    code = model.encode(some)
    again = model.decode(code)
    figures: dict[str, float] = {**score(decoder, code, some)._asdict()}
    figures["bleu"] = bleu(
        tokenizer.decode(again.tolist()),
        tokenizer.decode(some.tolist()),
        tokenizer="char" if characters else "13a",
    )
    if isinstance(model.latent, Variational):
        found = posterior(model, some, seed=seed)
        figures["kl"] = found.kl
        figures["mutual_information"] = found.mutual_information
        figures["importance_weighted_nll"] = found.nll
    figures["round_trip_information"] = round_trip_information(code, model.encode(again))
    figures["active_units"] = active_units(code)
    figures["used_units"] = used_units(decoder, code, some)
    return figures | evaluate_drawn(
        draw(model, made, seed=seed),
        train,
        held_out,
        tokenizer,
        real=real,
        language=language,
        seed=seed,
    )


@torch.no_grad()
def draw(model: Autoencoder, n: int, *, seed: int = 0, prior: str | None = None) -> Tensor:
    """Sentences drawn from the model: a code from the prior, then token by token."""
    from entropae.text import sampling

    decoder = model.decoder
    before = decoder.decoding
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder.decoding = sampling  # type: ignore[assignment]
        try:
            return model.sample(n, seed=seed, prior=prior)
        finally:
            decoder.decoding = before


def evaluate_drawn(
    made: Int[Tensor, "n length"],
    train: Samples,
    held_out: Samples,
    tokenizer: Tokenizer,
    *,
    real: LSTMDecoder | None = None,
    language: Mapping[str, int] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Figures of drawn sentences: see `evaluate_text`."""
    vocabulary = len(tokenizer)
    every = _rows(train)
    if real is None:
        real = language_model(every.numpy(), vocabulary, seed=seed, **(language or {}))
    own = language_model(made.numpy(), vocabulary, seed=seed, **(language or {}))
    test = _rows(held_out)
    sentences = tokenizer.decode(made.tolist())
    return {
        "forward_perplexity": score(real, no_code(len(made)), made).perplexity,
        "reverse_perplexity": score(own, no_code(len(test)), test).perplexity,
        "repeated": repeated(sentences),
        "copied": copied(sentences, tokenizer.decode(every.tolist())),
    }


def _rows(samples: Samples) -> Int[Tensor, "n t"]:
    """All sentences of samples in one tensor."""
    return samples.first(len(samples))
