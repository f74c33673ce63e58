"""Figures of sentences: BLEU, repetitions, copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


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


def distinct(sentences: Sequence[Sequence[Any]], n: int = 2) -> float:
    """Share of the runs of `n` tokens that are different ones, of all in some sentences.

    It falls with the number of sentences: compare equal numbers.

    Args:
        sentences: Each a sequence of words, or of other tokens.
        n: Tokens of a run.

    Returns:
        From 0 to 1; 0 if no sentence has so many tokens.

    References:
        Li et al., "A diversity-promoting objective function for neural conversation models", NAACL
        2016, section 5.3.

    Examples:
        >>> distinct(["abab", "abc"])  # ab, ba, ab; ab, bc
        0.6
    """
    runs = [tuple(one[i : i + n]) for one in sentences for i in range(len(one) - n + 1)]
    return len(set(runs)) / max(1, len(runs))
