"""Recipes and run folders that a stranger made, or bad luck: refused in a line, or harmless."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

import entropae as ea
from entropae.cli import main
from entropae.kinds import identity
from entropae.kinds import read as load
from entropae.kinds.tables.style import Style
from entropae.kinds.text.tokenizer import MOST, Tokenizer
from entropae.latent import Plain
from entropae.model import WEIGHTS
from entropae.nn import pair
from entropae.recipe import RECIPE, ModelConfig
from entropae.runs import compare
from entropae.storage.arrays import read_array
from entropae.storage.lock import LOCK, claimed
from entropae.storage.records import last_row
from entropae.training import checkpoints

MIB = 1 << 20


@pytest.fixture
def own(run, tmp_path):
    """A finished run, to change."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def refused(arguments: list[str], capsys) -> str:
    """The one line that a command ends with."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr().err.strip()
    assert code in (1, 2), said
    assert "Traceback" not in said
    return said


# Recipes

NUMBERS = {
    "seed: -1": "`seed` must be at least 0",
    "seed: 4294967296": "`seed` must be at most 4294967295",
    f"epochs: {10**30}": "`epochs` must be at most",
    f"batch_size: {10**30}": "`batch_size` must be at most",
    f"vocabulary: {10**30}": "`vocabulary` must be at most",
    f"length: {10**30}": "`length` must be at most",
    f"size: {10**30}": "`size` must be at most",
    "minutes: .inf": "`minutes` must be at most",
    "minutes: 1e308": "`minutes` must be at most",
    "minutes: .nan": "`minutes` must be positive",
    "learning_rate: .inf": "`learning_rate` must be at most",
    "weight_decay: .inf": "`weight_decay` must be >= 0 and finite",
    "validation: .nan": "`validation` must be in [0, 1)",
    "model: {hidden: [-1]}": "`model.hidden` must be at least 1",
    "model: {hidden: [0]}": "`model.hidden` must be at least 1",
    f"model: {{hidden: [{10**30}]}}": "`model.hidden` must be at most",
    "model: {width: 0}": "`model.width` must be at least 1",
    "model: {dropout: .nan}": "`model.dropout` must be in [0, 1)",
    "model: {word_dropout: 2}": "`model.word_dropout` must be in [0, 1)",
    f"model: {{latent: {{name: eae, dim: {10**30}}}}}": "cannot have",
    f"model: {{latent: {{name: eae, dim: 2, bank: {10**30}}}}}": "cannot have",
    "model: {latent: {name: eae, dim: 2, noise: x}}": "`noise` must be two numbers",
    f"model: {{hidden: [8], latent: {{name: eae, dim: 2, bank: {10**11}}}}}": "the machine has",
    f"model: {{hidden: [8], latent: {{name: eae, dim: {10**9}}}}}": "the machine has",
    "trainer: {devices: 1000000}": "`trainer.devices` must be at most",
    "trainer: {accumulate_grad_batches: 0}": "`trainer.accumulate_grad_batches` must be at least 1",
    "trainer: {accumulate_grad_batches: -1}": "must be at least 1",
    f"trainer: {{num_nodes: {10**30}}}": "`trainer.num_nodes` must be at most",
    "trainer: {strategy: ddp_spawn}": "`trainer.strategy` must start processes of their own",
    "data: ''": "No file or folder ''",
    "epochs: 1\nepochs: 2": "'epochs' twice",
    "model: {latent: {name: eae, dim: 2, dim: 3}}": "'dim' twice",
}


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_of_a_recipe(text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = "" if text.startswith("data") else "data: digits\n"
    Path("recipe.yaml").write_text(f"{data}{text}\n")
    said = refused(["fit", "--recipe", "recipe.yaml", "--out", "run"], capsys)
    assert NUMBERS[text] in said
    assert len(said) < 600, "and no frames of torch's own sources"
    assert not Path("run").exists()


@pytest.mark.parametrize("encoding", ["rot13", "idna", "hex"])
def test_encodings_that_are_none_of_text(encoding, tmp_path, capsys):
    (tmp_path / "x.csv").write_text("a,b\n" + 50 * "0.5,1.5\n")
    options = ["--encoding", encoding, "--out", str(tmp_path / "run")]
    assert "Unknown `encoding`" in refused(
        ["fit", "--data", str(tmp_path / "x.csv"), *options], capsys
    )


# Files of a run folder


@pytest.mark.parametrize("name", ["model.json", WEIGHTS, RECIPE, "overview.png"])
def test_links_in_a_circle(name, own, tmp_path, capsys):
    """Are files that are not there."""
    (own / name).unlink(missing_ok=True)
    (own / name).symlink_to(name)
    command = ["sample", str(own), "-n", "2", "--out", str(tmp_path / "x.npy")]
    if name in ("model.json", WEIGHTS):
        assert f"{name} is missing" in refused(command, capsys)
    else:
        assert main(command) == 0


def test_a_lock_that_is_no_file(tmp_path):
    folder = tmp_path / "run"
    for make in (os.mkfifo, os.mkdir):
        folder.mkdir()
        make(folder / LOCK)
        with pytest.raises(OSError, match=r"is no file.* Remove it\."), claimed(folder):
            pass
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "text", ["[" * 999, '{"pid": 1e400, "host": 1, "since": 2}', '{"pid": 1, "host": "\\u001b["}']
)
def test_a_holder_that_cannot_be_told(text, tmp_path):
    (tmp_path / LOCK).write_text(text)
    with (tmp_path / LOCK).open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        used = pytest.raises(FileExistsError, match=r"in use by another process\.")
        with used as caught, claimed(tmp_path):
            pass
    assert str(caught.value).isprintable()


LOGS = {
    "words": "epoch,step\nx,y\n",
    "another table": "a,b,c\n1,2\n",
    "not a number": "epoch,step\nnan,1\n",
    "too large": f"epoch,step\n{'1' * 30},1\n",
    "a cell without end": f"epoch,step\n{'1' * 200_000},1\n",
    "no text": b"\xff\xfe\n\xff\n",
}


@pytest.mark.parametrize("log", LOGS)
def test_a_damaged_log_says_how_to_go_on(log, own, capsys):
    text = LOGS[log]
    (own / "log.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    said = refused(["fit", "--resume", "--epochs", "9", "--out", str(own)], capsys)
    assert "log.csv is damaged" in said
    assert said.endswith("Remove it.")


def test_of_a_log_of_any_length_the_end_is_read(tmp_path):
    path = tmp_path / "log.csv"
    with path.open("wb") as file:
        file.write(b"epoch,step,train/a\n1,2,3\n")
        file.truncate(1 << 32)  # without taking room
        file.seek(0, os.SEEK_END)
        file.write(b"\n7,8,\n")
    assert last_row(path) == {"epoch": "7", "step": "8", "train/a": ""}
    path.write_text("epoch,step\n")
    assert last_row(path) == {}


@pytest.mark.parametrize(
    ("key", "value"), [("columns", [1]), ("some", [1]), ("some", "x"), ("bytes", "9")]
)
def test_an_identity_of_other_types(key, value, own, capsys):
    path = own / "data.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert "data.json is damaged" in refused(["evaluate", str(own)], capsys)


def _set(name: str, value: float) -> Callable[[Path], None]:
    """Fills weights, and leaves the checksum away, as a stranger's program would."""

    def change(folder: Path) -> None:
        weights = load_file(folder / WEIGHTS)
        for key, weight in weights.items():
            if key.startswith(name) and weight.is_floating_point():
                weight.fill_(value)
        save_file(weights, folder / WEIGHTS)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("", float("nan")), "not finite"),
        (_set("decoder", float("inf")), "not finite"),
        (_set("priors.mixture.weights", -1.0), "weights must not be negative"),
        (_set("priors.mixture.weights", 0.0), "weights must not be negative"),
    ],
)
def test_weights_that_nothing_can_be_drawn_from(change, said, own, tmp_path, capsys):
    change(own)
    assert said in refused(["sample", str(own), "--out", str(tmp_path / "x.npy")], capsys)
    assert not (tmp_path / "x.npy").exists()


class Masked(nn.Linear):
    """An encoder of one's own, with a buffer that is infinite on purpose."""

    def __init__(self) -> None:
        super().__init__(6, 2)
        self.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))


def test_infinities_in_a_mask_of_ones_own(tmp_path):
    _, decoder = pair("mlp", (6,), 2, 2, hidden=(4,))
    ea.Autoencoder(Masked(), decoder, Plain(2)).save(tmp_path)
    again = ea.load(tmp_path, encoder=Masked())
    assert again.state_dict()["encoder.mask"].isinf().sum() == 1


def test_weights_that_overflow(own, tmp_path, capsys):
    """They are finite; what is made of them is not."""
    weights = load_file(own / WEIGHTS)
    for key, weight in weights.items():
        if key.startswith(("decoder", "encoder")) and weight.is_floating_point():
            weight.fill_(1e30)
    save_file(weights, own / WEIGHTS)
    out = tmp_path / "codes.npy"
    assert "codes are not finite" in refused(["encode", str(own), "--out", str(out)], capsys)
    assert not out.exists()
    model = ea.Autoencoder(*pair("mlp", (6,), 2, 2, hidden=(), output="linear"), Plain(2))
    model.decoder.layers[-1].weight.data.fill_(1e38)
    with pytest.raises(ValueError, match="gives values that are not finite"):
        model.draw(100, prior="normal", seed=0)


@pytest.mark.parametrize("rate", ["x", float("nan"), None])
def test_a_checkpoint_with_a_rate_that_is_none(rate, own, capsys):
    state = checkpoints.read(own / checkpoints.CHECKPOINT)
    state["optimizer_states"][0]["param_groups"][0]["lr"] = rate
    checkpoints.write(state, own / checkpoints.CHECKPOINT)
    said = refused(["fit", "--resume", "--epochs", "9", "--out", str(own)], capsys)
    assert f"does not fit this run: its lr is {rate!r}" in said


def test_a_tokenizer_of_too_many_tokens():
    pytest.importorskip("tokenizers")
    tokens = [*Tokenizer.train(["a"], "character").tokens, *map(str, range(MOST))]
    with pytest.raises(ValueError, match="at most 262,144 tokens"):
        Tokenizer("word", tokens)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    """A model of sentences, not trained."""
    pytest.importorskip("tokenizers")
    samples = load(["a cat sat", "on a mat", "and ate"] * 4, tokenizer="word", length=8)
    latent = Plain(2)
    config = ModelConfig(hidden=(4,), start="random")
    model = ea.Autoencoder(*samples.kind.networks(config, latent, samples), latent)
    model.kind = samples.kind
    model.save(folder := tmp_path_factory.mktemp("sentences"))
    return folder


def test_sentences_that_never_end(sentences, tmp_path):
    """Of a billion tokens, a decoder would make gigabytes before the first was done."""
    folder = shutil.copytree(sentences, tmp_path / "model")
    said = json.loads((folder / "model.json").read_text())
    said["decoder"]["length"] = 10**9
    (folder / "model.json").write_text(json.dumps(said))
    with pytest.raises(ValueError, match="`length` must be at most 16384"):
        ea.load(folder)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A model of a table, not trained."""
    pytest.importorskip("pyarrow")
    n = np.arange(60)
    samples = load({"count": n % 17, "share": n / 7})
    latent = Plain(2)
    made = samples.kind.networks(ModelConfig(hidden=(4,)), latent, samples)
    model = ea.Autoencoder(*made, latent)
    model.kind = samples.kind
    model.save(folder := tmp_path_factory.mktemp("rows"))
    return folder


def test_quantiles_beyond_their_type(rows, tmp_path):
    folder = shutil.copytree(rows, tmp_path / "model")
    numbers = load_file(folder / "table.safetensors")
    numbers["0"].fill_(1e300)
    save_file(numbers, folder / "table.safetensors")
    with pytest.raises(ValueError, match="quantiles of 'count' are no numbers of type int64"):
        ea.load(folder)


def test_styles_in_encodings_that_are_none_of_text(rows, tmp_path):
    folder = shutil.copytree(rows, tmp_path / "model")
    said = json.loads((folder / "model.json").read_text())
    said["kind"]["style"] = asdict(Style(encoding="rot13"))
    (folder / "model.json").write_text(json.dumps(said))
    with pytest.raises(ValueError, match="the style of a file is not readable: 'rot13'"):
        ea.load(folder)


# Other files


def test_archives_of_many_names(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for i in range(5000):
            archive.writestr(f"../../{i}\x1b[31m.npy", b"")
    with pytest.raises(ValueError, match="and 4997 more, and none is called") as caught:
        read_array(tmp_path / "x.npz")
    assert str(caught.value).isprintable()


def test_a_table_that_is_a_pipe(tmp_path, capsys):
    os.mkfifo(tmp_path / "x.csv")
    assert "it is a pipe" in refused(["entropy", str(tmp_path / "x.csv")], capsys)


def test_a_folder_whose_place_is_taken(own, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    for command in ("sample", "export"):
        said = refused([command, str(own), "--out", str(tmp_path / "taken")], capsys)
        assert "`--out` must be a folder" in said
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("seed", ["-1", "4294967296", str(10**30)])
def test_seeds_of_commands(seed, own, capsys):
    for command in (["sample", str(own)], ["impute", str(own)], ["entropy", "x.csv"]):
        assert "v>=0 and v<4294967296" in refused([*command, "--seed", seed], capsys)


# What a recipe in a run folder names


def test_a_run_without_identity_goes_on_only_with_data_that_are_named(own, tmp_path, capsys):
    """Neither reads my file nor asks the network."""
    mine = tmp_path / "mine.npy"
    np.save(mine, np.random.default_rng(0).random((60, 8, 8), np.float32))
    recipe = (own / RECIPE).read_text()
    (own / "data.json").unlink()
    for name in (str(mine), "mnist"):
        (own / RECIPE).write_text(recipe.replace("data: digits", f"data: {name}"))
        for finished in (True, False):
            if not finished:
                (own / "model.json").rename(own / "kept")
            said = refused(["fit", "--resume", "--epochs", "9", "--out", str(own)], capsys)
            assert f"give --data {name}" in said
        (own / "kept").rename(own / "model.json")


def test_going_on_downloads_nothing_that_was_not_named(own, monkeypatch, capsys):
    recipe = (own / RECIPE).read_text()
    (own / RECIPE).write_text(recipe.replace("data: digits", "data: mnist"))
    monkeypatch.setenv("ENTROPAE_CACHE", str(own / "cache"))
    monkeypatch.setattr("pooch.retrieve", lambda *_, **__: pytest.fail("asked the network"))
    said = refused(["fit", "--resume", "--epochs", "9", "--out", str(own)], capsys)
    assert "mnist has not been downloaded" in said
    assert "name them: --data mnist" in said


def test_other_labels_are_other_data(tmp_path):
    x = np.random.default_rng(0).random((40, 6), np.float32)
    np.save(tmp_path / "x.npy", x)
    for name, labels in (("a", "ab" * 20), ("b", "ba" * 20)):
        (tmp_path / name).write_text("\n".join(labels) + "\n")
    then, now = (
        identity.identity(load(str(tmp_path / "x.npy"), labels=str(tmp_path / name)))
        for name in "ab"
    )
    plain = identity.identity(load(str(tmp_path / "x.npy")))
    assert identity.differences(then, now) == ["labels"]
    assert identity.differences(plain, now) == ["labels"], "of which nothing was known"
    assert identity.differences(then, plain) == [], "nobody asks for them"


def test_a_comparison_does_not_leave_its_folder(own, tmp_path):
    from entropae.recipe import Recipe

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="links in it that lead elsewhere"):
        compare({"a": Recipe(epochs=1)}, tmp_path / "table", seeds=1)
    assert not list((tmp_path / "elsewhere").iterdir())


# Which data they are


def pictures(folder: Path, n: int) -> Path:
    folder.mkdir()
    for i in range(n):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03d}.bmp")  # all of one size
    return folder


def spoil(path: Path, *, time: int | None = None) -> None:
    """Another content of the same size, with the time of change that it had or another."""
    content, before = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    content[-1] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(0, before if time is None else time))


def test_one_picture_of_the_same_size_and_time(tmp_path):
    """Of a small folder all is looked at."""
    folder = pictures(tmp_path / "x", 120)
    then = identity.identity(load(folder))
    keys = dict(zip(load(folder).names, load(folder).all_keys().tolist(), strict=True))
    others = [name for name, key in keys.items() if f"{key:016x}" not in then["some"]]
    spoil(folder / others[0])
    assert identity.differences(then, identity.identity(load(folder))) == ["content"]


def test_of_large_folders_the_times_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "WHOLE", 4000)
    monkeypatch.setattr(identity, "FEW", 4)
    folder = pictures(tmp_path / "x", 40)
    samples = load(folder)
    identity.write(tmp_path, samples, samples.halves(0.2))
    seen = set(identity.identity(samples)["some"])
    keys = dict(zip(samples.names, samples.all_keys().tolist(), strict=True))
    name = next(name for name, key in keys.items() if f"{key:016x}" not in seen)
    spoil(folder / name)
    with warnings.catch_warnings():  # nothing tells it
        warnings.simplefilter("error")
        identity.resumed(tmp_path, load(folder), 0.2, seed=0)
    os.utime(folder / name, ns=(1, 1))  # older than all others
    with pytest.warns(UserWarning, match="were changed since"):
        identity.resumed(tmp_path, load(folder), 0.2, seed=0)
