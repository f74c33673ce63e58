"""The Entropic AutoEncoder as a transformer with a density."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from entropae.latent import Entropic
from entropae.messages import unknown
from entropae.model import Autoencoder, start_from_pca
from entropae.neighbors import as_count
from entropae.nn import MLPDecoder, MLPEncoder, default_hidden
from entropae.sklearn.checked import DTYPES, checked, refuse
from entropae.sklearn.likelihood import is_likelier, log_density
from entropae.training import fit
from entropae.training.fitting import RATES, random_state_kept

ROWS = 512  # at a time, of Jacobians
MANY = 20_000  # samples from which a start at principal components rather holds networks back
STARTS = ("auto", "pca", "random")
PRIORS = ("auto", "normal", "mixture")

RandomState = int | np.random.RandomState | None


class EntropicAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Codes of a few dimensions that follow N(0, I), and a generator of new samples from them.

    Features are standardised; encoder and decoder are fully connected, trained in single precision
    and used in double. For images, texts, tables with categories, or networks of your own, take
    `entropae.fit`.

    Args:
        n_components: Dimensions of the code.
        weight: λ: the relative reconstruction error that is paid for one nat of entropy per
            dimension.
        start: `"pca"`: at the principal components of the samples, with a linear path beside the
            layers. `"random"`: without either. `"auto"`: at random from 20 000 samples on.
        hidden: Sizes of the encoder's hidden layers, or of its only one; the decoder's are the same
            in reverse. By default (512, 256), of less than 10 000 samples (256,).
        dropout: In training; by default 0.1 with a start at principal components, else none.
        epochs: Passes over the samples; by default 8000 steps, but 5 to 300 passes.
        batch_size: Samples a step.
        learning_rate: Adam's, at its highest; by default 5e-4 with a start at principal components,
            else 3e-3.
        prior: What `sample` draws codes from, and what the density has them follow. `"normal"`:
            N(0, I), which they are trained for. `"mixture"`: normal distributions, fitted to the
            codes of the samples. `"auto"`: the mixture, where the Bayesian information criterion
            finds that the codes are worth its parameters.
        device: Where to train, see `entropae.fit`; afterwards the networks are on the CPU.
        verbose: Show a progress bar.
        random_state: Of the first weights, the order of the samples, and `sample`.

    Attributes:
        prior_: Which prior it is.
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
        start: Literal["auto", "pca", "random"] = "auto",
        hidden: int | Sequence[int] | None = None,
        dropout: float | None = None,
        epochs: int | None = None,
        batch_size: int = 256,
        learning_rate: float | None = None,
        prior: Literal["auto", "normal", "mixture"] = "auto",
        device: str | None = None,
        verbose: bool = False,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.weight = weight
        self.start: Literal["auto", "pca", "random"] = start
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.prior: Literal["auto", "normal", "mixture"] = prior
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
        refuse(self, unsupported)
        for name, known in (("start", STARTS), ("prior", PRIORS)):
            if getattr(self, name) not in known:
                raise ValueError(unknown(name, getattr(self, name), known))
        x = checked(self, X, first=True).astype(np.float64)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        if (x == x[0]).all():
            warnings.warn(
                f"All {len(x)} samples are the same: there is nothing to learn.", stacklevel=2
            )
        self.mean_, self.scale_ = x.mean(0), _scale(x)
        standardized = torch.from_numpy((x - self.mean_) / self.scale_)
        samples = standardized.float()
        start = self.start
        if start == "auto":
            start = "random" if len(samples) >= MANY else "pca"
        with random_state_kept():
            torch.manual_seed(seed)
            model = self._new_model(samples, start)
        rate = RATES[start] if self.learning_rate is None else self.learning_rate
        check_scalar(rate, "learning_rate", Real, min_val=0, include_boundaries="neither")
        self.log_ = fit(
            model,
            samples,
            epochs=None if self.epochs is None else as_count("epochs", self.epochs, 1),
            batch_size=as_count("batch_size", self.batch_size, 1),
            learning_rate=rate,
            validation=0,
            seed=seed,
            device=self.device,
            progress=bool(self.verbose),
        )
        self.model_ = model.cpu().double()
        if self.prior != "normal":
            self.model_.fit_prior(standardized, "mixture", seed=seed)
            if self.prior == "auto" and not is_likelier(self.model_, standardized):
                self.model_.drop_priors()
        self.prior_ = self.model_.prior
        error = self.model_.reconstruct(standardized) - standardized
        self.noise_variance_ = float(error.square().mean())
        return self

    def _new_model(self, samples: Float[Tensor, "n features"], start: str) -> Autoencoder:
        linear = start == "pca"
        latent = Entropic(as_count("n_components", self.n_components, 1), self.weight)
        given = default_hidden(len(samples)) if self.hidden is None else self.hidden
        sizes = (given,) if isinstance(given, int | Real) else given
        dropout = (0.1 if linear else 0.0) if self.dropout is None else self.dropout
        check_scalar(dropout, "dropout", Real, min_val=0, max_val=1)
        options: dict[str, Any] = {
            "hidden": [as_count("hidden", size, 1) for size in sizes],
            "linear": linear,
            "dropout": dropout,
        }
        shape = samples.shape[1:]
        encoder = MLPEncoder(shape, latent.in_features, **options)
        decoder = MLPDecoder(shape, latent.dim, output="linear", **options)
        model = Autoencoder(encoder, decoder, latent)
        return start_from_pca(model, samples) if linear else model

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
        """New samples: decoded codes from the prior, see `prior_`.

        Args:
            n_samples: How many.
            random_state: By default the estimator's own; with an int, the same samples each time.
        """
        check_is_fitted(self)
        n = as_count("n_samples", n_samples, 1)
        state = check_random_state(self.random_state if random_state is None else random_state)
        seed = int(state.randint(np.iinfo(np.int32).max))
        return self._in_units(self.model_.draw(n, seed=seed), np.dtype(np.float64))

    def score_samples(self, X: Any) -> Float[np.ndarray, " n"]:
        """Log-density of each sample, in nats, in the units of the features.

        The density is that of `x = D(z) + σ ε` where `z` follows the prior, a mixture of normal
        distributions N(μ_k, C_k) with weights w_k (one N(0, I), if that is the prior), `ε` is
        standard normal and σ² the `noise_variance_`, and where the decoder is taken as linear about
        the sample's own code: with its Jacobian `J` there,

            log p(x) ≈ log Σ_k w_k N(x; D(z) + J (μ_k − z), J C_k Jᵀ + σ² I),   z = E(x).

        If the decoder is linear it is exact: under N(0, I), the likelihood of probabilistic PCA. It
        compares across all options. σ² and the mixture are of the samples of `fit`, so that a model
        that knows them by heart gives others a low density.

        References:
            Tipping and Bishop, J. R. Stat. Soc. B 61 (1999) 611, eq. (6), for the linear decoder.
        """
        x, _ = self._standardized(X)
        if not self.noise_variance_ > 0:
            raise ValueError(
                "The samples of `fit` came back exactly, so that there is no density: "
                "`noise_variance_` is 0. Fit on samples that differ."
            )
        parts = x.split(ROWS), self.model_.encode(x).split(ROWS)
        prior = self.model_.priors[self.prior_]
        made = [
            log_density(self.model_.decoder, prior, some, codes, self.noise_variance_)
            for some, codes in zip(*parts, strict=True)
        ]
        return torch.cat(made).numpy() - float(np.log(self.scale_).sum())

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`: the larger, the better the model explains new samples."""
        return float(self.score_samples(X).mean())

    def _standardized(self, X: Any) -> tuple[Float[Tensor, "n features"], np.dtype]:
        """Samples less their mean over their deviation, and the type that they came in."""
        x = checked(self, X)
        return torch.from_numpy((x.astype(np.float64) - self.mean_) / self.scale_), x.dtype

    def _in_units(
        self, x: Float[Tensor, "n features"], dtype: np.dtype
    ) -> Float[np.ndarray, "n features"]:
        return (x.numpy() * self.scale_ + self.mean_).astype(dtype, copy=False)

    @property
    def _n_features_out(self) -> int:
        return self.model_.latent.dim

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _scale(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """Standard deviations of columns; 1 of constant ones, also where rounding says otherwise."""
    scale = x.std(0)
    rounding = len(x) * np.finfo(x.dtype).eps * np.abs(x).max(0)
    return np.where(scale > rounding, scale, 1.0)
