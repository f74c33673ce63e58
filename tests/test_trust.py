"""Files from strangers: they run no code, claim no memory, reach no other file, forge no output."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import resource
import shutil
import struct
import subprocess
import sys
import time
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from safetensors.torch import load_file, save_file

import entropae as ea
from entropae.cli import main, read_recipe_file
from entropae.kinds import read as load
from entropae.kinds.text.lines import read_lines
from entropae.latent import Entropic
from entropae.messages import printable
from entropae.nn import pair
from entropae.reader import read_table
from entropae.recipe import RECIPE
from entropae.runs import make, read_recipe
from entropae.runs.comparison import escaped
from entropae.training import CHECKPOINT
from entropae.training.checkpoints import last_good

SMALL = ["--epochs", "2", "--model.hidden", "[8]", "--model.latent.dim", "2", "--no-report"]


class Harm:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped before it was finished."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["fit", "--data", "digits", "--out", str(folder), *SMALL]) == 0
    (folder / "model.json").unlink()
    return folder


@pytest.fixture
def run(stopped, tmp_path):
    return Path(shutil.copytree(stopped, tmp_path / "run"))


@pytest.fixture
def model(tmp_path):
    """A model folder, and its description to change."""
    folder = tmp_path / "model"
    ea.Autoencoder(*pair("mlp", (6,), 2, 2, hidden=(4,)), Entropic(2, bank=8)).save(folder)
    return folder


def change(folder: Path, *keys: str, to: object) -> None:
    config = json.loads((folder / "model.json").read_text())
    part = config
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = to
    (folder / "model.json").write_text(json.dumps(config))


# Code


def test_a_harmful_checkpoint_is_not_unpickled(run, tmp_path, capsys):
    trace = tmp_path / "harmed"
    pickle.loads(pickle.dumps(Harm(trace)))
    assert trace.exists(), "the harm would work"
    trace.unlink()
    (run / "previous.ckpt").unlink()
    for harmful in (
        lambda path: torch.save({"state_dict": Harm(trace)}, path),
        lambda path: path.write_bytes(pickle.dumps(Harm(trace))),
        lambda path: torch.save(Harm(trace), path, _use_new_zipfile_serialization=False),
    ):
        harmful(run / CHECKPOINT)
        assert main(["fit", "--out", str(run), "--resume"]) == 1
        assert "last.ckpt is no whole checkpoint" in capsys.readouterr().err
        assert not trace.exists()


def test_a_harmful_model_folder_is_not_unpickled(model, tmp_path):
    trace = tmp_path / "harmed"
    for name in ("model.safetensors", "model.json"):
        kept = (model / name).read_bytes()
        (model / name).write_bytes(pickle.dumps(Harm(trace)))
        with pytest.raises(ValueError, match="cannot be loaded"):
            ea.load(model)
        (model / name).write_bytes(kept)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("latent", "name"), "os.system"),
        (("latent",), {"class_path": "os.system", "init_args": {"command": "true"}}),
        (("latent", "dim"), {"class_path": "subprocess.Popen"}),
        (("encoder", "name"), "torch.hub.load"),
        (("encoder", "name"), "custom"),
        (("encoder", "activation"), "os.system"),
        (("priors", "os.system"), {"name": "normal", "dim": 2}),
        (("priors", "normal", "name"), "builtins.eval"),
        (("prior",), "__class__"),
        (("encoder",), ["MLPEncoder"]),
        (("format",), "2"),
        (("priors",), [1]),
    ],
)
def test_model_folders_name_nothing_but_what_is_known(model, keys, value):
    change(model, *keys, to=value)
    with pytest.raises(ValueError, match="cannot be loaded"):
        ea.load(model)


EVIL = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()
def features(x): return x.flatten(1)
class Evil: pass
"""

RECIPES = {
    "a tag": "data: !!python/object/apply:os.system ['true']",
    "a module": "data: digits\nfeatures: evil:features",
    "a class": "model: {latent: {class_path: evil.Evil, name: entropic, dim: 2}}",
    "a network": "model: {network: 'evil:Evil'}",
    "an error": "error: evil.features",
    "another recipe": "recipe: other.yaml",
    "a folder": "out: /tmp/elsewhere",
    "a list": "- data",
    "no mapping": "model: evil.yaml",
    "a callback": "trainer: {callbacks: [{class_path: evil.Evil}]}",
    "an object": "model: {latent: {name: entropic, dim: {class_path: evil.Evil}}}",
}


@pytest.mark.parametrize("text", RECIPES.values(), ids=RECIPES)
def test_recipes_import_nothing(text, tmp_path, monkeypatch, capsys):
    (tmp_path / "evil.py").write_text(EVIL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    for path in (tmp_path / "recipe.yaml", folder / RECIPE):
        path.write_text(text)
    try:
        code = main(["fit", "--recipe", "recipe.yaml", "--out", "new"])
    except SystemExit as stop:
        code = stop.code
    assert code in (1, 2)
    assert main(["fit", "--out", str(folder), "--resume"]) == 1
    assert main(["evaluate", str(folder)]) == 1
    assert main(["compare", "recipe.yaml", "--out", "table"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert "evil" not in sys.modules
    assert not (tmp_path / "imported").exists()
    assert not (tmp_path / "new").exists()


# Memory


@pytest.fixture
def bounded():
    """A gigabyte more than the process has, and not a byte beyond."""
    pytest.importorskip("pyarrow")  # loaded before: its allocator reserves gigabytes at once
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def header(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    found = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        found, {"descr": kind, "fortran_order": False, "shape": shape}
    )
    return found.getvalue() + bytes(100)


TERA = (1 << 20, 1 << 20)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x-idx3-ubyte", "x-idx3-ubyte.gz"])
def test_samples_that_claim_a_terabyte(name, tmp_path, bounded):
    path = tmp_path / name
    idx = struct.pack(">HBB3I", 0, 8, 3, 1 << 20, 1 << 10, 1 << 10) + bytes(100)
    if name == "x.npz":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", header(TERA))
    else:
        content = {"x.npy": header(TERA), "x-idx3-ubyte": idx}
        path.write_bytes(content.get(name) or gzip.compress(idx))
    with pytest.raises(ValueError, match=name):
        load(path)


def test_arrays_that_claim_a_terabyte(tmp_path, bounded):
    (tmp_path / "x.npy").write_bytes(header(TERA, "<f8"))
    with pytest.raises(ValueError, match=r"x.npy cannot be read"):
        read_table(tmp_path / "x.npy")


def test_tables_that_promise_more_than_is_taken(tmp_path, monkeypatch):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"a": np.zeros(1 << 20)}), path, compression="ZSTD")
    assert read_table(path).numbers().values.shape == (1 << 20, 1)
    monkeypatch.setattr("entropae.reader.limits.UNPACKED", 8000)
    with pytest.raises(ValueError, match="unpack to 8388608 or more, and "):
        read_table(path)


def test_a_long_text_in_every_row_of_parquet(tmp_path, bounded):
    """Half a megabyte, which would unpack to 200 gigabytes."""
    import pyarrow as pa
    from pyarrow import parquet

    path, rows = tmp_path / "x.parquet", 200_000
    texts = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), pa.array(["x" * (1 << 20)]))
    table = pa.table({"a": np.arange(rows), "s": texts})
    parquet.write_table(table, path, store_schema=False, compression="ZSTD")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ValueError, match=r"x\.parquet cannot be read: its \d+ bytes unpack to"):
        read_table(path)
    numbers = read_table(path, ["a"]).numbers()
    assert numbers.values.shape == (rows, 1)


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_long_texts_of_parquet_in_any_encoding(tmp_path, monkeypatch, encoding):
    import pyarrow as pa
    from pyarrow import parquet

    path, table = tmp_path / "x.parquet", pa.table({"s": ["x" * 10_000] * 1000})
    options = {"use_dictionary": False, "column_encoding": {"s": encoding}}
    parquet.write_table(table, path, compression="ZSTD", **options)
    assert read_table(path).arrow.equals(table)
    monkeypatch.setattr("entropae.reader.limits.UNPACKED", 1_000_000)
    with pytest.raises(ValueError, match=r"x\.parquet cannot be read: its \d+ bytes unpack to"):
        read_table(path)


def test_texts_that_unpack_to_far_more_than_they_are(tmp_path, monkeypatch):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    assert len(read_table(path)) == 100_000
    monkeypatch.setattr("entropae.reader.limits.UNPACKED", 1000)
    with pytest.raises(ValueError, match="unpacks to more than"):
        read_table(path)
    lines = tmp_path / "x.txt.gz"
    lines.write_bytes(gzip.compress(b"a cat\n" * 100_000))
    assert len(read_lines(lines).sentences) == 100_000
    monkeypatch.setattr("entropae.kinds.text.lines.UNPACKED", 1000)
    with pytest.raises(ValueError, match="unpacks to more than"):
        read_lines(lines)


def test_tables_of_too_many_columns(tmp_path, bounded):
    (tmp_path / "x.csv").write_text("a" + ",a" * 1_000_000 + "\n")
    with pytest.raises(ValueError, match="1000001 columns, and 10000 is the limit"):
        read_table(tmp_path / "x.csv")
    np.save(tmp_path / "x.npy", np.zeros((1, 20_000)))
    with pytest.raises(ValueError, match="20000 columns"):
        read_table(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["x.npz", "x-idx3-ubyte.gz"])
def test_files_that_unpack_to_far_more_than_they_are(name, tmp_path, monkeypatch):
    """Not forged: what is promised is there."""
    zeros = np.zeros((100, 100, 100), np.uint8)
    if name == "x.npz":
        np.savez_compressed(tmp_path / name, zeros)
    else:
        idx = struct.pack(">HBB3I", 0, 8, 3, *zeros.shape) + zeros.tobytes()
        (tmp_path / name).write_bytes(gzip.compress(idx))
    assert len(load(tmp_path / name)) == 100
    monkeypatch.setattr("entropae.storage.arrays.UNPACKED", 10_000)
    with pytest.raises(ValueError, match="unpack to 1000000; more than 10000 are taken only if"):
        load(tmp_path / name)
    monkeypatch.setattr("entropae.storage.arrays.RATIO", 10_000)
    assert len(load(tmp_path / name)) == 100


def test_what_is_really_there_may_be_unpacked(tmp_path):
    """Blank images shrink a thousandfold; below a gigabyte that is no matter."""
    np.savez_compressed(tmp_path / "x.npz", images=np.zeros((4000, 28, 28), np.uint8))
    assert (tmp_path / "x.npz").stat().st_size < 4000 * 28 * 28 / 500
    assert len(load(tmp_path / "x.npz")) == 4000


def png(width: int, height: int, rows: int | None = None) -> bytes:
    """A PNG of blank rows, all that it claims or only some."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    packed = zlib.compressobj()
    blank = [packed.compress(bytes(1 + width)) for _ in range(height if rows is None else rows)]
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (
        chunk(b"IHDR", head),
        chunk(b"IDAT", b"".join(blank) + packed.flush()),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_image_bombs_are_left_out(tmp_path, bounded):
    for i in range(3):
        Image.new("L", (9, 9), i).save(tmp_path / f"{i}.png")
    (tmp_path / "bomb.png").write_bytes(png(30_000, 20_000, 100))
    with pytest.warns(UserWarning, match=r"1 of 4 images left out.*bomb.png.*exceeds limit of"):
        samples = load(tmp_path, size=8)
    assert len(samples) == 3


def test_large_images_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    """Also where that is done to find out how they lie."""
    active, most = [], []

    def slowly(function, patience):
        """It waits for company, which on a busy machine may take its time to come."""

        def slow(one):
            active.append(id(one))
            most.append(len(active))
            end = time.monotonic() + patience
            while max(most) == 1 and time.monotonic() < end:
                time.sleep(0.005)
            active.remove(id(one))
            return function(one)

        return slow

    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(png(20, 20))
    for place, function in {
        "entropae.kinds.images.files._open": Image.open,
        "PIL.PngImagePlugin.PngImageFile.getexif": PngImageFile.getexif,
    }.items():
        with monkeypatch.context() as patch:
            most.clear()
            patch.setattr(place, slowly(function, 30))
            load(tmp_path, size=8)
            assert max(most) > 1
            patch.setattr(place, slowly(function, 0.02))
            patch.setattr("entropae.kinds.images.files.LARGE", 100)
            most.clear()
            load(tmp_path, size=8)
            assert max(most) == 1


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("encoder", "hidden"), [1_000_000, 1_000_000]),
        (("decoder", "shape"), [1 << 40]),
        (("encoder", "hidden"), [1 << 70]),
        (("latent", "dim"), 1 << 40),
        (("latent", "bank"), 1 << 40),
        (("priors", "mixture"), {"name": "mixture", "dim": 2, "components": 1 << 40}),
        (("priors", "full"), {"name": "full", "dim": 1 << 20}),
        (
            ("priors", "flow"),
            {"name": "flow", "dim": 2, "transforms": 1 << 30, "hidden": [1 << 10], "steps": 1},
        ),
        (("padding",), "x" * (1 << 21)),
        (("encoder", "hidden"), [8] * 1000),
    ],
)
def test_models_that_claim_terabytes(model, keys, value, bounded):
    change(model, *keys, to=value)
    with pytest.raises(ValueError, match="cannot be loaded"):
        ea.load(model)


def test_weights_that_claim_a_terabyte(model, bounded):
    content = (model / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + length])
    name = next(key for key in head if key != "__metadata__")
    head[name] |= {"shape": [1 << 38], "data_offsets": [0, 1 << 40]}
    text = json.dumps(head).encode()
    for forged in (struct.pack("<Q", len(text)) + text + bytes(64), struct.pack("<Q", 1 << 40)):
        (model / "model.safetensors").write_bytes(forged + bytes(64))
        with pytest.raises(ValueError, match="cannot be loaded"):
            ea.load(model)


def test_recipes_that_grow_when_read(tmp_path, bounded):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    path = tmp_path / "recipe.yaml"
    for text, reason in (
        ("\n".join(lines), "has an alias"),
        ("data: " + "[" * 1000, "levels deep"),
        ("data: x" + "x" * (1 << 17), "at most 16384 bytes"),
        ("seed: " + "9" * 10_000, "no recipe"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=reason):
            read_recipe_file(path)


# Paths


@pytest.mark.parametrize(
    "name", ["curves.png", "log.csv", CHECKPOINT, "metrics.json", "tensorboard"]
)
def test_links_out_of_a_run_folder_are_not_followed(run, tmp_path, name, capsys):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    if (run / name).is_dir():
        shutil.rmtree(run / name)
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(mine)
    assert main(["fit", "--out", str(run), "--resume"]) == 1
    assert f"has links in it, through which files elsewhere would be overwritten: {run / name}" in (
        capsys.readouterr().err
    )
    assert mine.read_text() == "mine"


def test_a_checkpoint_removes_no_file(run, tmp_path):
    """Lightning's own callback removes what a checkpoint calls the last one, below its folder."""
    from entropae.training.checkpoints import read, write

    mine = tmp_path / "mine"
    mine.write_text("mine")
    state = read(run / CHECKPOINT)
    state["callbacks"]["ModelCheckpoint{}"] = {
        "dirpath": str(run),
        "best_model_path": str(run / ".." / "mine"),
    }
    write(state, run / CHECKPOINT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make(read_recipe(run), run, resume=True)
    assert mine.read_text() == "mine"


# Strings


@given(st.text())
def test_printable_steers_no_terminal(text):
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_names_of_files_do_not_reach_the_terminal_as_they_are(tmp_path, capfd):
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(60):
        Image.new("L", (9, 9), i).save(folder / f"{i}.png")
    name = "\x1b]0;owned\x07\nDone\u202e.png"
    (folder / name).write_bytes(b"junk")
    with pytest.warns(UserWarning, match="left out") as caught:
        main(["fit", "--data", str(folder), "--out", str(tmp_path / "run"), *SMALL])
    assert main(["fit", "--data", str(folder), "--strict", "true", "--out", "x"]) == 1
    assert main(["fit", "--data", str(folder / name), "--out", "x"]) == 1
    found = capfd.readouterr()
    metrics = (tmp_path / "run" / "metrics.json").read_text()
    for shown in (found.out, found.err, metrics, *(str(one.message) for one in caught)):
        assert not set(shown) & {"\x1b", "\x07", "\u202e"}
        assert "\nDone\u202e" not in shown


def test_names_of_columns_do_not_reach_the_terminal_as_they_are(tmp_path, capsys):
    rows = "\n".join(f"{i * 0.37 % 1},x" for i in range(50))
    (tmp_path / "x.csv").write_text("\x1b[2Ja,\x1b[2Jb\n" + rows + "\n")
    assert main(["entropy", str(tmp_path / "x.csv")]) == 0
    assert main(["entropy", str(tmp_path / "x.csv"), "--columns", "\x1b[2Jb"]) == 1
    found = capsys.readouterr()
    assert "\x1b" not in found.out + found.err
    assert r"\x1b[2Ja" in found.out


@settings(max_examples=50)
@given(st.text(min_size=1))
def test_names_stay_in_their_cell_of_a_table(name):
    import re

    cell = escaped(name)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)(\\\\)*[|<>`]", cell)


def test_names_are_not_taken_for_mathematics(tmp_path):
    from entropae.drawing.pictures import save_panels

    save_panels({r"a$\input{x}$ b$^": torch.rand(4, 1, 8, 8)}, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_whole_run_from_elsewhere_still_works(run):
    """None of this is in the way of what is honest."""
    assert last_good(run) == run / CHECKPOINT
    assert main(["fit", "--out", str(run), "--resume"]) == 0
    weights = load_file(run / "model.safetensors")
    save_file(weights, run / "model.safetensors")
    assert ea.load(run).sample(3, seed=0).shape == (3, 1, 8, 8)
    assert yaml.safe_load((run / RECIPE).read_text())["data"] == "digits"


# What takes time


def test_lines_of_text_that_are_too_long_are_not_looked_at(tmp_path):
    """A line of so many marks on one letter takes minutes to normalize."""
    marks = "a" + 200_000 * "\u0301\u0316"
    (tmp_path / "x.txt").write_text(f"a cat sat\n{marks}\n\nthe mat\na hat\n", "utf-8")
    began = time.process_time()
    lines = read_lines(tmp_path / "x.txt")
    assert (lines.sentences, lines.empty, lines.overlong) == (
        ["a cat sat", "the mat", "a hat"],
        1,
        1,
    )
    with pytest.warns(UserWarning, match="3 of 5 lines kept: 1 empty lines, 1 overlong lines"):
        load(tmp_path / "x.txt", tokenizer="word")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("end", ["1 2", "'1' 2", "'1' '2'"])
def test_long_runs_of_spaces_are_read_once(end, tmp_path):
    (tmp_path / "x.csv").write_text("a b\n1 2\n" + 200_000 * " " + end + "\n3 4\n")
    began = time.process_time()
    assert read_table(tmp_path / "x.csv").numbers().values.tolist() == [[1, 2], [1, 2], [3, 4]]
    assert time.process_time() - began < 5


@pytest.mark.parametrize("cell", ["x" * 200_000, '"' + "y,z" * 100_000 + '"'])
def test_a_cell_without_end_is_of_a_named_file(cell, tmp_path):
    (tmp_path / "x.csv").write_text(f"a,b\n1,2\n3,{cell}\n")
    with pytest.raises(ValueError, match=r"x\.csv cannot be read: line 3: field larger"):
        read_table(tmp_path / "x.csv")


FLIPPED = """
import sys
from pathlib import Path
from entropae.reader.parquet import read_parquet
path = Path(sys.argv[1])
whole = path.read_bytes()
size = int.from_bytes(whole[-8:-4], "little")
for at in range(len(whole) - 8 - size, len(whole)):
    content = bytearray(whole)
    content[at] ^= 1
    path.write_bytes(content)
    try:
        read_parquet(path)
    except ValueError as error:
        assert str(path) in str(error), error
print("read")
"""


@pytest.mark.long
def test_no_bit_of_a_footer_ends_the_process(tmp_path):
    """Arrow itself does, where one of them makes its numbers contradict each other."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"a": [1.5, 2.5, None], "s": ["x", "y", None]}
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet", store_schema=False)
    command = [sys.executable, "-c", FLIPPED, str(tmp_path / "x.parquet")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"version": "1.0", "row_group_size": 7, "compression": "ZSTD"},
        {"column_encoding": {"é": "DELTA_BYTE_ARRAY"}, "use_dictionary": False},
        {"write_page_index": True, "write_page_checksum": True},
    ],
    ids=str,
)
def test_a_footer_says_what_arrow_finds_in_it(options, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    from entropae.reader.footer import groups_of

    inner = {"l": [[1, 2, 3]] * 50, "s": [{"a": 1, "b": {"c": [1.0]}}] * 50}
    table = pa.table(inner | {"x": np.arange(50.0) * 1.7, "é": ["y"] * 50})
    parquet.write_table(table, tmp_path / "x.parquet", **options)
    found = parquet.read_metadata(tmp_path / "x.parquet")
    groups = groups_of(tmp_path / "x.parquet")
    assert len(groups) == found.num_row_groups
    for i, group in enumerate(groups):
        expected = found.row_group(i)
        assert group.rows == expected.num_rows
        assert len(group.parts) == expected.num_columns
        for j, part in enumerate(group.parts):
            one = expected.column(j)
            assert part.column == one.path_in_schema
            assert part.plain == ("DELTA_BYTE_ARRAY" not in one.encodings)
            assert (part.values, part.unpacked) == (one.num_values, one.total_uncompressed_size)
