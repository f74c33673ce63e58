"""What is asked of the code: a class per method.

An autoencoder is an encoder, a latent and a decoder. The latent turns the encoder's output `h` into
the code `z` that the decoder gets, and says how it should be distributed, as named penalties.
Everything else is the same for all methods, so adding one is adding a class here.
"""

from entropae.latent.base import Latent, LatentOutput, Penalty
from entropae.latent.entropic import Entropic
from entropae.latent.matching import Matching
from entropae.latent.names import named
from entropae.latent.plain import Plain
from entropae.latent.regularized import Regularized, Spherical
from entropae.latent.variational import Balanced, Variational
from entropae.nn.normalization import Standardize

__all__ = [
    "Balanced",
    "Entropic",
    "Latent",
    "LatentOutput",
    "Matching",
    "Penalty",
    "Plain",
    "Regularized",
    "Spherical",
    "Standardize",
    "Variational",
    "named",
]
