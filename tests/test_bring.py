"""What people bring to `fit` and `kinds.read`: taken, or refused in a line that says what to do."""

from __future__ import annotations

import collections
import csv
import itertools
import random

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from PIL import Image
from scipy import sparse
from torch import nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import entropae as ea
from entropae.kinds import Samples, items, read
from entropae.recipe import TrainerConfig

N, D = 60, 6
X = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
Y = torch.arange(N) % 3
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 9, 8), np.uint8)
SENTENCES = [f"the {a} sees the {b}" for a in ("cat", "dog", "cow") for b in ("hen", "pig", "ox")]


def batch(samples: Samples) -> torch.Tensor:
    return samples.first(len(samples))


def own(latent: ea.Latent | None = None, width: int = D) -> ea.Autoencoder:
    latent = latent or ea.Entropic(2)
    return ea.Autoencoder(nn.Linear(width, 2), nn.Linear(2, width), latent)


def fit(data, model=None, **options):
    model = model or own()
    return model, ea.fit(model, data, **{"epochs": 1, "progress": False} | options)


def pictures(array):
    """Images of 9 × 8 pixels, flattened to vectors and back."""
    return ea.Autoencoder(
        nn.Sequential(nn.Flatten(), nn.Linear(array[0].size, 2)),
        nn.Sequential(nn.Linear(2, array[0].size), nn.Unflatten(1, array.shape[1:])),
        ea.Plain(2),
    )


class OneByOne(Dataset):
    """A data set as one writes it."""

    def __init__(self, item):
        self.item = item

    def __len__(self):
        return N

    def __getitem__(self, i):
        if not 0 <= i < N:
            raise IndexError
        return self.item(i)


class Endless(IterableDataset):
    def __iter__(self):
        for i in itertools.count():
            yield X[i % N]


class Once(IterableDataset):
    def __iter__(self):
        yield from zip(X, Y, strict=True)


class Fields:
    """As a data set of Hugging Face's: its items are dicts."""

    def __init__(self, **columns):
        self.columns = columns

    @property
    def column_names(self):
        return list(self.columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def to_list(self):
        """Its items as they are stored, pictures not decoded."""
        return [None] * len(self)

    def __getitem__(self, i):
        if isinstance(i, str):
            return self.columns[i]
        return {name: column[i] for name, column in self.columns.items()}


def as_list(items):
    return list(items)


def as_pair(items):
    x, y = zip(*items, strict=True)
    return torch.stack(x), torch.tensor(y)


def as_dict(items):
    x, y = as_pair(items)
    return {"x": x, "label": y}


PAIRS = TensorDataset(X, Y)
TAKEN = {
    "tensor": (lambda: X, False),
    "array": (lambda: X.numpy(), False),
    "TensorDataset": (lambda: TensorDataset(X), False),
    "TensorDataset with labels": (lambda: PAIRS, True),
    "TensorDataset with targets of two axes": (lambda: TensorDataset(X, torch.ones(N, 2)), False),
    "TensorDataset of three": (lambda: TensorDataset(X, Y, torch.ones(N)), True),
    "DataLoader": (lambda: DataLoader(TensorDataset(X), 20), False),
    "DataLoader with labels": (lambda: DataLoader(PAIRS, 20), True),
    "DataLoader of tensors": (lambda: DataLoader(X, 20), False),
    "DataLoader of a DataLoader's": (lambda: DataLoader(Subset(PAIRS, range(N)), 20), True),
    "DataLoader with its own collate": (lambda: DataLoader(PAIRS, 16, collate_fn=as_pair), True),
    "DataLoader of dicts": (lambda: DataLoader(PAIRS, 16, collate_fn=as_dict), True),
    "DataLoader of lists of pairs": (lambda: DataLoader(PAIRS, 16, collate_fn=as_list), True),
    "DataLoader of lists of samples": (lambda: DataLoader(X, 16, collate_fn=as_list), False),
    "DataLoader of an IterableDataset": (lambda: DataLoader(Once(), 16), True),
    "DataLoader without batches": (lambda: DataLoader(PAIRS, None), True),
    "Subset": (lambda: Subset(TensorDataset(X), range(N)), False),
    "Subset with labels": (lambda: Subset(PAIRS, range(N)), True),
    "ConcatDataset": (lambda: ConcatDataset([TensorDataset(X[:9]), TensorDataset(X[9:])]), False),
    "list of tensors": (lambda: list(X), False),
    "tuple of tensors": (lambda: X.unbind(), False),
    "list of arrays": (lambda: list(X.numpy()), False),
    "list of lists": (lambda: X.tolist(), False),
    "list of pairs": (lambda: list(zip(X, Y, strict=True)), True),
    "deque": (lambda: collections.deque(X), False),
    "(x, y)": (lambda: (X, Y), True),
    "(x, y) of arrays": (lambda: (X.numpy(), Y.numpy()), True),
    "(x, list)": (lambda: (X, Y.tolist()), True),
    "(x, y) of two axes": (lambda: (X, torch.ones(N, 2)), False),
    "data set": (lambda: OneByOne(lambda i: X[i]), False),
    "data set of pairs": (lambda: OneByOne(lambda i: (X[i], int(Y[i]))), True),
    "data set of dicts": (lambda: OneByOne(lambda i: {"x": X[i], "label": Y[i]}), True),
    "Hugging Face's": (lambda: Fields(input=X.tolist(), label=Y.tolist()), True),
    "dict of arrays": (lambda: {"x": X.numpy(), "y": Y.numpy()}, True),
    "dict of tensors": (lambda: {"inputs": X, "target": Y}, True),
    "IterableDataset": (lambda: Once(), True),
    "generator": (lambda: (x for x in X), False),
    "map": (lambda: map(torch.Tensor.numpy, X), False),
    "an end of an endless one": (lambda: itertools.islice(Endless(), N), False),
}


@pytest.mark.parametrize("name", TAKEN)
def test_it_is_read_as_the_samples_that_it_holds(name):
    make, labelled = TAKEN[name]
    samples = read(make())
    assert torch.equal(batch(samples), X)
    assert samples.kind.name == "arrays"
    if labelled:
        assert samples.labels is not None
        assert samples.labels.tolist() == Y.tolist()
    else:
        assert samples.labels is None


@pytest.mark.parametrize("name", TAKEN)
def test_it_trains_what_the_tensor_trains(name):
    model, rows = fit(TAKEN[name][0](), batch_size=20)
    torch.manual_seed(0)
    assert rows[-1]["step"] == 3
    assert model.encode(X).shape == (N, 2)


def test_all_train_the_same_weights():
    found = []
    for make in (lambda: X, lambda: DataLoader(PAIRS, 20, shuffle=True), lambda: (x for x in X)):
        torch.manual_seed(1)
        found.append(fit(make(), batch_size=20)[0].encode(X))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize(
    ("loader", "steps"),
    [
        (lambda: DataLoader(PAIRS, 10), 6),
        (lambda: DataLoader(PAIRS, 27), 2),
        (lambda: DataLoader(PAIRS, 27, collate_fn=as_pair), 2),
        (
            lambda: DataLoader(
                PAIRS, batch_sampler=torch.utils.data.BatchSampler(range(N), 9, False)
            ),
            6,
        ),
    ],
)
def test_the_batch_size_of_a_loader_is_taken(loader, steps):
    assert fit(loader())[1][-1]["step"] == steps
    assert fit(loader(), batch_size=54)[1][-1]["step"] == 1


def test_a_loader_with_a_sampler_gives_what_that_chooses():
    """The usual way to hold samples out: none of the others may be trained on."""
    chosen = [3, 1, 40, 41, 7]
    samples = read(DataLoader(PAIRS, 2, sampler=SubsetRandomSampler(chosen)))
    assert sorted(batch(samples).tolist()) == sorted(X[chosen].tolist())
    drawn = read(DataLoader(PAIRS, 7, sampler=WeightedRandomSampler([0.0] * 59 + [1.0], 30)))
    assert torch.equal(batch(drawn), X[-1:].expand(30, -1))
    assert drawn.labels.tolist() == [int(Y[-1])] * 30
    parts = DataLoader(PAIRS, batch_sampler=[[0, 1], [5, 9]])
    assert torch.equal(batch(read(parts)), X[[0, 1, 5, 9]])


def test_subsets_have_their_rows_and_labels():
    rows = [5, 50, 7]
    for source in (PAIRS, OneByOne(lambda i: (X[i], Y[i])), read(PAIRS)):
        samples = read(Subset(source, rows))
        assert torch.equal(batch(samples), X[rows])
        assert samples.labels[slice(None) if samples.index is None else samples.index].tolist() == (
            Y[rows].tolist()
        )
    assert read(DataLoader(read(SENTENCES, tokenizer="word"))).kind.name == "text"


def test_pictures_become_images():
    grey = [Image.fromarray(one) for one in PIXELS]
    samples = read(grey)
    assert (samples.kind.name, samples.shape) == ("images", (1, 9, 8))
    assert torch.equal(batch(samples), batch(read(PIXELS)))
    labelled = read([(one, 3) for one in grey])
    assert torch.equal(batch(labelled), batch(samples))
    assert set(labelled.labels.tolist()) == {3}
    loader = DataLoader(OneByOne(lambda i: grey[i]), 16, collate_fn=as_list)
    assert torch.equal(batch(read(loader)), batch(samples))
    fields = Fields(image=grey, label=[1] * N)
    assert torch.equal(batch(read(fields)), batch(samples))
    model = pictures(PIXELS[:, None])
    fit(fields, model, batch_size=20)
    assert model.sample(2).shape == (2, 1, 9, 8)


def test_sentences_are_text_and_rows_of_dicts_of_them_too():
    texts = SENTENCES * 4
    for source in (texts, Fields(text=texts, label=[0] * len(texts)), iter(texts), tuple(texts)):
        samples = read(source, tokenizer="word")
        assert samples.kind.name == "text"
        assert samples.kind.present(samples.first(2)) == texts[:2]
    loader = DataLoader(texts, 5, sampler=range(9))
    assert read(loader, tokenizer="word").kind.name == "text"


def test_key_says_which_field_is_meant():
    fields = Fields(before=X, after=X + 1, label=Y)
    assert torch.equal(batch(read(fields, key="after")), X + 1)
    with pytest.raises(
        ValueError, match=r"have the fields before, after, label: say which .* key="
    ):
        read(fields)
    with pytest.raises(ValueError, match="have the fields before, after, label: got key='behind'"):
        read(fields, key="behind")
    _, rows = fit(fields, key="after", validation=Fields(after=X[:5], before=X[:5]))
    assert "validation/reconstruction" in rows[-1]
    columns = {"title": SENTENCES, "year": list(range(9))}
    assert read(columns, key="title", tokenizer="word").kind.name == "text"
    for other in (X, PAIRS, SENTENCES, {"a": [1.0, 2.5]}):
        with pytest.raises(ValueError, match=r"`key` is for data of fields|fields a: got key"):
            read(other, key="x")


def test_frames_become_rows():
    pa = pytest.importorskip("pyarrow")
    columns = {f"c{i}": X[:, i].numpy() for i in range(D)}
    for source in (columns, pa.table(columns)):
        model, rows = fit(source, batch_size=20)
        assert model.kind.name == "tables"
        assert rows[-1]["step"] == 3
        drawn = model.sample(4, seed=0)
        assert drawn.column_names == list(columns)
        assert len(model.reconstruct(source)) == N


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_rows_come_back_in_the_frame_of_their_library(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({f"c{i}": X[:, i].numpy() for i in range(D)})
    model, _ = fit(frame, batch_size=20)
    drawn = model.sample(4, seed=0)
    assert isinstance(drawn, frames.DataFrame)
    assert list(drawn.columns) == list(frame.columns)
    assert isinstance(model.reconstruct(frame), frames.DataFrame)
    column = frames.Series(SENTENCES)
    assert read(column, tokenizer="word").kind.name == "text"
    if library == "pandas":  # rows that are not numbered from 0
        kept = read(column[3:], tokenizer="word")
        assert kept.kind.present(batch(kept)) == SENTENCES[3:]
        assert len(read(frame[10:])) == N - 10


def test_what_is_held_out_is_not_learnt_from():
    """A table's quantiles are of the rows that are trained on: those of the share and seed."""
    values = np.arange(200.0) ** 1.5
    train, held_out = ea.kinds.read({"a": values}).split(0.5, seed=7)
    assert train.index is not None
    assert len(train) + len(held_out) == 200
    model, _ = fit({"a": values}, own(width=1), validation=0.5, seed=7)
    (column,) = model.kind.columns.columns
    assert column.knots[-1] == values[train.index].max()
    model, _ = fit({"a": values[:150]}, own(width=1), validation={"a": values[150:]})
    assert model.kind.columns.columns[0].knots[-1] == values[149]


REFUSED = {
    "None": (lambda: None, "Samples must be a tensor, .* got NoneType"),
    "number": (lambda: 3, "Samples must be a tensor, .* got int"),
    "a class": (lambda: TensorDataset, "Samples must be a tensor, .* got type"),
    "bytes": (lambda: b"abc", "Samples must be a tensor, .* got bytes"),
    "empty list": (lambda: [], "There must be samples: got an empty list"),
    "empty generator": (lambda: iter(()), "There must be samples: got none"),
    "empty tensor": (lambda: X[:0], "There must be samples"),
    "ragged list": (
        lambda: [X[0], X[1, :4]],
        r"number 0 has \(6,\) .*number 1 has \(4,\).* Resize",
    ),
    "ragged numbers": (lambda: [[1.0, 2], [3.0]], r"number 0 has \(2,\) .*number 1 has \(1,\)"),
    "ragged rows": (lambda: [[[1.0, 2], [3]]] * 3, "numbers, in rows of one length: number 0"),
    "splits": (
        lambda: {"train": Fields(x=X), "test": Fields(x=X)},
        "got several, train, test. Give one",
    ),
    "two types": (lambda: [X[0], X[1].double()], "number 1 has .* float64. Resize, pad or convert"),
    "list of numbers": (lambda: [1.0, 2.0, 3.0], r"more than one number.* Give shape \(n, d\)"),
    "array of numbers": (lambda: np.arange(9.0), r"e.g. x\[:, None\] for single numbers"),
    "list of objects": (lambda: [object()] * 3, "number 0 is a object. Convert it"),
    "texts and others": (lambda: ["a b", X[0]], "must be texts, or none"),
    "objects": (lambda: np.array([{}, None]), "got object|shape"),
    "complex": (lambda: X + 0j, "got complex64. Convert"),
    "NaN": (lambda: X / 0, "must be finite .* Remove or impute"),
    "masked": (lambda: np.ma.masked_less(X.numpy(), 0), "must not be masked: got .* impute"),
    "sparse": (lambda: sparse.csr_matrix(X.numpy()), r"Give x.toarray\(\)"),
    "sparse array": (lambda: sparse.coo_array(X.numpy()), r"Give x.toarray\(\)"),
    "sparse tensor": (lambda: X.to_sparse(), r"Give x.to_dense\(\)"),
    "sparse images": (lambda: X.reshape(-1, 1, 2, 3).to_sparse(), r"Give x.to_dense\(\)"),
    "x and y of unequal length": (lambda: (X, Y[:9]), "one y for each x: got 60 and 9.*validation"),
    "train and test": (lambda: (X, X[:9]), "one y for each x: got 60 and 9.*validation"),
    "fields of unequal length": (lambda: {"x": X, "y": Y[:9]}, "got 60 of x, 9 of y"),
    "list of files": (lambda: [__file__] * 2, "A list of paths is not taken.* Give the folder"),
    "a name that is none": (lambda: "nowhere", "No file or folder 'nowhere'"),
    "a model": (own, "Samples must be a tensor, .* got Autoencoder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_one_line(name):
    make, message = REFUSED[name]
    with np.errstate(all="ignore"), pytest.raises((ValueError, TypeError, OSError)) as caught:
        fit(make())
    assert caught.match(message)
    assert "\n" not in str(caught.value)


def test_a_source_without_an_end_is_bounded(monkeypatch):
    monkeypatch.setattr(items, "MOST", 1000)
    for source in (Endless(), iter(Endless()), DataLoader(Endless(), 16)):
        with pytest.raises(ValueError, match=r"More than 1,000 samples .*islice"):
            fit(source)
    monkeypatch.setattr(items, "MOST", 10)
    assert len(read(list(X))) == N  # which says how many it has


# What else is handed to `fit`.


@pytest.mark.parametrize(
    "others", [X[:7], X[:7].numpy(), TensorDataset(X[:7], Y[:7]), DataLoader(X[:7], 2), list(X[:7])]
)
def test_samples_of_ones_own_to_validate_on(others):
    model, rows = fit(X, validation=others)
    assert rows[-1]["step"] == 1
    error = (model.reconstruct(X[:7]) - X[:7]).square().mean()
    assert rows[-1]["validation/reconstruction"] == pytest.approx(float(error), rel=0.5)
    assert len(fit(X, batch_size=N, validation=others)[1]) == 1


@pytest.mark.parametrize("validation", [None, 0, 0.0])
def test_nothing_held_out(validation):
    assert not any(name.startswith("validation") for name in fit(X, validation=validation)[1][-1])


def test_samples_to_validate_on_that_do_not_fit():
    with pytest.raises(ValueError, match=r"takes samples of shape \(6,\): got \(5,\)"):
        fit(X, validation=X[:, :5])
    with pytest.raises(ValueError, match=r"`validation` must be in \[0, 1\): got validation=2"):
        fit(X, validation=2)
    with pytest.raises(ValueError, match=r"got object\. Give samples like those"):
        fit(X, validation=object())


class Counting(Callback):
    epochs = 0

    def on_train_epoch_end(self, trainer, pl_module):
        self.epochs += 1


def test_callbacks_are_called(tmp_path):
    one = Counting()
    fit(X, callbacks=[one], epochs=3)
    fit(X, callbacks=one, epochs=2)
    assert one.epochs == 5
    stop = EarlyStopping("validation/reconstruction", min_delta=1e9, patience=1)
    assert fit(X, callbacks=[stop], epochs=50)[1][-1]["epoch"] == 2
    kept = ModelCheckpoint(tmp_path, monitor="validation/reconstruction")
    fit(X, callbacks=[kept], epochs=2)
    assert list(tmp_path.glob("*.ckpt"))
    with pytest.raises(TypeError, match="`callbacks` must be objects of Lightning's Callback"):
        fit(X, callbacks=[Counting])


def test_loggers_get_what_is_in_the_log(tmp_path):
    kept = CSVLogger(tmp_path, name="", version="")
    _, log = fit(X, logger=kept, epochs=2)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("train/reconstruction", "validation/reconstruction"):
        found = [float(row[name]) for row in rows if row[name]]
        assert found == pytest.approx([row[name] for row in log])
    with pytest.raises(TypeError, match="`logger` must be objects of Lightning's Logger"):
        fit(X, logger=[True])


def test_tensorboard_has_the_curves(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _, log = fit(X, folder=tmp_path, epochs=2)
    read = events.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = [one.value for one in read.Scalars("train/reconstruction")]
    assert found == pytest.approx([row["train/reconstruction"] for row in log])


def test_device():
    assert fit(X, device="cpu")[0].device == torch.device("cpu")
    assert fit(X, device=torch.device("cpu"))[0].device == torch.device("cpu")
    with pytest.raises(ValueError, match=r"`device` must be one of torch's, .* got 'gpu9'"):
        fit(X, device="gpu9")
    with pytest.raises(ValueError, match="by `device` or by `trainer`, not by both"):
        fit(X, device="cpu", trainer={"devices": 1})
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="Lightning cannot train with") as caught:
            fit(X, device="cuda")
        assert "\n" not in str(caught.value)


def test_optimizer():
    rates = []

    def make(weights):
        made = torch.optim.SGD(weights, 0.5)
        rates.append(made)
        return made

    fit(X, optimizer=make)
    assert rates[0].param_groups[0]["initial_lr"] == 0.5
    fit(X, optimizer=torch.optim.AdamW)
    model = own()
    before = model.encoder.weight.clone()
    fit(X, model, optimizer=torch.optim.SGD(model.parameters(), 0.1))
    assert not torch.equal(model.encoder.weight, before)
    for wrong in ("adam", 3, lambda weights: None):
        with pytest.raises(TypeError, match="`optimizer` must be an optimiser of torch's"):
            fit(X, optimizer=wrong)


def test_options_of_the_trainer():
    fit(X, trainer={"accelerator": "cpu", "gradient_clip_val": 1.0})
    fit(X, trainer=TrainerConfig(accelerator="cpu"))
    assert fit(X, trainer={"limit_train_batches": 2}, batch_size=10)[1][-1]["step"] == 2
    with pytest.raises(ValueError, match=r"'gradient_clip'.*Did you mean 'gradient_clip_val'"):
        fit(X, trainer={"gradient_clip": 1.0})
    with pytest.raises(ValueError, match="must not hold callbacks, max_epochs, which `fit` sets"):
        fit(X, trainer={"max_epochs": 3, "callbacks": []})
    with pytest.raises(ValueError, match="invalid accelerator name"):
        fit(X, trainer={"accelerator": "abacus"})
    with pytest.raises(TypeError, match=r"`trainer` must hold options.*trainer.fit\(Training"):
        fit(X, trainer=object())


def test_swapped_arguments():
    with pytest.raises(TypeError, match=r"got Tensor\. Call fit\(model, data\), in this order"):
        ea.fit(X, own())
    with pytest.raises(TypeError, match=r"Call Autoencoder\(encoder, decoder, latent\)"):
        ea.Autoencoder(nn.Linear(6, 2), ea.Entropic(2), nn.Linear(2, 6))


@pytest.mark.parametrize("frozen", ["encoder", "decoder"])
def test_frozen_weights_stay(frozen):
    model = own()
    parts = {name: getattr(model, name) for name in ("encoder", "decoder")}
    before = {name: part.weight.clone() for name, part in parts.items()}
    parts[frozen].requires_grad_(False)
    fit(X, model)
    for name, part in parts.items():
        assert torch.equal(part.weight, before[name]) == (name == frozen)


@pytest.mark.long
def test_nothing_to_train():
    model = own()
    model.requires_grad_(False)
    with pytest.raises(ValueError, match=r"Nothing can be trained: .*requires_grad_\(True\)") as e:
        fit(X, model)
    assert str(e.value).endswith("To draw samples from networks as they are: model.fit_head(data).")
    model.fit_head(X)
    assert model.sample(3).shape == (3, D)


def test_batches_of_one():
    with pytest.raises(ValueError, match=r"Entropic needs batches of at least .* Take larger"):
        fit(X, batch_size=1)
    with pytest.raises(ValueError, match=r"Entropic needs batches of at least .* Take larger"):
        fit(DataLoader(TensorDataset(X)))
    assert fit(X, own(ea.Plain(2)), batch_size=1)[1][-1]["step"] == 54


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("weights", [torch.float32, torch.float64])
def test_double_precision(precision, weights):
    model = own().to(weights)
    x = X.to(precision)
    fit(x, model)
    assert next(model.parameters()).dtype == weights
    code = model.encode(x)
    assert code.dtype == weights
    assert torch.allclose(code, model.encode(x.numpy()).to(weights), atol=1e-6)
    assert model.reconstruct(x).shape == (N, D)
    model.fit_prior(x, "full")
    assert model.sample(3).shape == (3, D)
    assert model.interpolate(x[:2], x[2:4], steps=3).shape == (2, 3, D)
    assert model.diagnose(x, progress=False).figures["dimensions"] == 2
    assert torch.isfinite(model.loss(x))


def test_images_with_their_channel_last_or_without_one():
    for array in (PIXELS[..., None], PIXELS):
        model = pictures(PIXELS[:, None])
        fit(array, model, batch_size=20)
        every = model.encode(array)
        assert torch.equal(every, model.encode(batch(read(array))))
        # One image, without its batch; of any shape that it may have been given in.
        for one in (array[0], torch.from_numpy(PIXELS[0]), PIXELS[0, None]):
            assert torch.allclose(model.encode(one), every[:1], atol=1e-6)
        assert model.reconstruct(PIXELS[0]).shape == (1, 1, 9, 8)
    model, _ = fit(X)
    assert torch.allclose(model.encode(X[0]), model.encode(X)[:1], atol=1e-6)


class Two(nn.Linear):
    def forward(self, x):
        z = super().forward(x)
        return z, z


class Named(nn.Linear):
    def forward(self, x):
        return {"embedding": super().forward(x)}


@pytest.mark.parametrize(
    ("encoder", "decoder", "message"),
    [
        (Two(6, 2), nn.Linear(2, 6), "encoder must return one tensor of codes: got a tuple of 2"),
        (Named(6, 2), nn.Linear(2, 6), "encoder must return one .*: got a dict with 'embedding'"),
        (nn.Linear(6, 2), Two(2, 6), "decoder must return one tensor of samples: got a tuple"),
        (nn.Linear(5, 2), nn.Linear(2, 6), r"encoder cannot take a batch of shape \(54, 6\)"),
        (nn.Conv2d(1, 2, 3), nn.Linear(2, 6), r"encoder cannot take a batch of shape \(54, 6\)"),
        (nn.Embedding(6, 2), nn.Linear(2, 6), r"encoder cannot take a batch of shape \(54, 6\)"),
        (nn.Linear(6, 3), nn.Linear(2, 6), r"\(n, 2\).*got \(54, 3\)"),
        (nn.Linear(6, 2), nn.Linear(3, 6), r"decoder cannot take a batch of shape \(54, 2\)"),
        (nn.Linear(6, 2), nn.Linear(2, 5), r"decoder must return the shape of its input.*got \(5"),
    ],
)
def test_networks_that_do_not_fit(encoder, decoder, message):
    model = ea.Autoencoder(encoder, decoder, ea.Entropic(2))
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        fit(X, model)
    assert "\n" not in str(caught.value)


class Bags(nn.EmbeddingBag):
    def forward(self, x):
        return super().forward(x.long())


def test_an_embedding_is_told_how_numbers_come():
    words = torch.randint(0, 9, (60, 6))
    with pytest.raises(ValueError, match=r"let its forward begin with x = x\.long"):
        fit(words, ea.Autoencoder(nn.EmbeddingBag(9, 2), nn.Linear(2, 6), ea.Entropic(2)))
    model = ea.Autoencoder(Bags(9, 2), nn.Linear(2, 6), ea.Entropic(2))
    fit(words, model)
    assert model.encode(words).shape == (60, 2)


def test_the_random_state_is_left_as_it_was():
    models = [own(), own(), own()]
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    noisy = OneByOne(lambda i: X[i] + torch.randn(D))
    sources = (X, DataLoader(PAIRS, 20, shuffle=True, collate_fn=as_pair), noisy)
    for model, data in zip(models, sources, strict=True):
        fit(data, model)
        assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.array_equal(np.random.get_state()[1], states[2])  # noqa: NPY002
