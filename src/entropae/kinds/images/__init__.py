"""Images: grey or colour, from folders and arrays, shown as pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Shaped
from torch import Tensor

from entropae.kinds.base import Kind
from entropae.kinds.images.arrays import (
    LARGE,
    RANGES,
    check_range,
    has_opacity,
    has_units,
    in_range,
    layout_of,
    on_white,
    with_channels,
)
from entropae.kinds.images.sizes import Asked, Size, suited, told
from entropae.kinds.images.whites import FLAGS, has_flags
from entropae.kinds.keys import keys_of_names
from entropae.kinds.pictures import Picture, Pictures
from entropae.kinds.reading import Reading
from entropae.kinds.samples import Samples
from entropae.kinds.values.checks import finite_range, plain_array
from entropae.messages import printable
from entropae.neighbors import warn

# Folders of a data set's parts, which are no classes.
SPLITS = frozenset(("train", "training", "test", "testing", "val", "valid", "validation"))
SMALL = 16  # pixels a side, below which a network of photographs sees nothing


class Images(Kind):
    """Images of one size.

    Args:
        shape: `(channels, height, width)`, 1 or 3 channels.
        low: The value that is shown as black.
        high: The value that is shown as white.
        size: To how many pixels a side, or to which height and width, images were cropped and
            resized when they were read.
        white: The value of white in files of more than 8 bits, if there were any; 1 if that is it
            in all files, or in an array of bytes.
    """

    name = "images"
    things = "images"
    features = "pixels"
    suffix = ".png"
    view: ClassVar[Any] = "image"
    # Under a head samples are better the less the codes were folded (benchmarks/heads.py).
    weight = 0.1
    # From there samples are much nearer, and cost less (benchmarks/head_grid.py).
    many_start = "random"
    many_latent = "spherical"
    fades = True

    def __init__(
        self,
        shape: Sequence[int],
        *,
        low: float = 0.0,
        high: float = 1.0,
        size: int | Sequence[int] | None = None,
        white: float | None = None,
    ) -> None:
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise ValueError(f"`shape` must be (1 or 3, height, width): got {tuple(shape)}.")
        if not low < high:
            raise ValueError(f"`low` must be less than `high`: got {low} and {high}.")
        self.shape = tuple(shape)
        self.low, self.high, self.white = low, high, white
        self.size = _size_of(size)

    @property
    def default_features(self) -> str:
        """Of a network, where it is installed: a blur is near to every image in pixels."""
        from entropae.features import is_installed

        if min(self.shape[1:]) < SMALL or not is_installed("efficientnet-lite0"):
            return "pixels"
        return "efficientnet-lite0:64" if max(self.shape[1:]) <= 64 else "efficientnet-lite0"

    @property
    def dropout(self) -> float:
        """More for photographs: beyond principal components, few of them show mostly noise."""
        return 0.3 if self.shape[0] == 3 else 0.1

    @property
    def light(self) -> str:
        """Convolutions, whose weights serve all places, where there are many."""
        return "residual" if min(self.shape[1:]) >= SMALL else "mlp"

    @property
    def range(self) -> tuple[float, float]:
        """Black and white."""
        return self.low, self.high

    @classmethod
    def claims(cls, source: Any) -> bool:
        """A folder, the images of a file, or an array of images."""
        if isinstance(source, Path | Pictures):
            return isinstance(source, Pictures) or source.is_dir()
        if not isinstance(source, Tensor | np.ndarray):
            return False
        return has_opacity(source) or (layout_of(source) is not None and not has_units(source))

    @classmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """Images of a folder or a file, decoded once; or of an array."""
        _check_options(reading)
        if isinstance(source, Path | Pictures):
            return _of_files(source, reading.size, reading.channels, reading)
        said = ""
        if has_opacity(source):
            source, said = on_white(source), "Their last channel, opacity, was put on white."
        array, white = plain_array(source), None
        if has_flags(array):
            array, white, said = array * np.uint8(255), 1, FLAGS
        layout = layout_of(source)
        assert layout is not None  # or it would not have been claimed
        low, high = _shown_range(*finite_range(array), whole=array.dtype.kind in "iu")
        kind = cls(_shape(array, layout), low=low, high=high, white=white)
        samples = Samples(array, kind, layout)
        size = reading.size
        if size == "auto":
            _, height, width = samples.shape
            # Other values are no pixels that could be averaged.
            size = suited([(height, width)]) if (low, high) == (0, 1) else None
            said = " ".join(filter(None, (said, told([(height, width)], size))))
        if size is None and reading.channels in (None, samples.shape[0]):
            return replace(samples, told=said)
        return replace(_resized(samples, size, reading.channels, reading), told=said)

    def read_more(self, source: Any, reading: Reading) -> Samples:
        """Images in the model's channels, and cropped and resized as those that it has learnt."""
        channels = self.shape[0]
        if isinstance(source, Path | Pictures) and self.claims(source):
            from entropae.kinds.images.files import SizesError

            try:
                found = _of_files(source, self.size, channels, reading, white=self.white)
            except SizesError as error:
                raise ValueError(error.later) from error
            found = replace(found, array=in_range(found.array, *self.range))
        elif isinstance(source, Tensor | np.ndarray):
            found = self._of_array(source, reading)
        else:
            raise ValueError(
                "The model takes images: give a folder of them or an array, not "
                f"{source if isinstance(source, Path) else type(source).__name__}."
            )
        self.check_shape(found.shape)
        return replace(found, kind=self)

    def look_at(self, x: Tensor) -> None:
        """Warn of another range of values than the model's."""
        check_range(float(x.min()), float(x.max()), self.range)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise unless images have the model's size and channels."""
        if shape != self.shape:
            own, got = map(_in_words, (self.shape, shape))
            raise ValueError(
                f"The model takes images of {own}: got {got}. Resize them, or train with --size, "
                "which crops and resizes all images that the model is given."
            )

    def _of_array(self, source: Any, reading: Reading) -> Samples:
        shapes = [self.shape, self.shape[1:]]
        if isinstance(source, np.ndarray):
            shapes.append((*self.shape[1:], self.shape[0]))
        if tuple(source.shape) in shapes:  # one image, without its batch
            source = source[None]
        source = on_white(source) if has_opacity(source) else source
        array = plain_array(source)
        if self.white == 1 and array.dtype == np.uint8:
            array = np.where(array == 0, np.uint8(0), np.uint8(255))
        array = in_range(array, *self.range)
        layout = layout_of(source)
        if layout is None and self.shape[0] == 1 and array.ndim == 3:
            layout = "hw"
        if layout is None and array.shape[1:] == self.shape:
            layout = "chw"
        if layout is None:
            self.check_shape(array.shape[1:])
        check_range(*finite_range(array), self.range)
        samples = Samples(array, self, layout or "chw")
        if self.size is not None and samples.shape[1:] != self.shape[1:]:
            return _resized(samples, self.size, self.shape[0], reading)
        if samples.shape[1:] != self.shape[1:]:
            self.check_shape(samples.shape)
        if samples.shape[0] == self.shape[0]:
            return samples
        converted = with_channels(samples.first(len(samples)), self.shape[0])
        return Samples(converted.numpy(), self, "chw")

    @property
    def augmentations(self) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Mirrored and shifted images."""
        from entropae.kinds.images.augmenting import AUGMENTATIONS

        return AUGMENTATIONS

    def describe_size(self) -> str:
        """Pixels and colours."""
        colours = "grey" if self.shape[0] == 1 else "colour"
        return f"{self.shape[2]}\u00a0×\u00a0{self.shape[1]} pixels in {colours}"

    def write(self, made: Tensor, out: str, *, seed: int | None = None) -> str:
        """A picture of all, a folder of pictures, or an array."""
        from entropae.kinds.images.writing import write

        return write(self, made, out)

    def write_pairs(self, x: Tensor, again: Tensor, out: str) -> str:
        """Each row of images with its reconstructions below it."""
        from entropae.kinds.images.writing import write_pairs

        return write_pairs(self, x, again, out)

    def write_paths(self, between: Shaped[Tensor, "n steps ..."], out: str) -> str:
        """A row of images for each path."""
        from entropae.kinds.images.writing import write

        return write(self, between.flatten(0, 1), out, columns=between.shape[1])

    def check_out(self, out: str) -> None:
        """Pictures, arrays, and folders."""
        from entropae.kinds.images.writing import check_out

        check_out(out)

    def illustrate(self, model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
        """Samples of each prior, reconstructions, interpolations."""
        from entropae.kinds.images.writing import illustrate

        return illustrate(self, model, held_out, folder, seed=seed)

    def picture(self, x: Tensor, again: Tensor | None = None) -> Any:
        """Images side by side."""
        from entropae.kinds.images.writing import picture

        return picture(self, x, again)

    def compare_samples(self, models: Mapping[str, Any], folder: Path) -> Path | None:
        """Samples of several models in one picture."""
        from entropae.kinds.images.writing import compare_samples

        return compare_samples(self, models, folder)

    @property
    def sections(self) -> Any:
        """As pictures."""
        from entropae.kinds.images import report

        return (report.samples, report.reconstructions, report.interpolations, report.nearest)

    def on_map(
        self,
        x: Tensor,
        places: Float[np.ndarray, "n 2"],
        caption: str,
        labels: Sequence[str] | None = None,
    ) -> Any:
        """Each image at its place, in a frame of its class's colour."""
        from entropae.kinds.images.report import on_map

        return on_map(self.unit(x), places, caption, labels)

    def thumbnails(self, x: Tensor) -> dict[str, Any] | None:
        """One PNG of small images."""
        from entropae.kinds.images.writing import thumbnails

        return thumbnails(self.unit(x))

    def upload(self, body: bytes) -> Float[Tensor, "c h w"]:
        """An image of anybody's, cropped and resized."""
        from entropae.kinds.images.files import read_image

        x = read_image(io.BytesIO(body), self.shape, pixels=LARGE, white=self.white)
        return self.low + (self.high - self.low) * x


def _in_words(shape: tuple[int, ...]) -> str:
    if len(shape) != 3:
        return f"shape {shape}"
    return f"{shape[2]}×{shape[1]} pixels in {'grey' if shape[0] == 1 else 'colour'}"


def _check_options(reading: Reading) -> None:
    size, channels = reading.size, reading.channels
    if size not in (None, "auto") and not (_is_whole(size) and size >= 1):
        raise ValueError(f"`size` must be a positive integer or auto: got size={size!r}.")
    if channels not in (None, 1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (colour): got channels={channels!r}.")


def _is_whole(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool)


def _size_of(size: Any) -> Size:
    """A size that may come from a file."""
    if size is None or _is_whole(size):
        return size
    if not (isinstance(size, list | tuple) and len(size) == 2 and all(map(_is_whole, size))):
        raise ValueError(f"`size` must be a number of pixels, or two: got {size!r}.")
    return size[0], size[1]


def _of_files(
    source: Path | Pictures,
    size: Asked | Size,
    channels: int | None,
    reading: Reading,
    *,
    white: float | None = None,
) -> Samples:
    from entropae.kinds.images.files import decoded

    made = decoded(
        source, size, channels, white=white, strict=reading.strict, progress=reading.progress
    )
    kind = Images(_shape(made.array, "hwc"), size=made.size, white=made.white)
    samples = Samples(made.array, kind, "hwc", made.skipped, others=made.others, told=made.told)
    if isinstance(source, Pictures):
        rows = np.array([one.row for one in made.files if isinstance(one, Picture)], np.uint64)
        labels = None if source.labels is None else source.labels[rows]
        told = " ".join(filter(None, (source.told, made.told)))
        return replace(samples, labels=labels, keys=rows, told=told)
    files = tuple(path for path in made.files if isinstance(path, Path))
    names = tuple(path.relative_to(source).as_posix() for path in files)
    told = " ".join(filter(None, (made.told, _loose(names))))
    known: dict[str, Any] = {"keys": keys_of_names(names), "files": files, "names": names}
    return replace(samples, labels=_classes(names), told=told, **known)


def _loose(names: Sequence[str]) -> str:
    """Which images keep the folders of the others from being classes, in a sentence."""
    loose = [name for name in names if "/" not in name]
    if not loose or len({PurePosixPath(name).parent for name in names}) < 3:
        return ""
    return (
        f"Folders are classes only if each image lies in one: {len(loose)} of {len(names)} do not, "
        f"such as {printable(loose[0])}."
    )


def _classes(names: Sequence[str]) -> np.ndarray | None:
    """The folders that images lie in, if they all lie in folders, and in several.

    Examples:
        >>> list(map(str, _classes(["train/cat/1.png", "train/dog/1.png", "test/cat/2.png"])))
        ['cat', 'dog', 'cat']
    """
    folders = [PurePosixPath(name).parent.parts for name in names]
    if all(parts and parts[0].lower() in SPLITS for parts in folders):
        folders = [parts[1:] for parts in folders]
    found = ["/".join(parts) for parts in folders]
    return np.array(found) if all(found) and len(set(found)) > 1 else None


def _resized(samples: Samples, size: Size, channels: int | None, reading: Reading) -> Samples:
    from entropae.kinds.images.files import resized

    kind = samples.kind
    assert isinstance(kind, Images)  # for the type checker
    if (kind.low, kind.high) != (0.0, 1.0):
        raise ValueError("Images to resize must have values in [0, 1] or be uint8.")
    array = resized(samples, size, channels or samples.shape[0], reading.progress)
    return Samples(array, Images(_shape(array, "hwc"), size=size), "hwc")


def _shape(array: np.ndarray, layout: str) -> tuple[int, ...]:
    from entropae.kinds.layouts import LAYOUTS

    return LAYOUTS[layout].shape(array.shape[1:])


def _shown_range(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """Black and white of values that are not in [0, 1], which is said."""
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    known = (r for r in RANGES if r[0] <= low and high <= r[1] and (whole or r[1] <= 255))
    shown = next(known, (low, high))
    warn(
        f"The images have values from {low:g} to {high:g}: pictures show the range "
        f"{shown[0]:g} (black) to {shown[1]:g} (white). The usual range is [0, 1]."
    )
    return shown
