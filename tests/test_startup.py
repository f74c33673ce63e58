"""Commands load what they need, and not what training, reports or statistics need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"lightning", "torch._dynamo", "sympy", "sklearn", "matplotlib", "pandas", "jinja2"}
HEAVY |= {"scipy.stats", "scipy.interpolate", "scipy.ndimage"}
CODE = """
import sys
from entropae.cli import main
for out in {outs}:
    assert main(["sample", {run!r}, "--out", out]) == 0
print(sorted({heavy} & sys.modules.keys()))
"""


def test_sampling_loads_nothing_of_training(run, tmp_path):
    outs = [str(tmp_path / name) for name in ("sheet.png", "values.npy")]
    code = CODE.format(run=str(run), outs=outs, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
