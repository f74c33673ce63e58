"""Real data in. Every source becomes one array, mapped from disk, so none has to fit in memory.

Folders of images are decoded once, compressed files unpacked once, into a temporary file that the
system removes when the process ends.
"""

from __future__ import annotations

import gzip
import math
import os
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset
from tqdm.auto import tqdm

from entropae.config import unknown

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)
# Named, so that no file reaches Pillow's PostScript reader, which runs another program.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
CHUNK = 1 << 22

# IDX (LeCun's format for MNIST): the third byte of the magic number is the type, big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

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


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Tensor]):
    """Samples of one shape, read from an array when they are asked for.

    Attributes:
        array: Shape `(n, …)`, often mapped from disk. uint8 comes out divided by 255.
        layout: Where an image's channels are: `"hw"` (grey), `"hwc"`, `"chw"`; `None` for samples
            that are no images, which come out in the shape they have.
        skipped: `"path: reason"` of every file that was left out.
        index: Which rows of the array; all if `None`.
    """

    array: np.ndarray = field(repr=False)
    layout: Literal["hw", "hwc", "chw"] | None = None
    skipped: tuple[str, ...] = ()
    index: Int[np.ndarray, " m"] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.array if self.index is None else self.index)

    def __getitem__(self, i: int) -> Float[Tensor, ...]:
        """One sample, float32."""
        return self.__getitems__([range(len(self))[i]])[0]

    def __getitems__(self, indices: Sequence[int]) -> Float[Tensor, "n ..."]:
        """A batch of samples, float32; images as `(n, channels, height, width)`."""
        rows = np.asarray(indices, dtype=np.int64)
        values = self.array[rows if self.index is None else self.index[rows]]
        batch = torch.from_numpy(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("=")))
        batch = batch.float().div_(255) if batch.dtype == torch.uint8 else batch.float()
        if self.layout == "hw":
            return batch[:, None]
        return batch.permute(0, 3, 1, 2).contiguous() if self.layout == "hwc" else batch

    @property
    def is_image(self) -> bool:
        """Whether samples come out as `(channels, height, width)`."""
        return self.layout is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample as it comes out."""
        shape = self.array.shape[1:]
        if self.layout == "hw":
            return (1, *shape)
        return (shape[2], shape[0], shape[1]) if self.layout == "hwc" else shape

    def subset(self, indices: Int[np.ndarray, " m"]) -> Samples:
        """Some of the samples; nothing is read."""
        indices = np.asarray(indices)
        if indices.dtype == np.bool_:
            raise ValueError("`indices` must be row numbers: got booleans. Use numpy.flatnonzero.")
        indices = indices.astype(np.int64)
        return replace(self, index=indices if self.index is None else self.index[indices])


def collate(batch: Any) -> Any:
    """For a `DataLoader` over `Samples`, which hand out whole batches: nothing is left to do."""
    return batch


def split(
    n: int, validation: float = 0.1, *, seed: int = 0
) -> tuple[Int[np.ndarray, " train"], Int[np.ndarray, " validation"]]:
    """Disjoint random rows for training and validation, sorted.

    Args:
        n: Number of samples.
        validation: Share that is held out; at least one sample unless it is 0.
        seed: For the same split again.

    Raises:
        ValueError: If the share is not in [0, 1), or leaves fewer than 2 samples to train on.

    Example:
        >>> train, held_out = split(10, 0.2)
        >>> len(train), len(held_out), len(set(train) & set(held_out))
        (8, 2, 0)
    """
    if not 0 <= validation < 1:
        raise ValueError(f"`validation` must be in [0, 1): got validation={validation}.")
    held_out = max(1, round(n * validation)) if validation else 0
    if n - held_out < 2:
        raise ValueError(
            f"At least 2 samples must be left to train on: got n={n} with {held_out} held out."
        )
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def load(
    source: str | Path | np.ndarray | Tensor,
    size: int | None = None,
    *,
    channels: Literal[1, 3] | None = None,
    strict: bool = False,
    progress: bool = True,
) -> Samples:
    """Samples from a path, a name or an array.

    Args:
        source: One of

            - a folder of images, searched through all its subfolders;
            - an `.npy` file, or an `.npz` with one array or one named images, x, x_train or arr_0;
            - an IDX file, `.gz` or not, or a folder of MNIST's four;
            - a name: `digits` (scikit-learn's, bundled), `mnist`, `fashion-mnist` (downloaded into
              a cache on first use; `mnist:test` for the test images);
            - an array or a tensor, which is not copied.

            Arrays of uint8 are divided by 255. Shapes `(n, h, w)`, `(n, h, w, c)` and
            `(n, c, h, w)` with 1 or 3 channels are images, any other shape is taken as it is.
        size: Crop each image to its central square and resize it to `size` × `size`, by Lanczos'
            filter.
        channels: 1 for grey, 3 for colour. By default a folder is grey if all its images are.
        strict: Stop at the first bad file instead of leaving it out.
        progress: Show a bar while images are decoded.

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
        source = source.numpy()
    if isinstance(source, np.ndarray):
        return _from_array(source, size, channels, progress)
    if str(source) in NAMES:
        return _from_array(_by_name(str(source)), size, channels, progress)
    path = Path(source)
    if not path.exists():
        hint = "" if len(path.parts) > 1 else " " + unknown("data set", str(source), NAMES)
        raise FileNotFoundError(f"No file or folder {str(source)!r}.{hint}")
    if path.is_dir():
        idx = sorted(path.glob("train-images*idx3-ubyte*"))
        if not idx:
            # Here and not around each file: the filters are the process's, not a thread's.
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                return _from_folder(path, size, channels, strict, progress)
        path = idx[0]
    return _from_array(_read(path), size, channels, progress)


def _read(path: Path) -> np.ndarray:
    """The array of a file, by its name."""
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        if path.suffix.lower() == ".npz":
            return _read_npz(path)
        if ".idx" in path.name or "-idx" in path.name:
            return _read_idx(path)
    except (
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        gzip.BadGzipFile,
        zlib.error,
        KeyError,
    ) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    raise ValueError(
        f"{path} is of no known kind: give a folder of images, an .npy, .npz or IDX file."
    )


def _read_npz(path: Path) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        likely = [name for name in ("images", "x", "x_train", "arr_0") if name in names]
        if len(names) != 1 and not likely:
            raise ValueError(f"it holds {', '.join(names)}, and none is called images or x.")
        info = archive.getinfo((likely or names)[0] + ".npy")
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, column_major, dtype = read_header(member)
            if dtype.hasobject:
                raise ValueError("it holds Python objects, not numbers.")
            order: Literal["C", "F"] = "F" if column_major else "C"
            if info.compress_type != zipfile.ZIP_STORED:
                return _unpack(member, shape, dtype, order)
            header = member.tell()
    promised = math.prod(shape) * dtype.itemsize
    if promised != info.file_size - header:
        raise ValueError(f"its header promises {promised} bytes, it has another number.")
    with path.open("rb") as file:
        # The lengths of the name and of the extra field; the archive's directory has its own.
        file.seek(info.header_offset + 26)
        lengths = int(np.frombuffer(file.read(4), "<u2").sum())
    offset = info.header_offset + 30 + lengths + header
    return np.memmap(path, dtype, "r", offset, shape, order)


def _read_idx(path: Path) -> np.ndarray:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        magic = file.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES:
            raise ValueError(f"it does not begin as an IDX file: {magic.hex(' ')}.")
        shape = tuple(np.frombuffer(file.read(4 * magic[3]), ">u4").tolist())
        if len(shape) < 2:
            raise ValueError("it holds one number a sample: labels, not images.")
        dtype = np.dtype(IDX_TYPES[magic[2]])
        if path.suffix == ".gz":
            return _unpack(file, shape, dtype)
        offset = 4 + 4 * magic[3]
        promised = math.prod(shape) * dtype.itemsize
        if promised != path.stat().st_size - offset:
            raise ValueError(f"its header promises {promised} bytes, it has another number.")
        return np.memmap(path, dtype, "r", offset, shape)


def _unpack(
    file: IO[bytes] | gzip.GzipFile,
    shape: tuple[int, ...],
    dtype: np.dtype,
    order: Literal["C", "F"] = "C",
) -> np.ndarray:
    """Stream a compressed array into a temporary file and map that.

    The file grows with what is really there, never to what a header promises.
    """
    promised = math.prod(shape) * dtype.itemsize
    with tempfile.TemporaryFile() as scratch:  # the map keeps the file, closed or not
        for chunk in iter(lambda: file.read(CHUNK), b""):
            if scratch.tell() + len(chunk) > promised:
                raise ValueError(f"its header promises {promised} bytes, it has more.")
            scratch.write(chunk)
        if scratch.tell() < promised:
            raise ValueError(f"its header promises {promised} bytes, it has {scratch.tell()}.")
        return np.memmap(scratch, dtype, "r", 0, shape, order)


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
    return _read_idx(Path(file))


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
    return _resized(samples, size, channels or samples.shape[0], progress)


def _layout(shape: tuple[int, ...]) -> Literal["hw", "hwc", "chw"] | None:
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


def _resized(samples: Samples, size: int | None, channels: int, progress: bool) -> Samples:
    _, height, width = samples.shape
    shape = (size, size) if size else (height, width)

    def convert(i: int) -> np.ndarray:
        pixels = samples[i].mul(255).round().byte().permute(1, 2, 0).numpy()
        return _fit(
            Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels), size, channels
        )

    scratch = _scratch((len(samples), *shape, channels))
    for i in tqdm(range(len(samples)), "Resizing", unit="image", disable=not progress):
        scratch[i] = convert(i)
    return Samples(scratch, "hwc")


def _from_folder(
    folder: Path, size: int | None, channels: int | None, strict: bool, progress: bool
) -> Samples:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    if not files:
        raise ValueError(f"No images in {folder}: looked for {', '.join(sorted(SUFFIXES))}.")
    bad: dict[Path, str] = {}
    heads = {
        path: head
        for path, head in zip(files, _each(_head, files, "Looking", progress), strict=True)
        if _good(path, head, bad, strict)
    }
    if not heads:
        raise ValueError(f"None of the {len(files)} images in {folder} can be read. {_list(bad)}")
    if channels is None:
        channels = 1 if all(grey for _, grey in heads.values()) else 3
    shapes = {shape: path for path, (shape, _) in reversed(heads.items())}
    if size is None and len(shapes) > 1:
        (one, first), (two, second) = list(shapes.items())[-1:] + list(shapes.items())[:1]
        raise ValueError(
            f"All images must have one size: {first} has {one[1]}×{one[0]} pixels, {second} "
            f"{two[1]}×{two[0]}. Give `size` (--size) to crop and resize them."
        )
    height, width = (size, size) if size else next(iter(shapes))
    scratch = _scratch((len(heads), height, width, channels))

    def decode(path: Path) -> np.ndarray | str:
        return _attempt(lambda: _fit(_open(path), size, channels))

    kept = 0
    for path, image in zip(heads, _each(decode, list(heads), "Decoding", progress), strict=True):
        if _good(path, image, bad, strict):
            scratch[kept] = image
            kept += 1
    if kept < 2:
        raise ValueError(
            f"At least 2 readable images are needed in {folder}: got {kept}. {_list(bad)}"
        )
    if bad:
        warnings.warn(f"{len(bad)} of {len(files)} images left out. {_list(bad)}", stacklevel=3)
    skipped = tuple(f"{path}: {reason}" for path, reason in bad.items())
    return Samples(scratch[:kept], "hwc", skipped)


def _each(
    function: Callable[[Path], Any], paths: Sequence[Path], what: str, progress: bool
) -> Iterator[Any]:
    """Results in order, a few ahead of their use: a pool's own map would queue them all."""
    with ThreadPoolExecutor() as pool:
        for start in tqdm(
            range(0, len(paths), 256),
            what,
            unit="×256 images",
            disable=not progress or len(paths) < 256,
        ):
            yield from pool.map(function, paths[start : start + 256])


def _good(path: Path, result: Any, bad: dict[Path, str], strict: bool) -> bool:
    if not isinstance(result, str):
        return True
    if strict:
        raise ValueError(f"{path} cannot be read: {result}.")
    bad[path] = result
    return False


def _list(bad: dict[Path, str]) -> str:
    first = "; ".join(f"{path}: {reason}" for path, reason in list(bad.items())[:5])
    return first + (f"; and {len(bad) - 5} more" if len(bad) > 5 else "") + "."


def _attempt(function: Callable[[], Any]) -> Any:
    """The result, or the reason why there is none. Pillow's errors on bad files are many."""
    try:
        return function()
    except UnidentifiedImageError:
        return "not an image"
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        MemoryError,
        ArithmeticError,
        LookupError,
        TypeError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        return str(error).rstrip(".") or type(error).__name__


def _head(path: Path) -> tuple[tuple[int, int], bool] | str:
    """Height and width as shown, and whether grey, from the header alone; or what is wrong."""

    def look() -> tuple[tuple[int, int], bool]:
        with Image.open(path, formats=FORMATS) as image:
            if image.format == "TIFF":
                image.load()  # which turns it
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            width, height = image.size[::-1] if turned else image.size
            return (height, width), image.mode in ("1", "L", "LA") or image.mode[0] in "IF"

    return _attempt(look)


def _open(path: Path) -> Image.Image:
    with Image.open(path, formats=FORMATS) as image:
        return ImageOps.exif_transpose(image)


def _fit(image: Image.Image, size: int | None, channels: int) -> np.ndarray:
    """An image as uint8 `(height, width, channels)`: on white, cropped and resized if asked."""
    if image.mode.startswith("I"):  # 16 or 32 bits, of which 16 are used
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("its values are not in 0 to 65535")
        image = Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("float pixels have no known range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    if size:
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], channels)


def _scratch(shape: tuple[int, ...]) -> np.ndarray:
    """A writable array of bytes on disk, gone when the process ends."""
    needed, free = math.prod(shape), shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        raise OSError(
            f"The decoded images need {needed:,} bytes in {tempfile.gettempdir()}, where {free:,} "
            "are free. Set TMPDIR to a larger disk, or give a smaller `size`."
        )
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):
            # Writing to a map whose disk is full would kill the process without a message.
            os.posix_fallocate(file.fileno(), 0, needed)
        return np.memmap(file, np.uint8, "w+", 0, shape)
