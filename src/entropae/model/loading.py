"""Models read again. Runs no code from their files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import pairwise
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from entropae.kinds import Kind, kind_from, kind_of_earlier
from entropae.latent import Latent
from entropae.messages import unknown
from entropae.model.autoencoder import Autoencoder
from entropae.model.saving import (
    COMPILED,
    CONFIG,
    CUSTOM,
    FORMAT,
    HEAD,
    LARGEST,
    PRIOR,
    WEIGHTS,
    plain_names,
)
from entropae.nn import NETWORKS
from entropae.prior import HEADS, PRIORS, Head, Prior, canonical, fitted
from entropae.registry import build
from entropae.storage.weights import unpack

UNKEPT = 1 << 29

# Own parts that `load` is given, by what they are.
Given = Mapping[str, nn.Module | None]


def load(
    folder: str | Path,
    *,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    latent: Latent | None = None,
    priors: Mapping[str, Prior] | None = None,
    head: Head | None = None,
    device: torch.device | str = "cpu",
) -> Autoencoder:
    """Read a model that `Autoencoder.save` wrote. Runs no code from the folder.

    Args:
        folder: Where `model.safetensors` and `model.json` are.
        encoder: A module as it was before training, for a model with an encoder of your own.
        decoder: Likewise.
        latent: Likewise, for a latent of your own.
        priors: Likewise, by their names in `model.priors`.
        head: Likewise.
        device: Where to put the model.

    Returns:
        The model, in evaluation mode.

    Raises:
        FileNotFoundError: If the folder holds no model.
        ValueError: If the files are damaged, do not fit together or the parts given, or name parts
            of your own that were not given.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"No model in {folder}: {name} is missing.")
    given: dict[str, nn.Module | None] = {"encoder": encoder, "decoder": decoder, "latent": latent}
    given["head"] = head
    try:
        config = _read_config(folder / CONFIG)
        own = _own_priors(priors or {}, config["priors"])
        _check_given(config, given, own)
        if encoder is None or decoder is None:
            _check_size(config, given, own, (folder / WEIGHTS).stat().st_size)
        model = Autoencoder(
            *(_part(config[role], known, role, given) for role, known in _roles().items())  # type: ignore[arg-type]
        )
        if "head" in config:
            own_head: Any = head or build(HEADS, config["head"], "head")
            model.attach(own_head.to(model.code_like))
        for name, described in config["priors"].items():
            if "." in name:  # it parts a prior's name from those of its weights
                raise ValueError(f"a prior cannot be called {name!r}")
            made = own[name] if name in own else build(PRIORS, described, "prior")
            model.priors[name] = made.to(model.code_like)
        model.prior = fitted(str(config["prior"]), model.priors)
        model.kind = _kind(config, model, folder)
        weights, _ = unpack(folder / WEIGHTS)
        if encoder is None and decoder is None:
            _take_type(model, weights)
        _check_finite(weights, {name for name, _ in model.named_buffers()})
        missing, unexpected = _fill(model, weights)
    except (
        *(KeyError, TypeError, ValueError, AttributeError, ArithmeticError),
        *(RuntimeError, MemoryError, SafetensorError),
    ) as error:
        cut = {SafetensorError: f"{WEIGHTS}: ", JSONDecodeError: f"{CONFIG}: "}
        where = cut.get(type(error), "")
        raise ValueError(f"The model in {folder} cannot be loaded: {where}{error}") from error
    if unexpected or missing:
        raise ValueError(
            f"The weights in {folder} are of other networks than those given: "
            f"missing {missing[:4]}, unexpected {unexpected[:4]}."
        )
    return model.to(device).eval()


def _check_finite(weights: Mapping[str, Tensor], buffers: set[str]) -> None:
    """Refuse weights of which no sample can be made, which would not be told otherwise.

    A buffer may have infinities, such as the mask of a transformer of one's own.
    """
    for name, weight in weights.items():
        wrong = weight.isnan() if name in buffers else ~weight.isfinite()
        if wrong.any():
            raise ValueError(f"{WEIGHTS} has values in {name} that are not finite")


def _take_type(model: Autoencoder, weights: Mapping[str, Tensor]) -> None:
    """Let a model compute in the type of its networks' weights, if all have another one."""
    networks = [
        weight for name, weight in weights.items() if name.startswith(("encoder", "decoder"))
    ]
    kinds = {weight.dtype for weight in networks if weight.is_floating_point()}
    if len(kinds) == 1 and kinds != {torch.float32}:
        model.to(kinds.pop())


def _roles() -> dict[str, Mapping[str, type[nn.Module]]]:
    return {"encoder": NETWORKS, "decoder": NETWORKS, "latent": Latent.known()}


def _fill(model: Autoencoder, weights: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Copy weights into the model; names that lack a weight, and names of no place."""
    plain = {short: name for name, short in plain_names(model).items()}
    others = (PRIOR, HEAD)
    mine = {k: v for k, v in weights.items() if not k.startswith(others)}
    found = {plain.get(name.replace(COMPILED, ""), name): v for name, v in mine.items()}
    missing, unexpected = map(list, model.load_state_dict(found, strict=False))
    parts = {f"{PRIOR}{name}.": prior for name, prior in model.priors.items()}
    parts |= {} if model.head is None else {HEAD: model.head}
    for start, part in parts.items():
        state = {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}
        lacking, other = part.load_state_dict(state, strict=False)
        missing += [start + key for key in lacking]
        unexpected += [start + key for key in other]
    known = tuple(parts)
    unexpected += [k for k in weights if k.startswith(others) and not k.startswith(known)]
    return missing, unexpected


def _read_config(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{CONFIG} has at most {LARGEST} bytes, this one {path.stat().st_size}")
    config = json.loads(path.read_text("utf-8"))
    if config["format"] > FORMAT:
        raise ValueError(f"format {config['format']} is newer than this entropae's {FORMAT}")
    if config["format"] < 2 and config["decoder"]["name"] == "MLPDecoder":
        config["decoder"]["gain"] = 1.0
    return config


def _kind(config: Mapping[str, Any], model: Autoencoder, folder: Path) -> Kind | None:
    if config["format"] < 3:
        return kind_of_earlier(model.encoder, model.decoder, folder)
    return None if config["kind"] is None else kind_from(config["kind"], folder)


def _check_size(config: dict[str, Any], given: Given, own: Mapping[str, Prior], size: int) -> None:
    """Refuse what is described as far larger than its weights, before any of it is allocated."""
    with torch.device("meta"):
        parts: list[nn.Module] = [
            _part(config[role], known, role, given)
            for role, known in _roles().items()
            if given[role] is None
        ]
        described = {k: v for k, v in config["priors"].items() if k not in own}
        if "head" in config and given["head"] is None:
            described[HEAD] = config["head"]
        parts += [build(PRIORS, v, "prior") for v in described.values() if v["name"] != "flow"]
    total = sum(map(size_of, parts))
    for settled in described.values():
        if settled["name"] == "flow":  # which can only be built where its masks can be computed
            sizes = [settled["dim"], *settled["hidden"], settled["dim"]]
            total += 4 * settled["transforms"] * sum(a * b for a, b in pairwise(sizes))
    # What is not kept with the weights, such as a memory bank of codes, has this much.
    if total > size + UNKEPT:
        raise ValueError(f"it is described as of {total:,} bytes, its weights have {size:,}")


def size_of(module: nn.Module) -> int:
    """Bytes of a module's parameters and buffers."""
    return sum(part.nbytes for part in (*module.parameters(), *module.buffers()))


def memory() -> int:
    """Bytes of the machine's memory; more than any has where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 62


def _own_priors(given: Mapping[str, Prior], described: Mapping[str, Any]) -> dict[str, Prior]:
    """Priors that `load` was given, by the names that they are kept under."""
    own = {name if name in described else canonical(name): prior for name, prior in given.items()}
    for name, prior in own.items():
        if name not in described:
            raise ValueError(unknown("prior", name, described))
        if not isinstance(prior, Prior):
            raise TypeError(f"`priors` must hold objects of a Prior: got {prior!r} as {name!r}")
    return own


def _check_given(config: Mapping[str, Any], given: Given, own: Mapping[str, Prior]) -> None:
    """Refuse a model with parts of the user's own that `load` was not given, and say what to pass.

    Raises:
        ValueError: With the call, in which each part goes by its own name.
    """
    if given["head"] is not None and "head" not in config:
        raise ValueError("it has no head: leave out head=")
    described = {role: config[role] for role in given if role in config}
    own_roles = [role for role, one in described.items() if one["name"] == CUSTOM]
    roles = [role for role in own_roles if given[role] is None]
    priors = [k for k, v in config["priors"].items() if k not in own and v["name"] == CUSTOM]
    if not roles and not priors:
        return
    parts = [f"{role} ({config[role].get('class')})" for role in roles]
    parts += [f"prior {name!r} ({config['priors'][name].get('class')})" for name in priors]
    # Those that were given as well, so that the call can be made as it is.
    arguments = [f"{role}={role}" for role in given if role in roles or given[role] is not None]
    named = [k for k in config["priors"] if k in priors or k in own]
    arguments += [f"priors={{{', '.join(f'{k!r}: {k}' for k in named)}}}"] if named else []
    many = len(parts) > 1
    raise ValueError(
        f"its {' and '.join(parts)} {'are' if many else 'is'} of your own. Make "
        f"{'them' if many else 'it'} as before training and call load(folder, "
        f"{', '.join(arguments)})."
    )


def _part(
    config: Mapping[str, Any], known: Mapping[str, type[nn.Module]], role: str, given: Given
) -> nn.Module:
    found = given[role]
    if found is not None:
        return found
    return build(known, config, "network" if known is NETWORKS else role)
