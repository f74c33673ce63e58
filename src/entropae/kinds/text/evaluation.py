"""All figures of a model of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from entropae.kinds.samples import Samples
from entropae.kinds.text.language_model import language_model, no_code
from entropae.kinds.text.posterior import decoder_of, posterior
from entropae.kinds.text.scores import active_units, round_trip_information, score, used_units
from entropae.kinds.text.tokenizer import Tokenizer
from entropae.latent import Variational
from entropae.metrics.sentences import bleu, copied, distinct, repeated
from entropae.nn.decoding import Decoding, sampling
from entropae.nn.lstm import LSTMDecoder
from entropae.nn.tokens import PAD

# Figures of drawn sentences.
DRAWN = ("forward_perplexity", "reverse_perplexity", "distinct", "repeated", "copied")
REAL = "held-out sentences"
# Sentences that are drawn, and that runs of tokens are counted in: of more, fewer are distinct.
MADE = 2000
FEWEST = 20  # held-out sentences from which it can be told what the code is used for


def evaluate_text(
    model: Any,
    train: Samples,
    held_out: Samples,
    *,
    real: LSTMDecoder | None = None,
    n: int = 1000,
    made: int = MADE,
    counted: int | None = None,
    decoding: Decoding = sampling,
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
        counted: Among how many of them repetitions are counted, which grow with the number; by
            default all.
        decoding: How their tokens are chosen.
        language: Options of `language_model`, if not its own: hidden, steps, batch_size.
        characters: BLEU of characters, for languages without spaces.
        seed: Of all that is random.

    Returns:
        By name: `nll`, `perplexity`, `accuracy` and `bleu` of reconstructions of held-out
        sentences; `kl`, `mutual_information` and `importance_weighted_nll` of VAEs;
        `round_trip_information`, `active_units`, `used_units` of 20 sentences or more; and of
        sentences drawn from the model's prior token by token, `forward_perplexity`,
        `reverse_perplexity`, `distinct`, `repeated` and `copied`.

    Raises:
        ValueError: If the decoder is none of sentences.
    """
    decoder, tokenizer = decoder_of(model), tokenizer_of(train)
    some = held_out.first(n)
    code = model.encode(some, head=False)
    again = model.decode(code, head=False)
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
    found_again = model.encode(again, head=False)
    if len(code) >= FEWEST:
        figures["round_trip_information"] = round_trip_information(code, found_again)
        figures["active_units"] = active_units(code)
        figures["used_units"] = used_units(decoder, code, some)
    drawn = draw(model, made, seed=seed, decoding=decoding)
    how: dict[str, Any] = {"real": real, "language": language, "seed": seed, "counted": counted}
    return figures | evaluate_drawn(drawn, train, held_out, tokenizer, **how)


def evaluate(model: Any, train: Samples, held_out: Samples, *, n: int, seed: int) -> dict[str, Any]:
    """The figures of `evaluate_text`, those of drawn sentences under the name of their prior.

    They are drawn as `sample` draws them. Beside them are held-out sentences in their place: what
    sentences as good as the data would come to. Repetitions are counted among equally many.
    """
    tokenizer = tokenizer_of(train)
    n = min(n, len(held_out))
    others = held_out.some(MADE).first(MADE)
    real = language_model(_rows(train).numpy(), len(tokenizer), seed=seed)
    found = evaluate_text(
        *(model, train, held_out),
        real=real,
        n=n,
        counted=len(others),
        decoding=decoder_of(model).drawing,
        characters=tokenizer.kind == "character",
        seed=seed,
    )
    of_drawn = {name: found.pop(name) for name in DRAWN}
    of_real = _of_rows(others, train, tokenizer, real)
    return {"samples": n, **found, model.prior: of_drawn, REAL: of_real}


def tokenizer_of(samples: Samples) -> Tokenizer:
    """The tokenizer of samples, which must be sentences."""
    tokenizer = getattr(samples.kind, "tokenizer", None)
    if tokenizer is None:
        raise ValueError(f"The samples must be sentences: got {samples.kind.things}.")
    return tokenizer


@torch.no_grad()
def draw(
    model: Any, n: int, *, seed: int = 0, prior: str | None = None, decoding: Decoding = sampling
) -> Tensor:
    """Sentences drawn from the model: a code from the prior, then token by token."""
    decoder = decoder_of(model)
    before = decoder.drawing
    decoder.drawing = decoding
    try:
        return model.draw(n, seed=seed, prior=prior)
    finally:
        decoder.drawing = before


def evaluate_drawn(
    made: Int[Tensor, "n length"],
    train: Samples,
    held_out: Samples,
    tokenizer: Tokenizer,
    *,
    real: LSTMDecoder | None = None,
    language: Mapping[str, int] | None = None,
    counted: int | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Figures of drawn sentences: see `evaluate_text`."""
    vocabulary = len(tokenizer)
    if real is None:
        real = language_model(_rows(train).numpy(), vocabulary, seed=seed, **(language or {}))
    own = language_model(made.numpy(), vocabulary, seed=seed, **(language or {}))
    test = _rows(held_out)
    reverse = score(own, no_code(len(test)), test).perplexity
    found = _of_rows(made, train, tokenizer, real, counted)
    return found | {"reverse_perplexity": reverse}


def _of_rows(
    made: Int[Tensor, "n length"],
    train: Samples,
    tokenizer: Tokenizer,
    real: LSTMDecoder,
    counted: int | None = None,
) -> dict[str, float]:
    """What can be said of sentences one by one, and of how much they differ."""
    sentences = tokenizer.decode(made.tolist())
    tokens = [row[row != PAD].tolist() for row in made]
    return {
        "forward_perplexity": score(real, no_code(len(made)), made).perplexity,
        "distinct": distinct(tokens[:counted]),
        "repeated": repeated(sentences[:counted]),
        "copied": copied(sentences, tokenizer.decode(_rows(train).tolist())),
    }


def _rows(samples: Samples) -> Int[Tensor, "n t"]:
    """All sentences of samples in one tensor."""
    return samples.first(len(samples))
