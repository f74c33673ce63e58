"""Models in other programs: ONNX files, and the explorer in one file that needs no server."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from importlib.resources import files

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from entropae.cli import main
from entropae.explorer import Space
from entropae.explorer.export import to_onnx
from entropae.kinds import read as load_samples
from entropae.latent import (
    Balanced,
    Entropic,
    Latent,
    Matching,
    Plain,
    Regularized,
    Spherical,
    Variational,
)
from entropae.model import Autoencoder, load, start_from_pca
from entropae.nn import pair
from entropae.runs import Run
from latents import built_in

from browser import chromium, requested
from explorer_page import (
    Page,
    looked_at,
    map_by_pointer,
    neighbours,
    priors,
    reached_by_keys,
    sliders,
    use_every_control,
)

SMALL = ["--epochs", "3", "--model.hidden", "[32]", "--model.latent.dim", "5", "--no-report"]
FASTEST = [Entropic(4), Regularized(4, decoder="spectral"), Spherical(4)]
REST = [
    Plain(4),
    Plain(4, standardize=True),
    Entropic(4, k=3, bank=50, correction="none"),
    Regularized(4),
    Variational(4),
    Variational(4, batch_norm=0.7),
    Balanced(4),
    Matching(4),
    Matching(4, distance="cramer_wold", standardize=True),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, exported."""
    folder = tmp_path_factory.mktemp("runs") / "<!--<script>digits"
    assert main(["fit", "--data", "digits", "--out", str(folder), *SMALL]) == 0
    assert main(["export", str(folder), "-n", "300"]) == 0
    return folder


def outputs(content: bytes, x: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return np.asarray(session.run(None, {given.name: x.numpy()})[0])


def check(model: Autoencoder, x: torch.Tensor) -> None:
    """Its ONNX files compute what it does, on batches of other sizes too; it stays as it was."""
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    encoder, decoder = to_onnx(model, x[:3])
    assert model.training
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for some in (x[:1], x):
        codes = model.encode(some)
        np.testing.assert_allclose(outputs(encoder, some), codes, atol=1e-4)
        np.testing.assert_allclose(outputs(decoder, codes), model.decode(codes), atol=1e-4)
    drawn = outputs(decoder, model.priors["normal"].sample(5, generator=torch.manual_seed(1)))
    np.testing.assert_allclose(drawn, model.sample(5, seed=1), atol=1e-4)


def trained(latent: Latent, shape: tuple[int, ...] = (1, 8, 8)) -> tuple[Autoencoder, torch.Tensor]:
    """A model whose running statistics are not those it was made with, and samples."""
    x = 3 + 2 * torch.rand(17, *shape)
    model = Autoencoder(*pair("auto", shape, latent.in_features, latent.dim, hidden=(16,)), latent)
    for _ in range(5):
        model.train()(x)
    return model, x


class TestOnnx:
    @pytest.mark.parametrize("latent", FASTEST, ids=repr)
    def test_latents(self, latent):
        check(*trained(latent))

    @pytest.mark.slow
    @pytest.mark.parametrize("latent", REST, ids=repr)
    def test_the_other_latents(self, latent):
        assert {type(one) for one in FASTEST + REST} == set(built_in().values())
        check(*trained(latent))

    def test_convolutions(self):
        check(*trained(Entropic(4), (3, 33, 36)))

    def test_residual_networks(self):
        x = torch.rand(17, 3, 17, 20)
        options = {"width": 2, "hidden": (8,), "output": "clip", "linear": True}
        model = Autoencoder(*pair("residual", (3, 17, 20), 4, 4, **options), Entropic(4))
        start_from_pca(model, x)
        for last in (model.encoder.layers[-1], model.decoder.layers[-1]):
            torch.nn.init.normal_(last.weight, std=0.1)
        model.calibrate([x])
        check(model, x)

    def test_files(self, run):
        model = load(run)
        x = Run.open(run).space(20).samples.first(20)
        encoder, decoder = (
            (run / "export" / f"{n}.onnx").read_bytes() for n in ("encoder", "decoder")
        )
        np.testing.assert_allclose(outputs(encoder, x), model.encode(x), atol=1e-4)
        np.testing.assert_allclose(
            outputs(decoder, model.encode(x)), model.reconstruct(x), atol=1e-4
        )
        for content, names in ((encoder, ("x", "z")), (decoder, ("z", "x"))):
            proto = onnx.load_from_string(content)
            onnx.checker.check_model(proto, full_check=True)
            assert proto.opset_import[0].version == 18
            assert (proto.graph.input[0].name, proto.graph.output[0].name) == names
            assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param
            about = {one.key: one.value for one in proto.metadata_props}
            assert about["latent"] == "Entropic"
            assert b".py" not in content, "the maker's paths are nobody's business"

    def test_a_network_onnx_has_no_words_for(self):
        class Branches(nn.Module):
            def forward(self, x):
                return x.flatten(1)[:, :4] * (2 if x.mean() > 0 else 3)

        model = Autoencoder(Branches(), nn.Linear(4, 6), Plain(4))
        with pytest.raises(ValueError, match=r"as ONNX: [^\x1b]*data-dependent"):
            to_onnx(model, torch.rand(4, 6))

    def test_one_sample_is_no_batch(self):
        model = Autoencoder(nn.Linear(6, 4), nn.Linear(4, 6), Plain(4))
        with pytest.raises(ValueError, match="at least 2 samples"):
            to_onnx(model, torch.rand(1, 6))

    def test_a_network_that_is_not_a_function(self):
        class Noisy(nn.Module):
            def forward(self, z):
                return torch.cat([z, z[:, :2]], 1) + torch.rand_like(z[:, :1])

        model = Autoencoder(nn.Linear(6, 4), Noisy(), Plain(4))
        with pytest.raises(ValueError, match="decoder computes something else"):
            to_onnx(model, torch.rand(4, 6))


class TestPage:
    @pytest.mark.long
    def test_every_control_without_a_network(self, run, tmp_path):
        space = Run.open(run).space(300)
        with chromium() as driver:
            driver.execute_cdp_cmd("Network.enable", {})
            off = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
            driver.execute_cdp_cmd("Network.emulateNetworkConditions", off)
            page = Page(driver, (run / "export" / "explorer.html").as_uri(), space)
            assert page["title"].text == "Latent space of <!--<script>digits"
            use_every_control(page, tmp_path)
            reached_by_keys(page)
            looked_at(page, tmp_path)
            page.quiet()
            assert requested(driver) == [driver.current_url]

    @pytest.mark.long
    def test_samples_that_are_no_images(self, tmp_path):
        """Signals are drawn as lines, and no image is asked for."""
        from entropae.explorer.export import export

        model, x = trained(Entropic(3), (12,))
        space = Space(model, load_samples(x), title="signals")
        *_, path = export(space, tmp_path / "out")
        with chromium() as driver:
            page = Page(driver, path.as_uri(), space)
            assert not page["upload-section"].is_displayed()
            for use in (sliders, map_by_pointer, neighbours, priors):
                use(page)
            looked_at(page, tmp_path)
            page.quiet()

    def test_nothing_in_it_comes_from_elsewhere(self, run):
        text = (run / "export" / "explorer.html").read_text()
        page = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.DOTALL)
        assert not re.search(r"https?:|<link rel=\"stylesheet|<script src|\son\w+=|<!--", page)
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
        assert policy
        assert "unsafe-inline" not in policy[1]
        assert "connect-src" not in policy[1]
        for script in re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy[1]

    def test_what_is_in_it(self, run):
        text = (run / "export" / "explorer.html").read_text()
        found = re.search(r'<script type="application/json" id="embedded">(.*?)</script>', text)
        assert found
        data = json.loads(found[1])
        for name in ("encoder", "decoder"):
            content = (run / "export" / f"{name}.onnx").read_bytes()
            assert base64.b64decode(data[name]) == content
        space = Run.open(run).space(300)
        codes = np.frombuffer(base64.b64decode(data["space"]["codes"]), "<f4").reshape(300, 5)
        np.testing.assert_array_equal(codes, space.codes)
        for name in ("normal", "full", "mixture"):
            drawn = np.frombuffer(base64.b64decode(data["drawn"][name]), "<f4").reshape(-1, 5)
            np.testing.assert_array_equal(drawn, space.draw(name, len(drawn), seed=0))


def test_the_runtime_is_as_published():
    """The checksums in its README are those of the files."""
    import gzip

    folder = files("entropae.explorer") / "onnxruntime"
    told = re.findall(r"[0-9a-f]{64}", (folder / "README.md").read_text())
    contents = [
        (folder / "ort.wasm.bundle.min.mjs").read_bytes(),
        gzip.decompress((folder / "ort-wasm-simd-threaded.wasm.gz").read_bytes()),
    ]
    assert [hashlib.sha256(content).hexdigest() for content in contents] == told


REPORTING = """
import sys
from onnx import TensorProto, helper
from entropae.explorer.export import session_of
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session_of(model.SerializeToString())
"""


def test_the_runtime_reports_nothing_to_its_makers(tmp_path):
    """It keeps nothing for that either: no number of this machine, no queue of events."""
    own = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    passed = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", REPORTING], check=True, env=passed | own)
    kept = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert not kept


def test_without_its_packages(run, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert main(["export", str(run)]) == 1
    assert 'pip install "entropae[onnx]"' in capsys.readouterr().err
