"""The autoencoder: an encoder, a latent and a decoder; what they make of a batch; and its files."""

from entropae.model.augmenting import augmentation, choose_augmentation
from entropae.model.autoencoder import Autoencoder
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
    "FORMAT",
    "PATHS",
    "WEIGHTS",
    "Autoencoder",
    "AutoencoderOutput",
    "ErrorFunction",
    "augmentation",
    "choose_augmentation",
    "components_of",
    "error_function",
    "load",
    "memory",
    "pca_error",
    "size_of",
    "squared_error",
    "start_from_pca",
    "total_loss",
]
