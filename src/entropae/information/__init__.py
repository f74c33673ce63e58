"""What samples say of each other: divergence, cross-entropy, mutual information. In nats.

Divergence and cross-entropy are functions of `kth_distance` and so have gradients. The estimators
of mutual information count points inside a distance: counts are steps, and have none.
"""

from entropae.information.divergence import knn_cross_entropy, knn_divergence
from entropae.information.jackknife import jackknife
from entropae.information.mutual import (
    ESTIMATORS,
    knn_conditional_mutual_information,
    knn_mutual_information,
    knn_total_correlation,
)

__all__ = [
    "ESTIMATORS",
    "jackknife",
    "knn_conditional_mutual_information",
    "knn_cross_entropy",
    "knn_divergence",
    "knn_mutual_information",
    "knn_total_correlation",
]
