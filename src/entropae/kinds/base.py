"""The contract of a kind of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from jaxtyping import Float, Shaped
from torch import Tensor, nn

from entropae.kinds.measures import DISTANCES, Evaluating, Measure
from entropae.kinds.reading import Reading
from entropae.registry import settings

if TYPE_CHECKING:
    from entropae.drawing.blocks import Block
    from entropae.kinds.samples import Samples
    from entropae.latent import Latent
    from entropae.recipe import ModelConfig

    Sections = Callable[[Any], list[Block]]


class Kind(ABC):
    """A kind of data: all that the rest of the package need not know about images, tables or text.

    An object of a kind is what is known of one data set, and kept with the model: the shape of its
    samples, and whatever is needed to read more of them and to show what a decoder returns.

    A new kind is a subclass that says which sources it `claims` and how it reads them, handed to
    `register`. Whatever else it does not define is that of arrays of numbers: fully connected
    networks, the squared error, files of arrays, charts of lines.

    A subclass keeps every constructor argument as an attribute of the same name: that is how it is
    written to `model.json` and built again. What is too much for that it writes by `save` and reads
    by `restore`.

    Attributes:
        name: In `model.json`.
        things: What its samples are called.
        suffix: Of the file that samples are written to by default.
        features: A name in `features.FEATURES` by which samples are measured, or `None`.
        view: How the explorer draws a sample; `None` if it cannot.
        numeric: Whether its samples are numbers, of which there are principal components.
        dim: Dimensions of a code of samples that are no numbers, where nobody says how many.
        noise: Standard deviation of the noise on an Entropic code in training, where nobody says.
        weight: λ of an Entropic code that gets a prior or head, where nobody says, if not its own.
        many_start: Where fully connected networks begin on 20 000 training samples or more.
        many_latent: The latent of 10 000 training samples or more that get a prior or head.
        fades: Whether dropout falls to 0 over a training.
        batch_size: Samples a training step, where nobody says how many.
        enough: Training steps before which drawn samples are not worth looking at.
        errors: What `figures` returns, in words.
        better_errors: In which direction these are good, where not `lower`.
        measures: What `evaluate` returns for each prior, in words.
        shape: Of a sample as networks take it.
    """

    name: ClassVar[str]
    things: ClassVar[str] = "samples"
    suffix: ClassVar[str] = ".npy"
    features: ClassVar[str | None] = "values"
    view: ClassVar[Literal["image", "lines"] | None] = "lines"
    numeric: ClassVar[bool] = True
    dim: ClassVar[int] = 16
    noise: ClassVar[float] = 0.0
    weight: ClassVar[float | None] = None
    many_start: ClassVar[Literal["pca", "random"]] = "pca"
    many_latent: ClassVar[str] = "entropic"
    fades: ClassVar[bool] = False
    batch_size: ClassVar[int] = 256
    enough: ClassVar[int] = 0
    errors: ClassVar[Mapping[str, str]] = {"mean_squared_error": "Squared error per value"}
    better_errors: ClassVar[Mapping[str, str]] = {}
    measures: ClassVar[Mapping[str, Measure]] = DISTANCES
    shape: tuple[int, ...]

    @property
    def default_features(self) -> str | None:
        """What samples are measured by unless said otherwise."""
        return self.features

    @property
    def dropout(self) -> float:
        """Of fully connected networks that start at the samples' principal components."""
        return 0.1

    @property
    def light(self) -> str:
        """Networks that start at the principal components of few samples: see `nn.pair`."""
        return "mlp"

    @property
    def range(self) -> tuple[float, float]:
        """The values that pictures show as black and as white."""
        return 0.0, 1.0

    # Reading

    @classmethod
    @abstractmethod
    def claims(cls, source: Any) -> bool:
        """Whether a source is of this kind: a path, an array, a frame, a list of sentences."""

    @classmethod
    @abstractmethod
    def read(cls, source: Any, reading: Reading) -> Samples:
        """Samples of a source that is claimed, with what has been learnt of it as their kind.

        Raises:
            ValueError: If it holds nothing usable; the message says why and what to do.
        """

    def read_more(self, source: Any, reading: Reading) -> Samples:
        """Other samples, as a model of this kind takes them: from a source, or as an array.

        Raises:
            ValueError: If they cannot be made to fit; in one line that says what to do.
        """
        from entropae.kinds.values.checks import array_of

        given = array_of(source, self)
        if given is not None:
            return given
        if not self.claims(source):
            what = source if isinstance(source, Path) else type(source).__name__
            raise ValueError(
                f"The model takes {self.things}: got {what}. Give {self.things} like those that it "
                "was trained on."
            )
        found = type(self).read(source, reading)
        self.check_shape(found.shape)
        return replace(found, kind=self)

    def label(self, samples: Samples, labels: str) -> Samples:
        """Samples with their classes, which are in a file of one label for each.

        Raises:
            OSError, ValueError: If there is no such file, or it has not one label for each sample.
        """
        from entropae.kinds.labels import with_labels

        return with_labels(samples, labels)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError, with both shapes, unless samples have the one that the model takes."""
        if shape != self.shape:
            raise ValueError(
                f"The model takes {self.things} of shape {self.shape}: got {shape}. Give "
                f"{self.things} like those that it was trained on."
            )

    def accepts(self, x: Tensor) -> bool:
        """Whether a tensor is a batch as the model takes it, without being read."""
        return x.is_floating_point() and tuple(x.shape[1:]) == self.shape

    def look_at(self, x: Tensor) -> None:  # noqa: B027
        """Warn of a batch that the model accepts, but was not trained on the like of."""

    # What is kept with a model

    def settings(self) -> dict[str, Any]:
        """Plain values from which `restore` makes this object again."""
        return settings(self)

    def save(self, folder: Path) -> None:  # noqa: B027 most kinds have nothing to write
        """Write what `settings` cannot hold into the model's folder."""

    @classmethod
    def restore(cls, settings: Mapping[str, Any], folder: Path) -> Kind:
        """What `settings` and `save` wrote."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})

    # Networks and errors

    def networks(
        self, config: ModelConfig, latent: Latent, samples: Samples
    ) -> tuple[nn.Module, nn.Module]:
        """Encoder and decoder for such samples.

        Args:
            config: The recipe's choices.
            latent: Which says how many numbers it takes and gives.
            samples: Those to train on, for what a network must know of their values.

        Raises:
            ValueError: If a choice is none for such samples.
        """
        from entropae.kinds.values.networks import networks

        return networks(self, config, latent, samples)

    def begin(self, model: Any, samples: Samples, *, seed: int) -> None:  # noqa: B027
        """Have a model begin with what can be known of training samples that are no numbers."""

    def drawing(self, model: Any, *, seed: int | None) -> AbstractContextManager[Any]:
        """Inside, the model's decoder chooses among what it leaves open as for new samples."""
        return nullcontext()

    @property
    def augmentations(self) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """Random changes of a batch that may help in training, by name."""
        return {}

    def learn(self, model: Any, samples: Samples, train: Samples | None = None) -> None:  # noqa: B027
        """Learn from held-out samples, and from training samples if it is finished, to draw."""

    def figures(self, model: Any, samples: Samples) -> dict[str, float]:
        """How far reconstructions are from their samples, named as in `errors`."""
        from entropae.kinds.values.errors import mean_squared_error

        return {"mean_squared_error": mean_squared_error(model, samples)}

    def evaluate(
        self, model: Any, train: Samples, test: Samples, options: Evaluating
    ) -> dict[str, Any]:
        """Measure reconstructions, and samples of each prior, against held-out samples.

        Returns:
            `samples`, how many; any figures of the model; and for each prior, by its name, those in
            `measures`.

        Raises:
            ValueError: If there are too few samples.
        """
        from entropae.kinds.values.evaluation import evaluate

        return evaluate(model, train, test, options)

    def check_evaluating(self, options: Evaluating) -> None:
        """Raise unless samples of this kind can be measured as asked, before any work is done.

        Raises:
            ValueError: If an option is for another kind.
        """
        for name in ("target", "out"):
            if getattr(options, name) is not None:
                raise ValueError(f"`{name}` is for tables: leave it out for {self.things}.")

    def subject(self, make: Callable[..., Any], parts: dict[str, Any], given: Tensor) -> Any:
        """The model as its diagnosis sees it.

        Args:
            make: The subject of samples that are points.
            parts: What it is made of.
            given: Samples to look at it with.
        """
        return make(**parts)

    def embed(self, model: Any, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n m"]:
        """Samples as points, for distances between them."""
        from entropae.nn import points_of

        return points_of(model.decoder, x)

    @property
    def types(self) -> Mapping[str, str]:
        """Of the columns of a table, by their names."""
        return {}

    # What users see

    @property
    def introduction(self) -> str:
        """What the samples were taken for, said before a training; empty if nothing need be."""
        return ""

    def describe_size(self) -> str:
        """How large a sample is, in words."""
        return "\u00a0×\u00a0".join(map(str, self.shape)) + " values"

    def present(
        self, x: Shaped[Tensor, "n ..."], *, drawn: bool = False, seed: int | None = None
    ) -> Any:
        """What a decoder returned, as its users know such samples.

        Args:
            x: What the decoder returned.
            drawn: Whether these are new samples, of which what a decoder leaves open is drawn;
                else the most probable.
            seed: Of that.
        """
        return x

    def sample(self, model: Any, n: int, *, seed: int | None = None, **asked: Any) -> Any:
        """New samples of a model as its users know them.

        Args:
            model: The autoencoder.
            n: How many.
            seed: For the same samples again.
            asked: Options of `model.draw`; of tables also `where`, `shares` and `near`, see
                `Tables.drawn`.

        Raises:
            ValueError: If there can be no conditions on such samples.
        """
        made = model.draw(n, seed=seed, **self._drawing(asked))
        return self.present(made, drawn=True, seed=seed)

    def write_samples(
        self, model: Any, n: int, out: str, *, seed: int | None = None, **asked: Any
    ) -> str:
        """Write new samples of a model, see `sample`; returns what was done, in a sentence."""
        made = model.draw(n, seed=seed, **self._drawing(asked))
        return self.write(made.cpu(), out, seed=seed)

    def impute(self, model: Any, source: Any, reading: Reading | None = None, **asked: Any) -> Any:
        """Samples of a source with what is missing of them filled in: of tables."""
        raise ValueError(f"`impute` is for tables: this model is of {self.things}.")

    def _drawing(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Options of `model.draw`, where there are no conditions."""
        if asked.get("where") is not None or asked.get("shares") is not None:
            raise ValueError(f"`where` and `shares` are for tables: these are {self.things}.")
        return {k: v for k, v in asked.items() if k not in ("where", "shares", "near", "labels")}

    def reconstructed(self, again: Shaped[Tensor, "n ..."]) -> Any:
        """Reconstructions as their users know such samples."""
        return self.present(again)

    def set_decoding(self, model: Any, decoding: str | None, *, seed: int) -> None:
        """Set how the model's decoder chooses among what it leaves open; ValueError if nothing."""
        if decoding is not None:
            raise ValueError(f"`--decoding` is for text: this model is of {self.things}.")

    def unit(self, x: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "n ..."]:
        """Values as pictures take them: black at 0 and white at 1."""
        low, high = self.range
        return x if (low, high) == (0.0, 1.0) else (x - low) / (high - low)

    def write(self, made: Tensor, out: str, *, seed: int | None = None) -> str:
        """Write what a decoder made to a folder, or a file by its suffix; returns what was done."""
        from entropae.kinds.values.writing import write

        return write(self, made, out)

    def write_pairs(self, x: Tensor, again: Tensor, out: str) -> str:
        """Write samples and their reconstructions."""
        from entropae.kinds.values.writing import write_pairs

        return write_pairs(self, x, again, out)

    def write_paths(self, between: Shaped[Tensor, "n steps ..."], out: str) -> str:
        """Write decoded paths between samples."""
        return self.write(between.flatten(0, 1), out)

    def default_out(self, role: str) -> str:
        """The file that samples of a role (`samples`, `reconstructions`, …) are written to."""
        return role + self.suffix

    def check_out(self, out: str) -> None:
        """Raise ValueError, with the suffixes that there are, unless `out` can be written."""
        from entropae.kinds.values.writing import check_out

        check_out(out)

    def illustrate(self, model: Any, held_out: Samples, folder: Path, *, seed: int) -> list[Path]:
        """Write what a finished run shows first into its folder."""
        from entropae.kinds.values.pictures import illustrate

        return illustrate(model, held_out, folder, seed=seed)

    def picture(self, x: Tensor, again: Tensor | None = None) -> Any:
        """Samples, with any reconstructions, as pixels `(h, w, 3)`; `None` if they are words."""
        from entropae.kinds.values.pictures import picture

        return picture(x, again)

    def compare_samples(self, models: Mapping[str, Any], folder: Path) -> Path | None:
        """Write samples of several models side by side; `None` if they are not for looking at."""
        return None

    @property
    def sections(self) -> Sequence[Sections]:
        """Of the report: samples, reconstructions, interpolations, nearest training data."""
        from entropae.kinds.values import report

        return (report.samples, report.reconstructions, report.interpolations, report.nearest)

    def on_map(
        self, x: Tensor, places: Any, caption: str, labels: Sequence[str] | None = None
    ) -> Any:
        """A picture of samples at their places in the plane, in the colours of their classes."""
        from entropae.kinds.values.report import on_map

        return on_map(places, caption, labels)

    def thumbnails(self, x: Tensor) -> dict[str, Any] | None:
        """One sheet of small pictures for the explorer's map; `None` for points."""
        return None

    def upload(self, body: bytes) -> Float[Tensor, ...]:
        """A sample from anybody's file; ValueError if it is none."""
        raise ValueError(f"Only models of images take files: this one is of {self.things}.")
