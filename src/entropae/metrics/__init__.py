"""Figures of features, codes and sentences: pure functions of arrays, which know of no model."""

from entropae.metrics.frechet import frechet_distance
from entropae.metrics.kernel import KernelDistance, kernel_distance
from entropae.metrics.neighbourhoods import (
    PrecisionRecallDensityCoverage,
    precision_recall_density_coverage,
)
from entropae.metrics.normality import Normality, normality
from entropae.metrics.sliced import sliced_wasserstein

__all__ = [
    "KernelDistance",
    "Normality",
    "PrecisionRecallDensityCoverage",
    "frechet_distance",
    "kernel_distance",
    "normality",
    "precision_recall_density_coverage",
    "sliced_wasserstein",
]
