"""Autoencoder = encoder + latent + decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils.data import Dataset

from entropae import distributed
from entropae.kinds import Kind, as_samples, is_array, tensor_of
from entropae.kinds import batches as in_batches
from entropae.latent import Latent
from entropae.messages import unknown, whole
from entropae.model.calls import call, check_shape
from entropae.model.generative import Generative
from entropae.model.modes import evaluating, left_alone
from entropae.model.output import AutoencoderOutput, ErrorFunction, error_function, total_loss
from entropae.model.paths import PATHS
from entropae.nn.normalization import pool_batch_norms, precise

if TYPE_CHECKING:
    from entropae.diagnosis import Diagnosis
    from entropae.notebook import Shown

BATCH = 1024  # samples at a time, where nobody says


class Autoencoder(Generative):
    """An encoder, a latent and a decoder: any pair of modules, any `Latent`.

    Args:
        encoder: Module from a batch of samples to `(n, latent.in_features)`.
        decoder: Module from codes `(n, latent.dim)` to a batch of samples. If it has a method
            `nll(z, x)`, −log p(x | z) of each sample in nats, that is trained on; if it has a
            method `error(reconstruction, x)`, that takes the place of the squared error.
        latent: What is asked of the code, e.g. `Entropic(16)`.

    Attributes:
        priors: Distributions of the code that have been fitted, by name; `normal`, N(0, I), is
            always there.
        prior: The name of the one that `sample` uses.
        head: The map of codes to N(0, I) that `fit_head` fitted, or `None`.
        kind: What kind of data it was trained on (images, arrays, tables, text): `fit` and `load`
            set it, and `sample` returns samples of that kind.
        error: The reconstruction error, from a reconstruction and its batch: a number, one per
            sample or one per element, of which the mean is taken. Not saved.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from entropae.latent import Entropic
        >>> model = Autoencoder(nn.Linear(8, 2), nn.Linear(2, 8), Entropic(2))
        >>> model.sample(5, seed=0).shape
        torch.Size([5, 8])
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: Latent) -> None:
        super().__init__(getattr(latent, "dim", 1))
        for name, part, expected in (
            ("encoder", encoder, nn.Module),
            ("decoder", decoder, nn.Module),
            ("latent", latent, Latent),
        ):
            if not isinstance(part, expected):
                raise TypeError(
                    f"`{name}` must be a {expected.__name__}: got {type(part).__name__}. "
                    "Call Autoencoder(encoder, decoder, latent), in this order; of one module with "
                    "methods encode and decode, make two whose forward calls these."
                )
        latent.constrain(decoder)
        self.encoder = encoder
        self.decoder = decoder
        self.latent = latent
        weight = next((p for p in self.parameters() if p.is_floating_point()), None)
        if weight is not None:  # networks of one's own may be on a GPU already
            precision = torch.promote_types(weight.dtype, torch.float32)
            for part in (latent, *self.priors.values()):
                part.to(weight.device, precision)
        self.kind: Kind | None = None
        self.error: ErrorFunction = error_function(decoder)

    def forward(self, x: Shaped[Tensor, "n ..."]) -> AutoencoderOutput:
        """Code, reconstruction, error, penalties and loss of a batch, with gradient.

        Raises:
            ValueError: If the encoder or the decoder returns another shape than it must.
            TypeError: If it returns something else than a tensor.
        """
        x = self._ready(x)
        code, penalties = self.latent(self._run("encoder", x))
        nll = getattr(self.decoder, "nll", None)
        if nll:
            reconstruction, error = None, nll(code, x)
        else:
            reconstruction = self._run("decoder", code)
            check_shape(reconstruction, x, code)
            error = self.error(reconstruction, x)
            if not isinstance(error, Tensor):
                raise TypeError(
                    f"The error must be a tensor: got a {type(error).__name__} from {self.error}. "
                    "Let the function return one, with gradient."
                )
        error = distributed.average(precise(error).mean(), len(x))
        penalties = penalties | self.latent.decoder_penalties(self.decoder, code)
        loss = total_loss(error, penalties, nats=self.latent.dim if nll else None)
        return AutoencoderOutput(code, reconstruction, error, penalties, loss)

    def loss(self, batch: Any) -> Float[Tensor, ""]:
        """What training minimises, for a training loop of your own.

        Args:
            batch: Samples as the encoder takes them; the first part of a pair `(x, y)`.

        Examples:
            >>> import torch
            >>> from torch import nn
            >>> from entropae.latent import Entropic
            >>> model = Autoencoder(nn.Linear(8, 2), nn.Linear(2, 8), Entropic(2))
            >>> optimizer = torch.optim.Adam(model.parameters(), 1e-3)
            >>> batches = list(torch.randn(512, 8).split(128))
            >>> for epoch in range(10):
            ...     model.begin_epoch(epoch / 10)  # the share of the training that is done
            ...     for x in batches:
            ...         optimizer.zero_grad()
            ...         model.loss(x).backward()
            ...         optimizer.step()
            >>> model.calibrate(batches)
            >>> model.eval().encode(batches[0]).shape
            torch.Size([128, 2])
        """
        return self(tensor_of(batch)).loss

    def begin_epoch(self, progress: float) -> None:
        """Tell the latent that an epoch begins: its schedules move on, its memory bank is emptied.

        Fitted priors and head are dropped, as they are of codes that will change. `Training` and
        `fit` do all this by themselves.

        Args:
            progress: Share of the training that is done, in [0, 1].
        """
        if not 0 <= progress <= 1:
            raise ValueError(f"`progress` must be in [0, 1]: got progress={progress}.")
        self.drop_priors()
        self.latent.forget()
        self.latent.progress = progress

    @property
    def dtype(self) -> torch.dtype:
        """The weights' floating-point type."""
        found = (p.dtype for p in self.parameters() if p.is_floating_point())
        return next(found, torch.float32)

    def encode(
        self, data: Any, *, batch_size: int = BATCH, head: bool = True
    ) -> Float[Tensor, "n d"]:
        """Codes of samples at inference (running statistics, no gradient), batch by batch.

        Args:
            data: A batch of samples as the encoder takes them, or whatever `fit` takes.
            batch_size: Samples at a time.
            head: Through the head, if there is one; else as the latent gives them.

        Inside `distributed.together()` each process encodes a share, and all get all codes;
        likewise `decode`, `reconstruct` and `fit_prior`.
        """

        def encoded(x: Tensor) -> Tensor:
            code = self._encode(self._ready(x)).to(self.code_like)
            return self.head.to_normal(code) if head and self.head is not None else code

        return self._each(encoded, in_batches(data, self.kind, batch_size))

    def decode(
        self, code: Any, *, batch_size: int = BATCH, head: bool = True
    ) -> Shaped[Tensor, "n ..."]:
        """What the decoder makes of codes at inference, without gradient, batch by batch.

        Args:
            code: Codes of shape `(n, dim)`.
            batch_size: Codes at a time.
            head: Through the head, if there is one; else as the decoder takes them.

        Raises:
            ValueError: If the codes have another shape.
        """
        batch_size = whole("batch_size", batch_size, 1)
        if not isinstance(code, Tensor):
            code = torch.from_numpy(np.array(code, np.float64))  # of any strides and byte order
        code = code.to(self.code_like.dtype)
        if code.ndim != 2 or code.shape[1] != self.latent.dim:
            raise ValueError(
                f"`code` must have shape (n, {self.latent.dim}): got {tuple(code.shape)}."
            )
        parts = code[distributed.share(len(code))].split(batch_size)

        def decoded(z: Tensor) -> Tensor:
            if head and self.head is not None:
                z = self.latent.project(self.head.from_normal(z))
            return self._run("decoder", z)

        return self._each(lambda z: decoded(z.to(self.device)), parts)

    def show(self, x: Any = None, *, n: int = 25, seed: int | None = 0) -> Shown:
        """New samples as a notebook shows them, or some of those given with their reconstructions.

        Args:
            x: Samples, as `encode` takes them; by default new ones are drawn.
            n: How many.
            seed: Of the new samples.
        """
        from entropae.kinds.shown import show

        given = None if x is None else as_samples(x, kind=self.kind).spread(n)
        shown = self.draw(n, seed=seed) if given is None else given
        kind = self.kind or as_samples(shown if x is None else x).kind
        again = None if given is None else self.reconstruct(given).cpu()
        return show(kind, shown.cpu(), again, drawn=given is None, seed=seed)

    def reconstruct(self, data: Any, *, batch_size: int = BATCH) -> Any:
        """Samples encoded and decoded again, at inference.

        Args:
            data: As for `encode`.
            batch_size: Samples at a time.

        Returns:
            A tensor for tensors, arrays and `Samples`; for anything else (a table, sentences, a
            path) what `present` makes of it.
        """
        parts = in_batches(data, self.kind, batch_size)
        made = self._each(lambda x: self._run("decoder", self._encode(self._ready(x))), parts)
        if is_array(data) or self.kind is None:
            return made
        return self.kind.reconstructed(made)

    def interpolate(
        self,
        start: Any,
        end: Any,
        *,
        steps: int = 8,
        path: Literal["spherical", "linear"] = "spherical",
    ) -> Any:
        """Decoded paths between the codes of pairs of samples, both ends included.

        Args:
            start: Samples, shape `(n, …)`.
            end: As many others.
            steps: Points of each path.
            path: `"spherical"` keeps to the norms that N(0, I) has (Shoemake 1985); `"linear"`
                passes nearer to the origin.

        Returns:
            A tensor of shape `(n, steps, …)`; of a table's rows or sentences a list with what
            `reconstruct` returns, rows or sentences, for each path.

        Raises:
            ValueError: If the numbers of samples differ, or `steps` is less than 2.
        """
        if path not in PATHS:
            raise ValueError(unknown("path", path, PATHS))
        steps = whole("steps", steps, 2)
        a, b = self.encode(start), self.encode(end)
        if len(a) != len(b):
            raise ValueError(f"Both ends must have as many samples: got {len(a)} and {len(b)}.")
        t = torch.linspace(0, 1, steps, device=a.device, dtype=a.dtype)
        codes = torch.stack([PATHS[path](a, b, s) for s in t], 1)
        made = self.decode(codes.flatten(0, 1)).unflatten(0, (len(a), steps))
        if is_array(start) or self.kind is None:
            return made
        shown = [self.kind.reconstructed(one) for one in made]
        return torch.stack(shown) if all(isinstance(one, Tensor) for one in shown) else shown

    def diagnose(
        self,
        data: Any,
        held_out: Any = None,
        *,
        batch_size: int | None = None,
        n: int = 2000,
        log: Sequence[Mapping[str, float]] = (),
        progress: bool = True,
    ) -> Diagnosis:
        """What is wrong with this model: measured, its probable cause, and the remedy.

        Args:
            data: The training samples.
            held_out: Samples that it was not trained on: without them over-fitting and copies
                cannot be told.
            batch_size: Samples of a training step, to see whether they were enough.
            n: At most so many samples of each set, evenly spaced: the cost grows with n².
            log: What `fit` returned, to see whether the training was long enough.
            progress: Show a bar.

        Returns:
            The findings, causes first. Print it, or see `Diagnosis.findings`.

        Raises:
            ValueError: If there are too few samples, or codes or outputs are not finite.

        Example:
            >>> from entropae.latent import Plain
            >>> model = Autoencoder(nn.Identity(), nn.Identity(), Plain(3))
            >>> found = model.diagnose(3 + torch.randn(100, 3), progress=False)
            >>> found.findings[0].title
            'The code is not centred or scaled'
        """
        from entropae.model.examination import examine

        options: dict[str, Any] = {"batch_size": batch_size, "n": n, "progress": progress}
        return examine(self, data, held_out, log=log, **options)

    def calibrate(self, batches: Iterable[Any] | Callable[[], Iterable[Any]]) -> None:
        """Recompute all running statistics over the training set, so that inference agrees with it.

        From front to back: the encoder's batch normalisations, the latent, the decoder's, each from
        what inference hands it. Parts that are frozen, in evaluation mode and without gradient,
        keep theirs.

        Args:
            batches: The batches of the training set, gone through several times: a `DataLoader` or
                a list; or a function that gives them anew; or the samples, as a tensor, an array or
                a `Dataset`. Inside `distributed.together()`, those of this process.
        """
        if isinstance(batches, Iterator):  # which gives them once
            batches = list(batches)

        def inputs() -> Iterator[Tensor]:
            made = batches() if callable(batches) else batches
            if isinstance(made, Tensor | np.ndarray | Dataset):
                made = in_batches(made, self.kind, BATCH, shuffled=True)
            return (self._ready(tensor_of(x)) for x in made)

        left = left_alone(self)
        with self.inference():
            pool_batch_norms(self.encoder, inputs, left)
            self.latent.calibrate(self._run("encoder", x) for x in inputs())
            pool_batch_norms(self.decoder, lambda: map(self._encode, inputs()), left)

    def save(self, folder: str | Path) -> None:
        """Write `model.safetensors` and `model.json` into a folder, each replaced atomically.

        Parts of your own (networks, latents, priors) are written as weights only: `load` is given
        them again.
        """
        from entropae.model.saving import save

        save(self, Path(folder))

    def _ready(self, x: Tensor) -> Tensor:
        """A batch where the weights are, and in their precision."""
        return x.to(self.device, self.dtype if x.is_floating_point() else None)

    def _run(self, role: Literal["encoder", "decoder"], x: Tensor) -> Tensor:
        return call(getattr(self, role), x, role=role, kind=self.kind)

    def _encode(self, x: Tensor) -> Tensor:
        with distributed.alone():  # penalties, which would be of all processes, are not asked for
            return self.latent.code(self._run("encoder", x))

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Inside, without gradient and in evaluation mode; each part's mode comes back."""
        with evaluating(self), torch.no_grad():
            yield

    def _each(self, function: Callable[[Tensor], Tensor], parts: Iterable[Tensor]) -> Tensor:
        with self.inference():
            return distributed.gather(torch.cat([function(x) for x in parts]))
