"""Commands load what they need, and not what training, reports or statistics need."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from entropae import cli

HEAVY = {"lightning", "torch._dynamo", "sympy", "sklearn", "matplotlib", "pandas", "jinja2"}
HEAVY |= {"scipy.stats", "scipy.interpolate", "scipy.ndimage"}
CODE = """
import sys
from entropae.cli import main
for out in {outs}:
    sys.argv = ["entropae", "sample", {run!r}, "--out", out]
    assert main() == 0
print(sorted({heavy} & sys.modules.keys()))
sys.argv = ["entropae", "diagnose", {run!r}]
assert main() == 0
print("lightning" in sys.modules)
"""


@pytest.mark.long
def test_sampling_and_diagnosing_load_nothing_of_training(run, tmp_path):
    outs = [str(tmp_path / name) for name in ("sheet.png", "values.npy")]
    code = CODE.format(run=str(run), outs=outs, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[len(outs)] == "[]"
    assert lines[-1] == "False"


def test_only_processes_of_the_command_keep_what_they_import_for_good(monkeypatch, tmp_path):
    loaded: list[str] = []
    monkeypatch.setattr(cli, "load", loaded.append)
    arguments = ["fit", "--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "run")]
    assert cli.main(arguments) == 1
    assert loaded == []
    for command in (arguments, ["entropy", "nothing.csv"], ["sample", "nothing"]):
        monkeypatch.setattr(sys, "argv", ["entropae", *command])
        assert cli.main() == 1
    assert loaded == ["entropae.training", "entropae.entropy", "entropae.model"]


def test_what_is_loaded_at_first_is_there():
    assert cli.COMMANDS.keys() >= cli.LARGE.keys()
    for name in cli.LARGE.values():
        assert find_spec(name)
