"""Models written: weights as safetensors, and a description as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from entropae.kinds import settings_of
from entropae.latent import Latent
from entropae.nn import NETWORKS
from entropae.prior import PRIORS, fitted
from entropae.registry import settings
from entropae.storage.atomic import replacing, write_text
from entropae.storage.weights import pack

if TYPE_CHECKING:
    from entropae.model.autoencoder import Autoencoder

FORMAT = 3  # 1: the MLPDecoder had no gain; 2: the kind of data was not said

WEIGHTS = "model.safetensors"

CONFIG = "model.json"

CUSTOM = "custom"

LARGEST = 1 << 20  # bytes of the description, so that no small file asks for more

PRIOR = "priors."  # begins the names of a prior's weights

HEAD = "head."

COMPILED = "_orig_mod."  # which torch.compile puts into the names of a network's weights

PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)  # which put "module." there


def save(model: Autoencoder, folder: Path) -> None:
    """See `Autoencoder.save`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "format": FORMAT,
        "kind": None if model.kind is None else settings_of(model.kind),
        "encoder": _describe(model.encoder, NETWORKS),
        "decoder": _describe(model.decoder, NETWORKS),
        "latent": _describe(model.latent, Latent.known()),
        "priors": {name: _describe(prior, PRIORS) for name, prior in model.priors.items()},
        "prior": fitted(model.prior, model.priors),
    }
    if model.head is not None:
        config["head"] = _describe(model.head, PRIORS)
    text = json.dumps(config, indent=2) + "\n"
    if len(text.encode()) > LARGEST:
        raise ValueError(f"The description of the model takes more than {LARGEST:,} bytes.")
    # Cloned, since safetensors refuses weights that two parts share. As bytes, since its own
    # writing leaves another temporary file behind when killed, and only its owner can read it.
    names = plain_names(model)
    weights = {
        names.get(name, name): tensor.cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in _tensors(model).items()
    }
    with replacing(folder / WEIGHTS) as path:
        path.write_bytes(pack(weights))
    if model.kind is not None:
        model.kind.save(folder)
    write_text(folder / CONFIG, text)


def _tensors(model: Autoencoder) -> dict[str, Tensor]:
    """All that is written: the model's state, and that of its priors and head."""
    found = dict(model.state_dict())
    for name, prior in model.priors.items():
        found |= {f"{PRIOR}{name}.{key}": value for key, value in prior.state_dict().items()}
    if model.head is not None:
        found |= {f"{HEAD}{key}": value for key, value in model.head.state_dict().items()}
    for name, value in found.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"A model is saved as tensors, which are read without unpickling: {name} is a "
                f"{type(value).__name__}. Let get_extra_state return a tensor, or save this model "
                "with torch.save(model.state_dict(), path)."
            )
    return found


def plain_names(model: nn.Module) -> dict[str, str]:
    """What each tensor of a model's state is called where no network is compiled or parallel."""
    wrapped = [path for path, part in model.named_modules() if isinstance(part, PARALLEL)]
    found = {}
    for name in model.state_dict():
        plain = name
        for path in sorted(wrapped, key=len, reverse=True):
            if plain.startswith(f"{path}.module."):
                plain = path + plain.removeprefix(f"{path}.module")
        found[name] = plain.replace(COMPILED, "")
    return found


def _describe(part: nn.Module, known: Mapping[str, type]) -> dict[str, Any]:
    """How `load` can make a part again: by name and options, or by being given one."""
    part = getattr(part, COMPILED.rstrip("."), part)
    part = part.module if isinstance(part, PARALLEL) else part
    for name, made in known.items():
        if type(part) is made and made.__module__.startswith("entropae."):
            return {"name": name} | settings(part)
    return {"name": CUSTOM, "class": type(part).__name__}
