"""Ten minutes on 10 000 lines: the default command, and what a newcomer then reads.

`python benchmarks/text_minutes.py WORK --data DATA` runs `entropae fit --data LINES --out RUN` on
each of three corpora, with nothing else unless `--options` follow, and measures what `entropae
sample` and `entropae reconstruct` write. `--source CHECKOUT --name before` has another version of
the package do it. `--table` writes results/text_minutes.json and .md of all that WORK has.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _ngrams import KneserNey
from entropae.kinds.text.evaluation import tokenizer_of
from entropae.kinds.text.lines import read_lines
from entropae.metrics.sentences import bleu, copied, distinct, repeated

from _machine import RESULTS, save
from text import escape, sentences

LINES = 10_000
SHOWN, MADE, PAIRS = 20, 500, 300
CORPORA = ("kjv", "quatrains", "sentence_polarity")
ROWS = {
    "options": "options of `fit`",
    "load": "load average of the machine",
    "steps": "training steps",
    "seconds": "seconds",
    "nll": "held-out nats per sentence, given its code",
    "perplexity": "per token, as a perplexity",
    "accuracy": "held-out tokens predicted",
    "bleu": "BLEU of reconstructions",
    "judged": "n-gram perplexity of samples",
    "judged_real": "the same of held-out lines",
    "distinct": "distinct pairs of words in samples",
    "distinct_real": "the same of held-out lines",
    "new": "words of samples that are in no training line",
    "new_real": "the same of held-out lines",
    "repeated": "repeated samples",
    "copied": "samples that are training lines",
}


def words(line: str, corpus: str) -> list[str]:
    return list(line) if corpus == "quatrains" else re.findall(r"[\w'-]+|[^\w\s]", line.lower())


def run(corpus: str, folder: Path, data: Path, source: Path, options: Sequence[str]) -> None:
    """Train, sample and reconstruct by the command line of some version."""
    every = sentences(corpus, data)
    path = folder.parent / f"{corpus}.txt"
    path.write_text("".join(f"{line}\n" for line in every[:LINES]), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(source / "src")}

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "entropae.cli", *arguments],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    began, load = time.perf_counter(), os.getloadavg()[0]
    asked = ["--data", str(path), "--out", str(folder), *options]
    said = command("fit", *asked)
    seconds = time.perf_counter() - began
    command("sample", str(folder), "-n", str(MADE), "--out", str(folder / "drawn.txt"))
    command("reconstruct", str(folder), "-n", str(PAIRS), "--out", str(folder / "again.txt"))
    diagnosis = command("diagnose", str(folder))
    (folder / "said.json").write_text(
        json.dumps(
            {
                "fit": said,
                "diagnose": diagnosis.replace(str(folder), "RUN"),
                "seconds": seconds,
                "load": load,
                "options": " ".join(options),
            }
        )
    )


def figures(corpus: str, folder: Path, data: Path) -> dict[str, Any]:
    """What the files of a run tell."""
    import entropae as ea

    opened = ea.Run.open(folder, data=str(folder.parent / f"{corpus}.txt"))
    decode = tokenizer_of(opened.samples).decode
    train, held_out = (
        decode(part.first(len(part)).tolist()) for part in (opened.train, opened.held_out)
    )
    made = read_lines(folder / "drawn.txt").sentences
    pairs = read_lines(folder / "again.txt").sentences
    real = held_out[:MADE]
    metrics = json.loads((folder / "metrics.json").read_text())
    about = json.loads((folder / "said.json").read_text())
    others = sentences(corpus, data)[LINES:]
    # A judge that has read other lines, where there are enough; else the training lines.
    judge = KneserNey([words(line, corpus) for line in (others if len(others) > 5000 else train)])
    known = {word for line in train for word in words(line, corpus)}
    tokens, real_tokens = ([words(line, corpus) for line in lines] for lines in (made, real))

    def new(lines: list[list[str]]) -> float:
        return statistics.mean(word not in known for line in lines for word in line)

    return {
        "steps": metrics["steps"],
        **{name: about[name] for name in ("options", "load", "seconds") if name in about},
        **metrics["validation"],
        "bleu": bleu(
            [line.removeprefix("→ ") for line in pairs[1::2]],
            pairs[::2],
            tokenizer="char" if corpus == "quatrains" else "13a",
        ),
        "judged": judge.perplexity(tokens),
        "judged_real": judge.perplexity(real_tokens),
        "distinct": distinct(tokens),
        "distinct_real": distinct(real_tokens),
        "new": new(tokens),
        "new_real": new(real_tokens),
        "repeated": repeated(made),
        "copied": copied(made, train),
    }


def table(work: Path, data: Path) -> None:
    found: dict[str, dict[str, Any]] = {}
    shown, said = {}, {}
    for path in sorted(work.glob("*/said.json")):
        corpus, _, name = path.parent.name.partition("-")
        found.setdefault(corpus, {})[name] = figures(corpus, path.parent, data)
        shown[f"{corpus}, {name}"] = read_lines(path.parent / "drawn.txt").sentences[:SHOWN]
        said[f"{corpus}, {name}"] = json.loads(path.read_text())["diagnose"]
    text = [
        f"`entropae fit --data LINES --out RUN` on the first {LINES} lines, with the options "
        "named, then `entropae sample` and `entropae reconstruct`. "
        f"{MADE} samples; the n-gram model (order 3, Kneser-Ney, words; characters "
        "of quatrains) has read the lines beyond the first, of sentence_polarity the training "
        "lines.",
        "",
    ]
    for corpus, runs in found.items():
        text += [f"## {corpus}", "", "| | " + " | ".join(runs) + " |", "|-" * (len(runs) + 1) + "|"]
        for key, title in ROWS.items():
            cells = [shown_as(one.get(key, "")) for one in runs.values()]
            text.append(f"| {title} | " + " | ".join(cells) + " |")
        text.append("")
    for title, lines in shown.items():
        text += [f"## {title}: the first {SHOWN} samples", ""]
        text += [f"{i}. {escape(line)}" for i, line in enumerate(lines, 1)] + [""]
    for title, lines in said.items():
        text += [f"## {title}: diagnosis", "", "```", lines.strip(), "```", ""]
    save("text_minutes", {"figures": found, "samples": shown}, lines=LINES)
    (RESULTS / "text_minutes.md").write_text("\n".join(text))
    print("\n".join(text))


def shown_as(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else f"`{value}`" if value else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="Folder of the runs.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA))
    parser.add_argument("--source", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--name", default="now", help="Of this version or these options.")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="Of `fit`.")
    parser.add_argument("--table", action="store_true", help="Only write what there is.")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    if asked.table:
        return table(asked.work, asked.data)
    for corpus in asked.corpora:
        folder = asked.work / f"{corpus}-{asked.name}"
        if not (folder / "said.json").exists():
            run(corpus, folder, asked.data, asked.source.resolve(), asked.options)
            print(folder, figures(corpus, folder, asked.data), flush=True)
    return None


if __name__ == "__main__":
    main()
