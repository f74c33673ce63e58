"""The pages name everything that there is; whether they build, `make docs` tells."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import entropae as ea
from entropae.cli import COMMANDS
from entropae.prior import PRIORS
from latents import built_in

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def test_every_page_can_be_reached():
    named = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(path.name for path in DOCS.glob("*.md"))


def test_every_public_name_has_its_entry():
    named = set(re.findall(r"^::: entropae\.(?:\w+\.)*(\w+)$", page("api") + page("methods"), re.M))
    assert set(ea.__all__) <= named


def test_every_entry_exists():
    for path in re.findall(r"^::: (entropae[\w.]+)$", page("api") + page("methods"), re.M):
        room, _, name = path.rpartition(".")
        assert hasattr(import_module(room), name), path


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


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_is_a_choice(name):
    assert f"| `{name}` |" in page("choosing")
