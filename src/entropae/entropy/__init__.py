"""Differential entropy from a sample, by nearest neighbours. In nats throughout."""

from entropae.entropy.baseline import Baseline, gaussian_baseline
from entropae.entropy.degenerate import called, dependent_columns
from entropae.entropy.distances import (
    LOG_UNIT_BALL,
    entropy_of_distances,
    log_distance,
)
from entropae.entropy.estimate import Estimate, entropy_estimate
from entropae.entropy.halves import change, halves, matters
from entropae.entropy.methods import METHODS, EntropyMethod, knn_entropy
from entropae.entropy.renyi import knn_renyi_entropy, knn_tsallis_entropy
from entropae.entropy.weights import weights
from entropae.entropy.whitening import gaussian_entropy

__all__ = [
    "LOG_UNIT_BALL",
    "METHODS",
    "Baseline",
    "EntropyMethod",
    "Estimate",
    "called",
    "change",
    "dependent_columns",
    "entropy_estimate",
    "entropy_of_distances",
    "gaussian_baseline",
    "gaussian_entropy",
    "halves",
    "knn_entropy",
    "knn_renyi_entropy",
    "knn_tsallis_entropy",
    "log_distance",
    "matters",
    "weights",
]
