"""The layout of the package: imports run one way, and nothing heavy comes unasked."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import entropae
from entropae.kinds import KINDS

SOURCE = Path(entropae.__file__).parent
LONGEST = 400  # lines of a module
# Each room and what it may import of the package, TYPE_CHECKING aside. The package itself, by its
# version and its lazy names, may be imported by what stands above the library.
ORDER: dict[str, set[str]] = {
    "": set(),
    "messages": set(),
    "signals": set(),
    "imports": set(),
    "notebook": {"messages"},
    "storage": {"messages"},
    "distributed": set(),
    "registry": {"messages"},
    "recipe": {"messages", "storage"},
    "neighbors": set(),
    "variables": {"messages", "neighbors"},
    "reader": {"messages", "storage", "variables"},
    "out_of_core": {"neighbors", "reader"},
    "entropy": {"notebook", "neighbors", "out_of_core", "variables"},
    "information": {"notebook", "entropy", "messages", "neighbors", "variables"},
    "metrics": {"entropy", "messages", "neighbors", "variables"},
    "nn": {"distributed"},
    "latent": {"distributed", "entropy", "messages", "neighbors", "nn", "registry"},
    "prior": {"messages", "neighbors", "registry"},
    "features": {"messages"},
    "diagnosis": {"notebook", "entropy", "latent", "metrics", "neighbors", "nn", "prior"},
    "drawing": {"diagnosis", "notebook", "storage"},
    "kinds": {
        *("diagnosis", "distributed", "drawing", "features", "information", "latent", "messages"),
        *("metrics", "neighbors", "nn", "notebook", "prior", "reader", "recipe", "registry"),
        *("storage", "variables"),
    },
    "model": {
        *("diagnosis", "distributed", "features", "kinds", "latent", "messages", "metrics", "nn"),
        "notebook",
        *("prior", "registry", "storage"),
    },
    "training": {
        *("distributed", "drawing", "kinds", "messages", "model", "nn", "notebook", "prior"),
        *("recipe", "signals", "storage"),
    },
    "explorer": {
        *(
            "distributed",
            "drawing",
            "kinds",
            "messages",
            "metrics",
            "model",
            "neighbors",
            "nn",
            "prior",
            "storage",
        ),
    },
    "report": {
        *("", "diagnosis", "drawing", "kinds", "latent", "messages", "metrics", "model", "prior"),
        *("recipe", "storage"),
    },
    "runs": {
        *("", "diagnosis", "distributed", "drawing", "explorer", "features", "kinds", "latent"),
        *(
            "messages",
            "metrics",
            "model",
            "nn",
            "notebook",
            "prior",
            "recipe",
            "registry",
            "report",
        ),
        *("imports", "signals", "storage", "training"),
    },
    "sklearn": {
        *("entropy", "information", "latent", "messages", "model", "neighbors", "nn", "prior"),
        *("training", "variables"),
    },
    "cli": {
        *("", "distributed", "entropy", "explorer", "imports", "information", "kinds", "messages"),
        *("prior", "reader", "recipe", "runs", "signals", "storage", "variables"),
    },
    "__main__": {"cli"},
}
Graph = Mapping[str, set[str]]


def module(path: Path) -> str:
    """A file's name as a module of the package: `kinds.images` for kinds/images/__init__.py."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


FILES = {module(path): path for path in sorted(SOURCE.rglob("*.py"))}


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in a syntax tree that is run, in functions too: not what is for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from at_run_time(other)
        else:
            yield child
            yield from at_run_time(child)


def imports(source: str) -> set[str]:
    """The modules of the package that a source imports.

    `from entropae.kinds import read` imports `kinds`; `from entropae.drawing import pictures`,
    where that is a file, `drawing.pictures`.
    """
    found: set[str] = set()
    for node in at_run_time(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            home = f"{node.module}"
            inner = [f"{home}.{alias.name}" for alias in node.names]
            found |= {one if one.removeprefix("entropae.") in FILES else home for one in inner}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    own = {name for name in found if name.partition(".")[0] == "entropae"}
    return {name.removeprefix("entropae").lstrip(".") for name in own}


@cache
def files() -> Graph:
    """Which file imports which."""
    return {name: imports(path.read_text()) - {name} for name, path in FILES.items()}


def room(name: str) -> str:
    return name.partition(".")[0]


def rooms() -> Graph:
    """Which room imports which."""
    found: dict[str, set[str]] = {}
    for name, others in files().items():
        found.setdefault(room(name), set()).update(map(room, others))
    return {name: others - {name} for name, others in found.items()}


def circle(graph: Graph) -> list[str]:
    """A circle in a graph, if there is one."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_imports_are_seen_wherever_they_are():
    source = """
from typing import TYPE_CHECKING
import torch, entropae
from entropae import distributed, knn_entropy
from entropae.drawing import pictures
if TYPE_CHECKING:
    from entropae.report import Trained
else:
    import entropae.storage.atomic
def f():
    if f:
        from entropae.kinds import read
"""
    expected = {"", "distributed", "drawing.pictures", "storage.atomic", "kinds"}
    assert imports(source) == expected
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_every_module_has_its_place():
    assert set(map(room, FILES)) == ORDER.keys()


@pytest.mark.parametrize("name", ORDER, ids=lambda name: name or "entropae")
def test_imports_run_one_way(name):
    assert rooms()[name] <= ORDER[name]


def test_there_is_no_circle():
    assert circle(ORDER) == []
    assert circle(files()) == []


def test_no_module_is_long():
    lengths = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


CLASSES = {kind.__name__ for kind in KINDS.values()}


def branches(source: str) -> list[str]:
    """Comparisons and `isinstance` that ask which kind of data something is."""
    tree = ast.parse(source)
    # A block of a page may be called Text too: of interest are the names that come from kinds.
    own = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("entropae.kinds")
        for alias in node.names
        if alias.name in CLASSES
    }
    found = []
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
            parts = node.args[1:]
        elif isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            parts = [node.subject]
        names = [inner for part in parts for inner in ast.walk(part)]
        if any(_is_kind(name, own) for name in names):
            found.append(ast.unparse(node))
    return found


def _is_kind(node: ast.AST, own: set[str]) -> bool:
    """Whether an expression is the class of a kind, or the name of one."""
    if isinstance(node, ast.Name):
        return node.id in own
    if not isinstance(node, ast.Attribute):
        return False
    holder = ast.unparse(node.value)
    if node.attr in CLASSES:
        return holder.split(".")[-1] in ("kinds", *KINDS)
    return node.attr == "name" and holder.split(".")[-1] == "kind"


@pytest.mark.parametrize(
    ("source", "n"),
    [
        ("from entropae.kinds.text import Text\nisinstance(kind, Text)", 1),
        ("from entropae.kinds.text import Text as T\nisinstance(kind, (T, int))", 1),
        ("from entropae.drawing.blocks import Text\nisinstance(block, Text)", 0),
        ("from entropae import kinds\ntype(kind) is kinds.images.Images", 1),
        ("if run.kind.name == 'text': pass", 1),
        ("x = 1 if samples.kind.name in ('text', 'tables') else 2", 1),
        ("match model.kind.name:\n    case 'text': pass", 1),
        ("features or kind.features or kind.name", 0),
        ("kind is None", 0),
    ],
)
def test_branches_on_a_kind_are_seen(source, n):
    assert len(branches(source)) == n


def test_only_kinds_know_what_kinds_there_are():
    others = {name: path for name, path in FILES.items() if room(name) != "kinds"}
    found = {name: branches(path.read_text()) for name, path in others.items()}
    assert {name: branch for name, branch in found.items() if branch} == {}


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


def test_what_is_loaded_for_good_is_not_searched_for_garbage(tmp_path):
    (tmp_path / "large.py").write_text(
        "import gc\nkept = [[] for _ in range(9)]\non = gc.isenabled()"
    )
    code = "import gc, sys; from entropae.imports import load; load('large'); import large; "
    code += "print(large.on, gc.isenabled(), any(one is large.kept for one in gc.get_objects())); "
    code += "before = gc.get_freeze_count(); load('large'); print(gc.get_freeze_count() - before)"
    assert run(f"import sys; sys.path.append({str(tmp_path)!r}); {code}") == "False True False\n0\n"


def test_public_names_are_there():
    for name in entropae.__all__:
        assert getattr(entropae, name) is not None
    assert set(entropae.__all__) <= set(dir(entropae))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = entropae.nothing
