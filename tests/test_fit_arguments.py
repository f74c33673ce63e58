"""What `fit` is given in Python: numbers of numpy, frozen parts, callbacks, errors of one's own."""

import math
import re
import warnings

import lightning
import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import entropae as ea
from entropae.training import NonFiniteError, Training

X = torch.randn(300, 12, generator=torch.Generator().manual_seed(0))
QUICK = {"epochs": 2, "progress": False}


def model(encoder=None, decoder=None, latent=None):
    torch.manual_seed(0)
    encoder, decoder = encoder or nn.Linear(12, 3), decoder or nn.Linear(3, 12)
    return ea.Autoencoder(encoder, decoder, latent or ea.Entropic(3))


def untimed(log):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in log]


@pytest.mark.parametrize(
    "given",
    [
        {"epochs": np.int64(2)},
        {"seed": np.int64(0)},
        {"batch_size": np.int32(64)},
        {"validation": np.float32(0.1)},
    ],
)
def test_numbers_may_be_numpys(given):
    plain = {name: value.item() for name, value in given.items()}
    logs = [untimed(ea.fit(model(), X, **QUICK | options)) for options in (given, plain)]
    if "validation" not in given:  # whose single precision may be another share
        assert logs[0] == logs[1]
    assert len(logs[0]) == 2


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ({"seed": 2**70}, "below 2"),
        ({"epochs": 0}, "of at least 1"),
        ({"batch_size": 2.5}, "of at"),
    ],
)
def test_numbers_out_of_range_are_named(given, end):
    (name,) = given
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number {end}"):
        ea.fit(model(), X, **QUICK | given)


def test_a_typing_error_in_keep_is_told():
    with pytest.raises(ValueError, match="Did you mean 'best'"):
        ea.fit(model(), X, **QUICK | {"keep": "bset"})


@pytest.mark.parametrize("where", ["dirpath", "folder"])
def test_lightnings_checkpoints_make_their_folder(where, tmp_path):
    folder = tmp_path / "new" / "one"
    options = {"folder": folder} if where == "folder" else {}
    callback = ModelCheckpoint(folder / "checkpoints" if where == "dirpath" else None)
    ea.fit(model(), X, callbacks=callback, **QUICK, **options)
    assert list(folder.rglob("epoch=*.ckpt"))


def frozen_encoder():
    encoder = nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    for _ in range(50):
        encoder(3 * X + 2)
    return encoder.requires_grad_(requires_grad=False)


def test_a_frozen_encoder_stays_as_it_is():
    encoder = frozen_encoder().eval()
    before = encoder(X)
    one = model(encoder, latent=ea.Plain(3))
    ea.fit(one, X, **QUICK)
    assert torch.equal(encoder(X), before)
    one.calibrate(X)
    assert torch.equal(encoder(X), before)


def test_running_statistics_of_frozen_weights_are_taken_in_training_mode():
    encoder = frozen_encoder()
    encoder.train()
    ea.fit(model(encoder, latent=ea.Plain(3)), X, validation=0, **QUICK)
    torch.testing.assert_close(encoder[1].running_mean, encoder[0](X).mean(0), atol=0.05, rtol=0)


class Takes(nn.Module):
    """A network that takes something off its input."""

    def forward(self, x):
        x -= 1
        return x


@pytest.mark.parametrize("way", ["encode", "fit"])
def test_layers_in_place_leave_samples_as_they_are(way):
    results = []
    for inplace in (True, False):
        x = X.clone()
        torch.manual_seed(0)
        one = model(nn.Sequential(nn.ReLU(inplace=inplace), nn.Linear(12, 3)))
        results.append(one.encode(x) if way == "encode" else untimed(ea.fit(one, x, **QUICK)))
        assert torch.equal(x, X)
    if way == "encode":
        assert torch.equal(*results)
    else:
        assert results[0] == results[1]


def test_a_network_that_changes_its_input_is_told_how_not_to():
    one = model(nn.Sequential(Takes(), nn.Linear(12, 3)))
    with pytest.raises(ValueError, match=r"begin with x = x\.clone\(\)\.") as caught:
        ea.fit(one, X.clone(), **QUICK)
    (line,) = re.findall(r"x = x\.clone\(\)", str(caught.value))

    class Clones(Takes):
        def forward(self, x):
            names = {"x": x}
            exec(line, names)
            return super().forward(names["x"])

    x = X.clone()
    ea.fit(model(nn.Sequential(Clones(), nn.Linear(12, 3))), x, **QUICK)
    assert torch.equal(x, X)


def test_a_trainer_of_ones_own_leaves_evaluation_mode():
    one = model(nn.Sequential(nn.Linear(12, 3), nn.Dropout(0.5)))
    options = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", **options)
    with warnings.catch_warnings(action="ignore"):  # Lightning's, of workers and validation
        trainer.fit(Training(one), DataLoader(TensorDataset(X), 64))
    assert not any(part.training for part in one.modules())


@pytest.mark.parametrize("prior", ["normal", "full"])
def test_samples_do_not_depend_on_torchs_defaults(prior):
    one = model()
    ea.fit(one, X, **QUICK)
    one.fit_prior(X, "full")
    wanted = one.sample(3, seed=0, prior=prior)
    torch.set_default_dtype(torch.float64)
    try:
        other = one.sample(3, seed=0, prior=prior)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(other, wanted)
    with torch.device("meta"):
        assert torch.equal(one.sample(3, seed=0, prior=prior), wanted)


def test_a_negative_error_is_told():
    def cosine(again, x):
        return -nn.functional.cosine_similarity(again, x)

    with pytest.raises(NonFiniteError, match="the reconstruction error is negative") as caught:
        ea.fit(model(), X, error=cosine, **QUICK)
    assert "learning rate" not in str(caught.value)
    assert "nll(code, x)" in str(caught.value)


@pytest.mark.parametrize("error", ["mse", lambda again, x: 1.0, lambda again, x: (again, x)])
def test_errors_of_other_types_are_told(error):
    with pytest.raises(TypeError, match=r"error.* must be a (function|tensor)"):
        ea.fit(model(), X, error=error, **QUICK)


def test_lazy_batch_normalisation():
    encoder = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.Linear(8, 3))
    one = model(encoder)
    ea.fit(one, X, **QUICK)
    assert torch.isfinite(one.sample(2, seed=0)).all()


def test_fit_inside_inference_mode():
    one, other = model(), model()
    with torch.inference_mode():
        log = ea.fit(one, X, **QUICK)
    assert untimed(log) == untimed(ea.fit(other, X, **QUICK))


FEW = {
    "array": lambda x: x.numpy(),
    "list": list,
    "loader": lambda x: DataLoader(x, 2),
    "generator": iter,
}


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("form", FEW)
def test_a_model_that_fit_did_not_train_encodes_few(form, n):
    one = model(latent=ea.Plain(3))
    one.fit_head(X, "full")
    few = FEW[form](X[:n])
    torch.testing.assert_close(one.encode(few), one.encode(X[:n]))


CODES = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    "code",
    [
        CODES[::-1].copy()[::-1],
        CODES.astype(">f4"),
        pd.DataFrame(CODES),
        CODES.tolist(),
        list(CODES),
    ],
)
def test_codes_may_be_of_any_array(code):
    one = model(latent=ea.Plain(3)).eval()
    torch.testing.assert_close(one.decode(code), one.decode(torch.from_numpy(CODES)))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, x: m.sample(5, batch_size=0), "`batch_size` must be a whole number"),
        (lambda m, x: m.encode(x, batch_size=-1), "`batch_size` must be a whole number"),
        (lambda m, x: m.reconstruct(x, batch_size=2.5), "`batch_size` must be a whole number"),
        (lambda m, x: m.sample(2, seed=1 << 64), "`seed` must be .* below 2\\^63"),
        (lambda m, x: ea.fit(m, x, epochs=1, seed=1 << 63), "`seed` must be .* below 2\\^63"),
    ],
)
def test_numbers_out_of_range_are_told(call, said):
    model = ea.Autoencoder(ea.nn.MLPEncoder((4,), 2), ea.nn.MLPDecoder((4,), 2), ea.Plain(2))
    with pytest.raises(ValueError, match=said):
        call(model, torch.rand(20, 4))


def test_a_class_of_callbacks_is_told_to_be_called():
    model = ea.Autoencoder(ea.nn.MLPEncoder((4,), 2), ea.nn.MLPDecoder((4,), 2), ea.Plain(2))
    for given in (ModelCheckpoint, [ModelCheckpoint]):
        with pytest.raises(TypeError, match="Call the class"):
            ea.fit(model, torch.rand(50, 4), epochs=1, callbacks=given, progress=False)


def test_labels_may_be_a_column_of_a_tensor_dataset():
    x, y = torch.rand(60, 4), torch.randint(0, 3, (60, 1))
    samples = ea.kinds.read(TensorDataset(x, y))
    assert np.array_equal(samples.labels, y[:, 0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_model_is_read_in_the_type_that_it_was_saved_in(dtype, tmp_path):
    model = ea.Autoencoder(ea.nn.MLPEncoder((4,), 2), ea.nn.MLPDecoder((4,), 2), ea.Plain(2))
    x = torch.rand(20, 4)
    model.to(dtype).save(tmp_path)
    again = ea.load(tmp_path)
    assert {p.dtype for p in again.parameters()} == {dtype}
    assert torch.equal(again.encode(x), model.eval().encode(x))


def test_numbers_of_numpy_and_below_the_smallest_are_taken():
    x = np.random.default_rng(0).normal(size=(200, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ea.knn_entropy(x, np.array(4)) == ea.knn_entropy(x, 4)
        found = ea.knn_renyi_entropy(x, np.float32(2))
        assert found == ea.knn_renyi_entropy(x, 2.0)
        # The entropy of a x is that of x and log |a| for each column.
        shift = 2 * math.log(1e-310)
        assert ea.knn_entropy(x * 1e-310) == pytest.approx(ea.knn_entropy(x) + shift, abs=1e-3)
