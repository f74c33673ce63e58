"""Autoencoder = encoder + latent + decoder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from entropae import ranks
from entropae.config import LARGEST, build, settings, unknown
from entropae.data import Samples, as_samples
from entropae.files import replacing, write_text
from entropae.latent import Latent, Penalty
from entropae.networks import NETWORKS
from entropae.prior import PRIORS, Normal, Prior
from entropae.weights import pack, unpack

if TYPE_CHECKING:
    from entropae.diagnosis import Diagnosis

FORMAT = 2  # 1: the MLPDecoder had no gain
WEIGHTS = "model.safetensors"
CONFIG = "model.json"
CUSTOM = "custom"
UNKEPT = 1 << 30

Data = Tensor | np.ndarray | Samples


class Passed(NamedTuple):
    """What a batch becomes on its way through an autoencoder.

    Of a decoder with a likelihood of its own (`nll`), the reconstruction is each sample's nats.
    """

    reconstruction: Tensor
    code: Tensor
    penalties: dict[str, Penalty]


class Autoencoder(nn.Module):
    """An encoder, a latent and a decoder: any pair of modules, any `Latent`.

    Args:
        encoder: Module from a batch of samples to `(n, latent.in_features)`.
        decoder: Module from codes `(n, latent.dim)` to a batch of samples. If it has a method
            `nll(z, x)`, −log p(x | z) of each sample in nats, that is trained on.
        latent: What is asked of the code, e.g. `Entropic(16)`.

    Attributes:
        priors: Laws of the code that have been fitted, by name; `normal` is always there.
        prior: The name of the one that `sample` uses.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from entropae.latent import Entropic
        >>> model = Autoencoder(nn.Linear(8, 2), nn.Linear(2, 8), Entropic(2))
        >>> model.sample(5, seed=0).shape
        torch.Size([5, 8])
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: Latent) -> None:
        super().__init__()
        for name, part, kind in (
            ("encoder", encoder, nn.Module),
            ("decoder", decoder, nn.Module),
            ("latent", latent, Latent),
        ):
            if not isinstance(part, kind):
                raise TypeError(f"`{name}` must be a {kind.__name__}: got {type(part).__name__}.")
        latent.constrain(decoder)
        self.encoder = encoder
        self.decoder = decoder
        self.latent = latent
        self.priors = nn.ModuleDict({"normal": Normal(latent.dim)})
        self.prior = "normal"

    def forward(self, x: Shaped[Tensor, "n ..."]) -> Passed:
        """Reconstruction, code and penalties of a batch, with gradient.

        Raises:
            ValueError: If encoder or decoder return another shape than they must.
        """
        code, penalties = self.latent(self.encoder(x))
        nll = getattr(self.decoder, "nll", None)
        reconstruction = nll(code, x) if nll else self.decoder(code)
        if not nll and reconstruction.shape != x.shape:
            raise ValueError(
                f"The decoder must return the shape of its input batch, {tuple(x.shape)}: got "
                f"{tuple(reconstruction.shape)} from codes of shape {tuple(code.shape)}."
            )
        penalties = penalties | self.latent.decoder_penalties(self.decoder, code)
        return Passed(reconstruction, code, penalties)

    @property
    def device(self) -> torch.device:
        """Where the codes live."""
        return next(self.priors.buffers()).device

    def encode(self, data: Data, *, batch_size: int = 1024) -> Float[Tensor, "n d"]:
        """Codes of samples at inference (running statistics, no gradient), batch by batch.

        Args:
            data: A batch of samples as the encoder takes them; an array; or `Samples`.
            batch_size: Samples at a time.

        Inside `ranks.together()` each process encodes a share, and all get all codes; likewise
        `decode`, `reconstruct` and `fit_prior`.
        """
        return self._each(self._encode, batches(data, batch_size))

    def decode(
        self, code: Tensor | np.ndarray, *, batch_size: int = 1024
    ) -> Shaped[Tensor, "n ..."]:
        """Samples of codes at inference, without gradient, batch by batch.

        Args:
            code: Codes of shape `(n, dim)`.
            batch_size: Codes at a time.

        Raises:
            ValueError: If the codes have another shape.
        """
        code = torch.as_tensor(code).to(next(self.priors.buffers()).dtype)
        if code.ndim != 2 or code.shape[1] != self.latent.dim:
            raise ValueError(
                f"`code` must have shape (n, {self.latent.dim}): got {tuple(code.shape)}."
            )
        return self._each(self.decoder, code[ranks.share(len(code))].split(batch_size))

    def reconstruct(self, data: Data, *, batch_size: int = 1024) -> Shaped[Tensor, "n ..."]:
        """Samples encoded and decoded again, at inference."""
        return self._each(lambda x: self.decoder(self._encode(x)), batches(data, batch_size))

    def interpolate(
        self,
        start: Data,
        end: Data,
        *,
        steps: int = 8,
        path: Literal["spherical", "linear"] = "spherical",
    ) -> Shaped[Tensor, "n steps ..."]:
        """Decoded paths between the codes of pairs of samples, both ends included.

        Args:
            start: Samples, shape `(n, …)`.
            end: As many others.
            steps: Points of each path.
            path: `"spherical"` keeps to the norms that N(0, I) has (Shoemake 1985); `"linear"`
                passes nearer to the origin.

        Raises:
            ValueError: If the numbers of samples differ, or `steps` is less than 2.
        """
        if path not in PATHS:
            raise ValueError(unknown("path", path, PATHS))
        if steps < 2:
            raise ValueError(f"`steps` must be at least 2: got steps={steps}.")
        a, b = self.encode(start), self.encode(end)
        if len(a) != len(b):
            raise ValueError(f"Both ends must have as many samples: got {len(a)} and {len(b)}.")
        t = torch.linspace(0, 1, steps, device=a.device)
        codes = torch.stack([PATHS[path](a, b, s) for s in t], 1)
        return self.decode(codes.flatten(0, 1)).unflatten(0, (len(a), steps))

    def fit_prior(
        self, data: Data, prior: str | Prior = "mixture", *, seed: int = 0
    ) -> Autoencoder:
        """Fit a law to the codes of samples, for `sample` to draw from.

        Args:
            data: The training samples.
            prior: `"normal"`, `"full"`, `"mixture"`, `"flow"` or `"two-stage"`, or one made with
                options, e.g. `Mixture(16, components=10)`.
            seed: Of the fit.

        Returns:
            The model itself.
        """
        if not isinstance(prior, Prior):
            prior = build(PRIORS, {"name": prior, "dim": self.latent.dim}, "prior")
        prior.to(self.device).fit(self.encode(data), seed=seed)
        name = next(name for name, kind in PRIORS.items() if isinstance(prior, kind))
        self.priors[name] = prior
        self.prior = name
        return self

    def drop_priors(self) -> None:
        """Forget fitted priors, as training does: they are of the codes as they were."""
        self.priors = nn.ModuleDict({"normal": self.priors["normal"]})
        self.prior = "normal"

    def sample(
        self, n: int, *, seed: int | None = None, prior: str | None = None, batch_size: int = 1024
    ) -> Shaped[Tensor, "n ..."]:
        """Draw codes from a prior and decode them.

        Args:
            n: Number of samples.
            seed: For the same samples again, on any device. By default torch's random state.
            prior: Name of a fitted prior; by default `self.prior`.
            batch_size: Codes decoded at a time.

        Raises:
            ValueError: If the prior has not been fitted, or `n` is less than 1.
        """
        if n < 1:
            raise ValueError(f"`n` must be at least 1: got n={n}.")
        name = self.prior if prior is None else prior
        if name not in self.priors:
            known = ", ".join(self.priors)
            raise ValueError(
                f"The prior {name!r} has not been fitted (fitted: {known}). "
                f'Call model.fit_prior(data, "{name}") first.'
            )
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        law = self.priors[name]
        assert isinstance(law, Prior)  # for the type checker
        code = self.latent.project(law.sample(n, generator=generator))
        return self.decode(code, batch_size=batch_size)

    def diagnose(
        self,
        data: Data,
        held_out: Data | None = None,
        *,
        batch_size: int | None = None,
        n: int = 2000,
        progress: bool = True,
    ) -> Diagnosis:
        """What is wrong with this model: measured, its probable cause, and the remedy.

        Args:
            data: The training samples.
            held_out: Samples that it was not trained on: without them over-fitting and copies
                cannot be told.
            batch_size: Samples of a training step, to see whether they were enough.
            n: At most so many samples of each kind, evenly spaced: the cost grows with n².
            progress: Show a bar.

        Returns:
            The findings, the most important first. Print it, or see `Diagnosis.findings`.

        Raises:
            ValueError: If there are too few samples, or codes or outputs are not finite.

        Example:
            >>> from entropae.latent import Plain
            >>> model = Autoencoder(nn.Identity(), nn.Identity(), Plain(3))
            >>> found = model.diagnose(3 + torch.randn(100, 3), progress=False)
            >>> found.findings[0].title
            'The code is not centred or scaled'
        """
        from entropae.diagnosis import Subject, diagnose
        from entropae.diagnosis.sentences import Sentences
        from entropae.text import SequenceDecoder

        prior = self.priors[self.prior]
        assert isinstance(prior, Prior)  # for the type checker
        train = _some(data, n)
        others = None if held_out is None else _some(held_out, n)
        parts: dict[str, Any] = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "prior": prior,
            "prior_name": self.prior,
            "latent": self.latent,
            "batch_size": batch_size,
            "device": self.device,
        }
        if isinstance(self.decoder, SequenceDecoder):
            subject = Sentences(**parts, given=train if others is None else others)
        elif not train.is_floating_point():
            raise ValueError(
                f"Samples must be floats: got {train.dtype}. Of sentences, only models with a "
                "`text.SequenceDecoder` can be diagnosed."
            )
        else:
            subject = Subject(**parts)
        with self._inference():
            return diagnose(subject, train, others, progress=progress)

    def calibrate(self, make_batches: Callable[[], Iterable[Tensor]]) -> None:
        """Recompute all running statistics over the training set, so that inference agrees with it.

        From front to back: the encoder's batch normalisations, the latent, the decoder's, each from
        what inference hands it.

        Args:
            make_batches: Called once for each pass; gives the batches of the training set. Inside
                `ranks.together()`, those that are this process's.
        """

        def inputs() -> Iterator[Tensor]:
            return (x.to(self.device) for x in make_batches())

        with self._inference():
            _average_batch_norms(self.encoder, inputs)
            self.latent.calibrate(self.encoder(x) for x in inputs())
            _average_batch_norms(self.decoder, lambda: (self._encode(x) for x in inputs()))

    def save(self, folder: str | Path) -> None:
        """Write `model.safetensors` and `model.json` into a folder, each replaced atomically.

        Networks of one's own are written as weights only: `load` is given them again.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # Cloned, since safetensors refuses weights that two parts share. As bytes, since its own
        # writing leaves another temporary file behind when killed, and only its owner can read it.
        weights = {
            name: tensor.cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in self.state_dict().items()
        }
        config = {
            "format": FORMAT,
            "encoder": _describe(self.encoder, NETWORKS),
            "decoder": _describe(self.decoder, NETWORKS),
            "latent": _describe(self.latent, Latent.known()),
            "priors": {name: _describe(law, PRIORS) for name, law in self.priors.items()},
            "prior": self.prior,
        }
        with replacing(folder / WEIGHTS) as path:
            path.write_bytes(pack(weights))
        write_text(folder / CONFIG, json.dumps(config, indent=2) + "\n")

    def _encode(self, x: Tensor) -> Tensor:
        with ranks.alone():  # penalties, which would be of all processes, are not asked for
            return self.latent.code(self.encoder(x))

    @contextmanager
    def _inference(self) -> Iterator[None]:
        modes = {part: part.training for part in self.modules()}
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for part, mode in modes.items():
                part.training = mode

    def _each(self, function: Callable[[Tensor], Tensor], parts: Iterable[Tensor]) -> Tensor:
        with self._inference():
            return ranks.gather(torch.cat([function(part.to(self.device)) for part in parts]))


def load(
    folder: str | Path,
    *,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    device: torch.device | str = "cpu",
) -> Autoencoder:
    """Read a model that `Autoencoder.save` wrote. Runs no code from the folder.

    Args:
        folder: Where `model.safetensors` and `model.json` are.
        encoder: A module as it was before training, for a model with an encoder of one's own.
        decoder: Likewise.
        device: Where to put the model.

    Returns:
        The model, in evaluation mode.

    Raises:
        FileNotFoundError: If the folder holds no model.
        ValueError: If the files are damaged, do not fit together or the networks given, or name
            networks of one's own that were not given.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"No model in {folder}: {name} is missing.")
    try:
        config = _read_config(folder / CONFIG)
        if encoder is None or decoder is None:
            _check_size(config, encoder, decoder, (folder / WEIGHTS).stat().st_size)
        model = Autoencoder(
            encoder or _network(config["encoder"], "encoder"),
            decoder or _network(config["decoder"], "decoder"),
            build(Latent.known(), config["latent"], "latent"),
        )
        for name, law in config["priors"].items():
            if name not in PRIORS:
                raise ValueError(unknown("prior", name, PRIORS))
            model.priors[name] = build(PRIORS, law, "prior")
        if config["prior"] not in model.priors:
            raise ValueError(unknown("prior", str(config["prior"]), model.priors))
        model.prior = config["prior"]
        weights, _ = unpack(folder / WEIGHTS)
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except (
        *(KeyError, TypeError, ValueError, AttributeError, ArithmeticError),
        *(RuntimeError, MemoryError, SafetensorError),
    ) as error:
        raise ValueError(f"The model in {folder} cannot be loaded: {error}") from error
    if unexpected or missing:
        raise ValueError(
            f"The weights in {folder} are of other networks than those given: "
            f"missing {missing[:4]}, unexpected {unexpected[:4]}."
        )
    return model.to(device).eval()


def _read_config(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{CONFIG} has at most {LARGEST} bytes, this one {path.stat().st_size}")
    config = json.loads(path.read_text())
    if config["format"] > FORMAT:
        raise ValueError(f"format {config['format']} is newer than this entropae's {FORMAT}")
    if config["format"] < 2 and config["decoder"]["name"] == "MLPDecoder":
        config["decoder"]["gain"] = 1.0
    return config


def _check_size(
    config: dict[str, Any], encoder: nn.Module | None, decoder: nn.Module | None, size: int
) -> None:
    """Refuse what is described as far larger than its weights, before any of it is allocated."""
    with torch.device("meta"):
        parts: list[nn.Module] = [build(Latent.known(), config["latent"], "latent")]
        laws = list(config["priors"].values())
        parts += [build(PRIORS, law, "prior") for law in laws if law["name"] != "flow"]
        parts += [] if encoder else [_network(config["encoder"], "encoder")]
        parts += [] if decoder else [_network(config["decoder"], "decoder")]
    described = sum(map(size_of, parts))
    for law in laws:
        if law["name"] == "flow":  # which can only be built where its masks can be computed
            sizes = [law["dim"], *law["hidden"], law["dim"]]
            described += 4 * law["transforms"] * sum(a * b for a, b in pairwise(sizes))
    # What is not kept with the weights, such as a bank of codes, has the gigabyte.
    if described > size + UNKEPT:
        raise ValueError(f"it is described as of {described:,} bytes, its weights have {size:,}")


def size_of(module: nn.Module) -> int:
    """Bytes of a module's parameters and buffers."""
    return sum(part.nbytes for part in (*module.parameters(), *module.buffers()))


def memory() -> int:
    """Bytes of the machine's memory; more than any has where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 62


def _describe(part: nn.Module, known: Mapping[str, type]) -> dict[str, Any]:
    for name, kind in known.items():
        if type(part) is kind:
            return {"name": name} | settings(part)
    return {"name": CUSTOM, "class": type(part).__qualname__}


def _network(config: dict[str, Any], role: str) -> nn.Module:
    if config.get("name") == CUSTOM:
        raise ValueError(
            f"its {role} is a network of one's own, {config.get('class')}. "
            f"Pass one: load(folder, {role}={config.get('class')}(…))."
        )
    return build(NETWORKS, config, "network")


def _some(data: Data, n: int) -> Float[Tensor, "n ..."]:
    """At most `n` samples, evenly spaced."""
    samples = data if isinstance(data, Tensor) else as_samples(data)
    rows = np.unique(np.linspace(0, len(samples) - 1, n).astype(int))
    if isinstance(samples, Tensor):
        return samples[torch.as_tensor(rows)].cpu()
    return samples.__getitems__(rows.tolist())


def batches(data: Data, batch_size: int) -> Iterator[Tensor]:
    """Batches of this process's share of samples, in order; an empty one if it has none."""
    own = ranks.share(len(data))
    if isinstance(data, Tensor) and (data.is_floating_point() or data.dtype == torch.int64):
        yield from data[own].split(batch_size)
        return
    samples = as_samples(data)
    for start in range(own.start, max(own.stop, own.start + 1), batch_size):
        yield samples.__getitems__(range(start, min(start + batch_size, own.stop)))


def _average_batch_norms(network: nn.Module, inputs: Callable[[], Iterator[Tensor]]) -> None:
    """Set running statistics to their plain average over all batches."""
    norms = [part for part in network.modules() if isinstance(part, BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with ranks.alone():
        for x in inputs():
            if len(x) > 1:
                network(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
        statistics = dict(norm.named_buffers())
        seen = statistics.pop("num_batches_tracked")
        for statistic in statistics.values():
            statistic.copy_(ranks.average(statistic, int(seen)))
        seen.copy_(ranks.total(seen))


def _linear(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return torch.lerp(a, b, t)


def _spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    cosine = nn.functional.cosine_similarity(a, b, dim=1)[:, None].clamp(-1, 1)
    angle = torch.arccos(cosine)
    direction = torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b
    # Where the two directions agree, or oppose each other, there is no arc to follow.
    return torch.where(cosine.abs() > 1 - 1e-6, torch.lerp(a, b, t), direction / torch.sin(angle))


PATHS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "spherical": _spherical,
    "linear": _linear,
}
