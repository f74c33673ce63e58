"""The pages name everything that there is; whether they build, `make docs` tells."""

from __future__ import annotations

import re
import runpy
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import entropae as ea
from entropae.cli import COMMANDS
from entropae.cli.parser import Parser
from entropae.prior import PRIORS
from latents import built_in

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
HELP = runpy.run_path(str(DOCS / "help.py"))


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def test_every_page_can_be_reached():
    named = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = (path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert sorted(named) == sorted(pages)


def test_every_picture_and_result_of_a_page_exists():
    found = []
    for path in DOCS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+\.(?:png|json|md))\)", path.read_text("utf-8")):
            if not link.startswith("http"):
                here = [DOCS / link, ROOT / "benchmarks" / link, ROOT / "docs" / "examples" / link]
                assert any(one.is_file() for one in here), f"{path.name}: {link}"
                found.append(link)
    assert len(found) > 100


NOTEBOOKS = runpy.run_path(str(DOCS / "notebooks.py"))


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "examples").glob("*.py")))
def test_pages_of_notebooks_are_theirs(name):
    """Their prose and code, in order and nothing else; what they show is kept from their run."""
    text, found = page(f"examples/{name}"), 0
    cells = [NOTEBOOKS["source"](cell) for cell in NOTEBOOKS["read"](name).cells]
    for cell in cells:
        found = text.find(cell, found)
        assert found >= 0, f"Write it again: python docs/notebooks.py {name}\n{cell}"
        found += len(cell)
    assert text.count("```python") == sum(cell.startswith("```python") for cell in cells)
    for picture in re.findall(r"(?:src=\"|!\[\]\()([^)\"]+\.png)", text):
        assert (DOCS / "examples" / picture).is_file(), picture


def test_every_public_name_has_its_entry():
    named = set(re.findall(r"^::: entropae\.(?:\w+\.)*(\w+)$", page("api") + page("methods"), re.M))
    assert set(ea.__all__) <= named


def test_every_entry_exists():
    for path in re.findall(r"^::: (entropae[\w.]+)$", page("api") + page("methods"), re.M):
        room, _, name = path.rpartition(".")
        assert hasattr(import_module(room), name), path


def resolved(name: str) -> Any:
    """What `ea.a.b` or `entropae.a.b` in the prose of a page is."""
    found: Any = ea
    path = "entropae"
    for part in name.split(".")[1:]:
        path += f".{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            found = import_module(path)
    return found


@pytest.mark.parametrize("path", sorted([*DOCS.glob("*.md"), *ROOT.glob("README*.md")]))
def test_names_in_the_prose_of_pages_are_there(path):
    prose = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for spoken in re.findall(r"`([^`\n]*)`", prose):
        for name in re.findall(r"(?<![\w./])(?:ea|entropae)(?:\.[A-Za-z_]\w*)+", spoken):
            assert resolved(name) is not None, name


@pytest.mark.parametrize("name", built_in())
def test_every_latent_is_among_the_methods(name):
    assert f"| `{name}`" in page("methods")
    assert f"::: entropae.latent.{built_in()[name].__name__}\n" in page("methods")


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*-mnist.yaml")), ids=str)
def test_every_recipe_is_among_the_methods(path):
    assert f"`{path.name}`" in page("methods")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(name):
    assert f"## {name}\n\n<!-- help: {name} -->" in page("commands")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse writes options otherwise.")
def test_commands_have_the_help_that_the_program_prints():
    text = page("commands")
    assert text == HELP["filled"](text), "Write it again: python docs/help.py"


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_is_a_choice(name):
    assert f"| `{name}` |" in page("choosing")


def code(name: str) -> list[str]:
    """The fenced blocks of a page at the root, without their comments."""
    blocks = re.findall(r"^```.*?^```", (ROOT / name).read_text("utf-8"), re.M | re.S)
    return [re.sub(r" *# .*", "", block) for block in blocks]


def figures(text: str) -> list[str]:
    """The figures in a page's tables."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return re.findall(r"[+-]?\d+(?:\.\d+)?", "".join(row.partition("|")[2] for row in rows))


def test_both_readmes_have_the_same_commands_figures_and_pages():
    english, chinese = ((ROOT / f"README{x}.md").read_text("utf-8") for x in ("", ".zh-CN"))
    assert code("README.md") == code("README.zh-CN.md")
    assert figures(english) == figures(chinese) != []
    linked = [set(re.findall(r"\]\((docs/\S+?)\)", text)) for text in (english, chinese)]
    # The pages that are there in Chinese too.
    assert {page.replace(".zh-CN", "") for page in linked[1]} == linked[0]
    for text in (english, chinese):
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            assert (ROOT / target).exists(), target


def test_both_derivations_quote_the_same_figures():
    pages = [page("why"), page("why.zh-CN")]
    for figure in ("74.7 ± 0.9", "66.5 ± 1.1", "0.40", "0.65", "0.70"):
        assert all(figure in text for text in pages), figure


def parts(name: str) -> tuple[list[str], Counter[str], Counter[str]]:
    """A page's examples, its formulas, and the figures in the rest of it."""
    text = page(name)
    examples = re.findall(r"^```.*?^```$", text, re.M | re.S)
    text = re.sub(r"^```.*?^```$|\]\([^)]*\)", "", text, flags=re.M | re.S)
    formulas = re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", text, re.S)
    text = re.sub(r"\$\$.+?\$\$|\$[^$\n]+\$", "", text, flags=re.S)
    return examples, Counter(formulas), Counter(re.findall(r"\d+(?:\.\d+)?", text))


def test_both_pages_on_the_estimator_have_the_same_examples_formulas_and_figures():
    english, chinese = parts("derivation"), parts("derivation.zh-CN")
    assert all(english)
    assert chinese == english


def known_part(option: str, known: set[str]) -> str:
    """An option, or what it is a setting of."""
    while option not in known and "." in option:
        option = option.rpartition(".")[0]
    return option


@pytest.mark.parametrize("name", ["README.md", "docs/commands.md", "docs/gpu.md", "docs/index.md"])
def test_commands_on_the_pages_are_commands(name):
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines = re.findall(r"^entropae (?!COMMAND)(\S+)(.*)$", text, re.MULTILINE)
    for command, options in lines:
        describe, _, _ = COMMANDS[command]
        parser = Parser(prog=command)
        describe(parser)
        known = {o for action in parser._actions for o in action.option_strings}
        asked = re.findall(r"(?<!\S)--?[A-Za-z][\w.-]*", options.partition(" # ")[0])
        # Options of a latent are those of its class: `--model.latent` is the option that is known.
        assert {known_part(option, known) for option in asked} <= known, (command, asked)
    assert lines


def test_the_readme_is_short():
    """Two screens to a newcomer's first result: prose and tables, code and links aside."""
    text = re.sub(r"^```.*?^```", "", (ROOT / "README.md").read_text("utf-8"), flags=re.M | re.S)
    assert len(text.split()) < 800


def test_every_test_that_holds_a_promise_exists():
    named = re.findall(r"`tests/(\w+\.py)(?:::(\w+))?`", page("trust"))
    assert len(named) > 40
    for file, name in named:
        content = (ROOT / "tests" / file).read_text()
        assert not name or f"\ndef {name}(" in content, f"{file}::{name}"
