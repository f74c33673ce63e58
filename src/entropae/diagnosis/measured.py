"""What findings are judged by. Everything is measured once, when it is first asked for."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from entropae.diagnosis.dimension import Dimension, intrinsic_dimension
from entropae.diagnosis.finding import LEVEL, NEGLIGIBLE, UnmeasuredError
from entropae.diagnosis.spanned import Spanned
from entropae.diagnosis.subject import CHUNK, Subject
from entropae.entropy.whitening import whiten
from entropae.neighbors import kth_distance, nearest
from entropae.prior import Full, Mixture

DRAWN = 1000  # samples from the prior
MOVED = 256  # of them, to see how far a map moves what they decode to
KNOWN = 1000  # training samples that are reconstructed
SHUFFLED = 512  # of them, to see what their batches do to them
LEAST = 20  # samples for a diagnosis
OUTSIDE = 0.99  # of held-out codes are within


class Measured:
    """Figures of an autoencoder on training and on held-out samples.

    Errors are squared, per element of a sample; `Measured.variance` is in the same unit.

    Args:
        subject: The autoencoder, in evaluation mode.
        train: Samples that it was trained on, or any others like them.
        held_out: Samples that it was not trained on, or `None` if there are none.
        tests: How many findings are tested for, which share the chance of a false one.
    """

    def __init__(
        self,
        subject: Subject,
        train: Float[Tensor, "n ..."],
        held_out: Float[Tensor, "m ..."] | None,
        *,
        tests: int = 1,
    ) -> None:
        self.subject = subject
        # In no order, so that any part of them is like the whole.
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
        self.train = train[order]
        self.has_held_out = held_out is not None
        self.test = self.train if held_out is None else held_out
        self.level = LEVEL / tests

    # The data

    @cached_property
    def train_points(self) -> Float[Tensor, "n ..."]:
        """The training samples as points."""
        return self.subject.points(self.train)

    @cached_property
    def test_points(self) -> Float[Tensor, "m ..."]:
        """The test samples as points."""
        return self.subject.points(self.test)

    @cached_property
    def leaked(self) -> float:
        """Share of held-out samples that equal a training sample, beyond what repeats in these."""
        if not self.has_held_out:
            return 0.0
        known, asked = ([hash(x.numpy().tobytes()) for x in xs] for xs in (self.train, self.test))
        times = Counter(known)
        repeated = sum(times[one] > 1 for one in known) / len(known)
        return max(0.0, sum(one in times for one in asked) / len(asked) - repeated)

    @cached_property
    def variance(self) -> float:
        """Mean variance of an element: the error of an autoencoder that returns the mean."""
        return float((self.test_points - self.test_points.mean(0)).square().mean())

    @cached_property
    def spanned(self) -> Spanned:
        """Where the training samples lie, and distances to them."""
        return Spanned(self.train_points)

    @cached_property
    def linear_errors(self) -> Float[Tensor, " r"]:
        """Test error of principal component analysis with 0, 1, 2, … components of `train`."""
        return self.spanned.errors(self.test_points)

    def linear_error(self, d: int, *, train: bool = False) -> float:
        """Error of the best linear autoencoder of `train` with `d` dimensions, on either set."""
        errors = self.spanned.train_errors if train else self.linear_errors
        return float(errors[min(d, len(errors) - 1)])

    @cached_property
    def data_dimension(self) -> Dimension:
        """Intrinsic dimension of the training samples."""
        return intrinsic_dimension(self.spanned.train, k=min(10, len(self.train) - 1))

    @cached_property
    def readout_error(self) -> float:
        """Test error of the best linear decoder of the training codes."""
        one = torch.ones(len(self.train_code), 1, dtype=torch.float64)
        z = torch.cat([one, self.train_code], 1)
        weights = torch.linalg.lstsq(z, self.spanned.train, driver="gelsd").solution
        found = torch.cat([one[:1].expand(len(self.code), 1), self.code], 1) @ weights
        # What lies outside the span of the training samples is lost to every linear decoder.
        apart = (found - self.spanned(self.test_points)).square().sum(1)
        return float(apart.mean()) / self.spanned.size

    # Reconstruction

    @cached_property
    def again(self) -> Tensor:
        """Reconstructions of the test samples at inference."""
        return self.subject.reconstruct(self.test)

    @cached_property
    def train_again(self) -> Tensor:
        """Reconstructions of some training samples at inference."""
        return self.subject.reconstruct(self.train[:KNOWN])

    @cached_property
    def test_errors(self) -> Float[Tensor, " m"]:
        """Error of each test sample."""
        return squared(self.again, self.test_points)

    @cached_property
    def train_errors(self) -> Float[Tensor, " n"]:
        """Error of some training samples."""
        return squared(self.train_again, self.train_points[:KNOWN])

    @cached_property
    def error(self) -> float:
        """Test error, at inference."""
        return float(self.test_errors.mean())

    @cached_property
    def off(self) -> float:
        """Squared error of the reconstructions' mean."""
        means = [x.double().mean(0) for x in (self.again, self.test_points)]
        return float((means[0] - means[1]).square().mean())

    @cached_property
    def heard(self) -> float:
        """How far another sample's code moves a reconstruction: half of what they differ.

        Where the output depends on the code alone, it is the variance of the reconstructions.
        """
        order = torch.randperm(len(self.test), generator=torch.Generator().manual_seed(0))
        others = self.subject.decode(self.inferred[order], self.test)
        return 0.5 * float(squared(self.again, others).mean())

    @cached_property
    def visible(self) -> float:
        """The error below which a change of outputs is not seen.

        It is the model's own error, at inference or with batch statistics, whichever is less, but
        at least a tenth in amplitude of the data's own variation.
        """
        own = min(self.error, self.batch_error)
        return max(own, NEGLIGIBLE**2 * self.variance, torch.finfo(torch.float32).tiny)

    # Batch statistics

    @cached_property
    def batch(self) -> int:
        """Samples of a batch, for batch statistics."""
        return max(2, min(self.subject.batch_size or 256, min(KNOWN, len(self.train)) // 2))

    @cached_property
    def _in_batches(self) -> tuple[Tensor, Tensor]:
        """Reconstructions of training samples, with the statistics of batches of two orders."""
        return self._shuffled(0), self._shuffled(1)

    def _shuffled(self, seed: int) -> Tensor:
        most = min(len(self.train), KNOWN, max(SHUFFLED, 2 * self.batch))
        whole = most // self.batch * self.batch
        order = torch.randperm(whole, generator=torch.Generator().manual_seed(seed))
        with self.subject.batch_statistics():
            found = self.subject.reconstruct(self.train[:whole][order], self.batch)
        return found[order.argsort()]

    @cached_property
    def batch_error(self) -> float:
        """Test error with batch statistics."""
        if not self.subject.batch_norms:
            return math.inf
        size = min(self.batch, len(self.test))
        x = self.test[: len(self.test) // size * size]
        with self.subject.batch_statistics():
            again = self.subject.reconstruct(x, size)
        return float(squared(again, self.test_points[: len(x)]).mean())

    @cached_property
    def batch_noise(self) -> float:
        """How far the other samples of its batch move a reconstruction: half of what two differ."""
        first, second = self._in_batches
        return 0.5 * float(squared(first, second).mean())

    @cached_property
    def batch_shift(self) -> float:
        """How far running statistics move a reconstruction, without the noise of batches."""
        first, second = self._in_batches
        both = 0.5 * (squared(first, self.train_again[: len(first)]).mean())
        both = both + 0.5 * squared(second, self.train_again[: len(first)]).mean()
        return float(both) - self.batch_noise

    @cached_property
    def worst_norm(self) -> tuple[str, float]:
        """Where running statistics are farthest from the data's, and by how many deviations.

        The shift of the mean or the logarithm of the deviations' ratio, whichever is larger,
        averaged over channels; each layer is fed what batch statistics before it give.
        """
        found = {}

        def watch(name: str) -> Any:
            def record(norm: Any, inputs: tuple[Tensor, ...]) -> None:
                x = inputs[0].detach().transpose(0, 1).flatten(1)
                if name not in found and x.shape[1] > 1:
                    deviation = (norm.running_var + norm.eps).sqrt()
                    shift = (x.mean(1) - norm.running_mean).abs() / deviation
                    scale = ((x.var(1) + norm.eps).sqrt() / deviation).log().abs()
                    found[name] = float(shift.maximum(scale).mean())

            return record

        norms = self.subject.batch_norms
        hooks = [norm.register_forward_pre_hook(watch(name)) for name, norm in norms.items()]
        try:
            with self.subject.batch_statistics():
                self.subject.reconstruct(self.train[:CHUNK])
        finally:
            for hook in hooks:
                hook.remove()
        return max(found.items(), key=lambda item: item[1])

    # The code

    @cached_property
    def inferred(self) -> Float[Tensor, "m d"]:
        """Codes of the test samples at inference."""
        return self.subject.encode(self.test).double()

    @cached_property
    def code(self) -> Float[Tensor, "m d"]:
        """Codes of the test samples that what is drawn should resemble."""
        return self.subject.trained_code(self.test).double()

    @cached_property
    def train_code(self) -> Float[Tensor, "n d"]:
        """Codes of the training samples that what is drawn should resemble."""
        return self.subject.trained_code(self.train).double()

    @property
    def dim(self) -> int:
        """Dimensions of the code."""
        return self.code.shape[1]

    @cached_property
    def active(self) -> Tensor:
        """Which coordinates' inferred codes vary: more than 1 % of what the largest does."""
        variance = self.inferred.var(0)
        return variance > NEGLIGIBLE**2 * variance.max()

    @cached_property
    def moving(self) -> Float[Tensor, "m a"]:
        """The coordinates that vary, noise included: one that tells nothing may be all noise."""
        return self.code[:, self.moves]

    @cached_property
    def moves(self) -> Tensor:
        """Which coordinates those are."""
        variance = self.code.var(0)
        return variance > NEGLIGIBLE**2 * variance.max()

    def check_for_normal(self) -> None:
        """Raise unless codes are meant to be N(0, I), and there are enough of them to tell.

        Raises:
            UnmeasuredError: With the reason.
        """
        subject = self.subject
        if subject.prior_name != "normal":
            raise UnmeasuredError(
                f"samples are drawn from the {subject.prior_name} prior, not from N(0, I)"
            )
        if not subject.fills_space:
            raise UnmeasuredError(f"the codes of {type(subject.latent).__name__} fill no space")
        if len(self.code) <= self.dim + 1:
            raise UnmeasuredError(
                f"{len(self.code)} samples are too few in {self.dim} dimensions: give more than "
                f"{self.dim + 1}"
            )

    @cached_property
    def principal(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues and eigenvectors of the correlation of the coordinates that vary."""
        return torch.linalg.eigh(correlation(self.moving))

    @cached_property
    def white(self) -> Float[Tensor, "m w"]:
        """The codes in their principal directions, whitened; directions of no variance left out."""
        values, vectors = self.principal
        kept = vectors[:, values > NEGLIGIBLE**2]
        return whiten(standardized(self.moving) @ kept)[0]

    # Samples

    @cached_property
    def drawn(self) -> Float[Tensor, "s d"]:
        """Codes from the prior."""
        return self.subject.draw(DRAWN, seed=0).double()

    @cached_property
    def samples(self) -> Tensor:
        """New samples, of codes from the prior, as points."""
        return self.subject.made(self.drawn, self._decoded)

    @cached_property
    def _decoded(self) -> Tensor:
        return self.subject.decode(self.drawn)

    def moved(self, code: Float[Tensor, "s d"]) -> float:
        """Mean squared difference of what these codes decode to and what `drawn` do."""
        return float(squared(self._decoded[:MOVED], self.subject.decode(code[:MOVED])).mean())

    @cached_property
    def reach(self) -> float:
        """The distance from the nearest training code that 99 % of test codes are within."""
        if self.has_held_out:
            distance = kth_distance(self.moving, self.train_code[:, self.moves])
        else:
            distance = kth_distance(self.moving)
        return float(distance.quantile(OUTSIDE))

    def far(self, code: Float[Tensor, "s d"]) -> float:
        """Share of codes, in the coordinates that vary at all, beyond `reach`."""
        distance = kth_distance(code, self.train_code[:, self.moves])
        return float((distance > self.reach).double().mean())

    @cached_property
    def far_drawn(self) -> float:
        """Share of codes from the prior that are beyond `reach`."""
        return self.far(self.drawn[:, self.moves])

    # Fitted distributions

    @cached_property
    def full(self) -> Full:
        """A normal distribution fitted to the training codes."""
        prior = Full(self.dim)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of a singular covariance
                prior.fit(self.train_code)
        except (ValueError, UserWarning) as error:
            raise UnmeasuredError(str(error).partition(". ")[0].removesuffix(".")) from error
        return prior

    @cached_property
    def mixture(self) -> Mixture:
        """A mixture of normal distributions fitted to the training codes."""
        prior = Mixture(self.dim)
        prior.fit(self.train_code)
        return prior

    # Copies

    def nearness(self, samples: Tensor) -> Float[Tensor, " s"]:
        """Distance of samples to their nearest training sample over that to the second nearest."""
        train, points = self.spanned.train, self.spanned(samples)
        index = nearest(points, train, k=2)
        first, second = ((points - train[i]).norm(dim=1) for i in index.unbind(1))
        return torch.where(second > 0, first / second, torch.ones(()).double())


def squared(x: Tensor, y: Tensor) -> Float[Tensor, " n"]:
    """Mean squared difference of each pair of samples."""
    difference = (x - y).flatten(1)
    lengths = torch.linalg.vector_norm(difference, dim=1, dtype=torch.float64)
    return lengths.square() / difference.shape[1]


def standardized(z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Coordinates of mean 0 and variance 1."""
    return (z - z.mean(0)) / z.std(0)


def correlation(z: Float[Tensor, "n d"]) -> Float[Tensor, "d d"]:
    """Correlations of the coordinates."""
    z = standardized(z)
    return z.T @ z / (len(z) - 1)
