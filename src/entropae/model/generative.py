"""What makes a generative model of an autoencoder: what is fitted to its codes, and drawn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from entropae.kinds import Kind
from entropae.kinds.labels import names
from entropae.latent import Latent
from entropae.messages import whole
from entropae.model.fitting import options_of
from entropae.nn.normalization import in_single
from entropae.prior import TITLES, Head, Normal, Prior, fitted, make_head, make_prior

if TYPE_CHECKING:
    from entropae.model.choosing import Choice


SEEDS = 1 << 32  # that scikit-learn takes
Model = TypeVar("Model", bound="Generative")


class Generative(nn.Module, ABC):
    """A model of codes: its priors, its head, and samples."""

    latent: Latent
    kind: Kind | None
    priors: dict[str, Prior]
    prior: str

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.priors = {"normal": Normal(dim)}
        self.prior = "normal"
        # In a list, since a module's modules are its state, which is of what is trained.
        self._heads: list[Head] = []

    @property
    def head(self) -> Head | None:
        """The map of the codes to N(0, I) that `fit_head` fitted, if it did."""
        return self._heads[0] if self._heads else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that samples can be drawn from, by name; none if no prior knows any."""
        if self.head is not None and self.head.classes:
            return self.head.classes
        return self.priors[self._named(None, classes=True)].classes

    def drawn_from(self, prior: str | None = None, *, classes: bool = False) -> str:
        """What `sample` draws from, in words; of classes if they are asked for.

        Raises:
            ValueError: If the prior has not been fitted.
        """
        name = self._named(prior, classes=classes)
        title = TITLES.get(name, name)
        return title if self.head is None else f"{title}, through the head"

    def attach(self, head: Head | None) -> None:
        """Have codes go through a head, or through none; priors of other codes are dropped."""
        self.priors = {"normal": self.priors["normal"]}
        self.prior = "normal"
        self._heads = [] if head is None else [head]

    @property
    def device(self) -> torch.device:
        """Where the codes live."""
        return self.code_like.device

    @property
    def code_like(self) -> Tensor:
        """A tensor that has the codes' device and precision, which is single or better."""
        return next(self.priors["normal"].buffers())

    @abstractmethod
    def encode(
        self, data: Any, *, batch_size: int = 1024, head: bool = True
    ) -> Float[Tensor, "n d"]:
        """Codes of samples."""

    @abstractmethod
    def decode(
        self, code: Any, *, batch_size: int = 1024, head: bool = True
    ) -> Shaped[Tensor, "n ..."]:
        """What the decoder makes of codes."""

    @torch.inference_mode(False)  # in which nothing can be learnt
    def fit_prior(
        self: Model,
        data: Any,
        prior: str | Prior = "mixture",
        *,
        labels: bool | Sequence[Any] | None = None,
        seed: int = 0,
    ) -> Model:
        """Fit a distribution to the codes of samples, for `sample` to draw from.

        Args:
            data: The training samples.
            prior: `"normal"`, `"full"` (or `"gaussian"`), `"mixture"`, `"flow-matching"`, `"flow"`
                or `"two-stage"`, or one made with options, e.g. `Mixture(16, components=10)`, also
                of a class of your own: it is kept under the lower-case name of its class.
            labels: The class of each sample, so that `sample(n, label=…)` can draw from each; or
                `True` for those that came with the data. For the mixture and flow matching.
            seed: Of the fit.

        Returns:
            The model itself.
        """
        self._fit_priors(data, [make_prior(prior, self.latent.dim)], [labels], seed=seed)
        return self

    @torch.inference_mode(False)
    def fit_priors(
        self,
        data: Any,
        priors: Sequence[str | Prior],
        *,
        labels: bool | Sequence[Any] | None = None,
        seed: int = 0,
    ) -> None:
        """Fit several priors as `fit_prior` does, and encode the samples once; uses the last one.

        Those that know of no classes are fitted without the labels.
        """
        several = (priors,) if isinstance(priors, str) else priors
        made = [make_prior(prior, self.latent.dim) for prior in several]
        wanted = [labels if prior.conditional else None for _, prior in made]
        self._fit_priors(data, made, wanted, seed=seed)

    def _fit_priors(
        self, data: Any, made: Sequence[tuple[str, Prior]], labels: Sequence[Any], *, seed: int
    ) -> None:
        code, seed = None, whole("seed", seed, 0) % SEEDS
        for (_, prior), known in zip(made, labels, strict=True):
            data, options = options_of(data, self.kind, prior, known, seed=seed)
            code = self.encode(data) if code is None else code
            prior.to(self.code_like).fit(code, seed=seed, **options)
        for name, prior in made:  # once all are fitted
            self.priors[name] = prior
            self.prior = name

    @torch.inference_mode(False)
    def fit_head(
        self: Model,
        data: Any,
        head: str | Head = "flow-matching",
        *,
        labels: bool | Sequence[Any] | None = None,
        seed: int = 0,
    ) -> Model:
        """Fit an invertible map T of the codes to N(0, I), which is part of the model from then on.

        The networks are not touched, and reconstructions stay as they are: `encode` returns
        u = T(z), and `decode` first takes T⁻¹. So samples, interpolations, diagnosis and explorer
        are of codes that follow N(0, I). Priors fitted before are dropped: they are of other codes.

        Args:
            data: The training samples.
            head: `"flow-matching"`, or `"full"`, which is linear: it whitens; or one made with
                options, e.g. `FlowMatching(16, steps=20_000)`.
            labels: As for `fit_prior`, with flow matching: `encode` knows of no labels, but samples
                of each class can be drawn.
            seed: Of the fit.

        Returns:
            The model itself.

        Examples:
            >>> from torch import nn
            >>> import entropae as ea
            >>> _ = torch.manual_seed(0)
            >>> x = torch.randn(500, 3) * torch.tensor([1.0, 2.0, 5.0]) + 7
            >>> model = ea.Autoencoder(nn.Identity(), nn.Identity(), ea.Plain(3))
            >>> u = model.fit_head(x, "full").encode(x)
            >>> abs(round(float(u.mean()), 2)), round(float(u.std()), 2)
            (0.0, 1.0)
            >>> bool((model.decode(u) - x).abs().max() < 1e-4)
            True
        """
        made = make_head(head, self.latent.dim)
        data, options = options_of(data, self.kind, made, labels, seed=seed)
        made.to(self.code_like).fit(
            self.encode(data, head=False), seed=whole("seed", seed, 0), **options
        )
        self.attach(made)
        return self

    def choose_prior(
        self,
        data: Any,
        held_out: Any,
        priors: Sequence[str | Prior] = ("full", "mixture", "flow-matching"),
        *,
        labels: bool | Sequence[Any] | None = None,
        seed: int = 0,
    ) -> Choice:
        """Fit several priors, and let `sample` use that under which held-out codes are likeliest.

        Args:
            data: The training samples.
            held_out: Samples that the model was not trained on.
            priors: What `fit_prior` takes; N(0, I) is always compared, too.
            labels: As for `fit_prior`.
            seed: Of the fits.

        Returns:
            The log-likelihood of each, and which was chosen; print it.

        Raises:
            ValueError: If there are too few samples for a prior.
        """
        from entropae.model.choosing import choose

        self.fit_priors(data, priors, labels=labels, seed=seed)
        choice = choose(self, held_out)
        self.prior = choice.best
        return choice

    def drop_priors(self) -> None:
        """Forget fitted priors and head, as training does: they are of the codes as they were."""
        self.attach(None)

    def draw(
        self,
        n: int,
        *,
        seed: int | None = None,
        prior: str | None = None,
        label: Any = None,
        balanced: bool = False,
        temperature: float = 1.0,
        truncation: float | None = None,
        head: bool = True,
        batch_size: int = 1024,
    ) -> Shaped[Tensor, "n ..."]:
        """What the decoder makes of codes drawn from a prior: `sample` before it is presented.

        Args:
            n: Number of samples.
            seed: For the same samples again, on any device; of more samples, the first ones are
                these. By default torch's random state.
            prior: Name of a fitted prior; by default `self.prior`.
            label: The class that they are to be of, if prior or head was fitted with labels.
            balanced: Every class in turn, instead of as often as in the data.
            temperature: Factor of the normal numbers that codes are made of: below 1 samples are
                more typical and less varied.
            truncation: Normal numbers beyond it, either way, are not drawn.
            head: Through the head, if there is one; else as if there were none.
            batch_size: Codes decoded at a time.

        Raises:
            ValueError: If the prior has not been fitted, there is no such label, a number is out of
                its range, or what the decoder makes is not finite.
        """
        n, batch_size = whole("n", n, 1), whole("batch_size", batch_size, 1)
        name = self._named(prior, classes=label is not None or balanced)
        generator = None if seed is None else torch.Generator().manual_seed(whole("seed", seed, 0))
        wishes: dict[str, Any] = {}
        if label is not None or balanced:
            wishes |= {"label": None if label is None else names([label])[0], "balanced": balanced}
        if temperature != 1 or truncation is not None:
            wishes |= {"temperature": temperature, "truncation": truncation}
        code = self.draw_codes(n, self.priors[name], generator, head=head, **wishes)
        with nullcontext() if self.kind is None else self.kind.drawing(self, seed=seed):
            made = self.decode(code, batch_size=batch_size, head=False)
        if made.is_floating_point() and not made.isfinite().all():
            raise ValueError(
                f"The decoder gives values that are not finite for codes of the prior {name!r}: "
                "its weights are damaged, or too large. Train the model again."
            )
        return made

    def _named(self, prior: str | None, *, classes: bool = False) -> str:
        """The prior that is meant; by default one that knows of classes, where they are asked for.

        Raises:
            ValueError: If it has not been fitted.
        """
        usual = fitted(self.prior if prior is None else prior, self.priors)
        knows = self.priors[usual].classes or (self.head is not None and self.head.classes)
        if prior is not None or knows or not classes:
            return usual
        return next((name for name, one in self.priors.items() if one.classes), usual)

    @torch.no_grad()
    def draw_codes(
        self,
        n: int,
        prior: Prior,
        generator: torch.Generator | None,
        *,
        head: bool = True,
        **wishes: Any,
    ) -> Float[Tensor, "n d"]:
        """Codes from a prior as the decoder takes them: through the head, and where they lie."""
        used, numbers = self.head if head else None, None
        if used is not None and used.classes and not prior.classes:
            label, balanced = wishes.pop("label", None), wishes.pop("balanced", False)
            numbers = used.numbers(label, n, balanced=balanced)
        code = prior.sample(n, generator=generator, **wishes).to(self.code_like)
        if used is not None:
            code = used.from_normal(code, numbers)
        return self.latent.project(code)

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        prior: str | None = None,
        label: Any = None,
        balanced: bool = False,
        temperature: float = 1.0,
        truncation: float | None = None,
        batch_size: int = 1024,
        where: Any = None,
        shares: Any = None,
        near: Any = None,
    ) -> Any:
        """New samples: codes are drawn from a prior and decoded.

        Args and errors are those of `draw`, and for tables `where`, `shares` and `near`, which
        `entropae.kinds.tables.Tables.sample` describes.

        Returns:
            Samples of the model's kind: a tensor of images or values, a table with the types of its
            columns, or a list of sentences.
        """
        drawing: dict[str, Any] = {
            "prior": prior,
            "label": label,
            "balanced": balanced,
            "temperature": temperature,
            "truncation": truncation,
            "batch_size": batch_size,
        }
        if self.kind is None:
            return self.draw(n, seed=seed, **drawing)
        asked = {"where": where, "shares": shares, "near": near}
        return self.kind.sample(self, n, seed=seed, **asked, **drawing)

    def impute(self, data: Any, *, only: str | Sequence[str] = (), seed: int | None = None) -> Any:
        """A table with its missing cells filled in: see `entropae.runs.Synthesis.impute`.

        Raises:
            ValueError: If the model is not of a table, or the data are not of its columns.
        """
        if self.kind is None:
            raise ValueError("`impute` is for tables: this model does not say what its data are.")
        return self.kind.impute(self, data, only=only, seed=seed)

    def present(
        self, x: Shaped[Tensor, "n ..."], *, drawn: bool = False, seed: int | None = None
    ) -> Any:
        """What the decoder returned, as its users know such samples: see `Kind.present`."""
        return x if self.kind is None else self.kind.present(x, drawn=drawn, seed=seed)

    def _apply(self, fn: Any, *args: Any, **options: Any) -> Any:
        """Move priors and head as well, which are no submodules, and stay in single precision."""
        for part in (*self.priors.values(), *self._heads):
            part._apply(in_single(fn), *args, **options)
        return super()._apply(fn, *args, **options)
