"""Figures and pictures of a training, read back from where loggers put them."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

import entropae as ea
from entropae.cli import main
from entropae.latent import Plain
from entropae.recipe import Recipe
from entropae.training import Pictures, Training, log_image, loggers
from entropae.training.loggers import LOGGERS, check_logger
from entropae.training.looks import SHOWN
from options import SMALL

IMAGES = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
# Of 64 images in a square, and with reconstructions: 8×8 pixels, enlarged six times, margins of 2.
SAMPLES, PAIRS = (402, 402), (402, 802)


RNG = np.random.default_rng(0)


def new_model() -> ea.Autoencoder:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    decoder = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (1, 8, 8)))
    return ea.Autoencoder(encoder, decoder, Plain(4))


def fit(x=IMAGES, **options):
    model = new_model()
    return model, ea.fit(model, x, progress=False, **options)


def events(folder: Path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return reader.EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()


def test_tensorboard_has_figures_and_pictures(tmp_path):
    _, log = fit(folder=tmp_path, epochs=3, validation=IMAGES[:SHOWN])
    read = events(tmp_path / "tensorboard")
    for name in ("train/reconstruction", "validation/reconstruction"):
        assert [one.value for one in read.Scalars(name)] == pytest.approx(
            [row[name] for row in log]
        )
    for name, size in (("samples", SAMPLES), ("reconstructions", PAIRS)):
        found = read.Images(name)
        assert [one.step for one in found] == [row["step"] for row in log]
        opened = [Image.open(io.BytesIO(one.encoded_image_string)) for one in found]
        assert [image.size for image in opened] == [size] * 3
        assert np.ptp(np.asarray(opened[-1])) > 100


def test_pictures_are_of_the_model_as_it_is(tmp_path):
    """A model that returns its input, whose error has no gradient: what is below is the same."""
    same = nn.Linear(64, 64, bias=False)
    nn.init.eye_(same.weight)
    decoder = nn.Sequential(same, nn.Unflatten(1, (1, 8, 8)))
    model = ea.Autoencoder(nn.Flatten(), decoder, Plain(64))
    held_out = 20
    options = {"validation": IMAGES[:held_out], "epochs": 1, "progress": False}
    ea.fit(model, IMAGES, folder=tmp_path, logger="csv", **options)
    (path,) = (tmp_path / "csv" / "reconstructions").glob("*.png")
    image = np.asarray(Image.open(path))
    rows = [image[top : top + 48] for top in range(2, len(image), 50)]
    assert len(rows) == 2 * math.ceil(held_out / 8)
    assert held_out % 8
    for above, below in zip(rows[::2], rows[1::2], strict=True):
        np.testing.assert_array_equal(above, below)
        assert np.ptp(above) > 100


def test_a_training_is_the_same_with_pictures(tmp_path):
    plain, log = fit(epochs=2)
    shown, again = fit(epochs=2, logger=CSVLogger(tmp_path))
    drop = {"seconds"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in again] == [
        {k: v for k, v in row.items() if k not in drop} for row in log
    ]
    for a, b in zip(plain.state_dict().values(), shown.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("epochs", "most", "n"), [(25, 10, 10), (4, 10, 4), (7, 2, 2), (5, 1, 1)])
def test_there_are_only_some_pictures(tmp_path, epochs, most, n):
    trainer = Trainer(
        max_epochs=epochs,
        logger=CSVLogger(tmp_path, name="", version=""),
        callbacks=[Pictures(most=most)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        accelerator="cpu",
    )
    trainer.fit(Training(new_model()), DataLoader(IMAGES, 100), DataLoader(IMAGES[:4], 4))
    written = sorted(path.stem for path in (tmp_path / "samples").glob("*.png"))
    assert len(written) == n
    assert int(written[-1]) == 2 * epochs


def test_a_trainer_of_ones_own_shows_what_it_validates_on(tmp_path):
    trainer = Trainer(
        max_epochs=1,
        logger=TensorBoardLogger(tmp_path, name="", version=""),
        callbacks=[Pictures()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        accelerator="cpu",
    )
    pairs = DataLoader(torch.utils.data.TensorDataset(IMAGES, torch.arange(200)), 100)
    trainer.fit(Training(new_model()), pairs, DataLoader(IMAGES[:16], 16))
    read = events(tmp_path)
    (shown,) = read.Images("reconstructions")
    assert (shown.width, shown.height) == (402, 202)


@pytest.mark.long
def test_values_are_lines_and_sentences_are_text(tmp_path):
    pytest.importorskip("tokenizers")
    x = torch.randn(100, 64)
    model = ea.Autoencoder(nn.Linear(64, 2), nn.Linear(2, 64), Plain(2))
    ea.fit(model, x, epochs=1, folder=tmp_path / "x", logger="csv", progress=False)
    assert [path.name for path in (tmp_path / "x/csv/samples").iterdir()] == ["00000001.png"]
    words = tmp_path / "words.txt"
    words.write_text("\n".join(f"the {c} dog sees {n} cats" for c in "abcde" for n in range(60)))
    options = ["--data", str(words), "--out", str(tmp_path / "run"), "--logger", "tensorboard"]
    assert main(["fit", *options, "--epochs", "1", "--no-report", "--model.hidden", "[16]"]) == 0
    read = events(tmp_path / "run" / "tensorboard")
    (text,) = read.Tensors("samples/text_summary")
    assert len(text.tensor_proto.string_val[0].decode().splitlines()) > 3
    assert read.Tags()["images"] == []


def test_a_table_shows_drawn_rows_and_no_real_ones(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"town": ["Oslo", "Bergen"] * 50, "age": RNG.normal(40, 9, 100)})
    frame.to_csv(tmp_path / "people.csv", index=False)
    run = tmp_path / "run"
    options = ["--data", str(tmp_path / "people.csv"), "--out", str(run), "--logger", "csv"]
    assert main(["fit", *options, *SMALL]) == 0
    assert [path.name for path in (run / "csv").iterdir() if path.is_dir()] == ["samples"]
    (text,) = (run / "csv" / "samples").glob("*.txt")
    assert "town" in text.read_text()


@pytest.mark.long
def test_the_command_takes_a_logger(tmp_path):
    run = tmp_path / "run"
    assert main(["fit", "--data", "digits", "--out", str(run), "--logger", "csv", *SMALL]) == 0
    with (run / "csv" / "metrics.csv").open(newline="") as file:
        assert any(row["train/reconstruction"] for row in csv.DictReader(file))
    assert len(list((run / "csv" / "samples").glob("*.png"))) == 1
    assert not (run / "tensorboard").exists()
    # Where figures go is no part of what a run is.
    more = ["fit", "--resume", "--out", str(run), "--epochs", "2", "--no-report"]
    assert main([*more, "--logger", "none"]) == 0
    assert len(list((run / "csv" / "samples").glob("*.png"))) == 1


def test_a_logger_whose_package_is_missing_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    out = tmp_path / "run"
    assert main(["fit", "--data", "digits", "--out", str(out), "--logger", "mlflow"]) == 1
    said = capsys.readouterr().err
    assert said == (
        "entropae fit: The logger 'mlflow' needs a package: pip install \"entropae[mlflow]\".\n"
    )
    assert not (out / "model.json").exists()


def test_every_logger_that_needs_a_package_has_its_extra():
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    for name in loggers.PACKAGES:
        assert f"\n{name} = [" in text


def test_names_of_loggers():
    assert get_args(get_type_hints(Recipe)["logger"]) == tuple(LOGGERS)
    with pytest.raises(ValueError, match=r"Unknown logger 'tensorbord'.* mean 'tensorboard'"):
        check_logger("tensorbord")
    with pytest.raises(ValueError, match="'csv' needs a place to write to: give a `folder`"):
        fit(logger="csv", epochs=1)


def test_a_logger_of_ones_own_takes_pictures():
    class Own(Logger):
        name, version = "own", 0

        def __init__(self) -> None:
            super().__init__()
            self.images: list[tuple[str, tuple[int, ...], int]] = []

        def log_metrics(self, metrics, step=None):
            pass

        def log_hyperparams(self, params, *args, **kwargs):
            pass

    own = Own()
    fit(logger=own, epochs=1)  # which is not known to take any
    log_image.register(Own)(lambda to, name, x, step: to.images.append((name, x.shape, step)))
    fit(logger=own, epochs=1)
    assert {name for name, _, _ in own.images} == {"samples", "reconstructions"}
    assert all(shape[2] == 3 and step == 1 for _, shape, step in own.images)


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: it is heavy.")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "run"
    _, log = fit(folder=folder, logger="mlflow", epochs=2)
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (kept,) = client.search_runs([client.get_experiment_by_name("entropae").experiment_id])
    assert kept.info.run_name == "run"
    found = client.get_metric_history(kept.info.run_id, "train/reconstruction")
    assert [one.value for one in found] == pytest.approx(
        [row["train/reconstruction"] for row in log]
    )
    images = [one.path for one in client.list_artifacts(kept.info.run_id, "images")]
    for name in ("samples", "reconstructions"):
        steps = {path.split("+")[2] for path in images if path.startswith(f"images/{name}+")}
        assert steps == {str(row["step"]) for row in log}


def test_weights_and_biases_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed: it is heavy.")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    folder = tmp_path / "run"
    fit(folder=folder, logger="wandb", epochs=2)
    written = {path.name.split("_")[0] for path in tmp_path.rglob("media/images/*.png")}
    assert written == {"samples", "reconstructions"}
    assert not any(path.is_symlink() for path in folder.rglob("*"))  # or it cannot be resumed
