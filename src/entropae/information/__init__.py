"""What samples say of each other: divergence, cross-entropy, mutual information. In nats.

Divergence and cross-entropy are functions of `kth_distance` and so have gradients. The estimators
of mutual information count points inside a distance: counts are steps, and have none.
"""

from entropae.information.divergence import knn_cross_entropy, knn_divergence
from entropae.information.divergence_estimate import DivergenceEstimate, divergence_estimate
from entropae.information.estimate import (
    InformationEstimate,
    conditional_mutual_information_estimate,
    mutual_information_estimate,
    total_correlation_estimate,
    transfer_entropy_estimate,
)
from entropae.information.formulas import CONDITIONAL, MANY
from entropae.information.formulas import PAIRS as ESTIMATORS
from entropae.information.jackknife import jackknife
from entropae.information.matrix import (
    InformationMatrix,
    Ranking,
    information_matrix,
    rank_features,
)
from entropae.information.mutual import (
    knn_conditional_mutual_information,
    knn_mutual_information,
)
from entropae.information.total import knn_total_correlation
from entropae.information.transfer import knn_transfer_entropy

__all__ = [
    "CONDITIONAL",
    "ESTIMATORS",
    "MANY",
    "DivergenceEstimate",
    "InformationEstimate",
    "InformationMatrix",
    "Ranking",
    "conditional_mutual_information_estimate",
    "divergence_estimate",
    "information_matrix",
    "jackknife",
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
]
