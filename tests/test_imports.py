"""The layout of the package: imports run one way, and nothing heavy comes unasked."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import entropae

SOURCE = Path(entropae.__file__).parent
# Each module and what it may import of the package.
ORDER = {
    "config": set(),
    "files": set(),
    "ranks": set(),
    "weights": set(),
    "neighbors": set(),
    "variables": {"config", "neighbors"},
    "reader": {"config", "data", "files", "variables"},
    "large": {"neighbors", "reader"},
    "entropy": {"large", "neighbors", "variables"},
    "information": {"config", "neighbors", "entropy", "variables"},
    "latent": {"ranks", "neighbors", "entropy"},
    "text": {"config", "files"},
    "networks": {"text"},
    "prior": {"neighbors"},
    "metrics": {"neighbors", "entropy"},
    "data": {"config", "files", "text"},
    "tabular": {"config", "data", "files", "reader"},
    "pictures": set(),
    "inception": set(),
    "features": {"config", "inception"},
    "diagnosis": {"entropy", "latent", "neighbors", "prior", "text"},
    "model": {
        *("config", "data", "diagnosis", "files", "latent"),
        *("networks", "prior", "ranks", "text", "weights"),
    },
    "language": {"data", "information", "latent", "model", "text"},
    "training": {"config", "data", "files", "latent", "model", "ranks", "weights"},
    "run": {
        *("config", "data", "diagnosis", "files", "language", "latent", "metrics"),
        *("model", "networks", "pictures", "ranks", "reader", "tabular", "text", "training"),
    },
    "evaluation": {
        *("config", "data", "features", "files", "metrics"),
        *("model", "neighbors", "pictures", "run", "tabular"),
    },
    "explorer": {"config", "data", "files", "model", "neighbors", "prior", "ranks", "run"},
    "report": {
        *("config", "data", "diagnosis", "evaluation", "files", "latent"),
        *("model", "neighbors", "pictures", "run", "tabular", "text"),
    },
    "cli": {
        *("config", "data", "entropy", "evaluation", "explorer", "features", "files"),
        *("information", "model", "pictures", "ranks", "report", "run", "tabular", "text"),
        *("reader", "variables"),
    },
}


def imported(module: str) -> set[str]:
    names: set[str] = set()
    files = [*SOURCE.glob(f"{module}.py"), *SOURCE.glob(f"{module}/*.py")]
    for node in [node for file in files for node in ast.walk(ast.parse(file.read_text()))]:
        if isinstance(node, ast.ImportFrom) and node.module == "entropae":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("entropae."):
            names.add(node.module.split(".")[1])
    return (names & ORDER.keys()) - {module}


def test_every_module_has_its_place():
    found = {path.stem for path in SOURCE.glob("*.py")} - {"__init__"}
    assert found | {path.parent.name for path in SOURCE.glob("*/__init__.py")} == ORDER.keys()


@pytest.mark.parametrize("module", ORDER)
def test_imports_run_one_way(module):
    assert imported(module) <= ORDER[module]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("torch", "lightning", "sklearn", "matplotlib", "scipy")
    code = f"import sys, entropae, entropae.cli; print([m for m in {heavy} if m in sys.modules])"
    assert run(code).strip() == "[]"


def test_the_estimator_needs_no_lightning():
    code = "import sys, entropae as ea; ea.knn_entropy([1.0, 2, 4], 1); "
    code += "print('lightning' in sys.modules)"
    assert run(code).strip() == "False"


def test_public_names_are_there():
    for name in entropae.__all__:
        assert getattr(entropae, name) is not None
    assert set(entropae.__all__) <= set(dir(entropae))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = entropae.nothing
