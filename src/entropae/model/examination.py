"""An autoencoder, diagnosed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from entropae.diagnosis import Diagnosis, Subject, diagnose
from entropae.diagnosis.history import History
from entropae.kinds import as_samples
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
