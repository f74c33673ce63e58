"""Tensors as a safetensors file that knows the checksum of what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from entropae.storage.regular import check_regular

KEY = "sha256"


def pack(tensors: Mapping[str, Tensor], texts: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a file of tensors and texts, with their SHA-256.

    Args:
        tensors: Contiguous, and none in another's memory.
        texts: Written into the file's metadata.
    """
    texts = texts or {}
    return save(dict(tensors), {**texts, KEY: _checksum(tensors, texts)})


def unpack(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and texts of a file; those of other programs, which have no checksum, too.

    Raises:
        ValueError: If the checksum is another.
        SafetensorError: If the file is cut, or none of this kind.
    """
    check_regular(path)
    with safe_open(path, "pt") as file:
        texts = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if KEY in texts and texts.pop(KEY) != _checksum(tensors, texts):
        raise ValueError(f"{path.name} is damaged: its checksum is another")
    return tensors, texts


def _checksum(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> str:
    found = hashlib.sha256()
    for name in sorted(texts):
        found.update(texts[name].encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
