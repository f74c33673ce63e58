"""Samples from wherever a user has them."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from entropae.config import unknown
from entropae.data.files import CHUNK, read
from entropae.data.images import from_folder, resized
from entropae.data.samples import Layout, Samples
from entropae.text.lines import encode_lines, is_text, read_lines
from entropae.text.tokenizer import Kind, Tokenizer

# Published files by name: address, and SHA-256 of the file as published.
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
DOWNLOADS = {
    "mnist": (
        MNIST + "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "mnist:test": (
        MNIST + "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "fashion-mnist": (
        FASHION + "train-images-idx3-ubyte.gz",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "fashion-mnist:test": (
        FASHION + "t10k-images-idx3-ubyte.gz",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
}
NAMES = ("digits", *DOWNLOADS)


def as_samples(data: Samples | str | Path | np.ndarray | Tensor) -> Samples:
    """Samples as they are; of anything else, what `load` makes of it."""
    return data if isinstance(data, Samples) else load(data)


def load(
    source: str | Path | np.ndarray | Tensor,
    size: int | None = None,
    *,
    channels: Literal[1, 3] | None = None,
    strict: bool = False,
    progress: bool = True,
    tokenizer: Tokenizer | Kind = "bpe",
    vocabulary: int = 4000,
    length: int = 64,
) -> Samples:
    """Samples from a path, a name or an array.

    Args:
        source: One of

            - a folder of images, searched through all its subfolders;
            - an `.npy` file, or an `.npz` with one array or one named images, x, x_train or arr_0;
            - a text file, `.txt` or `.txt.gz`, a sentence a line (see `entropae.text`);
            - an IDX file, `.gz` or not, or a folder of MNIST's four;
            - a name: `digits` (scikit-learn's, bundled), `mnist`, `fashion-mnist` (downloaded into
              a cache on first use; `mnist:test` for the test images);
            - an array or a tensor, which is not copied.

            Values of uint8 are divided by 255. Arrays of shape `(n, h, w)`, `(n, h, w, c)` and
            `(n, c, h, w)` with 1 or 3 channels are images and come out as `(n, c, h, w)`; any
            other array, and every tensor, comes out in the shape it has.
        size: Crop each image to its central square and resize it to `size` × `size`, by Lanczos'
            filter.
        channels: 1 for grey, 3 for colour. By default a folder is grey if all its images are.
        strict: Stop at the first bad file instead of leaving it out.
        progress: Show a bar while images are decoded.
        tokenizer: Of a text: one that there is, or the kind that is trained on the text.
        vocabulary: Of a text: tokens of that tokenizer at most.
        length: Of a text: tokens of a sentence at most, its end included; longer ones are left out.

    Files may be anybody's. Pickles are never read; an image of more than 89 million pixels is left
    out, and a compressed file refused that unpacks to more than a gigabyte and to more than 100
    times its size.

    Returns:
        The samples. Files that could not be read are in `skipped`, and a warning counts them.

    Raises:
        FileNotFoundError: If there is no such file, folder or name.
        ValueError: If it holds nothing usable; the message says why and what to do.
        OSError: If there is no room to unpack it, or a download fails.
    """
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise ValueError(f"`size` must be a positive integer: got size={size!r}.")
    if channels not in (None, 1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (colour): got channels={channels!r}.")
    if isinstance(source, Tensor):
        # NumPy has no bfloat16.
        source = (source.float() if source.dtype == torch.bfloat16 else source).detach().cpu()
        samples = _from_array(source.numpy(), size, channels, progress)
        # Tensors are in the shape that a network takes: no axis is added or moved.
        as_given = samples.layout in (None, "chw") or size is not None or channels is not None
        return samples if as_given else replace(samples, layout=None)
    if isinstance(source, np.ndarray):
        return _from_array(source, size, channels, progress)
    if str(source) in NAMES:
        return _from_array(_by_name(str(source)), size, channels, progress)
    path = Path(source)
    if is_text(path):
        return _from_text(path, tokenizer, vocabulary, length)
    if not path.exists():
        hint = "" if len(path.parts) > 1 else " " + unknown("data set", str(source), NAMES)
        raise FileNotFoundError(f"No file or folder {str(source)!r}.{hint}")
    if path.is_dir():
        idx = sorted(path.glob("train-images*idx3-ubyte*"))
        if not idx:
            return from_folder(path, size, channels, strict, progress)
        path = idx[0]
    array = read(path)
    try:
        return _from_array(array, size, channels, progress)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _from_text(path: Path, tokenizer: Tokenizer | Kind, vocabulary: int, length: int) -> Samples:
    if not path.is_file():
        raise FileNotFoundError(f"No file {str(path)!r}.")
    lines = read_lines(path)
    try:
        if not isinstance(tokenizer, Tokenizer):
            tokenizer = Tokenizer.train(lines.sentences, tokenizer, vocabulary=vocabulary)
        rows, counts = encode_lines(lines, tokenizer, length=length)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    left_out = counts.left_out()
    if counts.unknown:
        left_out += (f"{counts.unknown} of {counts.tokens} tokens unknown",)
    if left_out:
        total = counts.sentences + counts.empty + counts.overlong
        warnings.warn(
            f"{counts.sentences} of {total} lines kept: {', '.join(left_out)}.", stacklevel=3
        )
    return Samples(rows, skipped=left_out, tokenizer=tokenizer)


def _by_name(name: str) -> np.ndarray:
    if name == "digits":
        from sklearn.datasets import load_digits

        grey = np.asarray(load_digits(return_X_y=True)[0]).reshape(-1, 8, 8)
        return np.rint(grey * (255 / 16)).astype(np.uint8)
    import pooch

    address, checksum = DOWNLOADS[name]
    cache = os.environ.get("ENTROPAE_CACHE") or pooch.os_cache("entropae")
    try:
        file = pooch.retrieve(
            address,
            f"sha256:{checksum}",
            fname=f"{name.partition(':')[0]}-{address.rpartition('/')[2]}",
            path=cache,
            progressbar=True,
        )
    except (OSError, ValueError) as error:
        raise OSError(
            f"{name} could not be downloaded ({error}). If you have its files, give their folder "
            "instead of the name."
        ) from error
    return read(Path(file))


def _from_array(
    array: np.ndarray, size: int | None, channels: int | None, progress: bool
) -> Samples:
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"Samples must have shape (n, …): got {array.shape}.")
    if len(array) < 2:
        raise ValueError(f"At least 2 samples are needed: got shape {array.shape}.")
    if array.dtype == np.bool_:
        array = array.view(np.uint8)[...] * np.uint8(255)
    if array.dtype.kind in "iu" and array.dtype != np.uint8:
        raise ValueError(
            f"Integers must be uint8, 0 to 255: got {array.dtype}. Give those, or floats."
        )
    if array.dtype.kind not in "uf":
        raise ValueError(f"Samples must be numbers: got {array.dtype}.")
    samples = Samples(array, _layout(array.shape))
    if array.dtype == np.uint8 and array.ndim > 3 and not samples.is_image:
        raise ValueError(
            f"Images must be (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 or 3: got shape "
            f"{array.shape} of uint8. Reshape or transpose the array."
        )
    if array.dtype.kind == "f":
        _refuse_non_finite(array)
    if size is None and channels in (None, samples.shape[0] if samples.is_image else None):
        return samples
    if not samples.is_image:
        raise ValueError(f"`size` and `channels` are for images: got shape {array.shape}.")
    if array.dtype.kind == "f" and not 0 <= float(array.min()) <= float(array.max()) <= 1:
        raise ValueError("Images to resize must have values in [0, 1] or be uint8.")
    return resized(samples, size, channels or samples.shape[0], progress)


def _layout(shape: tuple[int, ...]) -> Layout | None:
    if len(shape) == 3:
        # A few numbers a row is a signal of several channels, not an image.
        return "hw" if min(shape[1:]) >= 8 else None
    if len(shape) == 4 and shape[1] in (1, 3) and shape[3] in (1, 3):
        raise ValueError(
            f"Shape {shape} is ambiguous: its channels may be axis 1 or axis 3. Give grey images "
            "as (n, h, w); pad colour images to more than 3 pixels."
        )
    if len(shape) == 4 and shape[3] in (1, 3):
        return "hwc"
    return "chw" if len(shape) == 4 and shape[1] in (1, 3) else None


def _refuse_non_finite(array: np.ndarray) -> None:
    rows = max(1, CHUNK // max(1, array[0].size))
    bad = []
    for start in range(0, len(array), rows):
        with np.errstate(over="ignore"):  # what overflows float32 is infinite there
            finite = np.isfinite(np.asarray(array[start : start + rows], np.float32))
        bad.append(start + np.flatnonzero(~finite.reshape(len(finite), -1).all(1)))
    bad = np.concatenate(bad)
    if len(bad):
        raise ValueError(
            f"Samples must be finite in float32: got NaN or inf in {len(bad)} of {len(array)}, the "
            f"first number {bad[0]}. Remove or impute them."
        )
