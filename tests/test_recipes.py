"""Every recipe in the folder can be read and builds its model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from entropae import kinds
from entropae.cli import read_recipe_file
from entropae.recipe import ModelConfig, Recipe
from entropae.runs.making import begun_model
from entropae.runs.settling import settled

RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_builds_its_model(path):
    images = torch.randint(0, 256, (8, 28, 28), dtype=torch.uint8).numpy()
    samples, recipe = kinds.read(images), read_recipe_file(path)
    recipe, model, _ = begun_model(recipe, samples, samples, samples, say=False)
    passed = model.train()(torch.rand(8, 1, 28, 28))
    assert passed.code.shape == (8, recipe.model.latent["dim"])
    assert all(torch.isfinite(penalty.value) for penalty in passed.penalties.values())


def test_there_are_recipes():
    assert len(RECIPES) >= 16


@pytest.mark.parametrize(
    ("latent", "prior", "weight"),
    [
        ({"name": "entropic", "dim": 2}, "auto", 0.1),
        ({"name": "eae", "dim": 2}, "auto", 0.1),
        ({"name": "entropic", "dim": 2, "weight": 2.0}, "auto", 2.0),
        ({"name": "entropic", "dim": 2}, "normal", None),
        ({"name": "plain", "dim": 2}, "auto", None),
    ],
)
def test_images_drawn_through_a_head_need_little_entropy(latent, prior, weight):
    samples = kinds.read(torch.rand(16, 8, 8).numpy())
    halves = samples.subset(range(8)), samples.subset(range(8, 16))
    recipe = Recipe(prior=prior, model=ModelConfig(latent=latent))
    found = settled(recipe, *halves, say=False)[0].model.latent
    assert found.get("weight") == weight
    assert {name: found[name] for name in latent} == latent
    # Without held-out samples no prior is chosen, and N(0, I) has to do.
    bare = settled(recipe, samples, samples, say=False)[0].model.latent
    assert bare.get("weight") == latent.get("weight")


def test_the_digits_recipe_says_what_the_defaults_are():
    halves = kinds.read("digits").split(0.1, seed=0)
    given = read_recipe_file(RECIPES[0].parent / "eae-digits.yaml")
    found = [settled(one, *halves, say=False)[0] for one in (given, Recipe())]
    assert found[0] == found[1]
