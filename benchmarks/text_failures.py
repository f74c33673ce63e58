"""Does an entropy term keep a language autoencoder from converging? Ways to make it fail.

`python benchmarks/text_failures.py --data DATA` trains the EAE of `text.py` for a short while as it
is and with one thing changed, and measures the gradient of the entropy at repeated sentences. It
goes on with what its result lacks.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import entropae as ea
from entropae.kinds.samples import Samples
from entropae.kinds.text.evaluation import tokenizer_of
from entropae.kinds.text.lines import buckets
from entropae.kinds.text.scores import score
from entropae.latent import Entropic
from entropae.model import total_loss
from entropae.nn import text_pair
from entropae.nn.tokens import PAD

from _machine import RESULTS, save
from text import CORPORA, DIM, DROPOUT, HIDDEN, RATE, parts, samples, sentences

CORPUS = "kjv, clauses"
STEPS, LONG, BATCH = 300, 900, 64
FLOORS = (1e-2, 1e-4, 1e-8, 1e-16, 1e-30)


def new_model(every: Samples, latent: Entropic) -> ea.Autoencoder:
    torch.manual_seed(0)
    networks = text_pair(
        *("lstm", len(tokenizer_of(every)), every.shape[0], latent.in_features, DIM),
        hidden=HIDDEN,
        dropout=DROPOUT,
    )
    return ea.Autoencoder(*networks, latent)


def at_random(learnt: Samples) -> Iterator[np.ndarray]:
    for epoch in range(1000):
        order = np.random.default_rng(epoch).permutation(len(learnt))
        yield from np.array_split(order, len(order) // BATCH)


def by_length(learnt: Samples) -> Iterator[np.ndarray]:
    lengths = (learnt.first(len(learnt)) != PAD).sum(1).numpy()
    for epoch in range(1000):
        yield from (rows for rows in buckets(lengths, BATCH, seed=epoch) if len(rows) > 2)


def train(
    model: ea.Autoencoder,
    every: Samples,
    order: Callable[[Samples], Iterator[np.ndarray]] = at_random,
    *,
    nats: int | None = DIM,
    steps: int = STEPS,
) -> dict[str, Any]:
    """What becomes of a model in a few steps."""
    learnt, held_out = parts(every)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    model.train()
    bad, errors = 0, []
    batches = order(learnt)
    for step in range(steps):
        model.latent.progress = step / steps
        if step % (len(learnt) // BATCH) == 0:
            model.latent.forget()
        x = learnt.__getitems__(next(batches).tolist())
        passed = model(x)
        loss = total_loss(passed.error, passed.penalties, nats=nats)
        optimizer.zero_grad()
        loss.backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        if not all(bool(torch.isfinite(g).all()) for g in gradients):
            bad += 1
            continue
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, 20 * (step + 1) / steps) * (1 - step / steps)
        optimizer.step()
        errors.append(float(passed.error))
    model.eval()
    model.calibrate(learnt.first(len(learnt)).split(512))
    x = held_out.first(500)
    code = model.encode(x)
    told = score(model.decoder, code, x) if torch.isfinite(code).all() else None
    shuffled = code[torch.randperm(len(code), generator=torch.Generator().manual_seed(0))]
    return {
        "training_nll_last_50": float(np.mean(errors[-50:])) if errors else None,
        "held_out_nll": told.nll if told else None,
        "held_out_nll_with_anothers_code": score(model.decoder, shuffled, x).nll if told else None,
        "code_standard_deviation": float(code.std()),
        "steps_not_finite": bad,
    }


def repeated_sentences(data: Path) -> dict[str, Any]:
    """How often a batch has a sentence twice, as the corpus is, by drawing batches."""
    found = {}
    for corpus in CORPORA:
        every = np.unique(sentences(corpus, data), return_inverse=True)[1]
        random = np.random.default_rng(0)
        found[corpus] = {
            "share": float(1 - len(np.unique(every)) / len(every)),
            **{
                f"batches_of_{n}": float(
                    np.mean(
                        [
                            len(np.unique(random.choice(every, n, replace=False))) < n
                            for _ in range(1000)
                        ]
                    )
                )
                for n in (64, 256)
            },
        }
    return found


def gradients(every: Samples) -> dict[str, Any]:
    """Norm of the gradient in the encoder's output, of a batch with a sentence that is repeated."""
    none = every.first(BATCH)
    pair = none.clone()
    pair[1] = pair[0]
    batches = {"no pair": (none, 1e-2)} | {str(floor): (pair, floor) for floor in FLOORS}
    found = {}
    for name, (x, floor) in batches.items():
        model = new_model(every, Entropic(DIM, correction="none", bank=0, floor=floor))
        h: Tensor = model.encoder(x).detach().requires_grad_()
        code, penalties = model.latent(h)
        nll = model.decoder.nll(code, x).mean() / DIM  # type: ignore[operator]
        terms = {"entropy": penalties["entropy"].value, "reconstruction": nll}
        found[name] = {
            part: float(torch.autograd.grad(term, h, retain_graph=True)[0].double().norm())
            for part, term in terms.items()
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    every = samples(CORPUS, options.data)
    result: dict[str, Any] = {
        "repeated": repeated_sentences(options.data),
        "gradient_of_a_pair_by_floor": gradients(every),
    }
    print(result, flush=True)
    path = RESULTS / "text_failures.json"
    known = json.loads(path.read_text())["result"] if path.exists() else None
    loose = Entropic(DIM)
    loose.norm = nn.Identity()
    unbounded = Entropic(DIM, correction="none", bank=0)
    unbounded.norm = nn.Identity()
    twice = replace(every, array=every.array.copy())
    twice.array[1::20] = twice.array[0::20]
    changes: dict[str, Callable[[], dict[str, Any]]] = {
        "as it is": lambda: train(new_model(every, Entropic(DIM)), every),
        "no standardisation, plain": lambda: train(new_model(every, unbounded), every),
        "no standardisation, corrected": lambda: train(new_model(every, loose), every),
        "batches of one length": lambda: train(new_model(every, Entropic(DIM)), every, by_length),
        "log of the reconstruction": lambda: train(
            new_model(every, Entropic(DIM)), every, nats=None
        ),
        "λ = 10": lambda: train(new_model(every, Entropic(DIM, 10.0)), every),
        "repeated sentences, no floor": lambda: train(
            new_model(twice, Entropic(DIM, floor=1e-30)), twice, steps=LONG
        ),
        "repeated sentences": lambda: train(new_model(twice, Entropic(DIM)), twice, steps=LONG),
    }
    result["changes"] = known["changes"] if known else {}
    for name, change in changes.items():
        if name in result["changes"]:
            continue
        result["changes"][name] = change()
        print(name, result["changes"][name], flush=True)
        save(
            "text_failures",
            result,
            corpus=CORPUS,
            steps=STEPS,
            long=LONG,
            batch_size=BATCH,
            dim=DIM,
        )


if __name__ == "__main__":
    main()
