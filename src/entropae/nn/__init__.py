"""Encoders and decoders by architecture, and batch normalisation. Any pair of modules will do."""

from entropae.nn.convolutions import ConvDecoder, ConvEncoder
from entropae.nn.decoding import DECODINGS, Decoding, beam, greedy, nucleus, sampling
from entropae.nn.lstm import LSTMDecoder, LSTMEncoder
from entropae.nn.mlp import FEW, MLPDecoder, MLPEncoder, default_hidden
from entropae.nn.normalization import BatchNorm, Standardize
from entropae.nn.pairs import NETWORKS, pair, text_pair
from entropae.nn.principal import has_linear_path, linear_weights, start_at_components
from entropae.nn.residual import ResidualDecoder, ResidualEncoder
from entropae.nn.scaling import ScaledDecoder, ScaledEncoder, Scaling, mixed_units, points_of
from entropae.nn.sequences import SequenceDecoder, trimmed
from entropae.nn.table import TableDecoder
from entropae.nn.tokens import BOS, EOS, PAD, UNK
from entropae.nn.transformer import TransformerDecoder, TransformerEncoder

__all__ = [
    "BOS",
    "DECODINGS",
    "EOS",
    "FEW",
    "NETWORKS",
    "PAD",
    "UNK",
    "BatchNorm",
    "ConvDecoder",
    "ConvEncoder",
    "Decoding",
    "LSTMDecoder",
    "LSTMEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "ResidualDecoder",
    "ResidualEncoder",
    "ScaledDecoder",
    "ScaledEncoder",
    "Scaling",
    "SequenceDecoder",
    "Standardize",
    "TableDecoder",
    "TransformerDecoder",
    "TransformerEncoder",
    "beam",
    "default_hidden",
    "greedy",
    "has_linear_path",
    "linear_weights",
    "mixed_units",
    "nucleus",
    "pair",
    "points_of",
    "sampling",
    "start_at_components",
    "text_pair",
    "trimmed",
]
