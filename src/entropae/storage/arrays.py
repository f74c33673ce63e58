"""Arrays in files: .npy, .npz, .safetensors and IDX, mapped from disk."""

from __future__ import annotations

import gzip
import math
import shutil
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

import numpy as np
from safetensors import SafetensorError, safe_open

from entropae.messages import counted
from entropae.storage.limits import RATIO, UNPACKED
from entropae.storage.regular import check_regular

CHUNK = 1 << 22
MAGIC = b"\x93NUMPY"

# IDX (LeCun's format for MNIST): the third byte of the magic number is the type, big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


# What NumPy raises on headers that are none.
DAMAGED = (
    *(ValueError, EOFError, TypeError, KeyError, ArithmeticError, SyntaxError, tokenize.TokenError),
    *(RuntimeError, MemoryError),  # too many brackets; NotImplementedError of unknown compressions
)


OBJECTS = (
    "it holds Python objects, which are pickled, and not numbers: save it again from "
    "x.astype(float), or a table as .csv or .parquet"
)


def map_npy(path: Path) -> np.ndarray:
    """The array of an .npy file, mapped: a header cannot claim more than the file has.

    Raises:
        ValueError: If it is damaged or holds Python objects.
    """
    with path.open("rb") as file:
        begun = file.read(len(MAGIC))
    if begun != MAGIC:
        raise ValueError("it is no .npy file. Write one by numpy.save(path, x)")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGED as error:
        if "Python objects" in str(error):
            raise ValueError(OBJECTS) from error
        raise ValueError(str(error)) from error


def read_array(path: Path) -> np.ndarray:
    """The array of a file, by its name."""
    check_regular(path)
    try:
        if path.suffix.lower() == ".npy":
            return map_npy(path)
        if path.suffix.lower() == ".npz":
            return _read_npz(path)
        if path.suffix.lower() == ".safetensors":
            return _read_safetensors(path)
        if ".idx" in path.name or "-idx" in path.name:
            return _read_idx(path)
    except (
        SafetensorError,
        *DAMAGED,
        zipfile.BadZipFile,
        gzip.BadGzipFile,
        zlib.error,
        struct.error,
    ) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error}") from error
    raise ValueError(
        f"{path} is no file of an array: give an .npy, .npz, .safetensors or IDX file."
    )


def _read_npz(path: Path) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        info = archive.getinfo(_likely(names) + ".npy")
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, column_major, dtype = read_header(member)
            if dtype.hasobject:
                raise ValueError(f"{OBJECTS}.")
            order: Literal["C", "F"] = "F" if column_major else "C"
            if info.compress_type != zipfile.ZIP_STORED:
                return _unpack(member, info.compress_size, shape, dtype, order)
            header = member.tell()
    with path.open("rb") as file:
        # The lengths of the name and of the extra field; the archive's directory has its own.
        file.seek(info.header_offset + 26)
        lengths = int(np.frombuffer(file.read(4), "<u2").sum())
    offset = info.header_offset + 30 + lengths + header
    return _map(path, offset, info.file_size - header, shape, dtype, order)


def _likely(names: Sequence[str]) -> str:
    """The one of several arrays that is of samples."""
    likely = [name for name in ("images", "x", "x_train", "arr_0") if name in names]
    if len(names) != 1 and not likely:
        held = counted(names) or "nothing"
        raise ValueError(
            f"it holds {held}, and none is called images or x. Save the one that is meant alone, "
            "by numpy.save."
        )
    return (likely or names)[0]


def _read_safetensors(path: Path) -> np.ndarray:
    with safe_open(path, "numpy") as file:
        name = _likely(list(file.keys()))
        if file.get_slice(name).get_dtype() != "BF16":
            return file.get_tensor(name)
    with safe_open(path, "pt") as file:  # as NumPy has no bfloat16
        return file.get_tensor(name).float().numpy()


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
            return _unpack(file, path.stat().st_size, shape, dtype)
        offset = file.tell()
        return _map(path, offset, path.stat().st_size - offset, shape, dtype)


def _map(
    path: Path,
    offset: int,
    size: int,
    shape: tuple[int, ...],
    dtype: np.dtype,
    order: Literal["C", "F"] = "C",
) -> np.ndarray:
    """Map an array that is stored as it is, if its `size` bytes are what its header promises."""
    promised = math.prod(shape) * dtype.itemsize
    if promised != size:
        raise ValueError(f"its header promises {promised} bytes, it has another number.")
    return np.memmap(path, dtype, "r", offset, shape, order)


def _unpack(
    file: IO[bytes] | gzip.GzipFile,
    packed: int,
    shape: tuple[int, ...],
    dtype: np.dtype,
    order: Literal["C", "F"] = "C",
) -> np.ndarray:
    """Stream a compressed array into a temporary file and map that.

    The file grows with what is really there, never to what a header promises.
    """
    promised = math.prod(shape) * dtype.itemsize
    if promised > max(UNPACKED, RATIO * packed):
        raise ValueError(
            f"its {packed} bytes promise to unpack to {promised}; more than {UNPACKED} are "
            f"taken only if that is at most {RATIO} times as much. If it is meant, unpack it first."
        )
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if promised > free:
        raise OSError(
            f"Unpacking it takes {promised:,} bytes in {tempfile.gettempdir()}, where {free:,} are "
            "free. Set TMPDIR to a larger disk."
        )
    with tempfile.TemporaryFile() as scratch:  # the map keeps the file, closed or not
        for chunk in iter(lambda: file.read(CHUNK), b""):
            if scratch.tell() + len(chunk) > promised:
                raise ValueError(f"its header promises {promised} bytes, it has more.")
            scratch.write(chunk)
        if scratch.tell() < promised:
            raise ValueError(f"its header promises {promised} bytes, it has {scratch.tell()}.")
        return np.memmap(scratch, dtype, "r", 0, shape, order)


def is_array_file(path: Path) -> bool:
    """Whether a file's name says that it holds an array."""
    return (
        path.suffix.lower() in (".npy", ".npz", ".safetensors")
        or ".idx" in path.name
        or "-idx" in path.name
    )
