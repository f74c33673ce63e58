# %% [markdown]
# # Your own images
#
# A folder of pictures, a model that draws more like them. Here the folder is made first, of the 1797 handwritten digits that come with
# scikit-learn; yours is there already.

# %%
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

folder = Path("photos")
folder.mkdir()
for i, image in enumerate(load_digits().images):
    pixels = Image.fromarray((image * 15.9).astype("uint8")).resize((16, 16))
    pixels.save(folder / f"{i:04d}.png")

# %% [markdown]
# `ea.kinds.read` reads it as training does, and shows what it found.

# %%
import entropae as ea

images = ea.kinds.read("photos")
images

# %% [markdown]
# ## Train
#
# The same as `entropae fit --data photos --out runs/photos --epochs 40` on the command line. What is left open is settled by the
# data, and said: here the dimensions of the code. Without `epochs` it trains for up to ten minutes.

# %%
from entropae.recipe import Recipe
from entropae.runs import Run, make

make(Recipe(data="photos", epochs=40), Path("runs/photos"))
run = Run.open("runs/photos")
run

# %% [markdown]
# How the parts of the loss went, on the samples that were trained on and on those held out. The step halfway is where the memory bank comes into use:
# from there neighbours are sought among earlier codes too, which see finer structure.

# %%
run.log

# %% [markdown]
# ## New images
#
# Drawn from what held-out codes were likeliest under, which `fit` chose:

# %%
run.model.show(n=36)

# %% [markdown]
# Held-out images in rows, each with its reconstructions below it. What is lost here is lost in every sample as well.

# %%
run.model.show(run.held_out, n=16)

# %% [markdown]
# `run.sample(1000)` gives them as a tensor, and on the command line `entropae sample runs/photos -n 1000 --out new` as files.
#
# ## Is it good?
#
# What is wrong with the model, worst first, each finding with its cause and remedy. `run.evaluate()` measures distances between samples and held-out images,
# for which there are too few here.

# %%
run.diagnose(progress=False)
