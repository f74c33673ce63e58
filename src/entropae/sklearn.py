"""For scikit-learn's users: an autoencoder as a transformer, entropy as an estimator, a score.

    from entropae.sklearn import EntropicAutoencoder, KNNEntropy, mutual_info

They follow scikit-learn's conventions in all: `Pipeline`, `GridSearchCV`, `clone`, `set_output`,
`pickle`, which is theirs to answer for: unpickle no file that you do not trust.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, autograd, nn

from entropae.entropy import EntropyMethod, entropy_estimate
from entropae.information import knn_mutual_information
from entropae.latent import Entropic
from entropae.model import Autoencoder
from entropae.neighbors import check_k, kth_distance
from entropae.nn import MLPDecoder, MLPEncoder
from entropae.training import fit
from entropae.training.fitting import random_state_kept

DTYPES = [np.float64, np.float32]
ROWS = 512  # at a time, of Jacobians

RandomState = int | np.random.RandomState | None


class EntropicAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Codes of a few dimensions that follow N(0, I), and a generator of new samples from them.

    Features are standardised; encoder and decoder are fully connected. They are trained in single
    precision and used in double. For images, texts, tables with categories, or networks of your
    own, take `entropae.fit`.

    Args:
        n_components: Dimensions of the code.
        weight: λ: the relative reconstruction error that is paid for one nat of entropy per
            dimension.
        hidden: Sizes of the encoder's hidden layers; the decoder's are the same in reverse.
        epochs: Passes over the samples; by default 8000 steps, but 5 to 300 passes.
        batch_size: Samples a step.
        learning_rate: Adam's, at its highest.
        device: Where to train, see `entropae.fit`; afterwards the networks are on the CPU.
        verbose: Show a progress bar.
        random_state: Of the first weights, the order of the samples, and `sample`.

    Attributes:
        model_: The trained `entropae.Autoencoder` of the standardised features.
        mean_: Of each feature, shape `(n_features,)`.
        scale_: Standard deviation of each feature, 1 where that is 0.
        noise_variance_: Mean squared error of the training samples' standardised features.
        log_: What `entropae.fit` returned: a row an epoch.
        n_features_in_: Features seen in `fit`.
        feature_names_in_: Their names, if `fit` was given a frame.

    Examples:
        >>> from sklearn.datasets import load_iris
        >>> x = load_iris().data
        >>> found = EntropicAutoencoder(2, epochs=20, random_state=0).fit(x)
        >>> found.transform(x).shape, found.sample(3).shape
        ((150, 2), (3, 4))
        >>> list(found.get_feature_names_out())
        ['entropicautoencoder0', 'entropicautoencoder1']
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        weight: float = 1.0,
        hidden: Sequence[int] = (512, 256),
        epochs: int | None = None,
        batch_size: int = 256,
        learning_rate: float = 3e-3,
        device: str | None = None,
        verbose: bool = False,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.weight = weight
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    # Not a named argument: scikit-learn would take a `sample_weight` there for one that is used.
    def fit(self, X: Any, y: Any = None, **unsupported: Any) -> Self:
        """Train on samples.

        Args:
            X: Samples, shape `(n, n_features)`, at least 2.
            y: Ignored.
            unsupported: Nothing: the error for sample weights says what to do.

        Raises:
            TypeError: If sample weights are given.
            ValueError: If the samples are unusable or an argument is out of its range.
        """
        if unsupported:
            raise TypeError(
                f"EntropicAutoencoder.fit takes samples only: got {', '.join(unsupported)}. To "
                "weigh samples, repeat them, or draw rows in proportion to their weights."
            )
        x = _checked(self, X, first=True).astype(np.float64)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.mean_, self.scale_ = x.mean(0), _scale(x)
        standardized = torch.from_numpy((x - self.mean_) / self.scale_)
        with random_state_kept():
            torch.manual_seed(seed)
            model = self._new_model(x.shape[1])
        self.log_ = fit(
            model,
            standardized.float(),
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            validation=0,
            seed=seed,
            device=self.device,
            progress=bool(self.verbose),
        )
        self.model_ = model.cpu().double()
        error = self.model_.reconstruct(standardized) - standardized
        self.noise_variance_ = float(error.square().mean())
        return self

    def _new_model(self, features: int) -> Autoencoder:
        latent = Entropic(self.n_components, self.weight)
        encoder = MLPEncoder((features,), latent.in_features, hidden=tuple(self.hidden))
        decoder = MLPDecoder(
            (features,), self.n_components, hidden=tuple(self.hidden), output="linear"
        )
        return Autoencoder(encoder, decoder, latent)

    def transform(self, X: Any) -> Float[np.ndarray, "n d"]:
        """Codes of samples, shape `(n, n_components)`."""
        x, dtype = self._standardized(X)
        return self.model_.encode(x).numpy().astype(dtype, copy=False)

    def inverse_transform(self, X: Any) -> Float[np.ndarray, "n features"]:
        """What the decoder makes of codes, in the units of the features.

        Raises:
            ValueError: If the codes have another number of dimensions.
        """
        check_is_fitted(self)
        codes: np.ndarray = check_array(X, dtype=DTYPES)  # pyright: ignore[reportArgumentType, reportAssignmentType]
        return self._in_units(self.model_.decode(torch.from_numpy(np.array(codes))), codes.dtype)

    def sample(
        self, n_samples: int = 1, *, random_state: RandomState = None
    ) -> Float[np.ndarray, "n features"]:
        """New samples: decoded codes from N(0, I).

        Args:
            n_samples: How many.
            random_state: By default the estimator's own; with an int, the same samples each time.
        """
        check_is_fitted(self)
        state = check_random_state(self.random_state if random_state is None else random_state)
        seed = int(state.randint(np.iinfo(np.int32).max))
        return self._in_units(self.model_.draw(n_samples, seed=seed), np.dtype(np.float64))

    def score_samples(self, X: Any) -> Float[np.ndarray, " n"]:
        """Log-density of each sample, in nats, in the units of the features.

        The density is that of `x = D(z) + σ ε` with `z` and `ε` standard normal and σ² the
        `noise_variance_`, where the decoder is taken as linear about the sample's own code: with
        its Jacobian `J` there,

            log p(x) ≈ log N(x; D(z) − J z, J Jᵀ + σ² I),   z = E(x).

        If the decoder is linear it is exact: the likelihood of probabilistic PCA. It compares
        across `n_components` and `weight`. σ² is of the samples of `fit`, so that a model that
        knows them by heart gives others a low density.

        References:
            Tipping and Bishop, J. R. Stat. Soc. B 61 (1999) 611, eq. (6), for the linear decoder.
        """
        x, _ = self._standardized(X)
        parts = x.split(ROWS), self.model_.encode(x).split(ROWS)
        made = [
            _log_density(self.model_.decoder, some, codes, self.noise_variance_)
            for some, codes in zip(*parts, strict=True)
        ]
        return torch.cat(made).numpy() - float(np.log(self.scale_).sum())

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`: the larger, the better the model explains new samples."""
        return float(self.score_samples(X).mean())

    def _standardized(self, X: Any) -> tuple[Float[Tensor, "n features"], np.dtype]:
        """Samples less their mean over their deviation, and the type that they came in."""
        x = _checked(self, X)
        return torch.from_numpy((x.astype(np.float64) - self.mean_) / self.scale_), x.dtype

    def _in_units(
        self, x: Float[Tensor, "n features"], dtype: np.dtype
    ) -> Float[np.ndarray, "n features"]:
        return (x.numpy() * self.scale_ + self.mean_).astype(dtype, copy=False)

    @property
    def _n_features_out(self) -> int:
        return self.n_components

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _checked(estimator: BaseEstimator, x: Any, *, first: bool = False) -> Float[np.ndarray, "n d"]:
    """Samples as `fit`, if they are the first, or a fitted estimator must have them."""
    if first:
        return np.asarray(validate_data(estimator, x, dtype=DTYPES, ensure_min_samples=2))
    check_is_fitted(estimator)
    return np.asarray(validate_data(estimator, x, reset=False, dtype=DTYPES))


def _scale(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """Standard deviations of columns; 1 of constant ones, also where rounding says otherwise."""
    scale = x.std(0)
    rounding = len(x) * np.finfo(x.dtype).eps * np.abs(x).max(0)
    return np.where(scale > rounding, scale, 1.0)


def _log_density(
    decoder: nn.Module, x: Float[Tensor, "n features"], z: Float[Tensor, "n d"], noise: float
) -> Float[Tensor, " n"]:
    """Log N(x; D(z) − J z, J Jᵀ + σ² I) of each row, by matrices of d × d."""
    with torch.no_grad():
        made = decoder(z)
        axes = torch.eye(z.shape[1]).to(z)
        columns: list[Any] = [
            autograd.functional.jvp(decoder, z, axis.expand_as(z))[1] for axis in axes
        ]
        jacobian = torch.stack(columns, 2)
        rest = x - made + torch.einsum("nfd,nd->nf", jacobian, z)
        # By Woodbury: M = I + JᵀJ/σ²; rᵀ(JJᵀ + σ²I)⁻¹r = (rᵀr − rᵀJ M⁻¹ Jᵀr/σ²)/σ².
        inner = axes + jacobian.mT @ jacobian / noise
        factor = torch.linalg.cholesky(inner)
        projected = torch.einsum("nfd,nf->nd", jacobian, rest) / noise
        solved = torch.cholesky_solve(projected[..., None], factor)[..., 0]
        # The residual after the code is moved to where the linear decoder has its mode: no
        # difference of large numbers.
        left = rest - torch.einsum("nfd,nd->nf", jacobian, solved)
        square = left.square().sum(1) / noise + solved.square().sum(1)
        log_det = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        return -0.5 * (square + log_det + x.shape[1] * math.log(2 * math.pi * noise))


class KNNEntropy(BaseEstimator):
    """Entropy of a sample by nearest neighbours, and the density that goes with it.

    Args:
        k: Which neighbour. Smaller is less biased, larger less variable.
        method: Which estimator of the entropy, see `entropae.knn_entropy`.

    Attributes:
        entropy_: Of the sample, in nats.
        standard_error_: Its standard deviation over samples, estimated.
        warnings_: What speaks against the estimate, in words.
        points_: The sample.
        n_features_in_: Features seen in `fit`.
        feature_names_in_: Their names, if `fit` was given a frame.

    Examples:
        >>> x = np.random.default_rng(0).standard_normal((5000, 2))
        >>> print(f"{KNNEntropy().fit(x).entropy_:.1f}, in truth {np.log(2 * np.pi * np.e):.1f}")
        2.8, in truth 2.8
    """

    def __init__(self, k: int = 3, *, method: EntropyMethod = "kl") -> None:
        self.k = k
        self.method: EntropyMethod = method

    def fit(self, X: Any, y: Any = None) -> Self:
        """Estimate the entropy of a sample.

        Args:
            X: Sample, shape `(n, n_features)`.
            y: Ignored.

        Raises:
            ValueError: If `k` is not in [1, n − 1], or as `entropae.entropy_estimate`.
        """
        x = _checked(self, X, first=True)
        check_k(self.k, len(x) - 1, f"n={len(x)} points")
        found = entropy_estimate(x, self.k, method=self.method)
        self.entropy_ = float(found.value)
        self.standard_error_ = float(found.standard_error)
        self.warnings_ = tuple(found.warnings)
        self.points_ = x
        return self

    def score_samples(self, X: Any) -> Float[np.ndarray, " n"]:
        """Log-density at each point, in nats, from the sample of `fit`.

        With `ν_k` the distance to the k-th nearest of its `m` points, and `B_d` the volume of the
        unit ball,

            log p(x) = ψ(k) − ψ(m + 1) − log B_d − d log ν_k(x).

        Features are not scaled: put a `StandardScaler` before. `inf` where `k` points of the sample
        lie at `x`.
        """
        x = _checked(self, X)
        points, asked = (torch.from_numpy(np.array(a, np.float64)) for a in (self.points_, x))
        distance = kth_distance(asked, points, k=self.k)
        d = points.shape[1]
        ball = d / 2 * math.log(math.pi) - math.lgamma(1 + d / 2)
        constants = torch.digamma(torch.tensor([self.k, len(points) + 1.0], dtype=torch.float64))
        return (constants[0] - constants[1] - ball - d * distance.log()).numpy()

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-density at the points: minus the cross-entropy, in nats."""
        return float(self.score_samples(X).mean())


def mutual_info(
    X: Any, y: Any, *, k: int = 3, discrete: Literal["auto"] | bool | Sequence[bool] = "auto"
) -> Float[np.ndarray, " features"]:
    """Mutual information of each feature with a target, in nats: a score for `SelectKBest`.

    It is `entropae.knn_mutual_information` column by column, which recognises classes, rounded and
    repeated values, both in features and in the target: there is one function for classification
    and regression.

    Args:
        X: Features, shape `(n, n_features)`: an array, or a frame.
        y: Target, shape `(n,)`: numbers or classes.
        k: Which neighbour.
        discrete: Which features are classes: all, none but those that must be, one answer a
            feature, or `"auto"` to go by their values.

    Returns:
        Shape `(n_features,)`. Not clipped: below 0 for some that are independent of the target.

    Raises:
        ValueError: If `discrete` has not one answer a feature, or as `knn_mutual_information`.

    Examples:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.feature_selection import SelectKBest
        >>> x, y = load_iris(return_X_y=True, as_frame=True)
        >>> chosen = SelectKBest(mutual_info, k=2).fit(x, y)
        >>> list(chosen.get_feature_names_out())
        ['petal length (cm)', 'petal width (cm)']
    """
    columns = list(_columns(X))
    asked = [discrete] * len(columns) if isinstance(discrete, bool | str) else list(discrete)
    if len(asked) != len(columns):
        raise ValueError(
            f"`discrete` must have one answer a feature: got {len(asked)} for {len(columns)}."
        )
    target = np.asarray(y)
    return np.array(
        [
            knn_mutual_information(column, target, k, discrete=("x",) if one is True else ())
            for column, one in zip(columns, asked, strict=True)
        ]
    )


def _columns(x: Any) -> Iterator[np.ndarray]:
    if hasattr(x, "iloc"):
        yield from (x.iloc[:, j].to_numpy() for j in range(x.shape[1]))
    else:
        yield from np.asarray(check_array(x, dtype=None)).T  # pyright: ignore[reportArgumentType]
