"""Commands load what they need, and not what training, reports or statistics need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"lightning", "torch._dynamo", "sympy", "sklearn", "matplotlib", "pandas", "jinja2"}
HEAVY |= {"scipy.stats", "scipy.interpolate", "scipy.ndimage"}
CODE = """
import sys
from entropae.cli import main
main({arguments})
print(sorted({heavy} & sys.modules.keys()))
"""


@pytest.mark.parametrize("out", ["sheet.png", "values.npy"])
def test_sampling_loads_nothing_of_training(run, tmp_path, out):
    arguments = ["sample", str(run), "--out", str(tmp_path / out)]
    code = CODE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
