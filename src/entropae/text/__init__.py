"""Text: lines of a file as rows of token numbers, networks for them, and ways of decoding."""

from entropae.kinds.text.lines import Lines, buckets, encode_lines, read_lines
from entropae.kinds.text.tokenizer import Tokenizer
from entropae.nn.decoding import DECODINGS, Decoding, beam, greedy, sampling
from entropae.nn.lstm import LSTMDecoder, LSTMEncoder
from entropae.nn.sequences import SequenceDecoder, trimmed
from entropae.nn.tokens import BOS, EOS, PAD, UNK
from entropae.nn.transformer import TransformerDecoder, TransformerEncoder

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
