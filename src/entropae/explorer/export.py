"""Encoder and decoder as ONNX, checked against torch."""

from __future__ import annotations

import copy
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from entropae import distributed
from entropae.explorer.space import Space
from entropae.explorer.standalone import page
from entropae.kinds import Kind
from entropae.model import Autoencoder
from entropae.storage.atomic import replacing, write_text

# Read by ONNX Runtime 1.14 of 2023 and later, and written by every torch that has this exporter.
OPSET = 18
# Largest difference from torch that is let pass, relative to the values' size where that is over 1.
TOLERANCE = 1e-4


class Encoder(nn.Module):
    """From samples to final codes: what `Autoencoder.encode` does."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.encoder, self.latent, self.head = model.encoder, model.latent, model.head

    def forward(self, x: Tensor) -> Tensor:
        """Codes at inference."""
        code = self.latent.code(self.encoder(x))
        return code if self.head is None else self.head.to_normal(code)


class Decoder(nn.Module):
    """From codes to samples, drawn codes first brought to where the latent's codes lie."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.decoder, self.latent, self.head = model.decoder, model.latent, model.head

    def forward(self, z: Tensor) -> Tensor:
        """Decoded samples."""
        code = z if self.head is None else self.head.from_normal(z)
        return self.decoder(self.latent.project(code))


def export(space: Space, folder: Path) -> list[Path]:
    """Write `encoder.onnx`, `decoder.onnx` and `explorer.html` into a folder.

    Args:
        space: The model, with the training samples that the page shows.
        folder: It is made if there is none.

    Returns:
        The three files.

    Raises:
        ImportError: If onnx, onnxscript or onnxruntime is missing.
        ValueError: If a network has what ONNX has no word for, or computes something else there.
    """
    encoder, decoder = to_onnx(space.model, space.samples.first(8))
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("encoder.onnx", "decoder.onnx", "explorer.html")]
    for path, content in zip(paths[:2], (encoder, decoder), strict=True):
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    write_text(paths[2], page(space, encoder, decoder))
    return paths


def check_extras() -> None:
    """Raise unless what export needs is installed.

    Raises:
        ImportError: Saying how to install it.
    """
    if not all(find_spec(name) for name in ("onnx", "onnxruntime", "onnxscript")):
        raise ImportError(
            'Export needs onnx, onnxscript and onnxruntime: pip install "entropae[onnx]".'
        )


def to_onnx(model: Autoencoder, x: Tensor) -> tuple[bytes, bytes]:
    """Encoder and decoder of a model as ONNX, for any number of samples at a time.

    The encoder takes what `model.encode` takes, and gives final codes: the latent's running
    statistics are in it. The decoder takes such codes, or codes drawn from a prior.

    Args:
        model: A trained model.
        x: Some samples, at least two, to export and to compare with.

    Returns:
        The two files' contents. The encoder's input is `x`, its output `z`; the decoder's input is
        `z`, its output `x`.

    Raises:
        ImportError: If onnx, onnxscript or onnxruntime is missing.
        ValueError: If a network has what ONNX has no word for, or computes something else there.
    """
    check_extras()
    if len(x) < 2:
        raise ValueError(f"`x` must be at least 2 samples, to tell a batch from one: got {len(x)}.")
    model = copy.deepcopy(model).cpu().float().eval()
    x = x.cpu().float() if x.is_floating_point() else x.cpu()
    about = {"made by": "entropae", "latent": type(model.latent).__name__}
    with torch.no_grad(), distributed.alone():
        z = model.encode(x)
        encoder = _export(Encoder(model), x, ("x", "z"), about | {"x": _described(x, model.kind)})
        decoder = _export(Decoder(model), z, ("z", "x"), about)
    return encoder, decoder


def _export(
    module: nn.Module, x: Tensor, names: tuple[str, str], about: Mapping[str, str]
) -> bytes:
    module.eval()
    given, made = names
    name = type(module).__name__.lower()
    try:
        with _quiet():
            program = torch.onnx.export(
                module,
                (x,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[given],
                output_names=[made],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                verbose=False,
            )
        assert program is not None  # for the type checker
        proto = program.model_proto
    except Exception as error:  # torch's exporter raises of all kinds
        # The exporter's own message says in which of its steps it failed, and the cause why.
        said = str(error.__cause__ or error).strip().splitlines()[0].rstrip(".")
        raise ValueError(
            f"The {name} cannot be written as ONNX: {said}. Its "
            "forward may use tensor operations only, with shapes that do not hang on values."
        ) from error
    _forget_makers(proto)
    for key, value in about.items():
        proto.metadata_props.add(key=key, value=value)
    content = proto.SerializeToString()
    _check(name, module, content, x)
    return content


def _forget_makers(message: Any) -> None:
    """Remove the exporter's notes, which name the files and lines of this machine's sources."""
    for name in ("metadata_props", "doc_string"):
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    for field, value in message.ListFields():
        if field.message_type:
            for part in [value] if hasattr(value, "DESCRIPTOR") else value:
                _forget_makers(part)


def _check(name: str, module: nn.Module, content: bytes, x: Tensor) -> None:
    """Run it with ONNX Runtime, on one sample and on several."""
    session = session_of(content)
    (given,) = [one.name for one in session.get_inputs()]
    for some in (x, x[:1]):
        expected = module(some).numpy()
        got = np.asarray(session.run(None, {given: some.numpy()})[0])
        error = np.inf
        if got.shape == expected.shape:
            error = float((np.abs(got - expected) / np.maximum(1, np.abs(expected))).max())
        if not error <= TOLERANCE:
            raise ValueError(
                f"The {name} computes something else as ONNX: it differs by {error:.2g}, and "
                f"{TOLERANCE:g} is let pass. Does it draw random numbers, or depend on the batch?"
            )


def session_of(content: bytes) -> Any:
    """ONNX Runtime's session, which tells its makers nothing.

    Newer ones (1.32) count their use, and keep a number of the machine and a queue of events for
    their makers' server in the home folder, unless they are told not to before they are imported.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime import InferenceSession

    return InferenceSession(content, providers=["CPUExecutionProvider"])


def _described(x: Tensor, kind: Kind | None) -> str:
    """What the encoder takes."""
    text = f"float32 (n, {', '.join(map(str, x.shape[1:]))}), as model.encode takes it"
    if kind is None or kind.view != "image":
        return text
    black, white = kind.range
    return f"{text}; black is {black:g}, white {white:g}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own news: packages that are not needed, and its deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
