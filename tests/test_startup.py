"""Commands load what they need, and not what training, reports or statistics need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from entropae.cli import main

HEAVY = {"lightning", "torch._dynamo", "sklearn", "scipy.stats", "matplotlib", "pandas", "jinja2"}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    main(["fit", "--data", "digits", "--out", str(folder), "--epochs", "1", "--no-report"])
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["sample", "{run}", "-n", "4", "--out", "{run}/s.png"],
        ["sample", "{run}", "--out", "{run}/s.npy"],
    ],
    ids=["picture", "array"],
)
def test_sampling_loads_nothing_of_training(digits, command):
    arguments = [part.format(run=digits) for part in command]
    code = f"import sys; from entropae.cli import main; main({arguments}); print(sorted({HEAVY} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
