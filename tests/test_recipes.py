"""Every recipe in the folder can be read and builds its model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from entropae import kinds
from entropae.cli import read_recipe_file
from entropae.runs.making import begun_model

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
