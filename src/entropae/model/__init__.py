"""The autoencoder: an encoder, a latent and a decoder; what they make of a batch; and its files."""

from entropae.model.augmenting import augmentation, choose_augmentation
from entropae.model.autoencoder import Autoencoder
from entropae.model.errors import (
    ERRORS,
    absolute_error,
    gaussian_error,
    make_error,
    perceptual_error,
)
from entropae.model.loading import load, memory, size_of
from entropae.model.output import (
    AutoencoderOutput,
    ErrorFunction,
    error_function,
    squared_error,
    total_loss,
)
from entropae.model.paths import PATHS
from entropae.model.saving import CONFIG, FORMAT, WEIGHTS
from entropae.model.start import components_of, pca_error, start_from_pca

__all__ = [
    "CONFIG",
    "ERRORS",
    "FORMAT",
    "PATHS",
    "WEIGHTS",
    "Autoencoder",
    "AutoencoderOutput",
    "ErrorFunction",
    "absolute_error",
    "augmentation",
    "choose_augmentation",
    "components_of",
    "error_function",
    "gaussian_error",
    "load",
    "make_error",
    "memory",
    "pca_error",
    "perceptual_error",
    "size_of",
    "squared_error",
    "start_from_pca",
    "total_loss",
]
