"""An autoencoder, diagnosed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Int
from torch import Tensor, nn

from entropae.diagnosis import Diagnosis, Subject, diagnose
from entropae.diagnosis.history import History
from entropae.kinds import as_samples
from entropae.nn.tokens import PAD
from entropae.prior import fitted

if TYPE_CHECKING:
    from entropae.model.autoencoder import Autoencoder


def examine(
    model: Autoencoder,
    data: Any,
    held_out: Any,
    *,
    batch_size: int | None,
    n: int,
    progress: bool,
    log: Sequence[Mapping[str, float]] = (),
    recipe: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """See `Autoencoder.diagnose`; `recipe` has a run's settings, by their names with dots."""
    samples = as_samples(data, kind=model.kind)
    train = samples.spread(n)
    others = None if held_out is None else as_samples(held_out, kind=samples.kind).spread(n)
    if others is not None and samples.layout == "tokens":
        train, others = _as_long(train, others)
    prior = fitted(model.prior, model.priors)
    parts: dict[str, Any] = {
        "encoder": model.encoder,
        "decoder": model.decoder,
        "prior": model.priors[prior],
        "prior_name": prior,
        "latent": model.latent,
        "head": model.head,
        "batch_size": batch_size,
        "device": model.device,
        "dtype": model.dtype,
        "history": History.of(log),
        "recipe": recipe or {},
    }
    subject = samples.kind.subject(Subject, parts, train if others is None else others)
    with model.inference():
        return diagnose(subject, train, others, progress=progress)


def _as_long(*parts: Int[Tensor, "n l"]) -> list[Int[Tensor, "n length"]]:
    """Sentences, each part of which is cut to its longest, filled up to the longest of all."""
    longest = max(part.shape[1] for part in parts)
    return [nn.functional.pad(one, (0, longest - one.shape[1]), value=PAD) for one in parts]
