"""Text: methods × figures on three corpora. A file a run, so that it goes on where it stopped.

`python benchmarks/text.py WORK --data DATA` trains what WORK lacks, in the order of importance,
until `--minutes` are over; `--table` writes results/text.json and results/text.md of what there is.
DATA has the folders kjv, quatrains and sentence_polarity.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import entropae as ea
from entropae.kinds.samples import Samples, split
from entropae.kinds.text import Text
from entropae.kinds.text.evaluation import draw, evaluate_text, tokenizer_of
from entropae.kinds.text.language_model import language_model
from entropae.kinds.text.lines import encode_lines, read_lines
from entropae.kinds.text.tokenizer import Tokenizer
from entropae.latent import Entropic, Latent, Matching, Plain, Variational
from entropae.nn import greedy, text_pair
from entropae.nn.tokens import UNK

from _machine import RESULTS, save

DIM, HIDDEN, DROPOUT = 16, 96, 0.2
BATCH, RATE = 64, 4e-3
LANGUAGE = {"hidden": 64, "steps": 400, "batch_size": 64}
MADE, TESTED = 2000, 400
MOST = 10_000

METHODS: dict[str, Callable[[], Latent]] = {
    "BN-VAE": lambda: Variational(DIM, 1.0, batch_norm=0.6, warmup=(0.0, 0.5)),
    "VAE": lambda: Variational(DIM, 1.0, warmup=(0.0, 0.5)),
    "EAE": lambda: Entropic(DIM),
    "EAE as published": lambda: Entropic(DIM, correction="none", bank=0),
    "EAE, noise 0.75": lambda: Entropic(DIM, noise=(0.75, 0.75)),
    "EAE, annealed noise": lambda: Entropic(DIM, noise=(0.5, 0.0)),
    "EAE, noise 1": lambda: Entropic(DIM, noise=(1.0, 1.0)),
    "EAE, λ = 3": lambda: Entropic(DIM, 3.0),
    "AE": lambda: Plain(DIM),
    "AE + BN": lambda: Plain(DIM, standardize=True),
    "SIGReg + BN": lambda: Matching(DIM, 0.1, distance="sigreg", standardize=True),
}
MAIN = 6  # of them, which are run first
# Kind of tokens, their number, tokens of a sentence at most, steps of training.
CORPORA: dict[str, tuple[Any, int, int, int]] = {
    "kjv, clauses": ("bpe", 1000, 16, 2000),
    "quatrains": ("character", 1500, 25, 1000),
    "sentence_polarity": ("bpe", 1000, 32, 1500),
}
COLUMNS = {
    "nll": "Rec NLL",
    "perplexity": "Rec PPL",
    "accuracy": "accuracy",
    "bleu": "BLEU",
    "kl": "KL",
    "mutual_information": "MI (q)",
    "importance_weighted_nll": "IW NLL",
    "round_trip_information": "MI (kNN)",
    "active_units": "active",
    "used_units": "used",
    "forward_perplexity": "forward PPL",
    "reverse_perplexity": "reverse PPL",
    "repeated": "repeated",
    "copied": "copied",
}


Run = tuple[dict[str, Any], ea.Autoencoder]


def sentences(corpus: str, data: Path) -> list[str]:
    folder = data / corpus.partition(",")[0]
    if folder.name == "sentence_polarity":
        with zipfile.ZipFile(folder / "sentence_polarity.zip") as archive:
            parts = [
                archive.read(f"sentence_polarity/rt-polarity.{kind}") for kind in ("neg", "pos")
            ]
        return [line for part in parts for line in part.decode("latin-1").splitlines()]
    lines = read_lines(next(folder.glob("*.txt.gz"))).sentences
    if corpus.endswith("clauses"):  # cut after : and ;, for short sentences take fewer steps
        return [part for line in lines for part in re.split(r"(?<=[:;]) ", line)]
    return lines


def samples(corpus: str, data: Path) -> Samples:
    """Sentences that are short enough and have no unknown tokens, each once."""
    kind, vocabulary, length, _ = CORPORA[corpus]
    every = list(dict.fromkeys(sentences(corpus, data)))
    tokenizer = Tokenizer.train(every, kind, vocabulary=vocabulary)
    rows, _ = encode_lines(every, tokenizer, length=length)
    rows = rows[(rows != UNK).all(1)]
    some = np.random.default_rng(0).permutation(len(rows))[:MOST]
    return Samples(rows[np.sort(some)], Text(tokenizer, length=length), "tokens")


def parts(every: Samples) -> tuple[Samples, Samples]:
    kept, held_out = split(len(every), 0.1)
    return every.subset(kept), every.subset(held_out)


def train(
    every: Samples, latent: Latent, seed: int, steps: int
) -> tuple[ea.Autoencoder, list[Any]]:
    """A model of one size for all, and its log."""
    torch.manual_seed(seed)
    networks = text_pair(
        *("lstm", len(tokenizer_of(every)), every.shape[0], latent.in_features, DIM),
        hidden=HIDDEN,
        dropout=DROPOUT,
    )
    model = ea.Autoencoder(*networks, latent)
    learnt = parts(every)[0]
    per_epoch = len(learnt) // BATCH
    log = ea.fit(
        model,
        learnt,
        epochs=max(1, round(steps / per_epoch)),
        batch_size=BATCH,
        learning_rate=RATE,
        validation=0,
        seed=seed,
        on_nonfinite="skip",
        progress=False,
    )
    return model, log


def run(corpus: str, method: str, seed: int, every: Samples, real: Any) -> Run:
    learnt, held_out = parts(every)
    began = time.perf_counter()
    model, log = train(every, METHODS[method](), seed, CORPORA[corpus][3])
    seconds = time.perf_counter() - began
    if method == "AE":  # whose codes have no law of their own
        model.fit_prior(learnt, "full")
    figures = evaluate_text(
        *(model, learnt, held_out),
        real=real,
        n=TESTED,
        made=MADE,
        language=LANGUAGE,
        characters=CORPORA[corpus][0] == "character",
        seed=seed,
    )
    return {
        "corpus": corpus,
        "method": method,
        "seed": seed,
        "seconds": seconds,
        "figures": figures,
        "log": log,
        "shown": show(model, held_out, seed),
    }, model


def show(model: ea.Autoencoder, held_out: Samples, seed: int) -> dict[str, Any]:
    """Twenty of each, as sentences."""
    decode = tokenizer_of(held_out).decode
    drawn = draw(model, 20, seed=seed)
    greedily = draw(model, 20, seed=seed, decoding=greedy)
    some = held_out.first(40)
    ends = model.interpolate(some[:20], some[20:40], steps=5)
    return {
        "samples": decode(greedily.tolist()),
        "drawn": decode(drawn.tolist()),
        "sentences": decode(some[:20].tolist()),
        "reconstructions": decode(model.reconstruct(some[:20]).tolist()),
        "interpolations": [decode(rows.tolist()) for rows in ends],
    }


def jobs() -> list[tuple[str, str, int]]:
    """In the order of importance."""
    methods = list(METHODS)
    return [
        (corpus, method, seed)
        for some in (methods[:MAIN], methods[MAIN:])
        for seed in range(3)
        for corpus in CORPORA
        for method in some
    ]


def work(folder: Path, data: Path, minutes: float, corpora: list[str]) -> None:
    end = time.monotonic() + 60 * minutes
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[str, tuple[Samples, Any]] = {}
    for corpus, method, seed in jobs():
        name = re.sub(r"\W+", "_", f"{corpus} {method} {seed}")
        path = folder / f"{name}.json"
        if path.exists() or corpus not in corpora:
            continue
        if time.monotonic() > end:
            return
        if corpus not in known:
            every = samples(corpus, data)
            learnt = parts(every)[0]
            rows = learnt.first(len(learnt)).int().numpy()
            print(corpus, len(every), "sentences", flush=True)
            known[corpus] = every, language_model(rows, len(tokenizer_of(every)), **LANGUAGE)
        result, model = run(corpus, method, seed, *known[corpus])
        model.save(folder / name)
        path.write_text(json.dumps(result, ensure_ascii=False, indent=1))
        shown = {name: round(value, 3) for name, value in result["figures"].items()}
        print(corpus, method, seed, round(result["seconds"]), shown, flush=True)


def table(folder: Path, data: Path) -> None:
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    runs = [one for one in found if "figures" in one]
    text = [
        f"LSTM pair, hidden {HIDDEN}, dropout {DROPOUT}, {DIM} dimensions; batches of "
        f"{BATCH} sentences. Language models: {LANGUAGE}. {TESTED} held-out sentences, {MADE} "
        "drawn token by token, from N(0, I) (AE: from the full normal law of its codes).",
        "",
    ]
    sizes = {}
    for corpus, (kind, vocabulary, length, steps) in CORPORA.items():
        of = [one for one in runs if one["corpus"] == corpus]
        if not of:
            text += [f"## {corpus}", "", "Not run.", ""]
            continue
        sizes[corpus] = len(samples(corpus, data))
        text += [
            f"## {corpus}",
            "",
            f"{sizes[corpus]} sentences of fewer than {length} tokens ({kind}, {vocabulary}); "
            f"about {steps} steps.",
            "",
            "| | seeds | " + " | ".join(COLUMNS.values()) + " |",
            "|-" * (len(COLUMNS) + 2) + "|",
        ]
        lacking = set(METHODS) - {one["method"] for one in of}
        for method in (method for method in METHODS if method not in lacking):
            mine = [one["figures"] for one in of if one["method"] == method]
            cells = [cell([one[name] for one in mine if name in one]) for name in COLUMNS]
            text.append(f"| {method} | {len(mine)} | " + " | ".join(cells) + " |")
        text += ["", f"Not run: {', '.join(m for m in METHODS if m in lacking) or 'none'}.", ""]
    save(
        "text",
        {
            "runs": [{k: v for k, v in one.items() if k not in ("log", "shown")} for one in runs],
            "shown": {
                f"{one['corpus']}: {one['method']}": one["shown"]
                for one in runs
                if one["seed"] == 0
            },
        },
        dim=DIM,
        hidden=HIDDEN,
        dropout=DROPOUT,
        batch_size=BATCH,
        learning_rate=RATE,
        language=LANGUAGE,
        corpora=CORPORA,
        sentences=sizes,
    )
    (RESULTS / "text.md").write_text("\n".join(text))
    (RESULTS / "text_shown.md").write_text("\n".join(shown(runs)))
    print("\n".join(text))


def shown(runs: list[dict[str, Any]], method: str = "EAE") -> list[str]:
    """Twenty samples, reconstructions and interpolations of each corpus, as a page."""
    lines = [f"{method}, the first seed. Held-out sentences; codes of samples from N(0, I).", ""]
    for one in runs:
        if one["method"] != method or one["seed"]:
            continue
        found = one["shown"]
        pairs = zip(found["sentences"], found["reconstructions"], strict=True)
        parts = {
            "the most probable tokens of a sample": found["samples"],
            "tokens drawn": found["drawn"],
            "sentences → reconstructions": [f"{true} → {made}" for true, made in pairs],
            "interpolations": [" → ".join(path) for path in found["interpolations"]],
        }
        for title, rows in parts.items():
            lines += [f"# {one['corpus']}: {title}", ""]
            lines += [f"{i}. {escape(row)}" for i, row in enumerate(rows, 1)] + [""]
    return lines


def escape(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#])", r"\\\1", " ".join(text.split()))


def cell(values: list[float]) -> str:
    if not values:
        return ""
    middle = statistics.mean(values)
    digits = 3 if abs(middle) < 1 else 2 if abs(middle) < 10 else 1
    shown = f"{middle:.{digits}f}".removesuffix("." + digits * "0")
    return shown if len(values) == 1 else f"{shown} ± {np.std(values, ddof=1):.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="Folder of the runs' files.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA))
    parser.add_argument("--table", action="store_true", help="Only write what there is.")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.table:
        table(options.work, options.data)
    else:
        work(options.work, options.data, options.minutes, options.corpora)


if __name__ == "__main__":
    main()
