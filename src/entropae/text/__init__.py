"""Text: lines of a file as rows of token numbers, networks for them, and ways of decoding."""

from entropae.text.decoding import DECODINGS, Decoding, beam, greedy, sampling
from entropae.text.lines import Lines, buckets, encode_lines, read_lines
from entropae.text.lstm import LSTMDecoder, LSTMEncoder
from entropae.text.sequences import SequenceDecoder, trimmed
from entropae.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer
from entropae.text.transformer import TransformerDecoder, TransformerEncoder

__all__ = [
    "BOS",
    "DECODINGS",
    "EOS",
    "PAD",
    "UNK",
    "Decoding",
    "LSTMDecoder",
    "LSTMEncoder",
    "Lines",
    "SequenceDecoder",
    "Tokenizer",
    "TransformerDecoder",
    "TransformerEncoder",
    "beam",
    "buckets",
    "encode_lines",
    "greedy",
    "read_lines",
    "sampling",
    "trimmed",
]
