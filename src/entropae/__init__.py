"""Turn any autoencoder into a generative model, and measure entropy from samples.

The names below are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from entropae.entropy import (
        entropy_estimate,
        gaussian_baseline,
        gaussian_entropy,
        knn_entropy,
        knn_renyi_entropy,
        knn_tsallis_entropy,
    )
    from entropae.information import (
        conditional_mutual_information_estimate,
        divergence_estimate,
        information_matrix,
        knn_conditional_mutual_information,
        knn_cross_entropy,
        knn_divergence,
        knn_mutual_information,
        knn_total_correlation,
        knn_transfer_entropy,
        mutual_information_estimate,
        rank_features,
        total_correlation_estimate,
        transfer_entropy_estimate,
    )
    from entropae.latent import Entropic, Latent, Plain
    from entropae.metrics.frechet import frechet_distance
    from entropae.metrics.normality import normality
    from entropae.model import Autoencoder, load
    from entropae.reader import Dialect, read_table
    from entropae.reader.rows import open_table
    from entropae.runs import Run
    from entropae.runs.related import load_related, synthesize_related
    from entropae.runs.synthesis import synthesize
    from entropae.training import fit

__version__ = "0.1.0"

__all__ = [
    "Autoencoder",
    "Dialect",
    "Entropic",
    "Latent",
    "Plain",
    "Run",
    "conditional_mutual_information_estimate",
    "divergence_estimate",
    "entropy_estimate",
    "fit",
    "frechet_distance",
    "gaussian_baseline",
    "gaussian_entropy",
    "information_matrix",
    "knn_conditional_mutual_information",
    "knn_cross_entropy",
    "knn_divergence",
    "knn_entropy",
    "knn_mutual_information",
    "knn_renyi_entropy",
    "knn_total_correlation",
    "knn_transfer_entropy",
    "knn_tsallis_entropy",
    "load",
    "load_related",
    "mutual_information_estimate",
    "normality",
    "open_table",
    "rank_features",
    "read_table",
    "synthesize",
    "synthesize_related",
    "total_correlation_estimate",
    "transfer_entropy_estimate",
]

_HOMES = {
    "reader": ("Dialect", "read_table"),
    "reader.rows": ("open_table",),
    "entropy": (
        *("entropy_estimate", "gaussian_baseline", "gaussian_entropy"),
        *("knn_entropy", "knn_renyi_entropy", "knn_tsallis_entropy"),
    ),
    "information": (
        "conditional_mutual_information_estimate",
        "divergence_estimate",
        "information_matrix",
        "knn_conditional_mutual_information",
        "knn_cross_entropy",
        "knn_divergence",
        "knn_mutual_information",
        "knn_total_correlation",
        "knn_transfer_entropy",
        "mutual_information_estimate",
        "rank_features",
        "total_correlation_estimate",
        "transfer_entropy_estimate",
    ),
    "latent": ("Entropic", "Latent", "Plain"),
    "metrics": ("frechet_distance", "normality"),
    "model": ("Autoencoder", "load"),
    "runs": ("Run",),
    "runs.related": ("load_related", "synthesize_related"),
    "runs.synthesis": ("synthesize",),
    "training": ("fit",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = {home.split(".")[0] for home in _HOMES} | {
    "diagnosis",
    "distributed",
    "explorer",
    "features",
    "kinds",
    "neighbors",
    "nn",
    "prior",
    "recipe",
    "report",
    "sklearn",
    "variables",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"entropae.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"entropae.{name}")
    raise AttributeError(f"module 'entropae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
