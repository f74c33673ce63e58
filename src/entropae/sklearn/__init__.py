"""For scikit-learn's users: an autoencoder as a transformer, entropy as an estimator, a score.

    from entropae.sklearn import EntropicAutoencoder, KNNEntropy, mutual_info

They follow scikit-learn's conventions in all: `Pipeline`, `GridSearchCV`, `clone`, `set_output`,
`pickle`, which is theirs to answer for: unpickle no file that you do not trust.
"""

from entropae.sklearn.autoencoder import EntropicAutoencoder
from entropae.sklearn.density import KNNEntropy
from entropae.sklearn.selection import mutual_info

__all__ = ["EntropicAutoencoder", "KNNEntropy", "mutual_info"]
