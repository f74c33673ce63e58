"""Sentences: a line of a file each, as rows of token numbers.

Needs tokenizers and sacrebleu: pip install "entropae[text]".
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from entropae.kinds.base import Kind
from entropae.kinds.keys import keys_of_rows
from entropae.kinds.measures import Evaluating, Measure
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.text.lines import (
    LOOKED_AT,
    Counts,
    Lines,
    as_lines,
    encode_lines,
    is_text,
    read_lines,
    splitting,
)
from entropae.kinds.text.start import start_from_counts
from entropae.kinds.text.tokenizer import FILE, NAMES, Tokenizer, suitable
from entropae.messages import printable, unknown
from entropae.nn.decoding import DECODINGS
from entropae.nn.tokens import PAD
from entropae.storage.atomic import write_text

SHOWN = 64
INDENTED, REPEATED = 0.05, 0.5  # shares of lines that are worth a word
DROPOUT = 0.3  # of an lstm that starts from counts


class Text(Kind):
    """Sentences of at most so many tokens.

    Args:
        tokenizer: What the numbers mean.
        length: Tokens of a sentence at most, its end included.
    """

    name = "text"
    things = "sentences"
    features = None
    suffix = ".txt"
    view: ClassVar[Any] = None
    numeric = False
    noise = 0.5
    batch_size = 64
    enough = 500
    errors: ClassVar[Mapping[str, str]] = {
        "nll": "Nats per sentence",
        "perplexity": "Perplexity",
        "accuracy": "Share of tokens predicted",
    }
    better_errors: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("accuracy", "bleu", "round_trip_information", "active_units", "used_units"), "higher"
    )
    measures: ClassVar[Mapping[str, Measure]] = {
        "forward_perplexity": Measure("perplexity of sentences to a model of real ones"),
        "reverse_perplexity": Measure("perplexity of held-out sentences to a model of drawn ones"),
        "distinct": Measure("share of distinct pairs of tokens", "higher"),
        "repeated": Measure("repeated sentences"),
        "copied": Measure("copied sentences"),
    }

    def __init__(self, tokenizer: Tokenizer, *, length: int) -> None:
        self.tokenizer, self.length = tokenizer, length
        self.shape = (length,)

    @classmethod
    def claims(cls, source: Any) -> bool:
        """A text file, or a list of sentences."""
        if isinstance(source, list):
            return bool(source) and all(isinstance(one, str) for one in source)
        return isinstance(source, str | Path) and is_text(Path(source))

    @classmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """Sentences, and a tokenizer trained on them."""
        lines = _lines(source)
        _check(lines, reading.length)
        asked = reading.tokenizer
        chosen = suitable(lines.sentences) if asked == "auto" else asked
        tokenizer = Tokenizer.train(lines.sentences, chosen, vocabulary=reading.vocabulary)
        samples = cls(tokenizer, length=reading.length)._encoded(lines, least=2)
        return replace(samples, told=_told(lines))

    def read_more(self, source: Any, reading: Reading) -> Samples:
        """Sentences in the model's tokens; or rows of these."""
        if isinstance(source, Tensor | np.ndarray) and self.accepts(torch.as_tensor(source)):
            return Samples(np.asarray(source), self, "tokens")
        if not self.claims(source):
            what = source if isinstance(source, Path) else type(source).__name__
            raise ValueError(
                f"The model takes sentences: give a .txt file or a list of texts, not {what}."
            )
        return self._encoded(_lines(source), least=1)

    def accepts(self, x: Tensor) -> bool:
        """Rows of token numbers, of any length up to the model's."""
        return x.dtype == torch.int64 and x.ndim == 2 and x.shape[1] <= self.length

    def _encoded(self, lines: Lines, *, least: int) -> Samples:
        rows, counts = encode_lines(lines, self.tokenizer, length=self.length, least=least)
        left_out = counts.left_out()
        if counts.unknown:
            left_out += (f"{counts.unknown} of {counts.tokens} tokens unknown",)
        if left_out:
            total = counts.sentences + counts.empty + counts.overlong
            warnings.warn(
                f"{counts.sentences} of {total} lines kept: {', '.join(left_out)}."
                f"{self._remedies(lines, counts) if least > 1 else ''}",
                stacklevel=4,
            )
        kept = None if counts.kept.all() else counts.kept
        return Samples(rows, self, "tokens", left_out, keys=keys_of_rows(rows, but=PAD), kept=kept)

    def _remedies(self, lines: Lines, counts: Counts) -> str:
        """How another training would leave out less."""
        if not counts.unknown:
            return splitting(lines, counts)
        more = f" More tokens are known with --vocabulary {4 * len(self.tokenizer)}"
        return f"{more}, all with --tokenizer bpe.{splitting(lines, counts)}"

    def settings(self) -> dict[str, Any]:
        """The length; the tokenizer is written beside it."""
        return {"length": self.length}

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save(folder)

    @classmethod
    def restore(cls, settings: Mapping[str, Any], folder: Path) -> Text:
        """Read the tokenizer."""
        return cls(Tokenizer.load(folder), length=int(settings["length"]))

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether a folder holds a tokenizer."""
        return (folder / FILE).is_file()

    def networks(self, config: Any, latent: Any, samples: Samples) -> tuple[nn.Module, nn.Module]:
        """Recurrent ones or transformers."""
        from entropae.nn import text_pair

        linear = config.start != "random"
        return text_pair(
            config.network,
            len(self.tokenizer),
            self.length,
            latent.in_features,
            latent.dim,
            hidden=(config.hidden or (256,))[-1],
            dropout=DROPOUT if config.dropout is None and linear else config.dropout,
            word_dropout=config.word_dropout,
            linear=linear,
        )

    def begin(self, model: Any, samples: Samples, *, seed: int) -> None:
        """Start an lstm from counts of tokens."""
        if getattr(model.decoder, "linear", False):
            start_from_counts(model, samples, seed=seed)

    @contextmanager
    def drawing(self, model: Any, *, seed: int | None) -> Iterator[None]:
        """Draw tokens, of new sentences, instead of taking the most probable ones."""
        decoder = model.decoder
        before = getattr(decoder, "decoding", None)
        drawn = getattr(decoder, "drawing", before)
        with nullcontext() if seed is None else torch.random.fork_rng(devices=[]):
            if seed is not None:
                torch.manual_seed(seed)
            decoder.decoding = drawn
            try:
                yield
            finally:
                decoder.decoding = before

    def figures(self, model: Any, samples: Samples) -> dict[str, float]:
        """Likelihood and accuracy of sentences, given their codes."""
        from entropae.kinds.text.scores import score

        code = model.encode(samples, head=False)
        return score(model.decoder, code, samples.first(len(samples)))._asdict()

    def evaluate(
        self, model: Any, train: Samples, test: Samples, options: Evaluating
    ) -> dict[str, Any]:
        """Reconstructions, the use of the code, and drawn sentences of each prior."""
        from entropae.kinds.text.evaluation import evaluate

        return evaluate(model, train, test, n=options.n, seed=options.seed)

    def subject(self, make: Any, parts: dict[str, Any], given: Tensor) -> Any:
        """A decoder of sentences, judged by its probabilities of tokens."""
        from entropae.kinds.text.subject import Sentences

        return Sentences(**parts, given=given)

    def embed(self, model: Any, x: Int[Tensor, "n t"]) -> Float[Tensor, "n d"]:
        """The codes of sentences."""
        return model.encode(x, head=False)

    @property
    def introduction(self) -> str:
        """What its tokens are."""
        return (
            f"{len(self.tokenizer)} different tokens, {NAMES[self.tokenizer.kind]} (--tokenizer, "
            "--vocabulary)."
        )

    def describe_size(self) -> str:
        """Tokens."""
        return f"at most {self.length} tokens"

    def present(
        self, x: Int[Tensor, "n t"], *, drawn: bool = False, seed: int | None = None
    ) -> list[str]:
        """Sentences."""
        return self.tokenizer.decode(x.tolist())

    def cells(
        self, x: Tensor, how: str = "encoded", *, seed: int | None = None
    ) -> tuple[list[str], list[list[str]]]:
        """One column, of sentences."""
        return ["sentence"], [[line] for line in self.present(x)]

    def set_decoding(self, model: Any, decoding: str | None, *, seed: int) -> None:
        """Greedy, nucleus, sampling or beam; else new sentences by nucleus, others greedily."""
        if decoding is not None and decoding not in DECODINGS:
            raise ValueError(unknown("decoding", decoding, DECODINGS))
        if len(self.tokenizer) != getattr(model.decoder, "vocabulary", None):
            raise ValueError(
                "The tokenizer beside the model is not that of its model: it has "
                f"{len(self.tokenizer)} tokens. Put {FILE} back as it was saved with the model."
            )
        if decoding is not None:
            model.decoder.decoding = model.decoder.drawing = DECODINGS[decoding]
        torch.manual_seed(seed)

    def write(self, made: Tensor, out: str, *, seed: int | None = None) -> str:
        """A sentence a line."""
        return self._write(self.present(made), out)

    def write_pairs(self, x: Tensor, again: Tensor, out: str) -> str:
        """Each sentence, and its reconstruction behind an arrow."""
        both = zip(self.present(x), self.present(again), strict=True)
        return self._write([line for true, made in both for line in (true, "→ " + made)], out)

    def write_paths(self, between: Tensor, out: str) -> str:
        """Paths, with an empty line between them."""
        paths = [self.present(path) for path in between]
        return self._write([line for path in paths for line in (*path, "")][:-1], out)

    def _write(self, lines: list[str], out: str) -> str:
        if out == "-":
            return "\n".join(map(printable, lines))
        self.check_out(out)
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        write_text(Path(out), "".join(f"{line}\n" for line in lines))
        return f"Wrote {len(lines)} lines to {out}."

    def default_out(self, role: str) -> str:
        """The terminal."""
        return "-"

    def check_out(self, out: str) -> None:
        """Text files, or - for the terminal."""
        if out != "-" and Path(out).suffix != ".txt":
            raise ValueError(f"`--out` must be a .txt file for text, or - to print it: got {out}.")

    def illustrate(self, model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
        """A file of new sentences."""
        self.write(model.draw(SHOWN, seed=seed), str(folder / "samples.txt"))
        return [folder / "samples.txt"]

    def picture(self, x: Tensor, again: Tensor | None = None) -> None:
        """None: they are read."""

    @property
    def sections(self) -> Any:
        """As sentences."""
        from entropae.kinds.text import report

        return (report.samples, report.reconstructions, report.interpolations, report.nearest)


def _lines(source: Any) -> Lines:
    return as_lines(source) if isinstance(source, list) else read_lines(source)


def _check(lines: Lines, length: int) -> None:
    """Raise unless there are lines that can be learnt from."""
    if not lines.sentences:
        counts = Counts(0, lines.empty, lines.overlong, 0, 0, length)
        raise ValueError(
            f"There are no sentences: of {lines.empty + lines.overlong} lines {lines.empty} are "
            f"empty, and {lines.overlong} have more than {LOOKED_AT} characters."
            f"{splitting(lines, counts)}"
        )
    if len(lines.sentences) > 1 and len(set(lines.sentences)) == 1:
        raise ValueError(
            f"All {len(lines.sentences)} sentences are the same: there is nothing to learn."
        )


def _told(lines: Lines) -> str:
    """What becomes of the lines that nobody asked for, in sentences."""
    n, said = len(lines.sentences), []
    if lines.indented > INDENTED * n:
        said.append(
            f"{lines.indented} of {n} lines are indented, which is not kept: a sentence has single "
            "spaces."
        )
    again = n - len(set(lines.sentences))
    if again > REPEATED * n:
        said.append(
            f"{again} of {n} lines repeat others, so that held-out ones are among those trained "
            "on. For figures of new sentences, give each line once."
        )
    return " ".join(said)
