"""The recipe of a training run: dataclasses, and reading them from a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from entropae.messages import unknown
from entropae.storage.regular import check_regular

T = TypeVar("T")

RECIPE = "recipe.yaml"  # in a run folder
AUTO = "auto"  # a latent's dim that is chosen from the training samples
# What a recipe may have, so that no file of a few bytes asks for more.
LARGEST = 1 << 14  # bytes
DEEPEST = 6


@dataclass
class ModelConfig:
    """What is trained.

    Args:
        network: "mlp", "conv", "residual" (convolutions that correct what principal components
            make of an image), or "auto": residual for less than 10 000 images of at least 16 pixels
            a side, if training starts at principal components; else conv for images of over 1024
            numbers, mlp for all else. For text "lstm" (which "auto" is, too) or "transformer".
        width: Channels of the first convolution; the published tables have 128. The residual
            network has four times as many in all of them.
        hidden: Sizes of the hidden layers of the mlp's encoder; the decoder has them reversed. By
            default [512, 256], of less than 10 000 samples [256]. For text, the last is the size of
            the states.
        dropout: In training; by default 0.3 for the lstm (0.5 from random weights), 0.1 for the
            transformer, and for the mlp 0.1 with a start at principal components, 0.3 for images in
            colour, else none; likewise for the encoder of residual. Of no effect on conv. For
            images it falls to 0 over the training.
        word_dropout: For text, the share of words hidden from the decoder in training.
        start: "pca": the networks have a linear path beside their layers, which starts at the
            principal components of the training samples; for text the lstm has one, which starts at
            counts of tokens and of pairs of tokens. "random": without. "auto": random for the mlp
            and 20 000 training images or more, which learns finer from there, pca for all else.
        error: What reconstructions are trained on: "squared"; "l1", sharper edges; "gaussian", a
            variance for each pixel; "perceptual", features of EfficientNet-Lite0 as well (extra
            "features"). Not for tables and text. Figures have the squared error beside it.
        latent: Name of the latent and its options, e.g. --model.latent.dim 32. The name "auto" is
            spherical for 10 000 training images or more, drawn through a head or a fitted prior,
            and entropic for all else, also where an option such as its weight is given. The dim
            "auto" is chosen from the training samples. The weight of the entropy is 0.1 for images
            that are drawn through a head or a fitted prior, else 1.
    """

    network: Literal["auto", "mlp", "conv", "residual", "lstm", "transformer"] = "auto"
    width: int = 16
    hidden: tuple[int, ...] | None = None
    dropout: float | None = None
    word_dropout: float = 0.0
    start: Literal["auto", "pca", "random"] = AUTO
    error: Literal["squared", "l1", "gaussian", "perceptual"] = "squared"
    latent: dict[str, Any] = field(default_factory=lambda: {"name": AUTO, "dim": AUTO})


@dataclass
class TrainerConfig:
    """Where and in what precision it is trained; handed to Lightning's Trainer as it is.

    Args:
        accelerator: "auto", "cpu" or "gpu".
        devices: Processes or GPUs per machine.
        num_nodes: Machines.
        strategy: Lightning's, for several processes: "auto" is "ddp".
        accumulate_grad_batches: Batches whose gradients are averaged before a step.
        precision: "32-true", "bf16-mixed" or "16-mixed" (GPUs only; a CPU takes bf16-mixed in its
            place). The latent is in float32 in all of them.
    """

    accelerator: str = "auto"
    devices: int | Literal["auto"] = 1
    num_nodes: int = 1
    strategy: str = "auto"
    accumulate_grad_batches: int = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


@dataclass
class Recipe:
    """All that a training run depends on.

    Args:
        data: A folder of images, an .npy, .npz, .safetensors or IDX file, a .csv or .parquet table,
            a text (.txt, .txt.gz; a sentence a line), or digits, mnist, fashion-mnist.
        drop: Columns of a table to leave out.
        columns: What columns of a table are, by name, where that is not found out rightly.
        rules: That rows of a table keep, such as `start <= end`.
        find_rules: Look for rules that all rows of a table keep, and keep them.
        dialect: How a table's text is written, as far as that is not to be found out: the options
            of `entropae.reader.Dialect` by name.
        size: Crop images to a square and resize them to so many pixels. "auto" does so, to 64 or
            less, where they are of several sizes, and makes those smaller that have more pixels
            than 64 × 64; `null` leaves them as they are.
        channels: 1 for grey, 3 for colour; by default what the images have.
        tokenizer: For text: byte pairs, words or characters; "auto" takes characters where there
            are hardly any spaces, as in Chinese, else byte pairs.
        vocabulary: For text: the most tokens.
        length: For text: the most tokens of a sentence; longer ones are left out.
        key: The column of a Parquet file whose cells, vectors or images, are the samples, where it
            has others.
        labels: A file with the class of each sample, a label a line (or .npy, or IDX), or a .csv
            with the names of images and their labels; or the column of a table, or beside `key`,
            that is its class: for samples of each. Folders of images are classes by themselves.
        strict: Stop at the first unreadable file instead of leaving it out.
        validation: Share of the samples that is kept from training.
        epochs: Passes over the training samples; by default 8000 steps, but 5 to 300
            passes, of residual networks to 75.
        minutes: Time for training, where `epochs` is not given: as many of these passes as fit in
            it, by a timing of the first steps. The command line has 10.
        batch_size: Samples a step, over all processes together; by default 256, sentences 64.
        learning_rate: At its highest, after a rise over the first twentieth of the steps; by
            default 3e-3, of fully connected networks that start at principal components 5e-4, of
            the residual network 2e-3. Linear paths beside convolutions have a sixth of it.
        decay: How the learning rate falls to 0 (cosine) or to 1 % (exponential) over the training.
        weight_decay: Of the weights, AdamW's.
        augment: Change images at random while they are trained on: "flip" mirrors every other one,
            "shift" moves each by a pixel or so, "flip-shift" does both, "none" nothing; "auto" does
            what makes principal components fit the held-out images better.
        keep: The model of the lowest error on held-out samples ("best", among the passes after
            which the loss no longer changes), or the last.
        prior: What samples are drawn from: normal, N(0, I) without a head, as in the paper; full,
            mixture or flow-matching, fitted to the codes; auto: whichever held-out codes are
            likeliest under, and if that is flow matching, it becomes the model's head.
        flow_steps: Training steps of flow matching, of 512 codes each; by default 1.5 times those
            of the autoencoder, at most 4000; of less than 4000 samples twice, at most 1500. More
            make samples better, slowly; if 4000 or more are asked for, of 4000 samples or more,
            the network is wider.
        seed: Of the split, the weights, the order of the samples and all else that is random.
        compile: Compile the networks (torch.compile): minutes at first, then faster steps.
        logger: Where figures and pictures of the training go besides the run's own files: into
            TensorBoard's log in its folder ("tensorboard"; "auto" does so if it is installed),
            files of figures and pictures ("csv"), MLflow's store in its folder or at
            MLFLOW_TRACKING_URI ("mlflow"), Weights & Biases' beside its folder ("wandb", offline
            unless WANDB_MODE is online), or nowhere ("none").
        on_nonfinite: Stop at a step whose loss or gradient is not finite, or skip and count it.
        model: Networks and latent.
        trainer: Devices and precision.
    """

    data: str = "digits"
    drop: tuple[str, ...] = ()
    columns: dict[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    find_rules: bool = True
    dialect: dict[str, Any] = field(default_factory=dict)
    size: int | Literal["auto"] | None = "auto"
    channels: Literal[1, 3] | None = None
    tokenizer: Literal["auto", "bpe", "word", "character"] = "auto"
    vocabulary: int = 4000
    length: int = 64
    key: str | None = None
    labels: str | None = None
    strict: bool = False
    validation: float = 0.1
    epochs: int | None = None
    minutes: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    decay: Literal["cosine", "exponential", "none"] = "cosine"
    weight_decay: float = 0.0
    augment: Literal["auto", "flip", "shift", "flip-shift", "none"] = "auto"
    keep: Literal["best", "last"] = "best"
    prior: Literal["auto", "normal", "full", "mixture", "flow-matching"] = "auto"
    flow_steps: int | None = None
    seed: int = 0
    compile: bool = False
    logger: Literal["auto", "tensorboard", "csv", "mlflow", "wandb", "none"] = "auto"
    on_nonfinite: Literal["stop", "skip"] = "stop"
    model: ModelConfig = field(default_factory=ModelConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)


BOOLEAN = "tag:yaml.org,2002:bool"
OF_COLUMNS = ("columns", "drop", "rules", "labels", "key")  # settings with names or values of these


class _Loader(yaml.SafeLoader):
    """Plain values only; and 1e-3 is a number, which for PyYAML is a string."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """As PyYAML, which takes the last of two values of one name."""
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        twice = [name for name, times in names.items() if times > 1]
        if twice:
            raise ValueError(f"it has {twice[0]!r} twice: leave one of them out")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.\d+|\d+\.?\d*)[eE][-+]?\d+$"),
    [*"-+.0123456789"],
)


def _as_words(node: yaml.Node) -> None:
    """Take yes, no, on and off for words, which for YAML 1.1 are true and false."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag == BOOLEAN and node.value.lower() not in ("true", "false"):
            node.tag = "tag:yaml.org,2002:str"
    elif isinstance(node, yaml.SequenceNode | yaml.MappingNode):
        for one in node.value:
            for inner in one if isinstance(one, tuple) else (one,):
                _as_words(inner)


def recipe_path(path: Path) -> Path:
    """A recipe's file: of a run folder the one in it, else the file itself."""
    return path / RECIPE if (path / RECIPE).is_file() else path


def read_settings(path: Path, *, of_columns: bool = False) -> dict[str, Any]:
    """The settings in a recipe's file, as plain values. Builds and imports nothing.

    Args:
        path: The file.
        of_columns: Whether it says what columns are, and nothing else.

    Raises:
        ValueError: If it is no YAML of plain values, too large, too deep, or has aliases, a few of
            which make gigabytes.
    """
    check_regular(path)
    if path.stat().st_size > LARGEST:
        raise ValueError(f"a recipe has at most {LARGEST} bytes, it has {path.stat().st_size}")
    return settings_of(path.read_text("utf-8"), of_columns=of_columns)


def settings_of(text: str, *, of_columns: bool = False) -> dict[str, Any]:
    """Settings as YAML has them; yes, no, on and off are words where columns are named.

    Args:
        text: The YAML.
        of_columns: Whether it says what columns are, and nothing else.

    Raises:
        ValueError: As `read_settings`.
    """
    try:
        depth = 0
        for event in yaml.parse(text, _Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("it has an alias: write the value out")
            if depth > DEEPEST:
                raise ValueError(f"it is more than {DEEPEST} levels deep")
        loader = _Loader(text)
        node = loader.get_single_node()
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if of_columns or key.value in OF_COLUMNS:
                _as_words(value)
            if of_columns:
                _as_words(key)
        settings = None if node is None else loader.construct_document(node)
        if not isinstance(settings, dict):
            raise ValueError("it holds no settings")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or error.context}") from error
    # Its constructors raise this and that on keys and dates that are none.
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error
    return settings


def recipe_of(settings: Mapping[str, Any]) -> Recipe:
    """A recipe from plain values.

    Raises:
        ValueError: Naming the setting that is unknown or of another type.
    """
    return _made(Recipe, settings, "")


def _made(kind: type[T], settings: Any, prefix: str) -> T:
    if not isinstance(settings, Mapping):
        raise ValueError(f"`{prefix.rstrip('.')}` must hold settings: got {settings!r}.")
    kinds = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in kinds:
            raise ValueError(unknown("setting", prefix + str(name), [prefix + k for k in kinds]))
        if is_dataclass(kinds[name]):
            values[name] = _made(kinds[name], value, f"{prefix}{name}.")
        elif not _is(value, kinds[name]):
            raise ValueError(f"`{prefix}{name}` must be {_shown(kinds[name])}: got {value!r}.")
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _shown(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType, Literal):
        return " or ".join(
            _shown(one) if isinstance(one, type) or get_origin(one) else repr(one)
            for one in get_args(kind)
        )
    if get_origin(kind) is tuple:
        return f"a list of {_shown(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return "names with numbers, texts, or lists of these"
    return "None" if kind is NoneType else str(kind.__name__)


def _is(value: Any, kind: Any) -> bool:
    """Whether a plain value is of an annotated type, of those that recipes have."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_is(item, inner[0]) for item in value)
    if origin is dict:
        plain = bool | int | float | str | NoneType
        return isinstance(value, dict) and all(
            _is(key, str) and (_is(item, plain) or _is(item, tuple[plain, ...]))
            for key, item in value.items()
        )
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
