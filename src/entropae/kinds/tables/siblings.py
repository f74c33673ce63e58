"""What the children of a parent have in common, as far as so few of them tell.

The mean of a few children is partly chance. Children that are drawn around such a mean are more
alike than those of the data, by a share `1/n` of the variance within families of `n`. So what
stands beside a parent is drawn from the posterior of what its children would be on average: it
spreads as these averages do, and goes with each child as they do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri
from scipy.stats import rankdata

ENOUGH = 30  # parents of two children or more, of which anything can be said
FOLDS = 5
ROWS = 50_000  # that trees learn from
MOST = 10  # classes that are predicted from the parent's columns


class Siblings:
    """Children by their parents, of whom columns are known.

    Args:
        places: Of the children's parents.
        n: Parents.
        x: What is known of each parent, as trees take it; NaN where it is missing.
        classes: Which of its columns are indices of categories.
        seed: Of what is drawn.
    """

    def __init__(
        self,
        places: Int[np.ndarray, " m"],
        n: int,
        x: Float[np.ndarray, "n c"],
        classes: Any,
        *,
        seed: int = 0,
    ) -> None:
        self.places, self.n, self.x, self.classes, self.seed = places, n, x, classes, seed

    @property
    def are_enough(self) -> bool:
        """Whether so many have siblings that their likeness can be told from chance."""
        return int((np.bincount(self.places, minlength=self.n) > 1).sum()) >= ENOUGH

    def usual_number(self, values: Float[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
        """For each parent a number that its children would have on average, drawn.

        Of the model of variance components on normal scores `s`, less what the parent's columns
        tell of them, `f`: with `τ²` between families, `σ²` within and `n` children of mean `s̄`,

            f + B (s̄ − f) + τ √(1 − B) ε,    B = n τ² / (n τ² + σ²).

        References:
            G. K. Robinson, "That BLUP is a good thing: the estimation of random effects",
            Statistical Science 6, 1991, for the mean; that it is drawn: R. J. Mislevy,
            "Randomization-based inference about latent variables from complex samples",
            Psychometrika 56, 1991.
        """
        scores = ndtri((rankdata(values) - 0.5) / len(values))
        known = self._predicted(scores[:, None])
        counts, means, tau, sigma = self._components(scores[:, None] - known)
        share = counts * tau / (counts * tau + sigma) if tau + sigma > 0 else 0 * counts
        random = np.random.default_rng(self.seed).standard_normal(self.n)
        family = share * means[:, 0] + np.sqrt(tau * (1 - share)) * random
        made = self._mean(known)[:, 0] + family
        order = np.argsort(values, kind="stable")
        return np.interp(made, scores[order], values[order])

    def usual_class(self, codes: Int[np.ndarray, " m"], k: int) -> Int[np.ndarray, " n"]:
        """For each parent the class that its children would mostly have, drawn.

        The most probable class of probabilities from the posterior of Dirichlet's distribution,
        around those that the parent's columns tell, with the concentration `σ²/τ²`.
        """
        states = np.eye(k)[codes]
        shares = np.tile(states.mean(0), (len(codes), 1))
        known = np.clip(self._predicted(states), 0, None) if k <= MOST else shares
        total = known.sum(1, keepdims=True)
        known = np.where(total > 0, known / np.where(total > 0, total, 1), shares)
        _, _, tau, sigma = self._components(states - known)
        random = np.random.default_rng(self.seed)
        votes = np.zeros((self.n, k))
        np.add.at(votes, self.places, states)
        around = self._mean(known)
        if tau <= 1e-6 * (tau + sigma):
            # Siblings are no more alike than their parents tell.
            return np.argmax(np.log(np.maximum(around, 1e-12)) + random.gumbel(size=votes.shape), 1)
        drawn = random.standard_gamma(np.maximum(votes + sigma / tau * around, 1e-12))
        return drawn.argmax(1)

    def _mean(self, values: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "n k"]:
        """The mean over each parent's children; 0 without any."""
        sums = np.zeros((self.n, values.shape[1]))
        np.add.at(sums, self.places, values)
        return sums / np.maximum(np.bincount(self.places, minlength=self.n), 1)[:, None]

    def _predicted(self, values: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """What the parents' columns tell of values, by trees that learnt from other parents."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        if not self.x.shape[1]:
            return np.tile(values.mean(0), (len(values), 1))
        random = np.random.default_rng(self.seed)
        fold = (random.permutation(self.n) % FOLDS)[self.places]
        made = np.zeros(values.shape)
        for i in range(FOLDS):
            own, others = np.flatnonzero(fold == i), np.flatnonzero(fold != i)
            learnt = random.permutation(others)[:ROWS]
            for j, target in enumerate(values.T):
                trees: Any = HistGradientBoostingRegressor(
                    max_iter=60,
                    min_samples_leaf=10,
                    random_state=0,
                    categorical_features=self.classes,
                )
                trees.fit(self.x[self.places[learnt]], target[learnt])
                if len(own):
                    made[own, j] = trees.predict(self.x[self.places[own]])
        return made

    def _components(
        self, values: Float[np.ndarray, "m k"]
    ) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n k"], float, float]:
        """How many children, their means, and the variances between and within families."""
        values = values - values.mean(0)
        counts, means = np.bincount(self.places, minlength=self.n), self._mean(values)
        there, m = (counts > 0).sum(), len(values)
        within = ((values - means[self.places]) ** 2).sum() / max(m - there, 1)
        between = (counts * (means**2).sum(1)).sum() / max(there - 1, 1)
        size = (m - (counts**2).sum() / m) / max(there - 1, 1)
        return counts, means, float(max((between - within) / size, 0.0)), float(within)
