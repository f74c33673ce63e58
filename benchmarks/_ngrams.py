"""An n-gram language model of words, by interpolated Kneser-Ney: a reader that learnt nothing else.

It has no part in any model that it judges.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

Words = Sequence[str]
END, UNKNOWN = "</s>", "<unk>"
DISCOUNT = 0.75


class KneserNey:
    """p(w | h) = max(C(h w) − D, 0) / C(h) + λ(h) p(w | h without its first word).

    Below the highest order C counts contexts instead of occurrences; the lowest is interpolated
    with the uniform distribution over the vocabulary. Words that come once are one word, unknown.

    References:
        Chen and Goodman, "An empirical study of smoothing techniques", 1999, section 2.7.
    """

    def __init__(self, sentences: Sequence[Words], order: int = 3) -> None:
        often = Counter(word for words in sentences for word in words)
        self.known = {word for word, n in often.items() if n > 1} | {END, UNKNOWN}
        self.order = order
        self.counts: list[Any] = [defaultdict(Counter) for _ in range(order)]
        highest = self.counts[-1]
        for words in sentences:
            for before, word in self._places(words):
                highest[before][word] += 1
        for n in range(order - 1, 0, -1):
            for before, after in self.counts[n].items():
                for word in after:
                    self.counts[n - 1][before[1:]][word] += 1
        self.totals = [{h: sum(after.values()) for h, after in one.items()} for one in self.counts]

    def perplexity(self, sentences: Sequence[Words]) -> float:
        """Of each word, ends included."""
        nats, n = 0.0, 0
        for words in sentences:
            for before, word in self._places(words):
                nats -= math.log(self._p(word, before))
                n += 1
        return math.exp(nats / n)

    def _places(self, words: Words) -> Iterator[tuple[tuple[str, ...], str]]:
        given = [word if word in self.known else UNKNOWN for word in (*words, END)]
        padded = ["<s>"] * (self.order - 1) + given
        for i, word in enumerate(given):
            yield tuple(padded[i : i + self.order - 1]), word

    def _p(self, word: str, before: tuple[str, ...]) -> float:
        p = 1 / len(self.known)
        for n in range(self.order):
            h = before[self.order - 1 - n :]
            total = self.totals[n].get(h)
            if not total:
                continue
            after = self.counts[n][h]
            rest = DISCOUNT * len(after) / total
            p = max(after[word] - DISCOUNT, 0) / total + rest * p
        return p
