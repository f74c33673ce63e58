"""Sentences to token numbers and back, by Hugging Face's `tokenizers`."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from entropae.messages import unknown
from entropae.nn.tokens import BOS, EOS, PAD, SPECIAL, UNK
from entropae.storage.atomic import write_text

Kind = Literal["bpe", "word", "character"]


FILE = "tokenizer.json"
FORMAT = 1
LARGEST = 1 << 24  # bytes of a tokenizer's file
MOST = 1 << 18  # tokens, four times as many as those of the largest vocabularies in use
NAMES: dict[Kind, str] = {"bpe": "byte pairs", "word": "words", "character": "characters"}
SINGLE = 0.02  # share of sentences of several words, up to which they are single ones
SPARSE = 10  # characters a space, above which these do not separate words


class Tokenizer:
    """A vocabulary and how a sentence is cut into its tokens.

    Its file holds the kind, the tokens and the merges, and nothing that steers the library: what is
    read is built anew from these.

    Args:
        kind: `"bpe"` (byte pairs: every text comes back as it was), `"word"` (words and punctuation
            marks) or `"character"`. With the last two, what is not in the vocabulary is unknown.
        tokens: In the order of their numbers, the four of `SPECIAL` first.
        merges: For BPE, pairs of tokens in the order in which they are merged.

    Attributes:
        kind, tokens, merges: As given.

    Raises:
        ImportError: If `tokenizers` is not installed.
        ValueError: If tokens are missing or double, or a merge is not of known tokens.

    References:
        Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units",
        ACL 2016.

    Examples:
        >>> tokenizer = Tokenizer.train(["abc", "ab c"], "character")
        >>> len(tokenizer), tokenizer.decode(tokenizer.encode(["a b", "d"]))
        (8, ['a b', '\ufffd'])
    """

    def __init__(
        self, kind: Kind, tokens: Sequence[str], merges: Sequence[tuple[str, str]] = ()
    ) -> None:
        _check_kind(kind)
        _check_tokens(tokens, merges)
        self.kind: Kind = kind
        self.tokens = tuple(tokens)
        self.merges = tuple((a, b) for a, b in merges)
        self._rules = _rules(kind, KINDS[kind].model(self.tokens, self.merges))

    @classmethod
    def train(
        cls, sentences: Sequence[str], kind: Kind = "bpe", *, vocabulary: int = 4000
    ) -> Tokenizer:
        """A tokenizer of the most frequent tokens of a corpus.

        Args:
            sentences: The corpus.
            kind: See the class.
            vocabulary: At most so many tokens, special ones included. BPE needs 260 for the bytes.

        Raises:
            ValueError: If the vocabulary is too small to hold what it must.
        """
        _check_kind(kind)
        least = len(SPECIAL) + KINDS[kind].least
        if vocabulary < least:
            raise ValueError(f"`vocabulary` must be at least {least}: got {vocabulary}.")
        model, trainer = KINDS[kind].trainer(
            {
                "vocab_size": vocabulary,
                "special_tokens": list(SPECIAL),
                "show_progress": False,
            }
        )
        rules = _rules(kind, model)
        rules.train_from_iterator(map(normalize, sentences), trainer)
        learnt = json.loads(rules.to_str())["model"]
        tokens = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
        return cls(kind, tokens, [(a, b) for a, b in learnt.get("merges", ())])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, sentences: Sequence[str]) -> list[list[int]]:
        """Token numbers of sentences, without begin or end."""
        found = self._rules.encode_batch(
            [normalize(sentence) for sentence in sentences], add_special_tokens=False
        )
        return [one.ids for one in found]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Sentences of token numbers, each up to its first `EOS`; an unknown token is U+FFFD."""
        return [self._decode(list(row)) for row in rows]

    def _decode(self, row: list[int]) -> str:
        row = row[: row.index(EOS)] if EOS in row else row
        tokens = [
            KINDS[self.kind].unknown if number == UNK else self.tokens[number]
            for number in row
            if number not in (PAD, BOS)
        ]
        return " ".join(self._rules.decoder.decode(tokens).split())

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json` into a folder."""
        content = {
            "format": FORMAT,
            "kind": self.kind,
            "tokens": self.tokens,
            "merges": self.merges,
        }
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_text(Path(folder) / FILE, json.dumps(content, ensure_ascii=True) + "\n")

    @staticmethod
    def load(folder: str | Path) -> Tokenizer:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: If the folder holds no tokenizer.
            ValueError: If the file is damaged or too large.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise FileNotFoundError(f"No tokenizer in {folder}: {FILE} is missing.")
        try:
            if path.stat().st_size > LARGEST:
                raise ValueError(f"it has more than {LARGEST} bytes")
            content = json.loads(path.read_text("utf-8"))
            if not isinstance(content, dict) or set(content) != {
                *("format", "kind", "tokens", "merges")
            }:
                raise ValueError("it must have format, kind, tokens and merges")
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}, not {FORMAT}")
            return Tokenizer(content["kind"], content["tokens"], content["merges"])
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error


def suitable(sentences: Sequence[str]) -> Kind:
    """Byte pairs; characters for languages that are written without spaces, and for single words.

    Examples:
        >>> suitable(["the cat sleeps"]), suitable(["春眠不覺曉，處處聞啼鳥"])
        ('bpe', 'character')
        >>> suitable(["CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"])
        'character'
    """
    some = sentences[:: max(1, len(sentences) // 1000)]
    spaces = sum(sentence.count(" ") for sentence in some)
    if sum(" " in sentence for sentence in some) <= SINGLE * len(some):  # names, molecules, codes
        return "character"
    # Words of Finnish or German have 7 characters on average.
    without = sum(map(len, some)) > SPARSE * (spaces + len(some))
    return "character" if without and not all(map(str.isascii, some)) else "bpe"


def normalize(sentence: str) -> str:
    """A sentence in Unicode's form C, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", sentence).split())


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(unknown("tokenizer", str(kind), KINDS))
    if find_spec("tokenizers") is None:
        raise ImportError('Text needs tokenizers: pip install "entropae[text]".')


def _check_tokens(tokens: Any, merges: Any) -> None:
    if not isinstance(tokens, list | tuple) or not all(isinstance(t, str) for t in tokens):
        raise ValueError("`tokens` must be texts.")
    if tuple(tokens[: len(SPECIAL)]) != SPECIAL or len(tokens) == len(SPECIAL):
        raise ValueError(f"`tokens` must begin with {', '.join(SPECIAL)}, and have others.")
    if len(tokens) > MOST:
        raise ValueError(f"There may be at most {MOST:,} tokens: got {len(tokens):,}.")
    known = set(tokens)
    if len(known) != len(tokens):
        raise ValueError("`tokens` must be distinct.")
    for merge in merges:
        if (
            not isinstance(merge, list | tuple)
            or len(merge) != 2
            or not all(isinstance(part, str) for part in merge)
            or not {*merge, "".join(merge)} <= known
        ):
            raise ValueError(f"Each merge must be of two known tokens into a third: got {merge!r}.")


def _rules(kind: Kind, model: Any) -> Any:
    """The library's tokenizer. Special tokens are not looked for: a text may have their names."""
    from tokenizers import Tokenizer as Rules

    rules = Rules(model)
    rules.pre_tokenizer, rules.decoder = KINDS[kind].cut(), KINDS[kind].join()
    return rules


def _byte_pairs(tokens: tuple[str, ...], merges: tuple[tuple[str, str], ...]) -> Any:
    from tokenizers import models

    return models.BPE({token: i for i, token in enumerate(tokens)}, list(merges))


def _whole(tokens: tuple[str, ...], merges: tuple[tuple[str, str], ...]) -> Any:
    from tokenizers import models

    if merges:
        raise ValueError("Only a tokenizer of kind 'bpe' has merges.")
    return models.WordLevel({token: i for i, token in enumerate(tokens)}, SPECIAL[UNK])


def _cut_bytes() -> Any:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.ByteLevel(add_prefix_space=False)


def _join_bytes() -> Any:
    from tokenizers import decoders

    return decoders.ByteLevel()


def _cut_words() -> Any:
    from tokenizers import Regex, pre_tokenizers

    # A mark is a token, with or without a space before it.
    marks = pre_tokenizers.Split(Regex(r"▁?[^\w\s▁]"), "isolated")
    return pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), marks])


def _join_words() -> Any:
    from tokenizers import decoders

    return decoders.Metaspace()


def _cut_characters() -> Any:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(r"(?m)."), "isolated")


def _join_characters() -> Any:
    from tokenizers import decoders

    return decoders.Fuse()


def _byte_trainer(options: dict[str, Any]) -> tuple[Any, Any]:
    from tokenizers import models, pre_tokenizers, trainers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return models.BPE(), trainers.BpeTrainer(initial_alphabet=alphabet, **options)


def _whole_trainer(options: dict[str, Any]) -> tuple[Any, Any]:
    from tokenizers import models, trainers

    return models.WordLevel(unk_token=SPECIAL[UNK]), trainers.WordLevelTrainer(**options)


class Way(NamedTuple):
    """How a kind of tokenizer is made: the library's parts."""

    model: Callable[[tuple[str, ...], tuple[tuple[str, str], ...]], Any]
    cut: Callable[[], Any]
    join: Callable[[], Any]
    trainer: Callable[[dict[str, Any]], tuple[Any, Any]]
    least: int  # tokens, without the special ones
    unknown: str  # what is joined as U+FFFD


KINDS: dict[str, Way] = {
    "bpe": Way(_byte_pairs, _cut_bytes, _join_bytes, _byte_trainer, 256, "ï¿½"),
    "word": Way(_whole, _cut_words, _join_words, _whole_trainer, 1, "▁\ufffd"),
    "character": Way(_whole, _cut_characters, _join_characters, _whole_trainer, 1, "\ufffd"),
}
